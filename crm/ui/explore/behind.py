"""The leads behind a number of Explore, as the Leads page is asked for them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from crm.explore.use_cases import Group
from crm.goals.rules import months_on
from crm.reports import exploring
from crm.reports.exploring import Dimension
from crm.ui import lead_behind
from crm.ui.explore.asks import Question
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking

Parts = dict[str, Any]
Days = tuple[date, date]
_DAYS_IN = {"began": "created", "ended": "entered", "closes": "closes"}
_KIND_OF = {"open": "open", "ended": "ended", "won": "won", "lost": "lost"}
_MEASURED = {"win_rate": "ended", "days_to_close": "ended", "weighted": "open"}


def behind(question: Question, lookups: Lookups, *groups: tuple[Dimension, Group]) -> Parts | None:
    """The address that opens them, as they are now; None for what no list can be narrowed to (the rest, somebody out of sight)."""
    if question.is_of_orders:
        return _customers(lookups, groups)
    parts: Parts = {}
    days: dict[str, Days] = {}
    if kind := _KIND_OF.get(question.which) or _MEASURED.get(question.measure.name):
        parts["kind"] = kind
    if not question.is_of_moment:
        days["created" if question.which == "began" else "entered"] = (question.asked.begins, question.asked.ends)
    for dimension, group in groups:
        if group.is_rest or (found := _of(dimension, group.key, lookups)) is None:
            return None
        for name, value in found.items():
            if isinstance(value, tuple):
                first, last = days.get(name, value)
                days[name] = (max(first, value[0]), min(last, value[1]))
            elif value == "ended" and parts.get("kind") in ("won", "lost"):
                continue  # narrower already
            elif name in ("own", "missing") and name in parts:
                parts |= {"own2": value} if name == "own" else {"missing": f"{parts['missing']},{value}"}
            else:
                parts[name] = value
    if any(first > last for first, last in days.values()):
        return None
    return asking.behind(lookups, question.asked, **{**parts, **{name: lead_behind.period(*between) for name, between in days.items()}})


def _of(dimension: Dimension, key: str | None, lookups: Lookups) -> Parts | None:
    """What one group asks of the list."""
    if dimension.key is not None:
        return _of_field(dimension, key, lookups)
    if dimension.unit:
        if key is None:
            return {"closes": "none"} if dimension.binds == "closes" else {"kind": "standing"} if dimension.binds == "ended" else None
        found: Parts = {_DAYS_IN[dimension.binds]: days_of(key, dimension.unit)}
        return {**found, "kind": "ended"} if dimension.binds == "ended" else found
    if key is None:
        return {"owner": "Nobody"} if dimension.name == "owner" else {"missing": dimension.name}
    if dimension.name in ("kind", "source"):
        return {dimension.name: key}
    if dimension.name == "lost_reason":
        return {"reason": key}
    if dimension.name == "market":
        return {"market": lookups.markets[key]} if key in lookups.markets else None
    return _named(dimension.name, int(key), lookups)


def _named(name: str, number: int, lookups: Lookups) -> Parts | None:
    """A stage, pipeline, team or owner by what it is called."""
    if name == "stage":
        stage = lookups.stages.get(number)
        if stage is None:
            return None
        return {"stage": stage.name, "pipeline": lookups.pipeline_label(stage.pipeline_id)}
    if name == "pipeline":
        return {"pipeline": lookups.pipeline_label(number)} if any(each.id == number for each in lookups.pipelines) else None
    called = (lookups.names.teams if name == "team" else lookups.names.people).get(number)
    return {name: called} if called else None


def _of_field(dimension: Dimension, key: str | None, lookups: Lookups) -> Parts | None:
    """A value, a range or nothing of a custom field."""
    if not any(each.key == dimension.key for each in lookups.lead_fields):
        return None
    if key is None:
        said = ""
    elif dimension.unit:
        said = lead_behind.period(*days_of(key, dimension.unit))
    elif dimension.kind in ("number", "money"):
        low, high = exploring.band(int(key))
        said = f"{low:g}..{high:g}"
    else:
        said = key if dimension.kind in ("choices", "flag", "person") else json.dumps(key)
    return {"own": f"{dimension.key}={said}"}


def _customers(lookups: Lookups, groups: tuple[tuple[Dimension, Group], ...]) -> Parts | None:
    """Of orders: the customers of a market, or the one; None where their list knows no such filter."""
    found: Parts = {}
    for dimension, group in groups:
        if group.is_rest or group.key is None or dimension.name not in ("market", "customer"):
            return None
        if dimension.name == "market" and group.key not in lookups.markets:
            return None
        found |= {"market": lookups.markets[group.key]} if dimension.name == "market" else {"q": group.name}
    return found


def days_of(key: str, unit: str) -> Days:
    """The first and last day of a month or quarter, from its first month as "2026-01"."""
    first = date.fromisoformat(f"{key}-01")
    return first, months_on(first, 3 if unit == "quarter" else 1) - timedelta(days=1)
