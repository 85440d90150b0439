"""The files that one waits for, in a corner of whichever page one is on: being made, gone to the downloads, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.exports import asking, handing
from crm.exports.reads import ExportRow, exports_by_id, waited_for
from crm.ui import download_bridge, viewer, words

LINES, ADDRESSES = "files.lines", "files.addresses"
DOOR = "page"
MOST_ADDRESSES = 10
EVERY_SECONDS = 1
PATIENCE = timedelta(seconds=15)
"""A file that nobody has begun to make by then waits for a worker."""


@dataclass(slots=True)
class Line:
    """A file of this page's. `said`: how it ended, empty while it goes on."""

    export_id: int
    said: str = ""
    name: str = ""
    is_wrong: bool = False


def ask(person: Person, kind: str, wanted: Mapping[str, Any]) -> None:
    """Have the file made and brought; says why not where it cannot be. What ended before makes room."""
    try:
        with acting_as(person) as session:
            export_id = asking.ask(session, kind, wanted, door=DOOR)
    except CrmError as error:
        st.error(error.detail)
        return
    _add(Line(export_id))


def _add(line: Line) -> None:
    st.session_state[LINES] = [other for other in _lines() if not other.said] + [line]
    st.rerun()


def draw(person: Person) -> None:
    """The lines; looked at every second as long as one goes on."""
    if LINES not in st.session_state:
        _go_on(person)
    if not _lines():
        return
    is_open = any(not line.said for line in _lines())

    @st.fragment(run_every=EVERY_SECONDS if is_open else None)
    def live() -> None:
        now = viewer.signed_in()
        if now is not None and now.id == person.id:
            _draw(now)

    with st.container(key="files_tray", gap="small"):
        download_bridge.fetch(st.session_state.get(ADDRESSES, ()))
        live()


def _go_on(person: Person) -> None:
    """A page that was loaded anew, or is opened again, goes on waiting for what was asked for before."""
    with acting_as(person) as session:
        st.session_state[LINES] = [Line(row.id) for row in waited_for(session, DOOR)]


def _lines() -> list[Line]:
    found: list[Line] = st.session_state.get(LINES, [])
    return found


def _draw(person: Person) -> None:
    waiting = [line for line in _lines() if not line.said]
    with acting_as(person) as session:
        rows = {row.id: row for row in exports_by_id(session, [line.export_id for line in waiting])}
    for line in waiting:
        if _settle(person, line, rows.get(line.export_id)):
            st.rerun()
    for line in _lines():
        _draw_line(line, rows.get(line.export_id))


def _settle(person: Person, line: Line, row: ExportRow | None) -> bool:
    """Whether it has come to an end: fetched now by this very page, or not to be had."""
    if row is None:
        line.name, line.said, line.is_wrong = "The file", "It is gone. Ask for it again.", True
        return True
    line.name = row.name
    if row.state == "ready":
        return _fetch(person, line, row)
    if row.is_open:
        return False
    if row.state == "fetched":
        line.said = "Went to your downloads, from another window."
        return True
    line.said, line.is_wrong = (row.problem or "", True) if row.state == "failed" else ("It is gone. Ask for it again.", True)
    return True


def _fetch(person: Person, line: Line, row: ExportRow) -> bool:
    try:
        address = handing.address_of(person, row.id)
    except CrmError as error:
        line.said, line.is_wrong = error.detail, True
    else:
        st.session_state[ADDRESSES] = [*st.session_state.get(ADDRESSES, ())[-MOST_ADDRESSES:], address]
        line.said = f"Went to your downloads: {words.count(row.rows, 'row')}." if row.rows else "Went to your downloads."
    return True


def _draw_line(line: Line, row: ExportRow | None) -> None:
    said = line.said or (_progress(row) if row else "")
    mark = "<i class='tl-spin'></i>" if not line.said else f"<i class='tl-{'wrong' if line.is_wrong else 'there'}'></i>"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"files_line_{line.export_id}"):
        st.html(f"<div class='tl-file' role='status'>{mark}<div><b>{escape(line.name)}</b><span>{escape(said)}</span></div></div>", width="stretch")
        if line.said and st.button("", icon=":material/close:", key=f"files.close.{line.export_id}", type="tertiary", help="Close"):
            st.session_state[LINES] = [other for other in _lines() if other is not line]
            st.rerun()


def _progress(row: ExportRow) -> str:
    if row.state == "waiting":
        return "In line: it is made as soon as a worker is free." if clock.now() - row.created_at > PATIENCE else "Is about to be made."
    so_far = f" {words.count(row.rows, 'row')} so far." if row.rows else ""
    return f"Is being made.{so_far} Go on meanwhile: it comes by itself."
