"""What the Roles page draws: one role's grants as a grid, what it shows of fields, and the line with what is not applied yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy.orm import Session

from crm.access import RESOURCES, Person, acting_as
from crm.changes import Edit
from crm.configuration.drafts import Draft, discard_draft, open_draft
from crm.configuration.impact import Impact, preview
from crm.configuration.use_cases import apply_draft, look_again
from crm.errors import CrmError
from crm.roles import rules
from crm.roles.reads import Role, custom_fields, field_label
from crm.roles.records import CLOSABLE
from crm.roles.use_cases import Grid, role_edits
from crm.ui import messages, role_drafts, words

STATE = "roles.sheet"
NAMES: Mapping[str, str] = {
    "lead": "Leads", "company": "Companies", "contact": "Contacts", "activity": "Calls, notes", "customer": "Customers", "alert": "Alerts",
    "pipeline": "Pipelines", "person": "People", "team": "Teams", "role": "Roles", "report": "Reports", "settings": "Settings", "audit": "Audit",
    "field": "Fields", "goal": "Goals", "view": "Saved views", "template": "Templates",
}  # fmt: skip
SCOPES: Mapping[str, str] = {"none": "–", "own": "own", "team": "team", "all": "all"}
RULES: Mapping[str, str] = {"open": "open", "read_only": "read only", "hidden": "hidden"}
HEADS: Mapping[str, str] = {"configure": "set up", "view_as": "as"}
"""Short enough that every action stands beside the others on a desk's screen; the whole word is in the help."""
ROW, HEAD = 35, 37


@dataclass(slots=True)
class Sheet:
    """One role as it was seen when its grid was laid out, with what one's draft wants. `generation` names the editors.

    `began` is what the editors began with, and stays: an editor that is fed what it answered loses every second edit.
    """

    role: Role
    standing: Role
    labels: Mapping[tuple[str, str], str]
    generation: int
    began: tuple[Grid, Grid]
    grants: Grid
    fields: Grid
    kept: list[Edit] | None = None
    newest: Role | None = None

    @property
    def edits(self) -> list[Edit]:
        return role_edits(self.role, grants=self.grants, fields=self.fields)


def sheet_of(session: Session, standing: Role) -> Sheet:
    """The sheet of this showing: laid out anew for another role, and for a newer one as long as nothing is typed."""
    found: Sheet | None = st.session_state.get(STATE)
    if found is None or found.standing.id != standing.id or (not found.edits and found.standing != standing):
        role, grants, fields = role_drafts.found(session, standing)
        labels = {each: field_label(session, *each) for each in _closable(session, role)}
        made = Sheet(role, standing, labels, found.generation + 1 if found else 1, (grants, fields), grants, fields)
        made.kept = made.edits
        found = st.session_state[STATE] = made
    found.newest = standing
    return found


def _closable(session: Session, role: Role) -> list[tuple[str, str]]:
    """(record type, name) of what a role may close, and of what this one closes and is no more."""
    every = [*((record_type, name) for record_type, names in CLOSABLE.items() for name in names), *custom_fields(session)]
    return [*every, *(each for each in role.fields if each not in every)]


def lay_anew() -> None:
    """Lay the grid out from what stands and what is drafted now."""
    found: Sheet | None = st.session_state.get(STATE)
    if found is not None:
        st.session_state[STATE] = replace(found, standing=replace(found.standing, id=0), generation=found.generation)


def draw_grants(sheet: Sheet) -> None:
    """A row for each kind of thing, a column for each action; a blank cell is nothing that there is."""
    cells = rules.cells(is_organisation_wide=sheet.role.is_organisation_wide)
    actions = list(dict.fromkeys(action for _, action in cells))
    standing = {resource: [_began(sheet, (resource, action)) if (resource, action) in cells else None for action in actions] for resource in RESOURCES}
    base = pd.DataFrame.from_dict(standing, orient="index", columns=actions, dtype="str").where(lambda frame: frame.notna(), None)
    base.insert(0, "what", [NAMES.get(resource, resource.capitalize()) for resource in RESOURCES])
    scopes = [SCOPES[scope] for scope in SCOPES if scope != "team" or not sheet.role.is_organisation_wide]
    cc = st.column_config
    config: dict[str, Any] = {"what": cc.TextColumn("", width=92, pinned=True)}
    heads = {action: HEADS.get(action, action) for action in actions}
    config |= {action: cc.SelectboxColumn(head, options=scopes, width=46 + 4 * len(head), help=action.replace("_", " ")) for action, head in heads.items()}
    edited = st.data_editor(
        base, key=f"roles.grants.{sheet.role.id}.{sheet.generation}", hide_index=True, disabled=["what"], column_config=config, placeholder="",
        height=HEAD + ROW * len(RESOURCES) + 2, row_height=ROW, alt=f"Grants of {sheet.role.name}",
    )  # fmt: skip
    sheet.grants, odd = _typed(edited, sheet.role, cells)
    for line in odd:
        st.html(f"<div class='tl-muted'>{escape(line)}</div>")


def _began(sheet: Sheet, cell: tuple[str, str]) -> str:
    scope = sheet.began[0].get(cell, sheet.role.cell(*cell).scope)
    return SCOPES.get(scope, scope)


