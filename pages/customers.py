"""Customers: who orders, who stopped, and whom did nobody call? For everybody who may see customers."""

import streamlit as st

from crm import money
from crm.access import acting_as
from crm.customers import reads
from crm.ui import fold, lead_list, look, messages, mirror_line, saved_views, words
from crm.ui.customers import asks, dialog, params, table
from crm.ui.kept import kept
from crm.ui.lookups import customer_choices, look_up
from crm.ui.viewer import viewer

PAGE = 100

person = viewer("customer")
lookups = look_up(person)
markets, segments = customer_choices(person)

screen = params.screen(markets, segments)
saved_views.begin(person, screen)
head = st.container(key="customers_head")
asked, places = asks.ask(markets, segments)
saved_views.draw(person, lookups, places.views, screen)
fold.draw(places.fold, screen)
with acting_as(person) as session:
    mirror = mirror_line.read(session, person)
    total, usd = kept(session, "customers.total", asked.wanted, lambda: reads.totals(session, asked.wanted))
    with st.container(horizontal=True, key="customers_line", vertical_alignment="center"):
        page = st.pagination(max(1, -(-total // PAGE)), key="page", bind="query-params", max_visible_pages=5)
        st.html(f"<div class='tl-count'><span>{money.short(usd)} lifetime</span><b>{words.count(total, 'customer')}</b></div>", width="stretch")
    rows = reads.list_customers(session, asked.wanted, sort=asked.sort, limit=PAGE, offset=(page - 1) * PAGE)
with head, st.container(horizontal=True, key="home_head", vertical_alignment="center", gap="small"):
    look.head("Customers", lead_list.place_of(person, lookups), "USD at each order's day", "now", mirror_line.said(mirror))
    mirror_line.draw_button(mirror, person)
messages.draw(person)

if not rows:
    if asked.wanted == reads.CustomerFilter():
        look.empty("No customers yet.", "They come from production with its first orders; an admin connects it.")
    elif asked.view == "neglected":
        look.empty("Everybody who ordered has heard from you.", "Well done. Choose All to see the others.")
    else:
        look.empty("No customer fits.", "Widen the filters, or try fewer letters.")
else:
    with st.container(key="customers_table"):
        table.draw(rows, markets, lookups, may_make=person.may("lead", "create"))
    act = table.heard(rows)
    if act and act[0] == "lead" and act[1]["lead_id"]:
        st.switch_page("pages/lead.py", query_params={"id": str(act[1]["lead_id"])})
    elif act and act[0] == "make":
        dialog.make(act[1], person)
    elif act:
        dialog.open_for(act[1]["id"], markets)
