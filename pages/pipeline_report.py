"""Pipeline: where do leads stand, how far do they get, what moved? For everybody who may see reports; as of any past day."""

import streamlit as st

from crm.access import acting_as
from crm.ui import lead_list, look, pipeline_report
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("report")
lookups = look_up(person)

head = st.container(key="report_head")
asked = pipeline_report.ask(person, lookups)
with head:
    look.head("Pipeline", lead_list.place_of(person, lookups), *pipeline_report.context(lookups, asked))
if asked is None:
    look.empty("There is no pipeline in sight yet.", "A pipeline comes with a team: ask an admin for a place in one.")
    st.stop()
with acting_as(person, resource="report", action="view") as session:
    found = pipeline_report.read(session, asked)
pipeline_report.draw_headline(found)
pipeline_report.draw_tiles(found)
left, right = st.columns(2, gap="large")
with left:
    pipeline_report.draw_stages(found, lookups, asked)
with right:
    pipeline_report.draw_funnel(found)
pipeline_report.draw_movement(found)
pipeline_report.draw_statement(found)
