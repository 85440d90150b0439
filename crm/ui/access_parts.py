"""What the Access page draws: the question, the verdict with its reasons, everybody who can, looking as somebody, two roles side by side."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import Person, viewing
from crm.errors import CrmError
from crm.permissions import explaining, roles
from crm.permissions.explaining import Explanation
from crm.permissions.rules import Action, Step
from crm.ui import look, viewer, words
from crm.ui.page_list import HOME

ACTIONS: Mapping[Action, str] = {"view": "See it", "edit": "Edit it", "delete": "Delete it", "assign": "Hand it over"}
WHO: Mapping[Action, str] = {"view": "can see it", "edit": "can edit it", "delete": "can delete it", "assign": "can hand it over to a colleague of its team"}


def ask(people: Mapping[int, str]) -> tuple[int | None, str, Action]:
    """Whom, which lead and what; all of it in the URL."""
    with st.container(horizontal=True, key="access_question", vertical_alignment="bottom", gap="small"):
        person_id = st.selectbox(
            "Person", list(people), index=None, placeholder="Choose a person", key="person", bind="query-params", format_func=people.__getitem__, width=240
        )
        lead = st.text_input("Lead", key="lead", bind="query-params", placeholder="Name, mail or number", width=280, max_chars=200)
        action = st.segmented_control(
            "What", list(ACTIONS), default="view", required=True, key="action", bind="query-params", format_func=ACTIONS.__getitem__, width="content"
        )
    return person_id, (lead or "").strip(), action or "view"


def ask_lead(session: Session, wanted: str) -> int | None:
    """The lead that is meant; asks which, where several are called so."""
    if not wanted:
        return None
    found = dict(explaining.find_leads(session, wanted))
    if not found:
        look.empty("No such lead.", "Try fewer letters, or the number from its address. Leads that you do not see yourself are not found.")
        return None
    if len(found) == 1:
        return next(iter(found))
    return st.selectbox("Which one?", list(found), key="access.which", format_func=found.__getitem__, width=420)


def draw_why(session: Session, person_id: int | None, lead_id: int | None, action: Action) -> None:
    """The verdict, in words, with what each role says."""
    if person_id is None or lead_id is None:
        if person_id is None and lead_id is None:
            look.empty("Why can somebody see a lead, or not?", "Choose a person and a lead: the answer comes from the same rules that decide it.")
        return
    try:
        found = explaining.explain(session, person_id, lead_id, action)
    except CrmError as error:
        st.warning(str(error))
        return
    _draw_verdict(found)


def _draw_verdict(found: Explanation) -> None:
    mark = "yes" if found.can else "no"
    note = "".join(f"<p>{escape(said)}</p>" for said in (found.note, found.closed) if said)
    steps = "".join(_step_html(step) for step in found.steps)
    st.html(f"<div class='tl-verdict tl-{mark}'><b>{'Yes' if found.can else 'No'}</b><div><p>{escape(found.said)}</p>{note}{steps}</div></div>")


def _step_html(step: Step) -> str:
    """One grant: each role's answer, and what it would take."""
    lines = "".join(f"<li class='{'tl-decides' if reason.decides else ''}'>{escape(reason.text)}</li>" for reason in step.reasons)
    lines = lines or "<li>No role in any team.</li>"
    take = f"<small>It would take {escape('; or '.join(step.would_take))}.</small>" if step.would_take else ""
    return f"<section><code>{escape(step.grant)}</code> {'reaches it' if step.passes else 'does not reach it'}<ul>{lines}</ul>{take}</section>"


def draw_look_as(person: Person, people: Mapping[int, str], person_id: int | None) -> None:
    """The way to see the app through their eyes."""
    if person_id is None or person_id == person.id or not person.may("person", "view_as"):
        return
    name = people[person_id]
    with st.container(horizontal=True, vertical_alignment="center", key="access_look_as"):
        is_asked = st.button(f"Look as {name}", key="access.look_as", icon=":material/visibility:")
        st.html("<span class='tl-muted'>You see what they see and can change nothing. It is noted in the audit.</span>", width="stretch")
    if is_asked:
        try:
            viewing.start(viewer.token(), person_id, address=viewer.address())
        except CrmError as error:
            st.error(str(error))
        else:
            st.switch_page(HOME, query_params={})


def draw_who_can(session: Session, lead_id: int, action: Action, *, is_whole: bool) -> None:
    """Everybody who can, each with the role that decides; people of one's teams, where one sees no others (`is_whole` False)."""
    found = explaining.who_can(session, lead_id, action)
    st.subheader(f"{words.count(len(found), 'person', 'people')}{'' if is_whole else ' of your teams'} {WHO[action]}")
    if not found:
        look.empty("Nobody can." if is_whole else "Nobody of your teams can.", "No role reaches this lead, or it was deleted.")
        return
    if not is_whole:
        st.caption("Others may as well: admins and people of teams above see more than you are shown here.")
    lines = "".join(f"<tr><th>{escape(who.name)}</th><td>{escape(who.by)}</td></tr>" for who in found)
    st.html(f"<div class='tl-scroll tl-long'><table class='tl-table tl-said'><tr><th>Who</th><td>By</td></tr>{lines}</table></div>")


def draw_difference(session: Session, choices: Mapping[int, str]) -> None:
    """Two roles side by side, where they differ."""
    st.subheader("How two roles differ")
    with st.container(horizontal=True, key="access_roles", gap="small"):
        ids = list(choices)
        one, other = (
            st.selectbox(
                label, ids, index=min(position, len(ids) - 1), key=key, bind="query-params", format_func=choices.__getitem__, width=200,
                label_visibility="collapsed",
            )
            for label, key, position in (("One role", "one", 1), ("Another role", "other", 2))
        )  # fmt: skip
    found, closed = roles.differences(session, one, other), roles.field_differences(session, one, other)
    if not found and not closed:
        look.empty("They grant the same.", "Choose two different roles to see what one may do and the other may not.")
        return
    lines = "".join(f"<tr><th title='{escape(d.grant)}'>{escape(d.said)}</th>{_scope_html(d.one)}{_scope_html(d.other)}</tr>" for d in found)
    lines += "".join(f"<tr><th>{escape(d.said)}</th>{_rule_html(d.one)}{_rule_html(d.other)}</tr>" for d in closed)
    head = f"<tr><th>{words.count(len(found) + len(closed), 'difference')}</th><td>{escape(choices[one])}</td><td>{escape(choices[other])}</td></tr>"
    st.html(f"<div class='tl-scroll'><table class='tl-table tl-said'>{head}{lines}</table></div>")


def _scope_html(scope: str) -> str:
    return f"<td class='tl-scope-{escape(scope)}'>{escape(roles.SCOPES.get(scope, scope))}</td>"


def _rule_html(rule: str) -> str:
    """Looks as a scope of the same strength does."""
    strength = {"hidden": "none", "open": "all"}.get(rule, "own")
    return f"<td class='tl-scope-{strength}'>{escape(roles.RULES.get(rule, rule))}</td>"
