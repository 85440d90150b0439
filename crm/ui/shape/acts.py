"""What the Pipelines page does with what its widgets say: keep it as the draft; and leads that are on their way."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from crm import clock
from crm.access import Person, acting_as
from crm.configuration import drafts, moving
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.moving import StageMove
from crm.configuration.pipeline_plan import edits_of
from crm.errors import CrmError
from crm.pipelines.reads import PipelineRow
from crm.ui import messages, words
from crm.ui.shape import state
from crm.ui.shape.review import Shaped
from crm.ui.viewer import viewer

begin_anew = state.begin_anew


def subject(pipeline: PipelineRow) -> str:
    return f"pipeline:{pipeline.id}"


def shaped(pipeline: PipelineRow) -> Shaped:
    return Shaped("pipelines", subject(pipeline), "pipeline", "nothing happens to anybody's leads before you apply it", begin_anew)


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
