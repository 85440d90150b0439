"""`report`: any report, as a person may see it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

import crm.records  # noqa: F401 - fields may be hidden of any type
from crm.access import OPERATOR, Person, as_system, audit, keys, load
from crm.commands.output import Json, answer, table
from crm.errors import Invalid
from crm.reports.export import Wanted, write_csv
from crm.reports.registry import REPORTS
from crm.reports.use_cases import ReportResult, run


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


Filters = Annotated[list[str], typer.Option("--param", metavar="K=V", help="A filter, such as team=Gulf; may be given several times.")]
AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The end of this past day instead of now.")]
KnownOn = Annotated[datetime | None, typer.Option("--known-on", formats=["%Y-%m-%d"], help="Without what was entered after the end of this day.")]
AsEmail = Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="As this person may see it; everything, when left out.")]
Form = Annotated[Format, typer.Option("--format", help="How to print it.")]


def register(app: typer.Typer) -> None:
    @app.command()
    def report(
        name: Annotated[str, typer.Argument(help=f"One of: {', '.join(REPORTS)}.")],
        param: Filters = [],  # noqa: B006 - typer's way
        as_of: AsOf = None,
        known_on: KnownOn = None,
        as_email: AsEmail = None,
        form: Form = Format.table,
        as_json: Json = False,
    ) -> None:
        """Print a report: every lead's, or as one person may see it."""
        print_report(person_by(as_email), Wanted(name, read_params(param), *(day.date() if day else None for day in (as_of, known_on))), form, as_json=as_json)


def print_report(person: Person, wanted: Wanted, form: Format, *, as_json: bool) -> None:
    """In the form that is asked for. As CSV it is a file that leaves: the same one that an export makes, by the same grants, and noted like it."""
    if form is Format.csv and not as_json:
        rows, facts = write_csv(person, wanted.as_json(), sys.stdout)
        with as_system() as session:
            audit.record(session, "exported", person_id=person.id, rows=rows, door="command line", **facts)
        return
    found = run(person, wanted.name, wanted.params, wanted.as_of, wanted.known_on)
    answer(found.as_json(), as_json=as_json or form is Format.json, lines=_lines(found))


def read_params(given: Sequence[str]) -> dict[str, str]:
    """Every `K=V`. Raises `Invalid`."""
    return dict(_pair(each) for each in given)


def person_by(email: str | None) -> Person:
    """Whose eyes it is seen with; the operator's without an address."""
    if not email:
        return OPERATOR
    person_id = keys.person_id_of(email)
    with as_system() as session:
        return load(session, person_id)


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name.strip():
        raise Invalid(f"“{given}” is not a filter. Write --param name=value, such as --param team=Gulf.", field="param")
    return name.strip(), value


def _lines(found: ReportResult) -> list[str]:
    shown = [name for name in found.columns if not name.endswith(("_id", "_key", "_is_rest"))]
    if found.grouping:  # what was not asked for is empty
        shown = [name for name in shown if any(row[name] is not None for row in found.rows)]
    rows = [[row[name] for name in shown] for row in found.rows]
    return [found.title, *found.states(), "", *(table(shown, rows) if rows else ["Nothing to show: there is nothing in reach that fits."])]
