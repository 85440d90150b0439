"""A lead's way through pipelines: where it came from, where it went on, and the dialog that hands it over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.leads.handing_over import hand_over, linked, won_stages
from crm.ui import messages
from crm.ui.lookups import Lookups
from crm.ui.viewer import viewer

Row = Mapping[Any, Any]


def draw_links(row: Row, person: Person, lookups: Lookups) -> None:
    """ "continues Al Noor in Prospecting", "went on as Al Noor in Deals": a link each; nothing where there is none."""
    with acting_as(person) as session:
        found = linked(session, row)
    if not found:
        return
    with st.container(horizontal=True, key="lead_links", gap="small"):
        for each in found:
            where = lookups.names.pipelines.get(each.pipeline_id, "another pipeline")
            words, icon = (f"Continues {each.name} in {where}", "history") if each.is_before else (f"Went on as {each.name} in {where}", "arrow_forward")
            st.page_link("pages/lead.py", label=words, icon=f":material/{icon}:", query_params={"id": str(each.id)})


def targets(row: Row, person: Person, lookups: Lookups) -> list[int]:
    """The pipelines in which this person may begin a lead that continues this one."""
    if not person.reach("lead", "edit").covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id) or not person.may("lead", "create"):
        return []
    return [pipeline.id for pipeline in lookups.pipelines if pipeline.id != row["pipeline_id"] and pipeline.stages]


@st.dialog("Hand over to another pipeline")
def draw_dialog(row: Row, lookups: Lookups) -> None:
    """A linked lead begins there with company, contacts, owner and value; this one ends in a won stage. Both can be taken back at once."""
    person = viewer("lead", "edit")
    with acting_as(person) as session:
        ends = {stage.id: stage.name for stage in won_stages(session, row["pipeline_id"])}
    with st.form("lead.pipeline", border=False):
        pipeline_id = st.selectbox("Goes on in", targets(row, person, lookups), format_func=lookups.pipeline_label, key="lead.pipeline.to")
        ends_in = st.selectbox(f"Ends in {row['pipeline']} as", list(ends), format_func=lambda stage: ends[stage], key="lead.pipeline.end")
        st.caption("A linked lead begins there, with its company, contacts, owner and value. You can undo both at once.")
        is_sent = st.form_submit_button("Hand over", type="primary", key="lead.pipeline.send")
    if not is_sent or pipeline_id is None:
        return
    try:
        with acting_as(person) as session:
            done = hand_over(session, row["id"], row["version"], pipeline_id, ends_in=ends_in, source="form")
    except CrmError as error:
        st.error(error.detail)
        return
    left = f" {done.gone_owner} is disabled and no longer its owner." if done.gone_owner else ""
    messages.leave(f"{row['name']} goes on in {lookups.pipeline_label(pipeline_id)}.{left}", done.change_set_id)
    st.switch_page("pages/lead.py", query_params={"id": str(done.lead_id)})
