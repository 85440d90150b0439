"""The frame of every report page: head, filters and slider before; export after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from crm.access import Person, acting_as
from crm.ui import address, lead_list, look, messages
from crm.ui.lookups import Lookups, look_up
from crm.ui.reports import asked as asking
from crm.ui.reports import drawn, exporting
from crm.ui.reports.asked import Asked
from crm.ui.reports.reading import Reader


@dataclass(frozen=True, slots=True)
class Page:
    """Who looks, what things are called, and what was asked for."""

    person: Person
    lookups: Lookups
    asked: Asked


def begin(person: Person, title: str, takes: Sequence[str], *, usual: int = 30) -> Page:
    """Draw the head and the filters."""
    drawn.begin()
    lookups = look_up(person)
    address.settle(address.of_report(person, lookups, takes))
    head = st.container(key="report_head")
    messages.draw(person)
    asked = asking.ask(person, lookups, takes=takes, usual=usual)
    with head:
        look.head(title, lead_list.place_of(person, lookups), *asking.context(lookups, asked))
    return Page(person, lookups, asked)


@contextmanager
def reading(page: Page) -> Iterator[Reader]:
    """One transaction with the reach of the person's grant to see reports."""
    with acting_as(page.person, resource="report", action="view") as session:
        yield Reader(session)


def end(page: Page, reader: Reader) -> None:
    """The export of what was read."""
    exporting.draw(page.person, [read for read in reader.done if read.result], drawn.charts())
