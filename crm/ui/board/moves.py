"""Moves as the wall sends them: read with suspicion, written through the write path, answered one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.access import Person, acting_as
from crm.changes import Result
from crm.errors import CrmError, Invalid
from crm.leads.use_cases import edit_leads
from crm.ui import words
from crm.ui.lookups import Lookups

MOST = 50
LARGEST_ID = 2**63 - 1
_HINTS = tuple(f" {what} and move the lead again." for what in ("Fill it in", "Fill them in", "Choose one", "Note it on the lead"))


@dataclass(frozen=True, slots=True)
class Move:
    """One card dropped on a stage. `number` counts the moves of one showing of the wall."""

    number: int
    lead_id: int
    version: int
    stage_id: int


@dataclass(slots=True)
class Moved:
    """What became of moves. `answers`: by number, for the wall; `said` for the person, with the change set to take back; `met`: leads in conflict."""

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    said: str = ""
    change_set_id: int | None = None
    met: list[int] = field(default_factory=list)


def read(given: Any) -> tuple[str, list[Move]]:
    """(which showing of the wall, its open moves). Raises `Invalid` for what no wall of ours would send."""
    try:
        mount, listed = given["mount"], given["moves"]
        if not isinstance(mount, str) or len(mount) > 64 or not isinstance(listed, list) or not 0 < len(listed) <= MOST:
            raise ValueError
        return mount, [Move(*(_whole(move[name]) for name in ("n", "id", "version", "to"))) for move in listed]
    except (KeyError, TypeError, ValueError):
        raise Invalid("That move could not be read, so nothing was changed. Load the board again.") from None


def read_id(given: Any, name: str) -> int:
    """An id that the wall names. Raises `Invalid`."""
    try:
        return _whole(given[name])
    except (KeyError, TypeError, ValueError):
        raise Invalid("The board asked for something that is not there. Load it again.") from None


def _whole(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= LARGEST_ID:
        raise ValueError
    return given


def write(person: Person, moves: list[Move], lookups: Lookups, names: Mapping[int, str]) -> Moved:
    """Move the leads as one change set; each is answered, what met a colleague's change is kept as a conflict. `names`: what leads are called."""
    done = Moved()
    edits = [(move.lead_id, move.version, {"stage_id": move.stage_id}) for move in moves]
    try:
        with acting_as(person) as session:
            outcome = edit_leads(session, edits, source="board", label=_label(moves, lookups, names))
    except CrmError as error:
        done.answers = {move.number: _refused(error) for move in moves}
        return done
    for move, result in zip(moves, outcome.results, strict=True):
        done.answers[move.number] = _answer(move, result, lookups, names)
    done.met = [move.lead_id for move, result in zip(moves, outcome.results, strict=True) if result.conflicts]
    moved = [move for move, result in zip(moves, outcome.results, strict=True) if "stage_id" in result.applied]
    if moved:
        done.said, done.change_set_id = f"{_label(moved, lookups, names)}.", outcome.change_set_id
    return done


def _label(moves: list[Move], lookups: Lookups, names: Mapping[int, str]) -> str:
    """ "Al Noor Trading → Negotiation", "3 leads moved"."""
    if len(moves) > 1:
        return f"{words.count(len(moves), 'lead')} moved"
    stage = lookups.stages.get(moves[0].stage_id)
    return f"{names.get(moves[0].lead_id, 'A lead')} → {stage.name if stage else 'another stage'}"


def _answer(move: Move, result: Result, lookups: Lookups, names: Mapping[int, str]) -> dict[str, Any]:
    if result.error:
        return _refused(result.error)
    if result.conflicts:
        return {"ok": False, "quiet": True, "why": "A colleague was first. Choose what stands."}
    return {"ok": True, "version": result.version, "said": f"{_label([move], lookups, names)}, saved"}


def _refused(error: CrmError) -> dict[str, Any]:
    why = error.detail
    for hint in _HINTS:
        why = why.removesuffix(hint)
    return {"ok": False, "why": why, "fill": bool(error.facts.get("missing"))}
