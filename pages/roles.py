"""Roles: what may each role do, how far, and which fields does it show? For those who configure roles."""

import streamlit as st

from crm.access import acting_as
from crm.roles import reads
from crm.ui import look, messages, role_dialogs, role_grid, words
from crm.ui.shape import file_dialog
from crm.ui.viewer import viewer

person = viewer("role", "configure", everywhere=True)
with acting_as(person) as session:
    roles = {role.name: role for role in reads.list_roles(session)}

look.head("Roles", words.count(len(roles), "role"), "whole organisation")
messages.draw(person)
if chosen := st.session_state.pop(role_dialogs.CHOSEN, None):
    st.session_state["role"] = chosen
with st.container(horizontal=True, vertical_alignment="center", key="roles_choice", gap="small"):
    name = st.segmented_control("Role", list(roles), default="rep" if "rep" in roles else next(iter(roles)), required=True, key="role", bind="query-params",
                                label_visibility="collapsed")  # fmt: skip
    if st.button("New role", key="roles.new", icon=":material/add:"):
        role_dialogs.add()
    file_dialog.draw_menu("roles", "role", role_grid.lay_anew)
role = roles.get(name or "") or next(iter(roles.values()))
with acting_as(person) as session:
    sheet = role_grid.sheet_of(session, role)
with st.container(horizontal=True, vertical_alignment="center", key="roles_head", gap="small"):
    held = words.count(role.people, "person holds it", "people hold it") if role.people else "nobody holds it"
    wide = "for the whole organisation" if role.is_organisation_wide else "held in a team"
    st.html(f"<div class='tl-role'>{role_grid.described(role)}<span>{held} · {wide}</span></div>", width="stretch")
    if st.button("Rename or remove", key="roles.rename", type="tertiary"):
        role_dialogs.rename(role)

with st.container(key="roles_work"):
    left, right = st.columns([7, 2], gap="small")
    with left:
        st.subheader("What it may do, and how far")
        role_grid.draw_grants(sheet)
    with right:
        st.subheader("Fields it closes")
        role_grid.draw_fields(sheet)
    role_grid.draw_bar(sheet, person)
st.html(
    "<p class='tl-states'>“own”: what one owns oneself. “team”: everything of the team in which somebody holds the role, and of the teams below it. "
    "“all”: the whole organisation. Nobody can grant what they do not hold themselves. With several roles the most open field wins.</p>"
)
