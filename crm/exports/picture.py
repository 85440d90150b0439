"""A chart of a report as a picture: drawn anew from the question by the same functions as on its page, with its title and what its figures are."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import IO, Any

from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person, acting_as
from crm.charts import catalogue, explored
from crm.charts.parts import Drawing
from crm.charts.seen import Seen
from crm.errors import Invalid, NotFound
from crm.explore import use_cases as exploring
from crm.organisation.reads import markets
from crm.reports import export
from crm.reports.export import Wanted
from crm.reports.registry import Report, report_named
from crm.reports.use_cases import IN_BACKGROUND, ReportResult, run_report

KIND = "report.png"
MEDIA_TYPE = "image/png"
FORMAT = "PNG"


def wanted_of(report: Wanted, chart: str = "", *, beside: Wanted | None = None, of: str = "") -> dict[str, Any]:
    """What a picture is asked for with. `chart`: empty for the report's usual one; `beside`, `of`: what else it shows, and what alone it is about."""
    return {**report.as_json(), "chart": chart, "beside": beside.as_json() if beside else None, "of": of}


def check(person: Person, wanted: Mapping[str, Any]) -> None:
    """Raises `Refused` without the grants, `NotFound` where there is no such report."""
    for each in _reports(wanted):
        export.check(person, each)


def look_over(session: Session, wanted: Mapping[str, Any]) -> None:
    """Raises `Invalid` where there is no such chart, or where the report makes no sense so."""
    report = report_named(wanted["name"])
    name = catalogue.check(report, wanted.get("chart") or "")
    if name in catalogue.CHARTS.get(report.name, {}):
        _check_parts(catalogue.chart_named(report.name, name), wanted)
    for each in _reports(wanted):
        export.look_over(session, each)


def _check_parts(chart: catalogue.Chart, wanted: Mapping[str, Any]) -> None:
    """Raises `Invalid` where a chart that is about one thing alone, or beside another report, is not asked for so."""
    beside, of = wanted.get("beside"), wanted.get("of") or ""
    if beside and beside["name"] != chart.beside:
        raise Invalid(f"No chart shows {wanted['name']} beside {beside['name']}.", field="chart")
    if (chart.of == "month" and not _is_month(of)) or (chart.of == "reason" and not (of and wanted["params"].get("split") == "lost_reason")):
        raise Invalid(f"This chart is of one {chart.of}.", field="chart")


def _is_month(said: str) -> bool:
    try:
        return bool(date.fromisoformat(f"{said}-01"))
    except ValueError:
        return False


def _reports(wanted: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [wanted, *filter(None, [wanted.get("beside")])]


def file_name(wanted: Mapping[str, Any]) -> str:
    """ "owners-weighted-2026-11-26.png": of our own names, whatever was asked."""
    report = report_named(wanted["name"])
    name = wanted.get("chart") or ""
    known = (*catalogue.names_of(report), *catalogue.CHARTS.get(report.name, ()))
    part = f"-{name}" if name in known and name != catalogue.names_of(report)[0] else ""
    return f"{report.name}{part}-{wanted['as_of'] or f'{clock.now():%Y-%m-%d}'}.png"


def write_png(person: Person, wanted: Mapping[str, Any], file: IO[bytes], _told: object = None) -> tuple[int, dict[str, Any]]:
    """The picture, of what the person may both see and export now."""
    from crm.charts import painting  # half a second, which every command would wait for

    check(person, wanted)
    title, drawing, result = _drawn(person, wanted)
    painting.paint(drawing, title, footer(result, title), file)
    gc.collect()  # what was painted holds on to itself, ten megabytes of pixels each time
    return 0, {"subject": f"report {result.name}", "format": FORMAT, "chart": title, "filters": dict(result.filters), "as_of": result.as_of}


def _drawn(person: Person, wanted: Mapping[str, Any]) -> tuple[str, Drawing | None, ReportResult]:
    """Title, chart (None where there is nothing to see) and the report that it is drawn from."""
    report, of = report_named(wanted["name"]), wanted.get("of") or ""
    name = catalogue.check(report, wanted.get("chart") or "")
    if report.is_explored and name in catalogue.EXPLORED:
        return _explored(person, report, wanted, name)
    chart, beside = catalogue.chart_named(report.name, name), wanted.get("beside")
    with _reading(person, report) as session:
        seen = Seen(_run(session, wanted), _run(session, beside) if beside else None, of, markets(session))
    return chart.title_of(seen), chart.build(seen), seen.result


def _explored(person: Person, report: Report, wanted: Mapping[str, Any], kind: str) -> tuple[str, Drawing | None, ReportResult]:
    read, params = Wanted.read(wanted), dict(wanted["params"])
    usual = next(param.default for param in report.params if param.name == "measure")
    with _reading(person, report) as session:
        found = exploring.explore(session, exploring.Wanted(str(params.get("measure") or usual), params, read.as_of, read.known_on))
    if found.result.name != report.name:
        raise NotFound(f"{report.name} does not know that measure.")
    return explored.alt(found), explored.drawing(found, kind), found.result


@contextmanager
def _reading(person: Person, report: Report) -> Iterator[Session]:
    with acting_as(person, resource="report", action=export.reach_of_export(person, report)) as session:
        yield session


def _run(session: Session, given: Mapping[str, Any]) -> ReportResult:
    wanted = Wanted.read(given)
    return run_report(session, report_named(wanted.name), wanted.params, wanted.as_of, wanted.known_on, longest=IN_BACKGROUND)


def footer(result: ReportResult, title: str) -> list[str]:
    """What its figures are (period, scope, what they are narrowed to, currency, age), and when they were looked at."""
    question = f"{result.title} " if result.title != title else ""
    return [" ".join(result.states()), f"{question}{clock.now():%-d %b %Y, %H:%M} UTC, from Throughline."]