def _typed(edited: pd.DataFrame, role: Role, cells: Mapping[tuple[str, str], tuple[str, ...]]) -> tuple[dict[tuple[str, str], str], list[str]]:
    """The cells that differ, and a line for each that cannot be. The editor takes any word in any cell, so each is looked at again."""
    given = {said: scope for scope, said in SCOPES.items()}
    found: dict[tuple[str, str], str] = {}
    odd = []
    for resource, row in edited.iterrows():
        for action in edited.columns[1:]:
            said = row[action]
            is_empty = said is None or said != said or said == ""
            cell = (str(resource), str(action))
            if cell not in cells:
                odd += [] if is_empty else [f"There is no “{cell[0]}: {cell[1]}” to grant: that cell stays as it is."]
                continue
            scope = "none" if is_empty else given.get(str(said), "")
            if scope == role.cell(*cell).scope:
                continue
            if scope in cells[cell]:
                found[cell] = scope
            else:
                odd.append(f"“{cell[0]}: {cell[1]}” takes {', '.join(SCOPES[each] for each in cells[cell])}: that cell stays as it is.")
    return found, odd


def draw_fields(sheet: Sheet) -> None:
    """Which fields the role hides, or shows without letting them be changed."""
    every = list(sheet.labels)
    base = pd.DataFrame({
        "what": [f"{record_type.capitalize()}: {label}" for (record_type, _), label in sheet.labels.items()],
        "rule": [RULES[sheet.began[1].get(each, sheet.role.fields[each].rule if each in sheet.role.fields else "open")] for each in every],
    })  # fmt: skip
    cc = st.column_config
    config = {"what": cc.TextColumn("Field", width=146), "rule": cc.SelectboxColumn("Is", options=list(RULES.values()), required=True, width=88)}
    edited = st.data_editor(
        base, key=f"roles.fields.{sheet.role.id}.{sheet.generation}", hide_index=True, disabled=["what"], height=min(HEAD + ROW * len(every), 494) + 2,
        row_height=ROW, alt=f"Fields for {sheet.role.name}", column_config=config,
    )  # fmt: skip
    given = {said: rule for rule, said in RULES.items()}
    sheet.fields = {each: given[said] for each, said in zip(every, edited["rule"], strict=True) if said in given}


def draw_bar(sheet: Sheet, person: Person) -> None:
    """What is typed and not applied yet, kept as one's draft: look at what it comes to, apply it, or forget it."""
    edits = sheet.edits
    draft = _keep(sheet, edits, person)
    with st.container(horizontal=True, vertical_alignment="center", key="roles_bar", gap="small"):
        if draft is None:
            st.html("<span class='tl-muted'>Change a cell: nothing holds until you apply it.</span>", width="stretch")
            return
        st.html(f"<span class='tl-dirty'>draft, {words.count(len(edits), 'change')}</span>", width="stretch")
        wants_discard = st.button("Discard", key="roles.discard", type="tertiary")
        wants_preview = st.button("Preview", key="roles.preview")
        wants_apply = st.button("Apply", key="roles.apply", type="primary", shortcut="Ctrl+S")
    if sheet.newest and role_drafts.is_behind(sheet.newest, edits):
        _draw_behind(draft, person)
    try:
        if wants_discard:
            _discard(sheet, person)
        if wants_preview:
            with acting_as(person) as session:
                draw_impact(preview(session, draft))
        if wants_apply:
            with acting_as(person) as session:
                done = apply_draft(session, draft, source="page")
            messages.leave(f"The role “{sheet.role.name}” is changed. It holds on open pages and over the API within five seconds.", done.change_set_id)
            lay_anew()
            st.rerun()
    except CrmError as error:
        st.error(f"{error.detail} What you chose is still here.")


def _draw_behind(draft: Draft, person: Person) -> None:
    """Somebody was first: the draft goes on from what stands now, with mine in it or theirs."""
    with st.container(horizontal=True, vertical_alignment="center", key="roles_behind", gap="small"):
        st.html("<span class='tl-dirty'>Somebody changed this role since you looked. Your draft is kept.</span>", width="stretch")
        keeps_mine = st.button("Keep mine", key="roles.mine")
        if keeps_mine or st.button("Take theirs", key="roles.theirs"):
            with acting_as(person) as session:
                look_again(session, draft, keeps_mine=keeps_mine)
            lay_anew()
            st.rerun()


def _keep(sheet: Sheet, edits: list[Edit], person: Person) -> Draft | None:
    """The draft, written only where it differs from what was kept before."""
    with acting_as(person) as session:
        if edits == sheet.kept:
            return open_draft(session, role_drafts.subject_of(sheet.role.id)) if edits else None
        sheet.kept = edits
        return role_drafts.kept(session, sheet.role, edits)


def _discard(sheet: Sheet, person: Person) -> None:
    with acting_as(person) as session:
        discard_draft(session, role_drafts.subject_of(sheet.role.id))
    lay_anew()
    st.rerun()


def draw_impact(impact: Impact) -> None:
    """Plain sentences; what stands in the way first."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in impact.lines)
    stops = "".join(f"<div class='tl-refused'>{escape(line)}</div>" for line in impact.blockers)
    st.html(f"<div class='tl-impact'>{stops}<b>What this comes to</b><ul>{lines}</ul></div>")


def described(role: Role) -> str:
    """The role's name and what it is for, as markup."""
    return f"<b>{escape(role.name)}</b><em>{escape(role.description)}</em>" if role.description else f"<b>{escape(role.name)}</b>"
