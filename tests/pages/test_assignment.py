"""The Assignment page: for those who configure a team's pipelines; rules in sentences, tried out before they act; and "Why is it mine?"."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.people.use_cases import add_team
from tests.db.test_assignment import make_lead, make_rule
from tests.pages.parts import press, said

PAGE = "pages/assignment.py"


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["ana", "carla", "vera"])
def test_it_is_shut_for_who_configures_no_team(visit: Any, who: str) -> None:
    page = visit(who, PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]


def test_a_manager_sees_the_rules_of_her_team_and_no_other(visit: Any, cast: Any) -> None:
    make_rule(cast, name="Gulf's")
    make_rule(cast, "alma", "Levant", name="Levant's")
    page = visit("mona", PAGE)
    assert not page.exception
    assert "Gulf&#x27;s" in said(page) and "Levant&#x27;s" not in said(page)
    assert "Levant&#x27;s" in said(visit("alma", PAGE))


def test_without_rules_it_says_what_happens_and_what_to_do(visit: Any) -> None:
    assert "No rule gives out this team&#x27;s new leads." in said(visit("mona", PAGE))


def test_a_rule_reads_as_a_sentence(visit: Any, cast: Any) -> None:
    make_rule(cast, conditions={"markets": ["AE"], "sources": ["Website"]}, people={"ids": [cast.people["ana"], cast.people["bruno"]]})
    assert "Leads from AE by Website go in turn to Ana, Bruno." in said(visit("mona", PAGE))


def test_it_can_be_tried_out_before_a_lead_comes(visit: Any, cast: Any, db: Any) -> None:
    make_rule(cast, conditions={"sources": ["Website"]})
    page = visit("mona", PAGE)
    assert "no rule fits" in said(page)
    page.text_input(key="assignment.trial.source").set_value("website").run()
    assert "A lead of Gulf by website would go to <b>Ana</b>. Assigned by round robin of team Gulf (rule: Website)." in said(page)
    assert db.value("select count(*) from crm.assignment_turns") == 0


def test_rules_change_places(visit: Any, cast: Any, db: Any) -> None:
    make_rule(cast, name="One")
    second = make_rule(cast, name="Two")
    page = press(visit("mona", PAGE), f"assignment.up.{second}")
    assert "“Two” is tried earlier now." in said(page)
    assert [row["name"] for row in db.rows("select name from crm.assignment_rules order by position, id")] == ["Two", "One"]


DIALOG = """
from dataclasses import replace
from crm.ui import assignment_rules
assignment_rules.draw_rule(replace(assignment_rules.NEW, team_id={team}))
"""


def test_a_new_rule_is_saved_from_the_dialog(look: Any, cast: Any, db: Any) -> None:
    page = look(DIALOG.format(team=cast.teams["Gulf"]), "mona").run()
    page.text_input(key="assignment.rule.name").set_value("Horeca")
    page.selectbox(key="assignment.rule.field").set_value("custom.color")
    page.text_input(key="assignment.rule.value").set_value("Red")
    page.multiselect(key="assignment.rule.people").set_value([cast.people["bruno"]])
    press(page, "assignment.rule.save")
    assert not page.exception
    assert db.rows("select name, conditions, people, method from crm.assignment_rules") == [
        {"name": "Horeca", "conditions": {"field": "custom.color", "value": "Red"}, "people": {"ids": [cast.people["bruno"]]}, "method": "round_robin"}
    ]


def test_a_field_is_chosen_and_told_by_its_name_also_after_it_was_renamed(look: Any, visit: Any, cast: Any) -> None:
    make_rule(cast, name="Reds", conditions={"field": "custom.color", "value": "Red"}, people={"ids": [cast.people["bruno"]]})
    with acting_as(cast.who("alma")) as session:
        field = session.execute(text("select id, version from crm.custom_fields where key = 'color'")).one()
        apply(session, [Edit("custom_field", field.id, {"label": "Paint"}, field.version)], source="test", on_conflict="refuse")
    assert "Leads whose Paint is Red go in turn to Bruno." in said(visit("mona", PAGE))
    page = look(DIALOG.format(team=cast.teams["Gulf"]), "mona").run()
    assert {"Paint", "Size", "Mail", "Next step"} <= set(page.selectbox(key="assignment.rule.field").options)


def test_a_rule_that_asks_for_a_field_can_be_tried_out_too(visit: Any, cast: Any) -> None:
    make_rule(cast, name="Reds", conditions={"field": "custom.color", "value": "Red"}, people={"ids": [cast.people["bruno"]]})
    page = visit("mona", PAGE)
    assert "no rule fits" in said(page)
    page.text_input(key="assignment.trial.custom.color").set_value("red").run()
    assert "A lead of Gulf whose Color is red would go to <b>Bruno</b>." in said(page)


def test_a_rule_that_never_gets_its_turn_says_so(visit: Any, cast: Any) -> None:
    make_rule(cast, name="Everybody", conditions={})
    make_rule(cast, name="Website", conditions={"sources": ["Website"]})
    page = visit("mona", PAGE)
    assert said(page).count("But “Everybody” comes first and takes every lead.") == 1


def test_a_team_below_says_whose_rules_act_there(visit: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        add_team(session, "Dubai", parent_id=cast.teams["Gulf"], source="test")
    make_rule(cast, name="Everybody", conditions={})
    page = visit("mona", PAGE)
    assert "No rules of its own: those of Gulf give out its new leads." in said(page)
    assert "No rule gives out" not in said(page)


def test_a_rule_of_another_team_is_refused_with_the_grant_that_is_missing(look: Any, cast: Any, db: Any) -> None:
    page = look(DIALOG.format(team=cast.teams["Levant"]), "mona").run()
    page.text_input(key="assignment.rule.name").set_value("Theirs")
    press(page, "assignment.rule.save")
    assert "“pipeline: configure”" in page.error[0].value
    assert db.value("select count(*) from crm.assignment_rules") == 0


def test_names_of_rules_are_text(visit: Any, cast: Any) -> None:
    make_rule(cast, name="<img src=x onerror=alert(1)>", conditions={"sources": ["<script>alert(1)</script>"]})
    page = visit("mona", PAGE)
    assert not any(word in said(page) for word in ("<img", "<script"))


WHY = """
import contextlib, types
import streamlit as st
from crm.access import acting_as
from crm.leads import reads
from crm.ui import lead_why
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer
person = viewer("lead")
with acting_as(person) as session:
    row = reads.lead(session, {lead})
lookups = look_up(person)
st.popover = lambda *_, **__: contextlib.nullcontext(types.SimpleNamespace(open=True))
lead_why.draw(row, person, lookups)
"""


@pytest.fixture
def popovers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a script sets on Streamlit is set back."""
    import streamlit as st

    monkeypatch.setattr(st, "popover", st.popover)


def test_a_lead_says_why_it_is_whose_it_is(look: Any, cast: Any, db: Any, popovers: None) -> None:
    make_rule(cast, method="person", people={"ids": [cast.people["ana"]]})
    lead = make_lead(cast)
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.lead_reasons (lead_id, text, order_ids) values (:l, '3 orders in the last 120 days', '{}')"), {"l": lead})
    page = look(WHY.format(lead=lead), "ana").run()
    assert not page.exception
    assert "Assigned by a rule of team Gulf (rule: Website)" in said(page)
    assert "Created from 3 orders in the last 120 days" in said(page)
    hers = look(WHY.format(lead=cast.leads["Al Noor Trading"]), "ana").run()
    assert "The system made it Ana&#x27;s" in said(hers)
