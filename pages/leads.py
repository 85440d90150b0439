"""Leads: which leads do I work next, and what changes about them? For everybody who may see leads."""

import streamlit as st

from crm.access import acting_as
from crm.leads import reads
from crm.ui import address, conflict_dialog, filters, fold, grid, grid_bar, lead_groups, lead_list, lead_params, look, messages, saved_views
from crm.ui.board import asks, switch
from crm.ui.custom_fields import with_cells
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("lead")
lookups = look_up(person)

owns = lead_list.begins_with_own(person)
screen = lead_params.screen(person, lookups, begins_with_own=owns)
saved_views.begin(person, screen)
address.settle(address.of_leads(person, lookups))
head = st.container(key="leads_head")
asked, places = filters.ask(person, lookups, begins_with_own=owns)
saved_views.draw(person, lookups, places.views, screen)
fold.draw(places.fold, screen)
with places.actions:
    switch.draw("Grid", asks.as_board(asked, lookups))
columns = lead_list.draw_actions(person, lookups, places.actions)
sheet = grid.sheet()
grid.hear(sheet, messages.take())
with acting_as(person) as session:
    total = lead_list.total(session, asked)
    page = lead_list.draw_line(total, asked, places.views)
    groups = lead_groups.read(session, asked)
    grid.turn_to(
        sheet, (asked, page), columns, lookups.names.fields,
        lambda: with_cells(reads.list_leads(session, asked.wanted, sort=asked.sort, limit=lead_list.PAGE, offset=(page - 1) * lead_list.PAGE).rows, lookups),
        lambda ids: {row["id"]: row for row in with_cells(list(reads.leads_by_id(session, ids).values()), lookups)},
    )  # fmt: skip
with head:
    look.head("Leads", *lead_list.context(person, lookups, asked))
lead_groups.draw(groups, asked, lookups)

fresh = [person]


@st.fragment
def work() -> None:
    """The grid and its bar run alone while somebody types."""
    person = fresh.pop() if fresh else viewer("lead")
    sheet = grid.sheet()
    if sheet.rows:
        with st.container(key="leads_grid"):
            grid.draw(sheet, person, lookups, stages=lead_list.stage_names(lookups, asked))
    else:
        lead_list.draw_empty(person, lookups, asked)
    if sheet.rows or sheet.pending or sheet.message:
        grid_bar.draw(sheet, person, lookups)


work()
if st.session_state.pop(grid_bar.LOOK, False):
    conflict_dialog.open_for(person, lookups)
