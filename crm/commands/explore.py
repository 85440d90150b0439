"""`explore`: a measure over up to two dimensions, as a person may see it."""

from __future__ import annotations

from typing import Annotated

import typer

from crm.commands.output import Json
from crm.commands.report import AsEmail, AsOf, Filters, Form, Format, KnownOn, person_by, print_report, read_params
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
        param: Filters = [],  # noqa: B006 - typer's way
        as_of: AsOf = None,
        known_on: KnownOn = None,
        as_email: AsEmail = None,
        form: Form = Format.table,
        as_json: Json = False,
    ) -> None:
        """Count leads or orders in any groups: every one of them, or as one person may see it."""
        person = person_by(as_email)
        own = {name: value for name, value in (("by", by), ("split", split), ("which", which)) if value}
        wanted = Wanted(report_of(measure).name, {**read_params(param), **own, "measure": measure}, *(day.date() if day else None for day in (as_of, known_on)))
        print_report(person, wanted, form, as_json=as_json)
