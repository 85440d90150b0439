"""What people do with leads. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import Edit, OnConflict, Outcome, apply, changes_of, delete_edit, undo
from crm.changes.recent import is_of_one_record
from crm.companies.use_cases import add_company
from crm.errors import CrmError, Invalid, NotFound
from crm.leads.records import LEAD
from crm.letters import legible

_COMPANY = text("select id from crm.companies where lower(name) = lower(:n) and deleted_at is null order by id limit 1")


def create_lead(
    session: Session, values: Mapping[str, Any], *, source: str, company_name: str | None = None, change_set_id: int | None = None,
    brought: Collection[str] = (),
) -> Outcome:  # fmt: skip
    """A new lead from given values; `company_name` finds the company by its exact name or makes it, in the same change set.
    `change_set_id` continues one of the same person; `brought` fields are what is known already, as `Edit` takes them.

    Raises `Invalid` or `Refused`; nothing is written then. The lead is the last result.
    """
    with session.begin_nested():  # a new company goes with the lead, or not at all
        values = dict(values)
        if company_name and (called := legible(company_name)):
            found = session.scalar(_COMPANY, {"n": called})
            if found is None:
                found, change_set_id = _make_company(session, company_name, values, source=source, label="New lead")
            values["company_id"] = found
        return apply(session, [Edit(LEAD.name, None, values, brought=frozenset(brought))], source=source, label="New lead", on_conflict="refuse",
                     change_set_id=change_set_id)  # fmt: skip


def _make_company(session: Session, name: str, lead: Mapping[str, Any], *, source: str, label: str) -> tuple[int | None, int | None]:
    """A new company in the lead's team and market; answers its id and the change set."""
    given = {"name": name, "team_id": lead.get("team_id"), "market": lead.get("market")}
    made = add_company(session, given, source=source, label=label, brought=("market",))
    return made.results[0].record_id, made.change_set_id


def move_to_company(session: Session, lead: Mapping[str, Any], company: int | str | None, *, source: str) -> Outcome:
    """Say which company this lead (as its row was seen) belongs to: one that there is, a new one of that name, or none.

    Raises `Stale` when somebody else chose first, `Invalid` or `Refused`; nothing is written then. The lead is the last result.
    """
    label, change_set_id = f"Company of {lead['name']}", None
    with session.begin_nested():  # a new company goes with the lead, or not at all
        if isinstance(company, str):
            company, change_set_id = _make_company(session, company, lead, source=source, label=label)
        edit = Edit(LEAD.name, lead["id"], {"company_id": company}, lead["version"])
        return apply(session, [edit], source=source, label=label, on_conflict="refuse", change_set_id=change_set_id)


def edit_leads(
    session: Session, edits: Sequence[tuple[int, int, Mapping[str, Any]]], *, source: str, label: str = "", on_conflict: OnConflict = "keep"
) -> Outcome:
    """Write (id, version seen, values) of several leads as one change set."""
    return apply(session, [Edit(LEAD.name, lead_id, wanted, seen) for lead_id, seen, wanted in edits], source=source, label=label, on_conflict=on_conflict)


def edit_leads_in_bulk(session: Session, edits: Sequence[tuple[int, int, Mapping[str, Any]]], *, source: str) -> Outcome:
    """As `edit_leads`, for doors that send many at once: needs the bulk grant."""
    person_of(session).require("lead", "bulk")
    return edit_leads(session, edits, source=source, label="Bulk edit")


def delete_leads(session: Session, seen: Sequence[tuple[int, int]], *, source: str, on_conflict: OnConflict = "keep") -> Outcome:
    """Delete (softly) leads given as (id, version seen). A lead that somebody changed meanwhile becomes a conflict."""
    return apply(
        session, [delete_edit(LEAD.name, lead_id, version) for lead_id, version in seen], source=source, label="Deleted leads", on_conflict=on_conflict
    )


@dataclass(slots=True)
class CellsSaved:
    """What became of a grid's edits. `refused`: per lead, the fields that could not be taken and why; the other fields were written."""

    saved: list[int] = field(default_factory=list)
    met: list[int] = field(default_factory=list)
    refused: dict[int, dict[str, CrmError]] = field(default_factory=dict)
    # Of the leads that nobody else had touched.
    versions: dict[int, int] = field(default_factory=dict)
    change_set_id: int | None = None


def save_cells(session: Session, edits: Sequence[tuple[int, int, Mapping[str, Any]]], *, source: str, label: str = "") -> CellsSaved:
    """Write as much of a grid's edits (id, version seen, values) as can be, as one change set.

    Where one field of a lead is refused, the lead's other fields are written without it; what met a colleague's change is
    kept as conflicts. `met` lists those leads, `saved` the ones of which everything that was not refused now stands.
    """
    done = CellsSaved()
    open_edits = list(edits)
    while open_edits:
        outcome = apply(
            session, [Edit(LEAD.name, lead_id, wanted, seen) for lead_id, seen, wanted in open_edits],
            source=source, label=label, change_set_id=done.change_set_id,
        )  # fmt: skip
        done.change_set_id = outcome.change_set_id
        again: list[tuple[int, int, Mapping[str, Any]]] = []
        for (lead_id, seen, wanted), result in zip(open_edits, outcome.results, strict=True):
            if result.status == "applied" and result.version is not None:
                done.versions[lead_id] = result.version
            if result.error is None:
                (done.met if result.conflicts else done.saved).append(lead_id)
                continue
            blamed = _blamed(result.error, wanted)
            done.refused.setdefault(lead_id, {}).update(dict.fromkeys(blamed, result.error))
            rest = {name: value for name, value in wanted.items() if name not in blamed}
            if rest:
                again.append((lead_id, seen, rest))
        open_edits = again
    return done


def _blamed(error: CrmError, wanted: Mapping[str, Any]) -> set[str]:
    """The fields of `wanted` that an error is about; all of them where it does not say."""
    if error.facts.get("grant") == "lead: assign":
        return {"team_id", "owner_id"} & wanted.keys() or set(wanted)
    name = str(error.facts.get("field", ""))
    return {name} if name in wanted else set(wanted)


def take_back_change(session: Session, lead_id: int, version: int) -> list[str]:
    """Undo what one recorded change did to this lead; answers the labels of fields left alone because they changed since.

    A change set of this lead alone is undone as such; of a larger one (an import, a bulk edit) only this lead's part.
    Raises `NotFound`, `Refused` or `Invalid`.
    """
    change = next((row for row in changes_of(session, LEAD.name, lead_id, before=version + 1, most=1) if row["version"] == version), None)
    if change is None or version == 1:
        raise NotFound("There is no such change, or it cannot be taken back.")
    if change["change_set_id"] is not None and is_of_one_record(session, change["change_set_id"]):
        done = undo(session, change["change_set_id"])
        if stuck := next((left for left in done.left_alone if left.field is None), None):
            raise Invalid(stuck.reason)
        return [left.field.label for left in done.left_alone if left.field]
    before = {name: LEAD.recorded(name).read_plain(old) for name, (old, _) in change["fields"].items()}
    outcome = apply(session, [Edit(LEAD.name, lead_id, before, version)], source="undo", label="Undo of one lead's change", on_conflict="leave")
    result = outcome.results[0]
    if result.error:
        raise result.error
    return [met.label for met in result.conflicts]
