"""Reads what people give as a report's filters: ids, exact names, "me"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import hiding
from crm.errors import Invalid
from crm.fields.catalogue import catalogue, lead_fields_of
from crm.fields.kinds import Definition
from crm.organisation.rules import read_market
from crm.reports import exploring
from crm.reports.exploring import Dimension, Grouping
from crm.reports.registry import Param, Report

MOST_DAYS, MOST_MONTHS, MOST_GROUPS = 3660, 60, 200
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
    grouping: Grouping | None = None
    """Of what is explored: what is counted, and in which groups."""


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
    return _explored(session, report, binds, said) if report.is_explored else Filters(binds, said)


def _explored(session: Session, report: Report, binds: dict[str, Any], said: dict[str, str]) -> Filters:
    """What Explore was asked for. Raises `Invalid`, and `Refused` where it would tell a hidden field."""
    measure = (exploring.ORDER_MEASURES if report.is_of_orders else exploring.MEASURES)[binds["measure"]]
    by, split = (_dimension(session, report, name, binds[name]) for name in ("by", "split"))
    if by == split:
        raise Invalid(f"Groups of {by.label.lower()} within themselves tell nothing more. Give another split.", field="split")
    if not report.is_of_orders:
        binds["which"] = exploring.check(measure, binds["which"])
        if binds["which"] in exploring.STANDING and (binds["from_day"] or binds["to_day"]):
            raise Invalid(f"{exploring.WHICH[binds['which']]} stand at a moment: leave out from and to, or give another which.", field="which")
        hiding.refuse(session, "lead", measure.tells, doing="see figures of")
        hiding.refuse(session, "lead", [each.tells for each in (by, split) if each.tells], doing="group by")
    for each in (by, split):
        if each.unit:
            name = "by" if each is by else "split"
            binds[f"{name}_most"] = max(binds[f"{name}_most"], exploring.MONTHS_AT_LEAST)
    grouping = Grouping(measure, by, split, binds.get("which") or "")
    binds["fold"] = grouping.fold(*(name for name in ("source", "market") if binds.get(name)))
    return Filters(binds | by.bound("by") | split.bound("split"), said, grouping)


def _dimension(session: Session, report: Report, name: str, given: str) -> Dimension:
    """One of the words, or a custom field of leads by its key (with or without “custom.”): never what was typed."""
    known = exploring.ORDER_DIMENSIONS if report.is_of_orders else exploring.DIMENSIONS
    if not given and name == "split":
        return exploring.NO_SPLIT
    if given in known:
        return known[given]
    found = None if report.is_of_orders else _field(session, given)
    if found:
        return exploring.custom_dimension(found.key, found.label, found.kind)
    others = "" if report.is_of_orders else ", or a custom field of leads"
    raise Invalid(f"“{given[:63]}” tells no groups apart. Give {', '.join(known)}{others}.", field=name)


def _field(session: Session, given: str) -> Definition | None:
    """The custom field of leads by its key; another team's is as if it were not there."""
    key = given.removeprefix("custom.")
    return next((each for each in lead_fields_of(person_of(session), catalogue(session)) if each.key == key), None)


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
    if param.kind == "dimension":
        return given, given.removeprefix("custom.").replace("_", " ")
    if param.kind in _READERS:
        return _READERS[param.kind](param, given)
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
    found = _field(session, given)
    if found and found.kind in GROUPING_KINDS:
        return found.name, found.label
    raise Invalid(
        f"“{given[:63]}” tells no groups apart. Give {', '.join(param.options)}, or a custom field of leads that holds a choice, a text or yes and no.",
        field=param.name,
    )


def _read_one_of(param: Param, given: str) -> tuple[str, str]:
    if given not in param.options:
        raise Invalid(f"“{given[:63]}” is no {param.name}. Give one of: {', '.join(param.options)}.", field=param.name)
    return given, given.replace("_", " ")


def _read_most(param: Param, given: str) -> tuple[int, str]:
    if not (given.isdecimal() and len(given) < 4 and 1 <= int(given) <= MOST_GROUPS):
        raise Invalid(f"“{given[:20]}” is not a number of groups: give 1 to {MOST_GROUPS}.", field=param.name)
    return int(given), str(int(given))


def _read_flag(param: Param, given: str) -> tuple[bool, str]:
    if given not in ("yes", "no"):
        raise Invalid(f"“{given[:20]}” is neither yes nor no.", field=param.name)
    return given == "yes", given


_READERS: Mapping[str, Callable[[Param, str], tuple[Any, str]]] = {"one_of": _read_one_of, "most": _read_most, "flag": _read_flag}


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
        raise Invalid(f"There is no {param.kind} “{given[:63]}”, or you may not see it.", field=param.name)
    if len(named) > 1:
        raise Invalid(f"Several have the name “{given[:63]}”. Give the id: {', '.join(str(row.id) for row in named)}.", field=param.name)
    return named[0].id, named[0].name
