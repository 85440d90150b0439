"""What the Audit page draws: its filters (in the URL), the list with details that open on a click, older and newer, the export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from html import escape
from itertools import groupby

import streamlit as st

from crm import clock
from crm.access import Person
from crm.audit import export, kinds
from crm.audit.reads import CHANGE, EVENT, AuditFilter, Cursor, Entry, label_of
from crm.changes.history import plain_text
from crm.ui import files, words
from crm.ui.words import Names

CURSOR = "before"
LARGEST_ID = 2**63


def ask(person: Person, names: Names) -> AuditFilter:
    """Draw the filters; answers what they ask for."""
    with st.container(horizontal=True, key="audit_filters", vertical_alignment="center", gap="small"):
        group = st.selectbox(
            "Kind", ["", *kinds.GROUPS], key="kind", bind="query-params", format_func=lambda name: kinds.GROUPS.get(name, "Everything"),
            label_visibility="collapsed", width=200,
        )  # fmt: skip
        person_id = st.selectbox(
            "Person", list(names.people), index=None, placeholder="Anybody", key="person", bind="query-params", format_func=names.people.__getitem__,
            label_visibility="collapsed", width=180,
        )  # fmt: skip
        from_day, to_day = (
            st.date_input(label, None, key=key, bind="query-params", format="YYYY-MM-DD", label_visibility="collapsed", width=140, help=label)
            for label, key in (("From", "from"), ("Until", "until"))
        )
        q = st.text_input(
            "Search", key="q", bind="query-params", type="search", placeholder="Name, address, what happened", icon=":material/search:",
            label_visibility="collapsed", width=260, max_chars=100,
        )  # fmt: skip
        wanted = AuditFilter(person_id, group or "", from_day, to_day, q or "", person.time_zone)
        if person.reach("audit", "export").everywhere and st.button("Export", key="audit.export", icon=":material/download:"):
            files.ask(person, export.KIND, wanted.as_json())
    return wanted


def read_cursor(wanted: AuditFilter) -> Cursor | None:
    """Where the page begins, from the URL; from the newest on where that says nothing, or where the filters have changed."""
    before, st.session_state["audit.of"] = st.session_state.get("audit.of", wanted), wanted
    if before != wanted:
        st.query_params.pop(CURSOR, None)
    return cursor_in(st.query_params.get(CURSOR, ""))


def cursor_in(given: str) -> Cursor | None:
    parts = given.split("~")
    try:
        at, stream, entry = datetime.fromisoformat(parts[0]), int(parts[1]), int(parts[2])
    except (ValueError, IndexError):
        return None
    return (at, stream, entry) if at.tzinfo and stream in (EVENT, CHANGE) and 0 <= entry < LARGEST_ID and at.year > 1 else None


def draw_pages(next_after: Cursor | None, *, is_older: bool) -> None:
    with st.container(horizontal=True, key="audit_pages", gap="small"):
        if is_older and st.button("Newest", key="audit.newest", icon=":material/history:", type="tertiary"):
            st.query_params.pop(CURSOR, None)
            st.rerun()
        if next_after and st.button("Older", key="audit.older", icon=":material/chevron_right:", type="tertiary"):
            st.query_params[CURSOR] = f"{next_after[0].isoformat()}~{next_after[1]}~{next_after[2]}"
            st.rerun()


def draw(entries: Sequence[Entry], day_of: Callable[[datetime, str], date], names: Names) -> None:
    """The entries under their days."""
    today = clock.today(names.time_zone)
    parts = []
    for day, of_day in groupby(entries, key=lambda entry: day_of(entry.at, names.time_zone)):
        parts.append(f"<h4>{escape(words.day(day, today=today))}</h4>{''.join(_entry_html(entry, names) for entry in of_day)}")
    st.html(f"<div class='tl-audit'>{''.join(parts)}</div>")


def _entry_html(entry: Entry, names: Names) -> str:
    moment = words.moment(entry.at, names.time_zone)
    place = entry.address or words.door(entry.source)
    who = entry.who or ("somebody" if entry.kind in kinds.kinds_of(kinds.REFUSED) else "the system")
    return (
        f"<details><summary><time title='{escape(moment)}'>{escape(moment[-5:])}</time><b>{escape(who)}</b>"
        f"<span>{escape(entry.what)}</span><small>{escape(place)}</small></summary><dl>{_details_html(entry, names)}</dl></details>"
    )


def _details_html(entry: Entry, names: Names) -> str:
    lines = [("When", words.moment(entry.at, names.time_zone)), ("Event", entry.kind)]
    is_new = entry.facts.get("version") == 1
    for name, (before, after) in entry.fields.items():
        said = _said(names, name, after)
        lines.append((label_of(entry, name), said if is_new else f"{_said(names, name, before)} → {said}"))
    lines += [(name.replace("_", " ").capitalize(), ", ".join(value) if _is_words(value) else plain_text(value)) for name, value in entry.facts.items()]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in lines)


def _is_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _said(names: Names, name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return plain_text(value)
    return names.plain(name, value) or words.NOTHING
