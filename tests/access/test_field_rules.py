"""Fields that a role hides or shows without letting them be changed: ana's role closes a lead's value, mail and source, on every door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm import clock
from crm.access import acting_as
from crm.changes import Edit, apply, changes_of, open_conflicts, undo
from crm.configuration.making import new_pipeline
from crm.errors import Invalid, Refused, Stale
from crm.leads.as_of import Past, lead_as_of, list_leads_as_of
from crm.leads.board import BoardFilter, board, board_as_of
from crm.leads.handing_over import hand_over
from crm.leads.reads import LeadFilter, lead, leads_by_id, list_leads, totals
from crm.leads.use_cases import create_lead, save_cells
from crm.people.use_cases import place_person, role_id
from crm.permissions.explaining import explain, find_leads
from crm.pipelines.reads import pipelines
from crm.pipelines.ready_made import READY_MADE
from crm.reports.use_cases import run
from crm.roles.reads import list_roles
from crm.roles.use_cases import add_role, role_edits, save_role

HIDDEN = {("lead", "value"): "hidden", ("lead", "email"): "hidden", ("lead", "source"): "hidden", ("lead", "custom.margin"): "hidden"}
READ_ONLY = {("lead", "phone"): "read_only"}
LEAD = "Al Noor Trading"
SECRETS = ("12400", "12,400", "secret@buyer", "Secret fair", "margin", "31.5")


@pytest.fixture
def narrow(db: Any, cast: Any) -> Any:
    """Ana and bruno hold a copy of rep that closes fields; the lead they share holds all of them."""
    with acting_as(cast.who("alma")) as session:
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": "Margin", "kind": "number"})], source="test", on_conflict="refuse")
        made = add_role(session, "Narrow", like=role_id(session, "rep"), source="test").results[0].record_id
        role = next(role for role in list_roles(session) if role.id == made)
        save_role(session, role_edits(role, fields={**HIDDEN, **READ_ONLY}), name="Narrow", source="test")
        place_person(session, cast.people["ana"], [(cast.teams["Gulf"], made)])
        values = {"email": "secret@buyer.example", "source": "Secret fair", "phone": "123", "custom.margin": 31.5}
        apply(session, [Edit("lead", cast.leads[LEAD], values, 1)], source="test", on_conflict="refuse")
    return cast


def assert_silent(found: object) -> None:
    said = str(found)
    assert [secret for secret in SECRETS if secret in said] == []


def test_lists_and_details_leave_hidden_fields_empty_and_others_as_they_are(narrow):
    now = clock.now() + timedelta(seconds=5)
    wanted = LeadFilter()
    with acting_as(narrow.who("ana")) as session:
        one = lead(session, narrow.leads[LEAD])
        found = [
            one, leads_by_id(session, [narrow.leads[LEAD]]), list_leads(session, wanted), list_leads_as_of(session, Past(now), wanted),
            lead_as_of(session, narrow.leads[LEAD], Past(now)), totals(session, wanted),
        ]  # fmt: skip
    assert_silent(found)
    assert (one["name"], one["phone"], one["value_usd"], one["custom"]) == (LEAD, "123", None, {})
    with acting_as(narrow.who("bruno")) as session:
        seen = lead(session, narrow.leads[LEAD])
    assert (seen["value_usd"], seen["email"], seen["custom"]) == (12400, "secret@buyer.example", {"margin": 31.5})


def test_the_past_tells_no_more_than_the_present(narrow):
    before = clock.now()
    with acting_as(narrow.who("alma")) as session:
        apply(session, [Edit("lead", narrow.leads[LEAD], {"value": {"amount": "1", "currency": "USD"}, "email": None}, 2)], source="test")
    with acting_as(narrow.who("ana")) as session:
        found = [lead_as_of(session, narrow.leads[LEAD], Past(before)), changes_of(session, "lead", narrow.leads[LEAD])]
    assert found[0] is not None and len(found[1]) == 3
    assert_silent(found)


def test_the_board_shows_neither_value_nor_what_a_stage_is_worth(narrow):
    with acting_as(narrow.who("ana")) as session:
        (pipeline,) = pipelines(session)
        found = [board(session, pipeline, BoardFilter()).columns, board(session, pipeline, BoardFilter(q="noor")).columns,
                 board_as_of(session, pipeline, BoardFilter(), Past(clock.now()))]  # fmt: skip
    assert {column.value_usd for columns in found for column in columns} == {None}
    assert any(card["name"] == LEAD for columns in found for column in columns for card in column.cards)
    assert_silent(found)


@pytest.mark.parametrize("word", ["secret@buyer", "buyer.example"])
def test_search_does_not_find_by_what_is_hidden(narrow, word):
    with acting_as(narrow.who("ana")) as session:
        assert not list_leads(session, LeadFilter(q=word)).rows
        assert [row["name"] for row in list_leads(session, LeadFilter(q="noor")).rows] == [LEAD]
        assert [row["name"] for row in list_leads(session, LeadFilter(q="123")).rows] == [LEAD]
        assert find_leads(session, word) == [] and [lead_id for lead_id, _ in find_leads(session, "noor")] == [narrow.leads[LEAD]]
    with acting_as(narrow.who("bruno")) as session:
        assert [row["name"] for row in list_leads(session, LeadFilter(q=word)).rows] == [LEAD]


@pytest.mark.parametrize(
    ("asked", "grant"),
    [({"sort": "-value_usd"}, "lead.value: view"), ({"sort": "value_usd"}, "lead.value: view"), ({"wanted": LeadFilter(sources=("x",))}, "lead.source: view")],
)
def test_sorting_and_filtering_by_a_hidden_field_name_the_grant(narrow, asked, grant):
    with acting_as(narrow.who("ana")) as session, pytest.raises(Refused) as refused:
        list_leads(session, asked.get("wanted", LeadFilter()), sort=asked.get("sort", "name"))
    assert refused.value.facts["grant"] == grant and grant in refused.value.detail


@pytest.mark.parametrize(
    ("wanted", "grant"),
    [
        ({"value": {"amount": "5", "currency": "USD"}}, "lead.value: view"), ({"phone": "9"}, "lead.phone: edit"),
        ({"custom.margin": 2}, "lead.custom.margin: view"),
        ({"email": None}, "lead.email: view"), ({"next_step": "call", "source": "x"}, "lead.source: view"),
    ],
)  # fmt: skip
def test_a_closed_field_is_not_written_and_the_refusal_names_what_is_missing(narrow, db, wanted, grant):
    before = db.value("select version from crm.leads where id = :id", id=narrow.leads[LEAD])
    with acting_as(narrow.who("ana")) as session:
        result = apply(session, [Edit("lead", narrow.leads[LEAD], wanted, before)], source="test").results[0]
    assert isinstance(result.error, Refused) and result.error.facts["grant"] == grant
    assert db.value("select version from crm.leads where id = :id", id=narrow.leads[LEAD]) == before


def test_a_new_lead_takes_everything_but_closed_fields(narrow, db):
    with acting_as(narrow.who("ana")) as session:
        with pytest.raises(Refused, match="Value is hidden"):
            create_lead(session, {"name": "X", "team_id": narrow.teams["Gulf"], "value": {"amount": "5", "currency": "USD"}}, source="form")
        create_lead(session, {"name": "X", "team_id": narrow.teams["Gulf"], "value": None, "next_step": "call"}, source="form")
    assert db.value("select next_step from crm.leads where name = 'X'") == "call"


def test_a_lead_is_handed_over_with_what_is_closed_to_whoever_does_it(narrow, db):
    with acting_as(narrow.who("alma")) as session:
        deals = (new_pipeline(session, "Deals", narrow.teams["Gulf"], READY_MADE["deals"].stages, source="test").made or {})["pipeline"]
    with acting_as(narrow.who("ana")) as session:
        made = hand_over(session, narrow.leads[LEAD], 2, deals, source="form").lead_id
        assert_silent(lead(session, made))
    assert db.rows("select value_amount::int as usd, email, phone, source, custom from crm.leads where id = :id", id=made) == [
        {"usd": 12400, "email": "secret@buyer.example", "phone": "123", "source": "Secret fair", "custom": {"margin": 31.5}}
    ]


def test_nobody_is_asked_for_a_required_field_that_is_closed_to_them(narrow, db):
    with acting_as(narrow.who("alma")) as session:
        apply(session, [Edit("custom_field", db.value("select id from crm.custom_fields where key = 'margin'"), {"is_required": True}, 1)], source="test")
    values = {"name": "X", "team_id": narrow.teams["Gulf"]}
    with acting_as(narrow.who("ana")) as session:
        create_lead(session, values, source="form")
    with acting_as(narrow.who("bruno")) as session, pytest.raises(Invalid, match="“Margin” is required"):
        create_lead(session, values, source="form")


def test_the_explainer_says_which_fields_are_closed(narrow):
    with acting_as(narrow.who("alma")) as session:
        said = {name: explain(session, narrow.people[name], narrow.leads[LEAD], "edit").closed for name in ("ana", "bruno")}
    assert said == {"ana": "Hidden from them: Margin, Mail, Source, Value. They can only read: Phone.", "bruno": ""}


def test_a_grid_saves_the_cells_beside_a_closed_one(narrow, db):
    with acting_as(narrow.who("ana")) as session:
        done = save_cells(session, [(narrow.leads[LEAD], 2, {"next_step": "call", "phone": "9"})], source="grid")
    assert set(done.refused[narrow.leads[LEAD]]) == {"phone"}
    assert db.rows("select next_step, phone from crm.leads where id = :id", id=narrow.leads[LEAD]) == [{"next_step": "call", "phone": "123"}]


def test_a_conflict_tells_nothing_of_a_field_that_was_closed_since(narrow, db, cast):
    with acting_as(cast.who("bruno")) as session:
        apply(session, [Edit("lead", narrow.leads[LEAD], {"email": "mine@demo.example"}, 1)], source="grid")
        assert "secret@buyer.example" in str(open_conflicts(session))
    with acting_as(cast.who("alma")) as session:
        narrow_id = next(role.id for role in list_roles(session) if role.name == "Narrow")
        place_person(session, cast.people["bruno"], [(cast.teams["Gulf"], narrow_id)])
    with acting_as(cast.who("bruno")) as session:
        (left,) = open_conflicts(session)
    assert left["mine"] == "mine@demo.example"
    assert_silent(left)


def test_deleting_what_moved_on_does_not_tell_what_changed(narrow):
    with acting_as(narrow.who("alma")) as session:
        apply(session, [Edit("lead", narrow.leads[LEAD], {"email": "secret@buyer2.example"}, 2)], source="test")
    with acting_as(narrow.who("ana")) as session, pytest.raises(Stale) as met:
        apply(session, [Edit("lead", narrow.leads[LEAD], {"deleted_at": clock.now()}, 1)], source="api", on_conflict="refuse")
    assert_silent([{**found.as_json(), "field": ""} for found in met.value.facts["conflicts"]])  # which field it was is no secret


def test_reports_over_values_say_what_is_left_out(narrow):
    found = run(narrow.who("ana"), "pipeline_by_stage", {})
    assert found.left_out == ("value_usd",) and {row["value_usd"] for row in found.rows} == {None}
    assert sum(row["leads"] for row in found.rows) == 3
    assert any("lead.value: view" in line for line in found.states())
    assert run(narrow.who("bruno"), "pipeline_by_stage", {}).left_out == ()


def test_the_most_open_of_several_roles_wins(narrow, cast):
    with acting_as(cast.who("alma")) as session:
        made = next(role.id for role in list_roles(session) if role.name == "Narrow")
        place_person(session, cast.people["ana"], [(cast.teams["Gulf"], made), (cast.teams["Levant"], role_id(session, "rep"))])
    assert cast.who("ana").fields_not_open("lead") == {}
    with acting_as(cast.who("alma")) as session:
        empty = add_role(session, "Sees nothing", source="test").results[0].record_id
        place_person(session, cast.people["ana"], [(cast.teams["Gulf"], made), (cast.teams["Levant"], empty)])
    # A role that shows no leads opens none of their fields.
    assert cast.who("ana").hidden_fields("lead") == {"value", "email", "source", "custom.margin"}


def test_what_is_read_only_in_one_role_and_hidden_in_another_is_read_only(narrow, cast):
    with acting_as(cast.who("alma")) as session:
        made = next(role for role in list_roles(session) if role.name == "Narrow")
        other = add_role(session, "Reads the value", like=made.id, source="test").results[0].record_id
        seen = next(role for role in list_roles(session) if role.id == other)
        save_role(session, role_edits(seen, fields={("lead", "value"): "read_only", ("lead", "email"): "open"}), name="x", source="test")
        place_person(session, cast.people["ana"], [(cast.teams["Gulf"], made.id), (cast.teams["Levant"], other)])
    assert cast.who("ana").fields_not_open("lead") == {"value": "read_only", "phone": "read_only", "source": "hidden", "custom.margin": "hidden"}


@pytest.mark.parametrize("field", [("lead", "name"), ("lead", "stage_id"), ("lead", "nothing"), ("activity", "body"), ("lead", "custom."), ("person", "email")])
def test_what_says_which_record_it_is_cannot_be_closed(db, cast, field):
    with acting_as(cast.who("alma")) as session:
        rep = next(role for role in list_roles(session) if role.name == "rep")
        with pytest.raises(Invalid):
            save_role(session, role_edits(rep, fields={field: "hidden"}), name="rep", source="test")


def test_a_field_rule_is_taken_back_and_acts_at_once(narrow, cast):
    with acting_as(cast.who("alma")) as session:
        made = next(role for role in list_roles(session) if role.name == "Narrow")
        done = save_role(session, role_edits(made, fields=dict.fromkeys(HIDDEN, "open")), name="Narrow", source="test")
    assert cast.who("ana").fields_not_open("lead") == {"phone": "read_only"}
    with acting_as(cast.who("alma")) as session:
        assert not undo(session, done.change_set_id).left_alone
    assert cast.who("ana").hidden_fields("lead") == {"value", "email", "source", "custom.margin"}
