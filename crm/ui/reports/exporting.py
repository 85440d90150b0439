"""The export of what a report page shows, for those with the grant: each of its reports as a spreadsheet or as plain text, each chart as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from crm.access import Person
from crm.exports import picture
from crm.reports import export
from crm.reports.registry import report_named
from crm.ui import files
from crm.ui.reports.drawn import Drawn, asked
from crm.ui.reports.reading import Read

PICTURE = "Picture"


def draw(person: Person, reads: Sequence[Read], charts: Sequence[Drawn]) -> None:
    """A menu with a line for each report as it was asked for, and for each chart; nothing where nothing may leave."""
    if person.is_viewed or not person.may("report", "export") or not reads:
        return
    with st.popover("Export", icon=":material/download:", key="reports.export", type="tertiary"):
        st.caption("As the page shows it now: spreadsheets with a sheet that says what was asked, charts as pictures that say it below.")
        for number, read in enumerate(reads):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"report_export_{number}"):
                st.html(f"<span>{escape(report_named(read.name).title + _of(reads, number))}</span>", width="stretch")
                for kind, label in export.FORMATS.items():
                    if st.button(label, key=f"reports.{kind}.{number}"):
                        files.ask(person, kind, asked(read).as_json())
        if charts:
            st.html("<p class='tl-muted tl-menu-part'>Charts</p>")
        for number, chart in enumerate(charts):
            _draw_chart(person, number, chart)


def _draw_chart(person: Person, number: int, chart: Drawn) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"report_chart_{number}"):
        st.html(f"<span>{escape(chart.title)}</span>", width="stretch")
        if st.button(PICTURE, key=f"reports.{picture.KIND}.{number}"):
            files.ask(person, picture.KIND, chart.wanted())


def _of(reads: Sequence[Read], number: int) -> str:
    """What tells it from another one of the same report."""
    read = reads[number]
    if sum(each.name == read.name for each in reads) < 2:
        return ""
    by = f" By {read.params['by'].replace('_', ' ')}." if "by" in read.params else ""
    period = read.result.period if read.result else None
    return f"{by} {period[0]:%-d %b %Y} to {period[1]:%-d %b %Y}." if period else by
