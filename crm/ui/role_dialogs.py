"""A new role, another name, the end of one: what the Roles page opens."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from crm.access import acting_as
from crm.errors import CrmError
from crm.roles import use_cases
from crm.roles.reads import Role, list_roles, one_role
from crm.ui import dialogs, messages, role_grid
from crm.ui.viewer import viewer

CHOSEN = "roles.chosen"
EMPTY = 0


def add() -> None:
    dialogs.show("New role", draw_add)


def rename(role: Role) -> None:
    dialogs.show(role.name, draw_one, role.id)


def draw_add() -> None:
    """A name, and which role it begins as a copy of."""
    person = viewer("role", "configure", everywhere=True)
    with acting_as(person) as session:
        roles = {role.id: role for role in list_roles(session)}
    with st.form("roles.add", border=False):
        name = st.text_input("Name", key="roles.add.name", max_chars=300, placeholder="Field rep")
        like = st.selectbox(
            "Begins as", [*_narrow_first(list(roles.values())), EMPTY], key="roles.add.like",
            format_func=lambda role_id: f"a copy of {roles[role_id].name}" if role_id else "one that grants nothing",
        )  # fmt: skip
        is_own_only = st.toggle(
            "Only what they own", key="roles.add.own", help="Where the other role reaches its team, this one reaches the leads and companies of its holder.",
        )  # fmt: skip
        is_sent = st.form_submit_button("Add", type="primary", key="roles.add.send")
    if not is_sent:
        return
    try:
        with acting_as(person) as session:
            done = use_cases.add_role(session, name.strip(), like=like or None, is_own_only=is_own_only, source="page")
    except CrmError as error:
        st.error(error.detail)
        return
    st.session_state[CHOSEN] = name.strip()
    messages.leave(f"The role “{name.strip()}” is added. Nobody holds it yet: give it to people on the People page.", done.change_set_id)
    st.rerun()


def _narrow_first(roles: Sequence[Role]) -> list[int]:
    """Nobody copies the admin by mistake."""
    return [role.id for role in sorted(roles, key=lambda role: (role.is_organisation_wide, role.name != "rep", role.id))]


def draw_one(role_id: int) -> None:
    """Another name or description; the end of a role that nobody holds."""
    person = viewer("role", "configure", everywhere=True)
    try:
        with acting_as(person) as session:
            role = dialogs.seen(f"role {role_id}", lambda: one_role(session, role_id))
    except CrmError as error:
        st.error(error.detail)
        return
    with st.form("roles.rename", border=False):
        name = st.text_input("Name", role.name, key=f"roles.rename.name.{role.id}", max_chars=300)
        description = st.text_input("What it is for", role.description, key=f"roles.rename.description.{role.id}", max_chars=300)
        with st.container(horizontal=True):
            is_sent = st.form_submit_button("Save", type="primary", key="roles.rename.send")
            is_removed = not role.is_shipped and st.form_submit_button("Remove", key="roles.remove", type="tertiary")
    if not (is_sent or is_removed):
        return
    try:
        with acting_as(person) as session:
            if is_removed:
                done = use_cases.remove_role(session, role.id, role.version, source="page")
            else:
                edits = use_cases.role_edits(role, name=name.strip(), description=description.strip())
                done = use_cases.save_role(session, edits, name=role.name, source="page")
    except CrmError as error:
        st.error(error.detail)
        return
    if not is_removed:
        st.session_state[CHOSEN] = name.strip()
    role_grid.lay_anew()
    messages.leave(f"The role “{role.name}” is {'removed' if is_removed else 'saved'}.", done.change_set_id)
    st.rerun()
