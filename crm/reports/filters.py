"""Reads what people give as a report's filters: ids, exact names, "me"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import hiding
from crm.errors import Invalid
from crm.fields.catalogue import catalogue
from crm.organisation.rules import read_market
from crm.reports.registry import Param, Report

MOST_DAYS, MOST_MONTHS = 3660, 60
GROUPING_KINDS = ("choice", "text", "flag")
"""Kinds of custom fields that tell groups apart."""
# Each runs under the person's own view: what they may not see cannot be named either.
_FIND: Mapping[str, str] = {
    "team": "select t.id, t.name from crm.teams as t where t.deleted_at is null and (t.id = :id or lower(t.name) = lower(:given))",
    "pipeline": "select p.id, p.name from crm.pipelines as p where p.id = :id or lower(p.name) = lower(:given)",
    "person": "select p.id, p.name from crm.people as p where p.id = :id or lower(p.name) = lower(:given) or p.email = lower(:given)",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """`binds` for the query; `said` for people: what was asked, in names."""

    binds: dict[str, Any]
    said: dict[str, str]


def read_filters(session: Session, report: Report, given: Mapping[str, Any]) -> Filters:
    """Raises `Invalid` for an unknown filter, or one whose value names nothing or several things."""
    known = {param.name: param for param in report.params}
    if unknown := sorted(given.keys() - known.keys()):
        raise Invalid(f"{report.name} has no filter “{unknown[0]}”. It takes: {', '.join(known)}.", field=unknown[0])
    binds: dict[str, Any] = {param.binds: param.default for param in report.params}
    said: dict[str, str] = {}
    for name, value in given.items():
        if value is None or str(value).strip() == "":
            continue
        if not report.is_of_orders and known[name].kind in ("source", "market"):
            hiding.refuse(session, "lead", [known[name].kind], doing="filter by")
        binds[known[name].binds], said[name] = _resolve(session, known[name], str(value).strip())
    for param in report.params:
        if param.kind == "group":
            _refuse_hidden_groups(session, binds[param.binds])
    return Filters(binds, said)


def _refuse_hidden_groups(session: Session, by: str) -> None:
    """Raises `Refused`: groups by a hidden field would tell its values."""
    if by in ("source", "market") or by.startswith("custom."):  # the others say where a lead belongs, which no role hides
        hiding.refuse(session, "lead", [by], doing="group by")


def _resolve(session: Session, param: Param, given: str) -> tuple[Any, str]:
    if param.kind == "market":
        return (code := read_market(given)), code
    if param.kind == "source":
        return given, f"“{given}”"
    if param.kind == "group":
        return _read_group(session, param, given)
    if param.kind == "months":
        return (months := _read_months(given, param.name)), str(months)
    if param.kind == "day":
        return (day := read_day(given, param.name)), f"{day:%-d %b %Y}"
    if param.kind == "days":
        return (days := _read_days(given, param.name)), str(days)
    return _named(session, param, given)


def _read_group(session: Session, param: Param, given: str) -> tuple[str, str]:
    """One of the words, or a custom field by its key (with or without “custom.”): never what was typed."""
    if given in param.options:
        return given, given.replace("_", " ")
    key = given.removeprefix("custom.")
    found = catalogue(session).find("lead", key)
    if found and found.kind in GROUPING_KINDS:
        return found.name, found.label
    raise Invalid(
        f"“{given[:63]}” tells no groups apart. Give {', '.join(param.options)}, or a custom field of leads that holds a choice, a text or yes and no.",
        field=param.name,
    )


def _read_months(given: str, name: str) -> int:
    if not (given.isdecimal() and len(given) < 4 and int(given) <= MOST_MONTHS):
        raise Invalid(f"“{given}” is not a number of months: give 0 to {MOST_MONTHS}.", field=name)
    return int(given)


def read_day(given: str, name: str) -> date:
    """Raises `Invalid`."""
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise Invalid(f"“{given}” is not a day. Write it as 2026-03-31.", field=name) from None


def _read_days(given: str, name: str) -> int:
    if not (given.isdecimal() and len(given) < 6 and 1 <= int(given) <= MOST_DAYS):
        raise Invalid(f"“{given}” is not a number of days: give 1 to {MOST_DAYS:,}.", field=name)
    return int(given)


def _named(session: Session, param: Param, given: str) -> tuple[int, str]:
    if param.kind == "person" and given.lower() == "me":
        return person_of(session).id, person_of(session).name
    number = int(given) if given.isdecimal() and len(given) < 19 else None
    found = session.execute(text(_FIND[param.kind]), {"id": number, "given": given}).all()
    named = [row for row in found if row.id == number] or found
    if not named:
        raise Invalid(f"There is no {param.kind} “{given}”, or you may not see it.", field=param.name)
    if len(named) > 1:
        raise Invalid(f"Several have the name “{given}”. Give the id: {', '.join(str(row.id) for row in named)}.", field=param.name)
    return named[0].id, named[0].name
