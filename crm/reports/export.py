"""Any report as a file: CSV, or XLSX with typed cells and a sheet that says what was asked. For those with `report: export`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any

from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person, acting_as, missing_grant
from crm.access.downloads import defused
from crm.access.person import Reach
from crm.errors import Refused
from crm.reports.filters import read_filters
from crm.reports.registry import Report, report_named
from crm.reports.use_cases import IN_BACKGROUND, ReportResult, run_report

CSV, XLSX = "report.csv", "report.xlsx"
FORMATS: Mapping[str, str] = {XLSX: "Excel", CSV: "CSV"}
_WIDEST = 48


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report with its filters, as people give them, as of a day and as known on a day (None: now)."""

    name: str
    params: Mapping[str, str]
    as_of: date | None = None
    known_on: date | None = None

    def as_json(self) -> dict[str, Any]:
        days = {name: day.isoformat() if day else None for name, day in (("as_of", self.as_of), ("known_on", self.known_on))}
        return {"name": self.name, "params": dict(self.params), **days}

    @staticmethod
    def read(given: Mapping[str, Any]) -> Wanted:
        as_of, known_on = (date.fromisoformat(given[name]) if given.get(name) else None for name in ("as_of", "known_on"))
        return Wanted(given["name"], given["params"], as_of, known_on)


def check(person: Person, filters: Mapping[str, Any]) -> None:
    """Raises `Refused` without the grants, `NotFound` where there is no such report."""
    reach_of_export(person, report_named(filters["name"]))


def look_over(session: Session, filters: Mapping[str, Any]) -> None:
    """Raises `Invalid` or `Refused` for a filter that makes no sense, or that is closed to whom the session acts as."""
    read_filters(session, report_named(filters["name"]), filters["params"])


def file_name(kind: str, filters: Mapping[str, Any]) -> str:
    """ "win_rate-2026-11-26.xlsx": one of our own names, whatever was asked."""
    day = filters["as_of"] or f"{clock.now():%Y-%m-%d}"
    return f"{report_named(filters['name']).name}-{day}.{kind.rpartition('.')[2]}"


def reach_of_export(person: Person, report: Report) -> str:
    """The action by whose reach the rows are read: the narrower one of seeing reports and exporting them. Raises `Refused`."""
    view, export = person.require("report", "view"), person.require("report", "export")
    if report.is_of_orders:
        seen, exported = person.require("customer", "view"), person.require("customer", "export")
        if not _is_within(seen, exported):  # the walls of customers go by what one sees
            raise missing_grant("customer", "export", here=True)
    if _is_within(view, export):
        return "view"
    if _is_within(export, view):
        return "export"
    raise Refused("You see some leads and may export others, so no file can hold just those in both. An admin can set “report: export” as far as"
                  " “report: view”.", grant="report: export")  # fmt: skip


def _is_within(narrow: Reach, wide: Reach) -> bool:
    if wide.everywhere:
        return True
    return not narrow.everywhere and narrow.teams <= wide.teams and (wide.own or not narrow.own)


def _run(person: Person, filters: Mapping[str, Any]) -> ReportResult:
    """The rows as of now."""
    wanted = Wanted.read(filters)
    report = report_named(wanted.name)
    with acting_as(person, resource="report", action=reach_of_export(person, report)) as session:
        return run_report(session, report, wanted.params, wanted.as_of, wanted.known_on, longest=IN_BACKGROUND)


def _facts(found: ReportResult, kind: str) -> dict[str, Any]:
    """What the audit says when the file leaves."""
    return {"subject": f"report {found.name}", "format": FORMATS[kind], "filters": dict(found.filters), "as_of": found.as_of}


def write_csv(person: Person, filters: Mapping[str, Any], file: IO[str], _told: object = None) -> tuple[int, dict[str, Any]]:
    """A line of names and one for each row; texts that a spreadsheet would take for a formula are defused. Answers how many rows, and the audit's facts."""
    found = _run(person, filters)
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(found.columns)
    for row in found.rows:
        writer.writerow([_as_text(row[name]) for name in found.columns])
    return len(found.rows), _facts(found, CSV)


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def write_xlsx(person: Person, filters: Mapping[str, Any], file: IO[bytes], _told: object = None) -> tuple[int, dict[str, Any]]:
    """The rows on one sheet, each cell of its type; what they are on another. Text is text, whatever it begins with."""
    import xlsxwriter  # a tenth of a second, which every command would wait for

    found = _run(person, filters)
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False, "remove_timezone": True}
    with xlsxwriter.Workbook(file, options) as book:
        _write_rows(book, found)
        _write_about(book, found, person)
    return len(found.rows), _facts(found, XLSX)


def _write_rows(book: Any, found: ReportResult) -> None:
    sheet = book.add_worksheet("Report")
    bold = book.add_format({"bold": True, "bottom": 1})
    formats = {name: book.add_format({"num_format": _number_format(name, of)}) for name, of in zip(found.columns, found.column_types, strict=True)}
    widths = [len(name) for name in found.columns]
    sheet.write_row(0, 0, found.columns, bold)
    for line, row in enumerate(found.rows, start=1):
        for column, name in enumerate(found.columns):
            _write_cell(sheet, line, column, row[name], formats[name])
            widths[column] = max(widths[column], len(str(row[name] if row[name] is not None else "")))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(width, _WIDEST) + 2)
    sheet.freeze_panes(1, 0)
    if found.rows:
        sheet.autofilter(0, 0, len(found.rows), len(found.columns) - 1)


def _number_format(name: str, of: str) -> str:
    if of in ("date", "timestamptz"):
        return "yyyy-mm-dd" if of == "date" else "yyyy-mm-dd hh:mm"
    if of != "numeric":
        return "General"
    if name.endswith("_usd") or name == "amount":
        return "#,##0.00"
    return "0.0%" if name.endswith(("share", "rate", "progress")) or name == "from_previous" else "#,##0.##"


def _write_cell(sheet: Any, line: int, column: int, value: Any, style: Any) -> None:
    if value is None:
        sheet.write_blank(line, column, None, style)
    elif isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif isinstance(value, (int, float, Decimal)):
        sheet.write_number(line, column, value, style)
    elif isinstance(value, datetime):
        sheet.write_datetime(line, column, value.astimezone(UTC).replace(tzinfo=None), style)
    elif isinstance(value, date):
        sheet.write_datetime(line, column, value, style)
    else:
        sheet.write_string(line, column, str(value))


def _write_about(book: Any, found: ReportResult, person: Person) -> None:
    """What the figures are: the question, who asked and when, filters, scope, time zone, currency, rate date, age."""
    sheet = book.add_worksheet("About")
    bold = book.add_format({"bold": True})
    begins, ends = found.period or (None, found.as_of)
    filters = ", ".join(f"{name}: {value}" for name, value in found.filters.items()) or "none"
    lines = [
        ("Report", found.name), ("Question", found.title), ("Exported by", person.name), ("Exported at", f"{clock.now():%Y-%m-%d %H:%M} UTC"), ("Filters",
            filters),
        ("From", begins.isoformat() if begins else ""), ("To", ends.isoformat()), ("As of", "now" if found.is_now else found.as_of.isoformat()),
        ("Known on", found.known_on.isoformat() if found.known_on else "now"),
        ("Scope", found.scope), ("Time zone", found.time_zone), ("Moments", "UTC"), ("Currency", found.currency), ("Rates", found.rate),
        *(("States", sentence) for sentence in found.states()),
    ]  # fmt: skip
    for number, (name, value) in enumerate(lines):
        sheet.write_string(number, 0, name, bold)
        sheet.write_string(number, 1, value)
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 90)
