"""Explore: any measure over any two dimensions, as a chart or a table; kept as a view. For everybody who may see reports."""

import streamlit as st

from crm.ui import address, lead_list, look, messages, saved_views
from crm.ui.dashboards import pin
from crm.ui.explore import asks, choices, draw
from crm.ui.lookups import look_up
from crm.ui.reports import asked as asking
from crm.ui.reports import exporting, parts
from crm.ui.reports.reading import Read
from crm.ui.viewer import viewer

person = viewer("report")
lookups = look_up(person)
screen = choices.screen(person, lookups)
saved_views.begin(person, screen)
address.settle(choices.known(person, lookups, screen, asks.OF_LEADS))
head = st.container(key="report_head")
views = st.container(horizontal=True, key="explore_views", vertical_alignment="center", gap="small")
messages.draw(person)
question = asks.ask(person, lookups)
saved_views.draw(person, lookups, views, screen)
with head:
    look.head("Explore", lead_list.place_of(person, lookups), *asking.context(lookups, question.asked))
found = draw.read(question, person)
if found is not None:
    with views:
        pin.draw(person, lookups, screen, draw.title(question, screen))
    parts.draw_headline(draw.headline(found, question))
    with st.container(key="report_block_explore", border=True, gap="small"):
        draw.draw(found, question, lookups, "page")
    wanted = question.wanted()
    exporting.draw(person, [Read(wanted.report.name, wanted.params, wanted.as_of, wanted.known_on)], draw.pictures(found, question))
