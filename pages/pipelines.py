"""Pipelines: which steps do leads go through, what does each ask for, and what would a change come to? For those who configure pipelines."""

import streamlit as st

from crm.access import acting_as
from crm.configuration import drafts, moving
from crm.configuration.pipeline_plan import plan
from crm.ui import look, messages, words
from crm.ui.lookups import look_up
from crm.ui.shape import acts, ask, review, stages
from crm.ui.viewer import viewer

person = viewer("pipeline", "configure")
lookups = look_up(person)
with acting_as(person) as session:
    mine = ask.configurable(session)

top = st.container(key="pipelines_head")
pipeline = ask.choose(mine, person, lookups)
if pipeline is None:
    with top:
        look.head("Pipelines")
    messages.draw(person)
    look.empty("No pipeline yet.", "Make the first one: from a ready-made one, or empty. Leads then move through its stages.")
    st.stop()

with acting_as(person) as session:
    draft = drafts.open_draft(session, acts.subject(pipeline))
    moves = moving.moves_of(session, pipeline.id)

held = ask.leads_held(person, pipeline)
leads = sum(each.leads for each in held.values())
with top:
    look.head("Pipelines", lookups.names.teams.get(pipeline.team_id, ""), pipeline.name, words.count(leads, "lead"), words.count(len(pipeline.stages), "stage"))
messages.draw(person, on_undo=acts.begin_anew)
acts.draw_moves(person, pipeline, moves)
with st.container(horizontal=True, vertical_alignment="center", key="pipelines_line"):
    name = stages.draw_name(pipeline, draft)
    review.draw_line(person, acts.shaped(pipeline), draft)
review.draw_trouble(person, acts.shaped(pipeline), draft)
custom = {field.name: field.said for field in lookups.catalogue.of_team("lead", pipeline.team_id)}
wanted = stages.draw(pipeline, name, plan(pipeline, draft), draft, held, custom)
acts.keep(person, pipeline, draft, wanted)
