"""Brings a spreadsheet's leads in, as one change set that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from crm import clock
from crm.access import audit, missing_grant, person_of, writing
from crm.changes import hiding
from crm.errors import Invalid
from crm.imports import mapping, rules, structure
from crm.imports.files import Table
from crm.imports.reconciliation import FileRead, Reconciliation
from crm.imports.survey import Source, survey
from crm.imports.values import DateOrder
from crm.imports.writing import Writer
from crm.organisation.reads import reporting_time_zone

BATCH = 2000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asks for. `pairs` are COLUMN=field; `key` None means external_id where it is mapped, "none" no key."""

    team: str
    pipeline: str | None = None
    pairs: Sequence[str] = ()
    key: str | None = None
    date_order: DateOrder | None = None
    may_make: bool = False
    is_dry_run: bool = False


def import_tables(session: Session, tables: Sequence[Table], wishes: Wishes, *, progress: Callable[[str], None] | None = None) -> Reconciliation:
    """Bring the tables' rows in and say what became of each. Raises `Invalid` before anything is written, `Refused` without the grant.

    Runs within the caller's transaction. A dry run does all of it and takes all of it back.
    """
    person_of(session).require("lead", "import")
    if not wishes.is_dry_run:
        done = _import(session, tables, wishes, progress or (lambda line: None))
        _note(session, done)
        return done
    with session.begin_nested() as all_of_it:
        done = _import(session, tables, wishes, progress or (lambda line: None))
        all_of_it.rollback()
    done.change_set_id = None
    return done


def _note(session: Session, done: Reconciliation) -> None:
    """For the audit: how much came in; what the files are called may name people."""
    counts = {name: getattr(done, name) for name in ("rows_in", "created", "updated", "failed")}
    with writing(session, "lead", "import"):
        audit.record(session, "imported", person_id=person_of(session).id, subject="leads", change_set=done.change_set_id, **counts)


def _import(session: Session, tables: Sequence[Table], wishes: Wishes, say: Callable[[str], None]) -> Reconciliation:
    pairs = mapping.read_pairs(wishes.pairs)
    mapping.check_pairs(pairs, [table.header for table in tables])
    sources = [Source(table, mapping.map_columns(table.header, pairs)) for table in tables]
    for source in sources:
        if not {"name", "company", "contact", "email", "external_id"} & source.columns.fields.keys():
            columns = ", ".join(column for column in source.table.header if column)
            raise Invalid(
                f"{source.table.name}: no column says what a lead is called. Map one to name, company or external_id; columns are: {columns[:400]}.",
                field="map",
            )
    key = mapping.choose_key(wishes.key, [source.columns for source in sources])
    hiding.refuse(session, "lead", [key] if key else [], doing="look leads up by")  # it would tell which values there are
    sources, names = survey(sources, wishes.date_order)
    done = Reconciliation(is_dry_run=wishes.is_dry_run, key=key, rows_in=names.rows)
    done.date_order = next((source.reading.date_order for source in sources if source.reading.date_order), None)
    done.files = [FileRead(s.table.name, s.table.form, s.columns.as_json(), s.columns.ignored) for s in sources]
    place = structure.settle(session, wishes.team, wishes.pipeline, names, may_make=wishes.may_make, made=done.made)
    person = person_of(session)
    if not person.reach("lead", "import").covers(team_id=place.team_id, owner_id=person.id, person_id=person.id):
        raise missing_grant("lead", "import", here=True)
    fields = structure.settle_fields(session, place, [name for source in sources for name in source.columns.fields], may_make=wishes.may_make, made=done.made)
    label = f"Import of {', '.join(source.table.name for source in sources)}"[:200]
    writer = Writer(session, place, key, done, label=label, time_zone=reporting_time_zone(session), now=clock.now(), fields=fields)
    rows = _readable(sources, key, done, writer)
    while batch := list(islice(rows, BATCH)):
        writer.write(batch)
        say(f"{done.created + done.updated + done.unchanged + done.skipped + done.failed:,} of {done.rows_in:,} rows")
    writer.note_missing_rates()
    order = {source.table.name: place for place, source in enumerate(sources)}
    for remarks in (done.failures, done.skips):
        remarks.sort(key=lambda remark: (order[remark.file], remark.line))
    return done


def _readable(sources: Sequence[Source], key: str | None, done: Reconciliation, writer: Writer) -> Iterator[rules.Row]:
    """The rows that can be read and are met for the first time; the others are remarked upon."""
    met: dict[str, rules.Row] = {}
    for source in sources:
        for line, cells in source.rows():
            try:
                row = _read(source, line, cells, key, done, writer)
            except Invalid as error:
                done.fail(source.table.name, line, error.detail)
                continue
            if row is None:
                continue
            first = met.setdefault(row.key(key), row) if key else row
            if first is row:
                yield row
            elif first.says() == row.says():
                done.skip(row.file, line, f"It says the same as line {first.line}.")
            else:
                done.fail(row.file, line, f"Line {first.line} has the same {key} “{row.key(key or '')[:60]}” and says something else. Keep one of them.")


def _read(source: Source, line: int, cells: Sequence[object], key: str | None, done: Reconciliation, writer: Writer) -> rules.Row | None:
    row = rules.read_row(source.table.name, line, cells, source.columns, source.reading)  # type: ignore[arg-type]
    if row.is_empty:
        done.skip(row.file, line, "It is empty.")
        return None
    if key and not row.key(key):
        raise Invalid(f"It has no {key}, so a later run could not find it again. Fill it in, or pass --key none to add rows without looking for them.")
    rules.check_dates(row, writer.today)
    return row
