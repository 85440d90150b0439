"""The draft's own line, the same on each page that shapes something: how much it changes, what that comes to, apply it or forget it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.configuration import drafts, use_cases
from crm.configuration.drafts import Draft
from crm.configuration.impact import Impact, preview
from crm.errors import CrmError, Stale
from crm.ui import messages, words
from crm.ui.viewer import viewer

SOURCE = "configuration"


@dataclass(frozen=True, slots=True)
class Shaped:
    """What a page shapes. `page` begins its keys, `subject` names the draft, `resource` is what one configures here.

    `promise` says what does not happen before one applies; `begin_anew` lays the page's widgets out from what stands then.
    """

    page: str
    subject: str
    resource: str
    promise: str
    begin_anew: Callable[[], None]

    def key(self, name: str) -> str:
        return f"{self.page}.{name}"


def draw_line(person: Person, shaped: Shaped, draft: Draft | None, *, problem: str = "") -> None:
    """ "Draft, 3 changes" with its three buttons. `problem`: why what is typed can be no draft as it is."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{shaped.page}_draft"):
        if draft is None and not problem:
            st.html(f"<span class='tl-muted'>Change what you like below: {shaped.promise}.</span>", width="stretch")
            return
        st.html(_said(draft, problem), width="stretch")
        is_ready = draft is not None and not problem
        if st.button("Preview", key=shaped.key("preview"), disabled=not is_ready):
            show(shaped)
        if st.button("Apply", key=shaped.key("apply"), type="primary", disabled=not is_ready) and draft:
            if _is_losing(person, draft):
                show(shaped)
            else:
                _apply(person, shaped, draft)
        if st.button("Discard", key=shaped.key("discard"), type="tertiary"):
            with acting_as(person) as session:
                drafts.discard_draft(session, shaped.subject)
            _forget(shaped)


def _said(draft: Draft | None, problem: str) -> str:
    if problem or draft is None:
        return f"<span class='tl-dirty'>{escape(problem)}</span>"
    count = words.count(len(draft.edits), "change")
    kept = f", kept {clock.ago(draft.updated_at)}" if draft.updated_at and clock.ago(draft.updated_at) != "now" else ""
    return f"<span class='tl-dirty'>Draft, {count}{kept}</span> <span class='tl-muted'>only you see it</span>"


def _is_losing(person: Person, draft: Draft) -> bool:
    """Whether the draft empties values: then one looks first, and applies from there."""
    try:
        with acting_as(person) as session:
            return preview(session, draft).is_losing
    except CrmError:
        return False  # applying it says why it cannot be


def _forget(shaped: Shaped) -> None:
    st.session_state.pop(shaped.key("stale"), None)
    shaped.begin_anew()
    st.rerun()


@st.dialog("What this comes to", width="medium")
def show(shaped: Shaped) -> None:
    """The impact in plain numbers, and from there to applying it."""
    person = viewer(shaped.resource, "configure")
    try:
        with acting_as(person) as session:
            draft = drafts.open_draft(session, shaped.subject)
            impact = preview(session, draft) if draft else Impact()
    except CrmError as error:
        st.error(error.detail)
        return
    draw_impact(impact)
    if draft and impact.is_ready and st.button("Apply", key=shaped.key("preview.apply"), type="primary"):
        _apply(person, shaped, draft)


def draw_impact(impact: Impact) -> None:
    """Sentences; then what must be answered, then what stands in the way."""
    if impact.lines:
        st.html("<div class='tl-impact'><ul>" + "".join(f"<li>{escape(line)}</li>" for line in impact.lines) + "</ul></div>")
    for line in [question.text for question in impact.questions]:
        st.warning(line, icon=":material/help:")
    for line in impact.blockers:
        st.error(line, icon=":material/block:")


def _apply(person: Person, shaped: Shaped, draft: Draft) -> None:
    try:
        with acting_as(person) as session:
            done = use_cases.apply_draft(session, draft, source=SOURCE)
    except CrmError as error:
        st.session_state[shaped.key("stale")] = (shaped.subject, error.detail, isinstance(error, Stale))
        st.rerun()
    on_way = f" {words.count(done.leads_moving, 'lead')} are on their way in the background." if done.leads_moving else ""
    messages.leave(f"“{draft.title}” is changed.{on_way}", done.change_set_id)
    _forget(shaped)


def draw_trouble(person: Person, shaped: Shaped, draft: Draft | None) -> None:
    """Why it could not be applied; where somebody else was first, the two ways on."""
    found = st.session_state.get(shaped.key("stale"))
    if not found or found[0] != shaped.subject or draft is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"{shaped.page}_trouble"):
        st.html(f"<span>{escape(found[1])}</span>", width="stretch")
        if found[2]:
            for label, keeps_mine in (("Keep mine", True), ("Take theirs", False)):
                if st.button(label, key=shaped.key(f"stale.{'mine' if keeps_mine else 'theirs'}")):
                    with acting_as(person) as session:
                        use_cases.look_again(session, draft, keeps_mine=keeps_mine)
                    _forget(shaped)
        if st.button("", icon=":material/close:", key=shaped.key("trouble.close"), type="tertiary", help="Close"):
            del st.session_state[shaped.key("stale")]
            st.rerun()
