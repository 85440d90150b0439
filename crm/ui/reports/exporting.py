"""The export of what a report page shows, for those with the grant: each of its reports, as a spreadsheet or as plain text."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from crm.access import Person
from crm.errors import CrmError
from crm.reports import export
from crm.reports.export import Wanted
from crm.reports.registry import report_named
from crm.ui import download_bridge
from crm.ui.reports.reading import Read


def draw(person: Person, reads: Sequence[Read]) -> None:
    """A menu with a line for each report as it was asked for; nothing where nothing may leave."""
    if person.is_viewed or not person.may("report", "export") or not reads:
        return
    with st.popover("Export", icon=":material/download:", key="reports.export", type="tertiary"):
        st.caption("As the page shows it now, with a sheet that says what was asked. Charts are saved as pictures by the camera on each.")
        for number, read in enumerate(reads):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"report_export_{number}"):
                st.html(f"<span>{report_named(read.name).title}{_of(reads, number)}</span>", width="stretch")
                for kind, label in export.FORMATS.items():
                    if st.button(label, key=f"reports.{kind}.{number}"):
                        _fetch(person, kind, read)


def _of(reads: Sequence[Read], number: int) -> str:
    """What tells it from another one of the same report."""
    read = reads[number]
    return f" By {read.params['by'].replace('_', ' ')}." if "by" in read.params and sum(each.name == read.name for each in reads) > 1 else ""


def _fetch(person: Person, kind: str, read: Read) -> None:
    try:
        token = export.ask_for_export(person, kind, Wanted(read.name, read.params, read.as_of, read.known_on))
    except CrmError as error:
        st.error(error.detail)
        return
    download_bridge.fetch(f"/download/{token}")
