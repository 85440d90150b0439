"""The configuration as a file: taken away to keep or to send, and read in again as a draft that one looks at first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import acting_as
from crm.configuration import as_file, drafts, use_cases
from crm.configuration.drafts import Draft
from crm.configuration.impact import preview
from crm.configuration.saying import Question
from crm.errors import CrmError
from crm.pipelines.reads import pipelines
from crm.ui import files, messages, words
from crm.ui.shape import earlier
from crm.ui.shape.review import SOURCE, draw_impact
from crm.ui.viewer import viewer


def draw_menu(page: str, resource: str, begin_anew: Callable[[], None], *, more: Mapping[str, str] | None = None) -> str | None:
    """The ⋯ of a page that shapes something; answers which of its own actions (`more`) was picked."""
    actions = {"earlier": "Earlier changes…", "export": "Save as a file…", "import": "Read a file…", **(more or {})}
    picked = st.menu_button(
        "", list(actions), format_func=lambda name: actions[name], key=f"{page}.menu", icon=":material/more_horiz:", help="More", type="tertiary"
    )
    if picked == "export":
        save(resource)
    elif picked == "import":
        read(page, resource, begin_anew)
    elif picked == "earlier":
        earlier.show(page, resource, begin_anew)
    return picked


@st.dialog("Configuration as a file", width="large")
def save(resource: str) -> None:
    """All that one may shape, to fetch or to copy: readable, and read in again it changes nothing."""
    person = viewer(resource, "configure")
    with acting_as(person) as session:
        written = as_file.write_file(session)
    st.caption("Fetch it, or copy it with the button on its right. Read in again it changes nothing; change it, and you see first what it comes to.")
    if st.button("Download", key="configuration.file.fetch", icon=":material/download:"):
        files.ask(person, as_file.KIND, {})
    st.code(written, language="yaml", height=460)


@st.dialog("Read a file", width="large")
def read(page: str, resource: str, begin_anew: Callable[[], None]) -> None:
    """First what the file would change, in plain numbers; nothing happens before it is applied."""
    person = viewer(resource, "configure")
    uploaded = st.file_uploader("The file", type=["yaml", "yml"], key=f"{page}.file", label_visibility="collapsed", max_upload_size=1)
    pasted = st.text_area("Or paste it here", key=f"{page}.pasted", height=120)
    content = uploaded.getvalue() if uploaded else (pasted or "").strip()
    if not content:
        return
    try:
        with acting_as(person) as session:
            draft = as_file.read_file(session, content)
            if not draft.edits:
                st.success("The file says what stands already: nothing would change.")
                return
            draft = drafts.checked(Draft(draft.subject, draft.title, draft.edits, _places(session, draft)))
            impact = preview(session, draft)
    except CrmError as error:
        st.error(f"{error.detail} Nothing was changed.")
        return
    st.html(f"<b>{words.count(len(draft.edits), 'change')}</b>")
    draw_impact(impact)
    if not impact.is_ready or not st.button("Apply", key=f"{page}.file.apply", type="primary"):
        return
    try:
        with acting_as(person) as session:
            done = use_cases.apply_draft(session, draft, source=SOURCE)
    except CrmError as error:
        st.error(error.detail)
        return
    begin_anew()
    messages.leave("The file is applied.", done.change_set_id)
    st.rerun()


def _places(session: Session, draft: Draft) -> Mapping[int, int | str]:
    """Where the leads of removed stages go, asked one by one."""
    if not any(edit.removes for edit in draft.of("stage")):
        return {}
    standing = {stage.id: (pipeline, stage) for pipeline in pipelines(session) for stage in pipeline.stages}
    found: dict[int, int | str] = {}
    for question in preview(session, draft).questions:
        if question.stage_id in standing:
            pipeline, _ = standing[question.stage_id]
            options: dict[int | str, str] = {s.id: s.name for s in pipeline.stages if not _is_removed(draft, s.id)}
            options |= {e.ref: str(e.wanted["name"]) for e in draft.of("stage") if e.ref and e.wanted.get("pipeline_id") == pipeline.id}
            to = _ask(question, options)
            if to is not None:
                found[question.stage_id] = to
    return found


def _is_removed(draft: Draft, stage_id: int) -> bool:
    edit = draft.edit_of("stage", stage_id)
    return edit is not None and edit.removes


def _ask(question: Question, options: Mapping[int | str, str]) -> int | str | None:
    return st.selectbox(
        question.text, list(options), None, format_func=lambda each: options[each], placeholder="Where to?", key=f"pipelines.file.place.{question.stage_id}"
    )
