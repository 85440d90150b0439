"""`undo`: take back a change set."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import crm.records  # noqa: F401 - a change set may hold records of any type
from crm.access import OPERATOR, acting_as
from crm.changes import undo as take_back
from crm.changes.undo import LeftAlone
from crm.commands.output import Json, answer


def register(app: typer.Typer) -> None:
    @app.command()
    def undo(
        change_set: Annotated[int, typer.Argument(help="The change set's number, as a save, an import or the history shows it.")], as_json: Json = False
    ) -> None:
        """Take back a change set. What was changed since is left alone and listed."""
        with acting_as(OPERATOR) as session:
            done = take_back(session, change_set)
        facts = {"undoes": change_set, "change_set": done.change_set_id, "records": done.records, "left_alone": [_facts(left) for left in done.left_alone]}
        count = f"{done.records:,} record{'' if done.records == 1 else 's'}"
        first = f"{count} of change set {change_set} taken back, as change set {done.change_set_id}." if done.records else "Nothing was taken back."
        answer(facts, as_json=as_json, lines=[first, *(_line(left) for left in done.left_alone)])


def _facts(left: LeftAlone) -> dict[str, Any]:
    facts: dict[str, Any] = {"record_type": left.record_type, "record_id": left.record_id, "reason": left.reason}
    if left.field:
        facts |= {"field": left.field.field, "seen": left.field.seen, "theirs": left.field.theirs, "mine": left.field.mine}
    return facts


def _line(left: LeftAlone) -> str:
    return f"left alone: {left.record_type} {left.record_id}: {left.reason}"
