"""`bench`: the table of docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from crm.commands.output import Json, answer, progress, table

PARTS = ("database", "reports", "writers", "import", "configuration", "sync", "http", "pages", "browser")


def register(app: typer.Typer) -> None:
    @app.command()
    def bench(
        leads: Annotated[int, typer.Option(min=1000, help="How many leads the bench database holds.")] = 100_000,
        only: Annotated[list[str] | None, typer.Option(help=f"Only this part: {', '.join(PARTS)}. May be given several times.")] = None,
        as_json: Json = False,
    ) -> None:
        """Time every screen's reads, writes, import and reports, on a database of its own; medians and p95."""
        from crm.bench.measure import COLUMNS
        from crm.errors import Invalid

        parts = set(only or PARTS)
        if unknown := parts - set(PARTS):
            raise Invalid(f"There is no part “{min(unknown)}”. Parts are: {', '.join(PARTS)}.")
        figures = []
        for found in _measure(leads, parts):
            progress("  ".join(str(cell) for cell in found.cells()))
            figures.append(found)
        facts = [{"area": f.area, "work": f.work, "unit": f.unit, "median": f.median, "p95": f.p95, "bar": f.bar, "holds": f.holds} for f in figures]
        answer({"leads": leads, "figures": facts}, as_json=as_json, lines=table(COLUMNS, [found.cells() for found in figures]))


def _measure(leads: int, parts: set[str]) -> Iterator[Any]:
    from crm.bench import api, browser, configuring, database, files, ground, pages, reports, serving, syncing
    from crm.bench.measure import yardstick

    found = ground.prepare(leads, progress)
    yield yardstick()
    if "database" in parts:
        yield from database.measure(found)
    if "reports" in parts:
        yield from reports.measure(found)
    if "writers" in parts:
        yield from reports.measure_beside_writers(found)
    if "import" in parts:
        yield from files.measure(found)
    if "configuration" in parts:
        yield from configuring.measure(found)
    if "sync" in parts:
        yield from syncing.measure(found)
    if parts & {"http", "pages", "browser"}:
        with serving.served() as server:
            serving.wait_until_calm(found)
            if "http" in parts:
                yield from api.measure(found, server)
            if "pages" in parts:
                yield from pages.measure(found, server)
            if "browser" in parts:
                yield from browser.measure(found, server)
    yield yardstick()
