"""Lists by custom field hold exactly what the walls show, whichever way they are found, and the figure of a kept index."""

import json

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply, undo
from crm.errors import Invalid
from crm.fields import filters
from crm.fields.catalogue import Catalogue
from crm.fields.filters import CustomFilter
from crm.fields.kinds import Definition
from crm.leads.reads import LeadFilter, list_leads, totals

SIZES = {"Al Noor Trading": 3, "Petra Supplies": 3, "Delta Foods": 5, "Nile Mart": 3}


@pytest.fixture
def sized(db, cast):
    with acting_as(cast.who("alma")) as session:
        edits = [Edit("lead", cast.leads[name], {"custom.size": size}, 1) for name, size in SIZES.items()]
        apply(session, edits, source="test", on_conflict="refuse")
    return cast


def found(cast, who, **asked):
    wanted = LeadFilter(custom=(CustomFilter("size", "number", **asked),))
    with acting_as(cast.who(who)) as session:
        names = {row["name"] for row in list_leads(session, wanted).rows}
        assert totals(session, wanted)[0] == len(names)
    return names


@pytest.mark.parametrize("scope", ["all", "team", "own", "none"])
@pytest.mark.parametrize("is_common", [True, False])
def test_each_scope_finds_its_own_by_either_way(db, sized, scope, is_common, monkeypatch):
    with db.owner().begin() as connection:
        connection.execute(
            text(
                "update crm.grants set scope = :s, version = version + 1 where scope <> :s and resource = 'lead' and action = 'view'"
                " and role_id = (select id from crm.roles where name = 'rep')"
            ),
            {"s": scope},
        )
    monkeypatch.setattr(filters, "_IS_COMMON", text(f"select {is_common} where cast(:wanted as jsonb[]) is not null"))
    wanted = {
        "all": {"Al Noor Trading", "Petra Supplies", "Nile Mart"},
        "team": {"Al Noor Trading", "Petra Supplies"},
        "own": {"Al Noor Trading"},
        "none": set(),
    }
    assert found(sized, "ana", values=(3,)) == wanted[scope]


def test_somebody_with_a_wide_team_and_own_leads_elsewhere_finds_both(db, sized):
    with db.owner().begin() as connection:
        role = connection.scalar(text("insert into crm.roles (name) values ('solo') returning id"))
        connection.execute(text("insert into crm.grants (role_id, resource, action, scope) values (:r, 'lead', 'view', 'own')"), {"r": role})
        connection.execute(text("insert into crm.memberships (person_id, team_id, role_id) values (:p, :t, :r)"),
                           {"p": sized.people["ana"], "t": sized.teams["Levant"], "r": role})  # fmt: skip
        connection.execute(text("update crm.leads set owner_id = :p, version = version + 1 where name = 'Nile Mart'"), {"p": sized.people["ana"]})
    assert found(sized, "ana", values=(3,)) == {"Al Noor Trading", "Petra Supplies", "Nile Mart"}


def test_ranges_pass_over_what_is_no_number(db, sized):
    with db.owner().begin() as connection:
        connection.execute(text("""update crm.leads set custom = '{"size": "many"}', version = version + 1 where name = 'Petra Supplies'"""))
    assert found(sized, "alma", low=4) == {"Delta Foods"}
    assert found(sized, "alma", high=4) == {"Al Noor Trading", "Nile Mart"}


def test_few_matches_are_found_by_the_index(db, sized):
    with db.owner().begin() as connection:
        connection.execute(text("set local enable_seqscan = off"))
        plan = connection.scalars(text("""explain select lead_id from crm.lead_custom_values where custom @> any (array['{"size": 3}']::jsonb[])""")).all()
    assert any("ix_lead_custom_values_custom" in line for line in plan)


def kept(db):
    return {row["lead_id"]: row["custom"] for row in db.rows("select lead_id, custom from crm.lead_custom_values")}


def test_what_leads_are_found_by_is_what_they_hold_and_other_edits_leave_it_alone(db, sized):
    lead = sized.leads["Delta Foods"]
    standing = "select lead_id, xmin::text from crm.lead_custom_values order by lead_id"
    before = db.rows(standing)
    with acting_as(sized.who("ana")) as session:
        apply(session, [Edit("lead", lead, {"next_step": "call"}, 2)], source="test", on_conflict="refuse")
    assert db.rows(standing) == before and len(before) == len(SIZES)
    with acting_as(sized.who("ana")) as session:
        done = apply(session, [Edit("lead", lead, {"custom.size": None}, 3)], source="test", on_conflict="refuse")
    assert kept(db) == {row["id"]: row["custom"] for row in db.rows("select id, custom from crm.leads where custom <> '{}'")}
    assert lead not in kept(db) and found(sized, "ana", values=(5,)) == set()
    with acting_as(sized.who("ana")) as session:
        undo(session, done.change_set_id)
    assert kept(db)[lead] == {"size": 5} and found(sized, "ana", values=(5,)) == {"Delta Foods"}


def test_a_new_lead_is_found_by_its_values(db, sized):
    with acting_as(sized.who("ana")) as session:
        edit = Edit("lead", None, {"name": "New", "team_id": sized.teams["Gulf"], "custom.size": 77})
        apply(session, [edit], source="test", on_conflict="refuse")
    assert found(sized, "ana", values=(77,)) == {"New"} and found(sized, "carla", values=(77,)) == set()


BUDGETS = {
    "Al Noor Trading": {"amount": "1000.00", "currency": "USD"}, "Petra Supplies": {"amount": "5000.00", "currency": "AED"},
    "Delta Foods": {"amount": "1000.00", "currency": "XXX"}, "Nile Mart": {"amount": "many"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"low": 1000}, {"Al Noor Trading", "Petra Supplies"}), ({"low": 1001}, {"Petra Supplies"}), ({"high": 1200}, {"Al Noor Trading"}),
        ({"low": 1000, "high": 1000.0}, {"Al Noor Trading"}), ({"low": -1, "high": 0}, set()),
    ],
)  # fmt: skip
def test_money_is_compared_in_dollars_whichever_currency_it_is_in(db, cast, asked, expected):
    with acting_as(cast.who("alma")) as session:
        field = Edit("custom_field", None, {"record_type": "lead", "label": "Budget", "kind": "money"})
        apply(session, [field], source="test", on_conflict="refuse")
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.exchange_rates values ('AED', '2020-01-01', 0.27) on conflict do nothing"))
        for name, budget in BUDGETS.items():
            given = {"custom": json.dumps({"budget": budget}), "id": cast.leads[name]}
            connection.execute(text("update crm.leads set custom = cast(:custom as jsonb), version = version + 1 where id = :id"), given)
    wanted = LeadFilter(custom=(CustomFilter("budget", "money", **asked),))
    with acting_as(cast.who("alma")) as session:
        assert {row["name"] for row in list_leads(session, wanted).rows} == expected


def test_a_door_asks_for_money_in_dollars_only(db, cast):
    known = Catalogue([Definition(1, 1, None, "lead", "budget", "Budget", "money")], {})
    assert filters.read_filter(known, "custom.budget.from", ["1,200"]) == CustomFilter("budget", "money", low=1200.0)
    for given in ("AED 5", "many", "", "1e9"):
        with pytest.raises(Invalid):
            filters.read_filter(known, "custom.budget.to", [given])
