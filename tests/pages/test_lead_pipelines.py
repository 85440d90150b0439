"""A lead's page offers to hand it over to another pipeline, and shows where it came from and where it went on."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.configuration.making import new_pipeline
from crm.leads.handing_over import hand_over
from crm.people.use_cases import disable_person
from crm.pipelines.ready_made import READY_MADE
from crm.ui import messages

PAGE = "pages/lead.py"
DIALOG = """
from crm.access import acting_as
from crm.leads import reads
from crm.ui import lead_links
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("lead")
with acting_as(person) as session:
    row = reads.lead(session, {lead})
lead_links.draw_dialog(row, look_up(person))
"""


@pytest.fixture
def deals(db: Any, cast: Any) -> int:
    with acting_as(cast.who("alma")) as session:
        return (new_pipeline(session, "Deals", cast.teams["Gulf"], READY_MADE["deals"].stages, source="test").made or {})["pipeline"]


def links(page: Any) -> list[str]:
    return [each.proto.label for each in page.get("page_link")]


def test_the_dialog_hands_the_lead_over(look: Any, db: Any, cast: Any, deals: int) -> None:
    page = look(DIALOG.format(lead=cast.leads["Petra Supplies"]), "bruno").run()
    assert page.selectbox(key="lead.pipeline.to").options == ["Deals"] and page.selectbox(key="lead.pipeline.end").options == ["Won"]
    page.button(key="lead.pipeline.send").click().run()
    assert db.value("select pipeline_id from crm.leads where came_from_lead_id = :id", id=cast.leads["Petra Supplies"]) == deals


def test_an_owner_who_is_disabled_is_named_as_staying_behind(look: Any, db: Any, cast: Any, deals: int) -> None:
    with acting_as(cast.who("alma")) as session:
        disable_person(session, cast.people["bruno"], 1, source="test")
    page = look(DIALOG.format(lead=cast.leads["Petra Supplies"]), "ana").run()
    page.button(key="lead.pipeline.send").click().run()
    assert "Bruno is disabled and no longer its owner." in page.session_state[messages.STATE].text


def test_both_leads_lead_to_each_other(visit: Any, cast: Any, deals: int) -> None:
    with acting_as(cast.who("bruno")) as session:
        done = hand_over(session, cast.leads["Petra Supplies"], 1, deals, source="form")
    old, new = (visit("ana", PAGE, id=str(each)) for each in (cast.leads["Petra Supplies"], done.lead_id))
    assert not old.exception and not new.exception
    assert "Went on as Petra Supplies in Deals" in links(old) and "Continues Petra Supplies in Accounts" in links(new)


def test_a_lead_that_never_moved_on_shows_no_links(visit: Any, cast: Any, deals: int) -> None:
    page = visit("ana", PAGE, id=str(cast.leads["Al Noor Trading"]))
    assert not page.exception and not any("Continues" in label or "Went on" in label for label in links(page))


def test_a_lead_is_lost_with_a_reason_out_of_the_stages_list(visit: Any, db: Any, cast: Any) -> None:
    with acting_as(cast.who("mona")) as session:
        asks = {"requirements": {"lost_reasons": ["Price", "No need"]}}
        apply(session, [Edit("stage", cast.stages["Gulf"]["Lost"], asks, 1)], source="test", on_conflict="refuse")
    lead = cast.leads["Petra Supplies"]
    page = visit("bruno", PAGE, id=str(lead))
    page.selectbox(key=f"lead.{lead}.1.stage").set_value(cast.stages["Gulf"]["Lost"])
    page.button(key=f"lead.{lead}.1.save").click().run()
    assert "Lost needs a lost reason" in page.error[0].value
    assert page.selectbox(key=f"lead.{lead}.1.lost_reason").options == ["None", "Price", "No need"]
    page.selectbox(key=f"lead.{lead}.1.lost_reason").set_value("Price")
    page.button(key=f"lead.{lead}.1.save").click().run()
    assert not page.exception
    row = db.rows("select stage_id, lost_reason from crm.leads where id = :id", id=lead)[0]
    assert (row["stage_id"], row["lost_reason"]) == (cast.stages["Gulf"]["Lost"], "Price")
