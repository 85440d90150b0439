"""`explore`: a measure over up to two dimensions, as a person may see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from crm.commands.output import Json
from crm.commands.report import Format, person_by, print_report, read_params
from crm.explore.use_cases import report_of
from crm.reports import exploring
from crm.reports.export import Wanted


def register(app: typer.Typer) -> None:
    @app.command()
    def explore(
        measure: Annotated[str, typer.Argument(help=f"One of: {', '.join((*exploring.MEASURES, *exploring.ORDER_MEASURES))}.")] = "leads",
        by: Annotated[str, typer.Option(help="What tells groups apart, such as owner or custom.product; stage, or market of orders, when left out.")] = "",
        split: Annotated[str, typer.Option(help="What tells groups within groups apart.")] = "",
        which: Annotated[str, typer.Option(help=f"Which leads: {', '.join(exploring.WHICH)}.")] = "",
        param: Annotated[list[str], typer.Option("--param", metavar="K=V", help="A filter, such as team=Gulf; may be given several times.")] = [],  # noqa: B006 - typer's way
        as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The end of this past day instead of now.")] = None,
        known_on: Annotated[
            datetime | None, typer.Option("--known-on", formats=["%Y-%m-%d"], help="Without what was entered after the end of this day.")
        ] = None,
        as_email: Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="As this person may see it; everything, when left out.")] = None,
        form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.table,
        as_json: Json = False,
    ) -> None:
        """Count leads or orders in any groups: every one of them, or as one person may see it."""
        person = person_by(as_email)
        own = {name: value for name, value in (("by", by), ("split", split), ("which", which)) if value}
        wanted = Wanted(report_of(measure).name, {**read_params(param), **own, "measure": measure}, *(day.date() if day else None for day in (as_of, known_on)))
        print_report(person, wanted, form, as_json=as_json)
