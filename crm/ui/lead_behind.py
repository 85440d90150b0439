"""The leads behind a number: filters that only an address brings (`?kind=won&entered=2026-10-01..2026-12-31`), shown as chips to take away.

Figures on Home and in reports open the Leads page with them. Whatever means nothing here is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import streamlit as st

from crm import clock
from crm.fields.filters import RANGED, CustomFilter
from crm.fields.kinds import LARGEST_NUMBER, Definition, text_of
from crm.leads.reads import CAN_MISS, LeadFilter
from crm.ui import custom_fields
from crm.ui.lookups import Lookups

KINDS: Mapping[str, tuple[str, ...]] = {
    "open": ("open",), "won": ("won",), "lost": ("lost",), "dormant": ("dormant",), "ended": ("won", "lost"), "standing": ("open", "dormant"),
}  # fmt: skip
LONGEST, LONGEST_OWN = 300, 4300
OWN = ("own", "own2")
""" "key=value" of a custom field: a value as JSON, "10..100" for numbers and "2026-01-01..2026-03-31" for days; nothing behind it for no value."""
MOST_QUIET_DAYS = 3650


def period(begins: date, ends: date) -> str:
    """Both days, as an address says them."""
    return f"{begins.isoformat()}..{ends.isoformat()}"


def narrow(wanted: LeadFilter, lookups: Lookups) -> LeadFilter:
    """The filter with what the address asks for beside it; draws a chip for each part."""
    found = parts(lookups, st.query_params)
    if not found:
        return wanted
    with st.container(horizontal=True, key="leads_behind", vertical_alignment="center", gap="small"):
        for name, (said, changes) in found.items():
            beside = {"custom": (*wanted.custom, *changes["custom"])} if "custom" in changes else {}
            wanted = replace(wanted, **{**changes, **beside})
            if st.button(said, key=f"leads.behind.{name}", icon=":material/close:", icon_position="right", help="Take this filter away"):
                for each in OWN if name == "own" else (name,):
                    st.query_params.pop(each, None)
                st.rerun()
    return wanted


def parts(lookups: Lookups, given: Mapping[str, str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name in the address -> (what its chip says, what of the filter it sets)."""
    zone = lookups.zone
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    if (kind := given.get("kind", "")) in KINDS:
        found["kind"] = (f"{kind.capitalize()} leads", {"stage_kinds": KINDS[kind]})
    if source := given.get("source", "").replace("\x00", "")[:LONGEST]:
        found["source"] = (f"Source {source}", {"sources": (source,)})
    if reason := given.get("reason", "").replace("\x00", "")[:LONGEST_OWN]:
        found["reason"] = (f"Lost for {reason}", {"lost_reasons": (reason,)})
    if missing := tuple(name for name in CAN_MISS if name in given.get("missing", "").split(",")):
        found["missing"] = (f"Without a {' or a '.join(name.replace('_', ' ') for name in missing)}", {"missing": missing})
    if own := [part for part in (_own(lookups, given.get(name, "")) for name in OWN) if part]:
        said, ranges, values = zip(*own, strict=True)
        found["own"] = (", ".join(said), {"custom_is": tuple(each for each in values if each), "custom": tuple(each for each in ranges if each)})
    if given.get("closes") == "none":
        found["closes"] = ("Without a close date", {"has_no_close": True})
    elif days := _days(given.get("closes")):
        begins, ends = days
        found["closes"] = (f"Closing {_said(begins, ends)}", {"closes_from": begins, "closes_before": ends + timedelta(days=1)})
    found |= _untouched(lookups, given)
    for name, says, since, before in (
        ("entered", "Came to their stage", "in_stage_since", "in_stage_before"), ("created", "Began", "created_since", "created_before"),
    ):  # fmt: skip
        if days := _days(given.get(name)):
            begins, ends = days
            found[name] = (f"{says} {_said(begins, ends)}", {since: clock.start_of(begins, zone), before: clock.end_of(ends, zone)})
    return found


def _own(lookups: Lookups, given: str) -> tuple[str, CustomFilter | None, tuple[str, Any] | None] | None:
    """What a part says of a custom field: words, and a range or the very value. None where it means nothing here."""
    key, equals, text = given.replace("\x00", "")[:LONGEST_OWN].partition("=")
    field = next((each for each in lookups.lead_fields if each.key == key), None)
    if field is None or not equals:
        return None
    said = custom_fields.label(field, lookups)
    if not text:
        return f"{said} not given", None, (key, None)
    if field.kind in RANGED:
        return _own_range(field, said, text)
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return f"{said}: {text_of(field.kind, value, lookups.names.people)}", None, (key, value)


def _own_range(field: Definition, said: str, text: str) -> tuple[str, CustomFilter | None, tuple[str, Any] | None] | None:
    """From the first up to the second: of days both included, of numbers the first only, unless they are one and the same."""
    if field.kind == "date":
        days = _days(text)
        return days and (f"{said} {_said(*days)}", CustomFilter(field.key, field.kind, low=days[0].isoformat(), high=days[1].isoformat()), None)
    try:
        low, high = (float(each) for each in text.split(".."))
    except ValueError:
        return None
    if not -LARGEST_NUMBER <= low <= high <= LARGEST_NUMBER:
        return None
    words = f"{said} {low:,.0f}" if low == high else f"{said} {low:,.0f} to {high:,.0f}"
    return words, CustomFilter(field.key, field.kind, low=low, high=high, is_below=low < high), None


def _untouched(lookups: Lookups, given: Mapping[str, str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """What moved since a day (where the person is), and what nobody called for some days, as Home counts them."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    if days := _days(f"{given.get('moved')}..{given.get('moved')}"):
        found["moved"] = (f"Moved since {_said(*days)}", {"in_stage_since": clock.start_of(days[0], lookups.names.time_zone)})
    quiet = given.get("quiet", "")
    if quiet.isascii() and quiet.isdigit() and len(quiet) < 5 and 0 < int(quiet) <= MOST_QUIET_DAYS:
        found["quiet"] = (f"No contact for {int(quiet)} days", {"not_contacted_days": int(quiet)})
    return found


def _days(given: str | None) -> tuple[date, date] | None:
    begins, _, ends = (given or "").partition("..")
    try:
        first, last = date.fromisoformat(begins), date.fromisoformat(ends)
    except ValueError:
        return None
    return (first, last) if date(1900, 1, 1) <= first <= last <= date(2999, 1, 1) else None


def _said(begins: date, ends: date) -> str:
    if begins == ends:
        return f"{begins:%-d %b %Y}"
    return f"{begins:%-d %b}{'' if begins.year == ends.year else f' {begins:%Y}'} to {ends:%-d %b %Y}"
