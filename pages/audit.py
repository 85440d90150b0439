"""Audit: who changed what configuration, came in from where, took out what, looked as whom? For those with audit: view everywhere."""

import streamlit as st

from crm.access import acting_as
from crm.audit.reads import list_audit
from crm.ui import audit_list, look, messages, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("audit", "view", everywhere=True)
lookups = look_up(person)
head = st.container(key="audit_head")
wanted = audit_list.ask(person, lookups.names)
after = audit_list.read_cursor(wanted)
with acting_as(person, resource="audit") as session:
    page = list_audit(session, wanted, after=after)

with head:
    look.head("Audit", "whole organisation", person.time_zone, "older entries" if after else "newest first")
messages.draw(person)
if not page.entries:
    look.empty("Nothing like that happened.", "Widen the days, choose another kind, or try fewer letters. Everything that shapes the work lands here.")
else:
    audit_list.draw(page.entries, words.local_day, lookups.names)
audit_list.draw_pages(page.next_after, is_older=after is not None)
