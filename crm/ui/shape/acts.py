"""The draft's own line: how much it changes, what that comes to, apply it or forget it; and leads that are on their way."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.configuration import drafts, moving, use_cases
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.impact import Impact, preview
from crm.configuration.moving import StageMove
from crm.configuration.pipeline_plan import edits_of
from crm.errors import CrmError, Stale
from crm.pipelines.reads import PipelineRow
from crm.ui import messages, words
from crm.ui.shape import state
from crm.ui.viewer import viewer

begin_anew = state.begin_anew
STALE = "pipelines.stale"
SOURCE = "configuration"


def subject(pipeline: PipelineRow) -> str:
    return f"pipeline:{pipeline.id}"


def keep(person: Person, pipeline: PipelineRow, draft: Draft | None, wanted: state.Wanted) -> None:
    """Keep what the widgets say as the draft, where it says something else than before."""
    edits = edits_of(pipeline, wanted.stages, draft)
    if wanted.name != pipeline.name:
        before = draft.edit_of("pipeline", pipeline.id) if draft else None
        edits.append(DraftEdit("pipeline", pipeline.id, {"name": wanted.name}, before.seen_version if before else pipeline.version))
    removed = {edit.record_id for edit in edits if edit.removes}
    places = {stage_id: to for stage_id, to in wanted.places.items() if stage_id in removed}
    is_new = (tuple(edits), places) != ((draft.edits, dict(draft.places)) if draft else ((), {}))
    if is_new:
        with acting_as(person) as session:
            if edits:
                drafts.keep_draft(session, subject(pipeline), wanted.name, edits, places)
            else:
                drafts.discard_draft(session, subject(pipeline))
    if state.is_asked_again() or is_new:
        st.rerun()


def draw_draft_line(person: Person, pipeline: PipelineRow, draft: Draft | None) -> None:
    """ "draft, 3 changes" with its three buttons. Without a draft it says that nothing happens before one applies."""
    with st.container(horizontal=True, vertical_alignment="center", key="pipelines_draft"):
        if draft is None:
            st.html("<span class='tl-muted'>Change what you like below: nothing happens to anybody's leads before you apply it.</span>", width="stretch")
            return
        count = words.count(len(draft.edits), "change")
        kept = f", kept {clock.ago(draft.updated_at)}" if draft.updated_at and clock.ago(draft.updated_at) != "now" else ""
        st.html(f"<span class='tl-dirty'>Draft, {count}{kept}</span> <span class='tl-muted'>only you see it</span>", width="stretch")
        if st.button("Preview", key="pipelines.preview"):
            show(pipeline)
        if st.button("Apply", key="pipelines.apply", type="primary"):
            _apply(person, pipeline, draft)
        if st.button("Discard", key="pipelines.discard", type="tertiary"):
            with acting_as(person) as session:
                drafts.discard_draft(session, subject(pipeline))
            _forget()


def _forget() -> None:
    st.session_state.pop(STALE, None)
    state.begin_anew()
    st.rerun()


@st.dialog("What this comes to", width="medium")
def show(pipeline: PipelineRow) -> None:
    """The impact in plain numbers, and from there to applying it."""
    person = viewer("pipeline", "configure")
    with acting_as(person) as session:
        draft = drafts.open_draft(session, subject(pipeline))
        impact = preview(session, draft) if draft else Impact()
    draw_impact(impact)
    if draft and impact.is_ready and st.button("Apply", key="pipelines.preview.apply", type="primary"):
        _apply(person, pipeline, draft)


def draw_impact(impact: Impact) -> None:
    """Sentences; then what must be answered, then what stands in the way."""
    st.html("<ul class='tl-impact'>" + "".join(f"<li>{escape(line)}</li>" for line in impact.lines) + "</ul>")
    for line in [question.text for question in impact.questions]:
        st.warning(line, icon=":material/help:")
    for line in impact.blockers:
        st.error(line, icon=":material/block:")


def _apply(person: Person, pipeline: PipelineRow, draft: Draft) -> None:
    try:
        with acting_as(person) as session:
            done = use_cases.apply_draft(session, draft, source=SOURCE)
    except CrmError as error:
        st.session_state[STALE] = (pipeline.id, error.detail, isinstance(error, Stale))
        st.rerun()
    on_way = f" {words.count(done.leads_moving, 'lead')} are on their way in the background." if done.leads_moving else ""
    messages.leave(f"“{draft.title}” is changed.{on_way}", done.change_set_id)
    _forget()


def draw_trouble(person: Person, pipeline: PipelineRow, draft: Draft | None) -> None:
    """Why it could not be applied; where somebody else was first, the two ways on."""
    found = st.session_state.get(STALE)
    if not found or found[0] != pipeline.id or draft is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="pipelines_trouble"):
        st.html(f"<span>{escape(found[1])}</span>", width="stretch")
        if found[2]:
            for label, keeps_mine in (("Keep mine", True), ("Take theirs", False)):
                if st.button(label, key=f"pipelines.stale.{'mine' if keeps_mine else 'theirs'}"):
                    with acting_as(person) as session:
                        use_cases.look_again(session, draft, keeps_mine=keeps_mine)
                    _forget()
        if st.button("", icon=":material/close:", key="pipelines.trouble.close", type="tertiary", help="Close"):
            del st.session_state[STALE]
            st.rerun()


def draw_moves(person: Person, pipeline: PipelineRow, moves: Sequence[StageMove]) -> None:
    """Leads of removed stages on their way; looked at every two seconds as long as some are."""
    if not moves:
        return
    is_running = any(move.state == "running" for move in moves)

    @st.fragment(run_every=2 if is_running else None)
    def live() -> None:
        person = viewer("pipeline", "configure")
        with acting_as(person) as session:
            now = moving.moves_of(session, pipeline.id)
            is_lost = any(move.state == "running" for move in now) and not moving.is_asked(session)
        for move in now:
            _draw_move(move)
            if (move.state == "running" and is_lost) or move.state == "failed":
                _offer_again(person, move)
        if is_running and not any(move.state == "running" for move in now):
            st.rerun()

    live()


def _offer_again(person: Person, move: StageMove) -> None:
    """A move whose job is gone, or that could not be done: whoever began it may let it go on."""
    if st.button("Go on", key=f"pipelines.move.{move.id}"):
        try:
            with acting_as(person) as session:
                moving.ask_again(session, move.id)
        except CrmError as error:
            messages.leave(error.detail)
        st.rerun()


def _draw_move(move: StageMove) -> None:
    way = f"“{move.stage}” to “{move.to}”"
    if move.state == "running":
        st.progress(move.share, f"{move.moved:,} of {words.count(move.leads, 'lead')} have moved from {way}. You can leave this page.")
    elif move.problem:
        st.warning(f"{move.moved:,} of {words.count(move.leads, 'lead')} moved from {way}; the others stayed: {move.problem}")
    elif move.state == "stopped":
        st.caption(f"The move from {way} was taken back.")
    else:
        st.caption(f"{words.count(move.moved, 'lead')} moved from {way} {clock.ago(move.finished_at)}.")
