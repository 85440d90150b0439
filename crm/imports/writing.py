"""Rows into the write path: companies and contacts first, then leads as they began, then their moves, then what changed of known ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.changes import Edit, Outcome, Result, apply
from crm.companies.records import COMPANY, CONTACT
from crm.errors import CrmError, Invalid
from crm.fields.catalogue import requirement_labels
from crm.fields.kinds import TypedField
from crm.imports import lookups, rules
from crm.imports.reconciliation import Reconciliation
from crm.imports.rules import Row
from crm.imports.structure import Place
from crm.leads.records import LEAD
from crm.leads.rules import check_entry
from crm.pipelines.reads import StageRow

SOURCE = lookups.SOURCE
SAME_NAMED = ("email", "phone", "source", "next_step", "external_id", "market", "lost_reason")


@dataclass(slots=True)
class _Work:
    """One row on its way. `stage` is where it shall stand; `said` the fields it speaks of, in canonical form."""

    row: Row
    stage: StageRow | None
    said: dict[str, Any]
    standing: lookups.Standing | None = None
    contact_id: int | None = None
    lead_id: int | None = None


@dataclass
class Writer:
    """One run's writing: remembers the change set, and the companies and contacts it has met."""

    session: Session
    place: Place
    key: str | None
    done: Reconciliation
    label: str
    time_zone: str
    now: datetime
    fields: Mapping[str, TypedField]
    """The custom fields that columns are mapped to, by `custom.<key>`."""
    _companies: dict[str, int] = field(default_factory=dict)
    _contacts: dict[tuple[int | None, str], int] = field(default_factory=dict)
    _currencies: dict[str, int] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.time_zone)).date()

    def write(self, rows: Sequence[Row]) -> None:
        """Write one batch of rows and count what became of each."""
        works = [work for row in rows if (work := self._read(row)) is not None]
        self._find_standing(works)
        self._settle_companies(works)
        self._settle_contacts(works)
        self._create([work for work in works if work.standing is None])
        self._update([work for work in works if work.standing is not None])
        self._link_contacts(works)

    def note_missing_rates(self) -> None:
        known = lookups.currencies_with_rate(self.session)
        for currency, leads in sorted(self._currencies.items()):
            if currency not in known:
                self.done.notes.append(
                    f"{leads:,} values are in {currency}, which has no exchange rate yet: they count as 0 USD until one is entered and they are set again."
                )

    # What a row says, in the write path's words

    def _read(self, row: Row) -> _Work | None:
        try:
            said: dict[str, Any] = {name: LEAD.field(name).read(row.text(name)) for name in SAME_NAMED if row.text(name)}
            if row.text("name"):
                said["name"] = LEAD.field("name").read(row.text("name"))
            said |= {name: self.fields[name].read(value) for name, value in row.custom.items()}
            if row.text("owner"):
                said["owner_id"] = self.place.owner(row.text("owner"))
            if row.value is not None:
                said["value"] = row.value
            if row.expected_close_on is not None:
                said["expected_close_on"] = row.expected_close_on
            stage = self.place.stage(row.text("stage")) if row.text("stage") else None
            for kind, name in ((COMPANY, "company"), (CONTACT, "contact")):
                kind.field("name").read(row.text(name) or "-")
        except CrmError as error:
            self._fail(row, error)
            return None
        return _Work(row, stage, said)

    def _fail(self, row: Row, error: CrmError) -> None:
        self.done.fail(row.file, row.line, error.detail)

    def _find_standing(self, works: list[_Work]) -> None:
        if self.key is None:
            return
        found = lookups.standing(self.session, self.place.team_id, self.key, [work.row.key(self.key) for work in works])
        for work in list(works):
            leads = found.get(work.row.key(self.key), [])
            try:
                if len(leads) > 1:
                    raise Invalid(f"{len(leads)} leads of the team have this {self.key}, so it is not clear which one is meant.")
                if leads and leads[0].pipeline_id != self.place.pipeline.id:
                    raise Invalid(f"This lead is in another pipeline than “{self.place.pipeline.name}”. Import it with --pipeline, or move it first.")
                work.standing = leads[0] if leads else None
            except Invalid as error:
                self._fail(work.row, error)
                works.remove(work)

    # Companies and contacts

    def _settle_companies(self, works: Sequence[_Work]) -> None:
        names = {name.lower(): name for work in works if (name := work.row.text("company"))}
        unknown = [key for key in names if key not in self._companies]
        if unknown:
            self._companies |= lookups.companies(self.session, unknown, self.place.team_id)
        missing = [names[key] for key in unknown if key not in self._companies]
        made = self._apply([Edit(COMPANY.name, None, {"name": name, "team_id": self.place.team_id}) for name in missing], on_conflict="refuse")
        self._companies |= {name.lower(): result.record_id or 0 for name, result in zip(missing, made.results, strict=True)}
        self.done.companies += len(missing)
        for work in works:
            if work.row.text("company"):
                work.said["company_id"] = self._companies[work.row.text("company").lower()]

    def _settle_contacts(self, works: Sequence[_Work]) -> None:
        wanted: dict[tuple[int | None, str], Row] = {}
        for work in works:
            if name := work.row.text("contact"):
                wanted.setdefault((work.said.get("company_id"), name.lower()), work.row)
        unknown = [key for key in wanted if key not in self._contacts]
        if unknown:
            self._contacts |= lookups.contacts(self.session, [name for _, name in unknown], [company for company, _ in unknown if company])
        missing = [key for key in unknown if key not in self._contacts]
        edits = [
            Edit(CONTACT.name, None, {
                "name": wanted[key].text("contact"), "company_id": key[0], "email": wanted[key].text("email"), "phone": wanted[key].text("phone"),
                "team_id": self.place.team_id,
            })
            for key in missing
        ]  # fmt: skip
        made = self._apply(edits, on_conflict="refuse")
        self._contacts |= {key: result.record_id or 0 for key, result in zip(missing, made.results, strict=True)}
        self.done.contacts += len(missing)
        for work in works:
            if name := work.row.text("contact"):
                work.contact_id = self._contacts[work.said.get("company_id"), name.lower()]

    def _link_contacts(self, works: Sequence[_Work]) -> None:
        links = [(work.lead_id, work.contact_id) for work in works if work.lead_id and work.contact_id]
        if not links:
            return
        with writing(self.session, "lead", "edit"):
            self.session.execute(
                text("""
                    insert into crm.lead_contacts (lead_id, contact_id)
                    select * from unnest(cast(:leads as bigint[]), cast(:contacts as bigint[])) on conflict do nothing
                """),
                {"leads": [lead for lead, _ in links], "contacts": [contact for _, contact in links]},
            )

    # Leads

    def _create(self, works: Sequence[_Work]) -> None:
        """Created on their day, in the first stage where the file also says when they left it, and then moved to the stage it names."""
        ready: list[tuple[_Work, Edit]] = []
        for work in works:
            try:
                ready.append((work, self._beginning(work)))
            except CrmError as error:
                self._fail(work.row, error)
        made = self._apply([edit for _, edit in ready])
        moves: list[tuple[_Work, Edit]] = []
        for (work, edit), result in zip(ready, made.results, strict=True):
            if result.error:
                self._fail(work.row, result.error)
                continue
            work.lead_id = result.record_id
            if work.stage is not None and edit.wanted["stage_id"] != work.stage.id:
                moves.append((work, Edit(LEAD.name, result.record_id, {"stage_id": work.stage.id}, 1, self._noon(work.row.closed_on))))
            else:
                self._count_created(work)
        moved = self._apply([edit for _, edit in moves])
        for (work, edit), result in zip(moves, moved.results, strict=True):
            if result.is_kept:
                self._count_created(work)
            else:
                reason = result.error.detail if result.error else "somebody changed it in this moment"
                self.done.fail(
                    work.row.file, work.row.line, f"It was created, but could not be moved to {work.stage.name if work.stage else edit.wanted}: {reason}"
                )

    def _beginning(self, work: _Work) -> Edit:
        row, first = work.row, self.place.pipeline.first_stage
        stage = work.stage or first
        begins_in = first if row.created_on and row.closed_on else stage
        name = LEAD.field("name").read(work.said.get("name") or rules.name_of(row)[:300])
        values = {
            "owner_id": None, **work.said, "name": name, "team_id": self.place.team_id, "pipeline_id": self.place.pipeline.id, "stage_id": begins_in.id,
        }  # fmt: skip
        check_entry(
            stage, values, requirement_labels(self.session, stage.required_fields)
        )  # before it is created, so that a row either comes in whole or not at all
        return Edit(LEAD.name, None, values, None, self._noon(row.created_on or row.closed_on))

    def _count_created(self, work: _Work) -> None:
        self.done.created += 1
        if work.row.value is not None:
            self._currencies[work.row.value.currency] = self._currencies.get(work.row.value.currency, 0) + 1

    def _update(self, works: Sequence[_Work]) -> None:
        ready: list[tuple[_Work, Edit]] = []
        for work in works:
            assert work.standing is not None
            standing, said = work.standing, dict(work.said)
            work.lead_id = standing.id
            if work.stage is not None:
                said["stage_id"] = work.stage.id
            plain = {name: LEAD.field(name).plain(value) for name, value in said.items()}
            wanted = {name: said[name] for name in rules.news(standing.values, plain, standing.said)}
            if not wanted:
                self.done.unchanged += 1
                continue
            moved_at = self._noon(work.row.closed_on) if "stage_id" in wanted else None
            seen = standing.said_at_version or standing.version
            ready.append((work, Edit(LEAD.name, standing.id, wanted, seen, moved_at)))
        outcome = self._apply([edit for _, edit in ready])
        for (work, _), result in zip(ready, outcome.results, strict=True):
            self._count_update(work, result)

    def _count_update(self, work: _Work, result: Result) -> None:
        if result.status in ("applied", "merged"):
            self.done.updated += 1
        elif result.status == "unchanged":
            self.done.unchanged += 1
        elif result.conflicts:
            met = "; ".join(f"{found.label}: the file says {_shown(found.mine)}, somebody made it {_shown(found.theirs)}" for found in result.conflicts)
            rest = " What nobody else touched was saved." if result.applied else ""
            kept = " It waits under Conflicts." if person_of(self.session).id else ""
            self.done.fail(work.row.file, work.row.line, f"Somebody changed this lead since the last import ({met}).{rest}{kept}")
        elif result.error:
            self._fail(work.row, result.error)

    def _apply(self, edits: Sequence[Edit], *, on_conflict: Any = "keep") -> Outcome:
        outcome = apply(self.session, edits, source=SOURCE, label=self.label, on_conflict=on_conflict, change_set_id=self.done.change_set_id)
        if outcome.change_set_id is not None:
            self.done.change_set_id = outcome.change_set_id
        return outcome

    def _noon(self, day: date | None) -> datetime | None:
        """Noon of the day where reports keep their days: it is that day in every zone's books, and never later than now."""
        return None if day is None else min(datetime.combine(day, time(12), ZoneInfo(self.time_zone)), self.now)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value.get('amount')} {value.get('currency')}"
    return "nothing" if value is None else f"“{str(value)[:60]}”"
