"""The dialog for a new lead."""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm import money
from crm.access import Person, acting_as
from crm.errors import CrmError
from crm.leads.use_cases import create_lead
from crm.ui import closed, custom_fields, messages
from crm.ui.lookups import Lookups, where_pipelines_come_from


@st.dialog("New lead", width="medium")
def open_for(person: Person, lookups: Lookups) -> None:
    """Name, place, owner, value, dates. The pipeline's choice decides the stages, so it stands outside the form."""
    pipelines = [p for p in lookups.pipelines if p.stages]
    if not pipelines:
        st.html(f"<p>Leads move through a pipeline, and there is none yet. {where_pipelines_come_from(person)}</p>")
        return
    pipeline = st.selectbox("Pipeline", pipelines, format_func=lambda p: lookups.pipeline_label(p.id), key="new_lead.pipeline", disabled=len(pipelines) == 1)
    codes = lookups.currencies
    with st.form("new_lead.form", border=False):
        given: dict[str, Any] = {"team_id": pipeline.team_id, "pipeline_id": pipeline.id}
        left, right = st.columns(2)  # a row each: on a phone the fields then keep their order
        given["name"] = left.text_input("Name", max_chars=300, placeholder="Petra Supplies")
        company = right.text_input("Company", max_chars=300, placeholder="as the lead")
        left, right = st.columns(2)
        stage = left.selectbox("Stage", pipeline.stages, format_func=lambda s: s.name)
        owners = list(dict.fromkeys([person.id, *lookups.owners]))
        given["owner_id"] = right.selectbox("Owner", [*owners, None], format_func=lookups.names.owner)
        left, right = st.columns(2)
        value, currency = left.columns([2, 1])
        shut = {name: not closed.is_open(person, name) for name in ("value", "expected_close_on", "next_step", "source")}
        amount = value.number_input("Value", min_value=0.0, value=None, step=100.0, format="%.2f", disabled=shut["value"])
        code = currency.selectbox("Currency", codes, index=codes.index(money.BASE_CURRENCY), disabled=shut["value"])
        given["expected_close_on"] = right.date_input("Expected close", value=None, format="YYYY-MM-DD", disabled=shut["expected_close_on"])
        left, right = st.columns(2)
        given["next_step"] = left.text_input("Next step", max_chars=300, disabled=shut["next_step"])
        given["source"] = right.text_input("Source", max_chars=300, disabled=shut["source"])
        fields = [field for field in lookups.catalogue.of_team("lead", pipeline.team_id) if closed.is_open(person, field.name)]
        asked = [field for field in fields if field.is_required]
        more = [field for field in fields if not field.is_required]
        beginning = {field.key: field.default for field in fields}
        if asked:
            given |= custom_fields.draw_inputs(asked, beginning, "new_lead.{}".format, lookups)
        if more:
            with st.expander("More fields"):
                given |= custom_fields.draw_inputs(more, beginning, "new_lead.{}".format, lookups)
        is_sent = st.form_submit_button("Add lead", type="primary")
    if not is_sent:
        return
    given |= {"stage_id": stage.id, "value": {"amount": str(amount), "currency": code} if amount is not None else None}
    try:
        with acting_as(person) as session:
            outcome = create_lead(session, given, company_name=company or given["name"], source="form")
    except CrmError as error:
        st.error(error.detail)
        return
    messages.leave(f"{given['name']} is added.", outcome.change_set_id)
    st.switch_page("pages/lead.py", query_params={"id": str(outcome.results[-1].record_id)})
