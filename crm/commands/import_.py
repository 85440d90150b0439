"""`import`: bring a spreadsheet's leads in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import crm.records  # noqa: F401 - the write path knows every type
from crm.access import OPERATOR, acting_as
from crm.commands.output import Json, answer, progress
from crm.errors import CrmError, Invalid
from crm.imports.files import MOST_BYTES, Table, open_table
from crm.imports.mapping import FIELDS
from crm.imports.reconciliation import Reconciliation
from crm.imports.use_cases import Wishes, import_tables
from crm.imports.values import ORDERS

MOST_SHOWN = 20


def register(app: typer.Typer) -> None:
    @app.command(name="import")
    def import_(
        files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV or XLSX files with a header row.", show_default=False)],
        team: Annotated[str, typer.Option(help="The team that gets the leads.")],
        pipeline: Annotated[str | None, typer.Option(help="One of the team's pipelines; its first one when left out.")] = None,
        pairs: Annotated[
            list[str] | None,
            typer.Option(
                "--map",
                metavar="COLUMN=field",
                help=f"May be repeated. Fields: {', '.join(FIELDS)}, custom.<name>; COLUMN=- leaves it out. Without any, usual names map themselves.",
            ),
        ] = None,
        key: Annotated[
            str | None,
            typer.Option(
                help="The field that finds a lead again: external_id (used by itself where it is mapped), email, phone, name, custom.<name>, or none."
            ),
        ] = None,
        date_order: Annotated[str | None, typer.Option(help="dmy, mdy or ymd; asked for where dates can be read in several ways.")] = None,
        create_missing: Annotated[
            bool, typer.Option("--create-missing", help="Make the team, pipeline, stages and people that a file names; people are not yet invited.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing and say what would happen.")] = False,
        as_json: Json = False,
    ) -> None:
        """Bring leads in from spreadsheets: rows in = created + updated + unchanged + skipped + failed.

        Amounts without a currency are USD. A run is one change set: undo it with `undo CHANGE_SET`.
        """  # fmt: skip
        if date_order is not None and date_order not in ORDERS:
            raise Invalid(f"“{date_order}” is not a date order. Take dmy, mdy or ymd.", field="date_order")
        tables = [_open(path) for path in files]
        wishes = Wishes(team, pipeline, pairs or (), key, date_order, create_missing, dry_run)  # type: ignore[arg-type]
        with acting_as(OPERATOR) as session:
            done = import_tables(session, tables, wishes, progress=progress)
        answer(done.as_json(), as_json=as_json, lines=_lines(done))


def _open(path: Path) -> Table:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid(f"{path.name} has more than {MOST_BYTES // 2**20} MB. Split it into several files.")
        return open_table(path.name, path.read_bytes())
    except OSError as error:
        raise CrmError(f"{path} cannot be read: {error.strerror}.") from None


def _lines(done: Reconciliation) -> Iterator[str]:
    for file in done.files:
        columns = ", ".join(f"{column} as {field}" for column, field in file.columns.items())
        yield f"{file.name} ({file.form}): {columns}"
        if file.ignored:
            yield f"  left out: {', '.join(file.ignored)}"
    for what, names in done.made.items():
        yield f"{'Would make' if done.is_dry_run else 'Made'} {what}: {', '.join(names[:30])}{' ...' if len(names) > 30 else ''}"
    yield (
        f"{done.rows_in:,} rows in = {done.created:,} created + {done.updated:,} updated + {done.unchanged:,} unchanged"
        f" + {done.skipped:,} skipped + {done.failed:,} failed" + (" (dry run, nothing was written)" if done.is_dry_run else "")
    )
    if done.companies or done.contacts:
        yield f"with {done.companies:,} new companies and {done.contacts:,} new contacts"
    for remark in done.failures[:MOST_SHOWN]:
        yield f"  {remark.file}, line {remark.line}: {remark.reason}"
    if done.failed > MOST_SHOWN:
        yield f"  and {done.failed - MOST_SHOWN:,} more failures; --json lists up to {len(done.failures):,}"
    yield from done.notes
    if done.change_set_id is not None:
        yield f"To take it back: python -m crm undo {done.change_set_id}"
