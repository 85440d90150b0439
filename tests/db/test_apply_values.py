"""Whatever a door passes as a value is written as it was meant, or refused in words; never an error of the database's."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

import crm.records  # noqa: F401 - every type is known
from crm.access import acting_as
from crm.activities.use_cases import add_activity, edit_activity
from crm.changes import Edit, apply
from crm.changes.records import type_of
from crm.companies.records import COMPANY, CONTACT
from crm.errors import Invalid
from tests.db.acts import counts, edit, history, record, row, save

HOSTILE = "'; drop table leads; --"
STRANGE = "%s :x {0} \\ '' \" 好 🦄"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "  "), ("name", "\x00"), ("name", None), ("name", 7), ("name", "x" * 301), ("name", ["a"]), ("name", "half \ud800"),
        ("next_step", "x" * 301), ("next_step", {"a": 1}), ("next_step", b"bytes"), ("next_step", float("nan")),
        ("owner_id", "somebody"), ("owner_id", 10**30), ("owner_id", -5), ("owner_id", True), ("owner_id", float("nan")), ("owner_id", float("inf")),
        ("owner_id", 987654), ("company_id", 987654), ("company_id", 1.5), ("team_id", None), ("stage_id", None), ("stage_id", 987654),
        ("value", "NaN"), ("value", "Infinity"), ("value", float("nan")), ("value", float("-inf")), ("value", "12 apples"), ("value", "1e999999"),
        ("value", "1000000000000"), ("value", {"amount": "1"} | {"price": 2}), ("value", {"currency": "AED"}), ("value", {"amount": "1", "currency": "DIRHAM"}),
        ("value", [1]), ("value", {"amount": {"a": 1}, "currency": "USD"}),
        ("expected_close_on", "soon"), ("expected_close_on", "2026-02-30"), ("expected_close_on", 5), ("expected_close_on", "0000-01-01"),
        ("market", "Emirates"), ("market", "1A"), ("no_such_field", "x"), ("id", 5), ("version", 9), ("updated_at", "2026-01-01"), ("value_usd", 5),
        ("lifetime_usd", 10**6), ("custom", {"a": 1}), ("custom.", "x"), ("custom." + "k" * 100, "x"), ("custom.a\x00b", "x"), ("custom.a\nb", "x"),
        ("custom.size", float("nan")), ("custom.size", float("inf")), ("custom.size", "x" * 5000), ("custom.size", object()), ("custom.size", {1: 2}),
        ("custom.size", {"deep": "half \udfff"}), ("custom.size", b"x"), ("came_from_lead_id", 987654), ("merged_into_id", 987654),
        (HOSTILE, "x"), ("name = 'x' --", "x"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_kept_is_refused_in_words_and_writes_nothing(module_db, module_cast, field, value):
    before = counts(module_db)
    outcome = save(module_cast, "ana", Edit("lead", module_cast.leads["Delta Foods"], {field: value}, 1))
    result = outcome.results[0]
    assert result.status == "invalid", result
    assert result.error.detail.endswith((".", "?")) and "crm." not in result.error.detail
    assert counts(module_db) == before


UNSEEN = "\u202eNa\u200bme\u202c"


@pytest.mark.parametrize("make", [
    lambda cast: Edit("lead", None, {"name": UNSEEN, "team_id": cast.teams["Gulf"], "custom.color": "one\r\n" + UNSEEN}),
    lambda cast: Edit("company", None, {"name": UNSEEN, "team_id": cast.teams["Gulf"]}),
    lambda cast: Edit("contact", None, {"name": UNSEEN, "team_id": cast.teams["Gulf"]}),
    lambda cast: Edit("person", None, {"name": UNSEEN, "email": "name@demo.example"}),
    lambda cast: Edit("team", None, {"name": UNSEEN}),
    lambda cast: Edit("role", None, {"name": UNSEEN}),
    lambda cast: Edit("pipeline", None, {"name": UNSEEN, "team_id": cast.teams["Gulf"], "position": 9}),
    lambda cast: Edit("stage", cast.stages["Gulf"]["Contacted"], {"name": UNSEEN}, 1),
    lambda cast: Edit("custom_field", None, {"label": UNSEEN, "record_type": "lead", "options": ["a", UNSEEN], "kind": "choice"}),
    lambda cast: Edit("view", None, {"name": UNSEEN, "page": "leads", "address": {}}),
], ids=["lead", "company", "contact", "person", "team", "role", "pipeline", "stage", "field", "view"])  # fmt: skip
def test_a_name_is_kept_without_what_nobody_sees_in_it(module_db, module_cast, make):
    result = save(module_cast, "alma", make(module_cast)).results[0]
    assert result.is_kept, result.error
    kept = record(module_db, type_of(result.edit.record_type).table.removeprefix("crm."), result.record_id)
    assert kept.get("label", kept.get("name")) == "Name"
    assert kept.get("options") in (None, ["a", "Name"])
    assert kept.get("custom", {}).get("color") in (None, "one\nName")


def test_a_name_of_nothing_that_shows_is_no_name(module_db, module_cast):
    for hidden in ("\u200b", "\u3164", "\u202e \u2066"):
        assert save(module_cast, "ana", edit(module_cast, "Delta Foods", 1, name=hidden)).results[0].error.detail == "Name cannot be empty."


@pytest.mark.parametrize("depth", [30, 5000])
def test_a_nested_value_too_deep_is_refused(module_db, module_cast, depth):
    value: object = 1
    for _ in range(depth):
        value = [value]
    assert save(module_cast, "ana", edit(module_cast, "Delta Foods", 1, custom__size=value)).results[0].status == "invalid"


def test_an_edit_of_nothing_changes_nothing_whoever_has_the_leads_number(module_db, module_cast):
    assert module_cast.leads["Delta Foods"] == module_cast.people["ana"]
    assert save(module_cast, "ana", edit(module_cast, "Delta Foods", 1)).results[0].status == "unchanged"


@pytest.mark.parametrize("version", [None, 0, -1, 2, 99, "1", 1.0, True])
def test_an_edit_must_name_a_version_that_exists(module_db, module_cast, version):
    before = counts(module_db)
    assert save(module_cast, "ana", Edit("lead", module_cast.leads["Delta Foods"], {"next_step": "x"}, version)).results[0].status == "invalid"
    assert counts(module_db) == before


@pytest.mark.parametrize("at", [datetime(2099, 1, 1, tzinfo=UTC), datetime(2026, 1, 1), "2026-01-01", date(2026, 1, 1)])  # noqa: DTZ001
def test_an_earlier_date_must_be_a_moment_and_past(module_db, module_cast, at):
    edits = [
        Edit("lead", module_cast.leads["Delta Foods"], {"next_step": "x"}, 1, at),
        Edit("lead", None, {"name": "New", "team_id": module_cast.teams["Gulf"]}, None, at),
    ]
    before = counts(module_db)
    for given in edits:
        result = save(module_cast, "ana", given).results[0]
        assert result.status == "invalid" and result.error.facts["field"] == "effective_at"
    assert counts(module_db) == before


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("name", "  Röntgen & Söhne\x00 \n", "Röntgen & Söhne"), ("next_step", HOSTILE, HOSTILE), ("next_step", STRANGE, STRANGE),
        ("next_step", "", None), ("phone", " \x00 ", None), ("expected_close_on", "2026-12-31T23:30:00+04:00", date(2026, 12, 31)),
        ("expected_close_on", datetime(2026, 12, 31, 10, tzinfo=UTC), date(2026, 12, 31)), ("market", "ae", "AE"),
    ],
)  # fmt: skip
def test_text_and_dates_are_kept_as_they_were_meant(db, cast, field, given, kept):
    assert save(cast, "ana", Edit("lead", cast.leads["Delta Foods"], {field: given}, 1)).results[0].is_kept
    assert row(db, cast, "Delta Foods")[field] == kept


@pytest.mark.parametrize(
    ("given", "amount", "currency", "usd"),
    [
        ("1 250,5".replace(",", "."), "1250.50", "USD", "1250.50"), (Decimal("0.005"), "0.01", "USD", "0.01"), (0.1 + 0.2, "0.30", "USD", "0.30"),
        ({"amount": "999999999999.99", "currency": "aed"}, "999999999999.99", "AED", "272293999999.99"),
        ({"amount": -5, "currency": "EUR"}, "-5.00", "EUR", "-5.50"),
        ({"amount": "7", "currency": "XAU"}, "7.00", "XAU", None),
    ],
)  # fmt: skip
def test_money_is_exact_and_worth_its_days_dollars(db, cast, given, amount, currency, usd):
    assert save(cast, "ana", edit(cast, "Delta Foods", 1, value=given)).results[0].is_kept
    after = row(db, cast, "Delta Foods")
    assert (after["value_amount"], after["value_currency"]) == (Decimal(amount), currency)
    assert after["value_usd"] == (None if usd is None else pytest.approx(Decimal(usd), abs=Decimal("0.01")))


def test_custom_fields_are_kept_and_merged_key_by_key(db, cast):
    assert save(cast, "ana", edit(cast, "Delta Foods", 1, custom__size="3", custom__color=" red ")).results[0].is_kept
    assert row(db, cast, "Delta Foods")["custom"] == {"size": 3, "color": "red"}
    save(cast, "bruno", edit(cast, "Delta Foods", 2, custom__size=4))
    outcome = save(cast, "ana", edit(cast, "Delta Foods", 2, custom__color="blue", custom__size=5))
    assert [c.field for c in outcome.results[0].conflicts] == ["custom.size"]
    assert row(db, cast, "Delta Foods")["custom"] == {"size": 4, "color": "blue"}
    assert save(cast, "ana", edit(cast, "Delta Foods", 4, custom__size=None)).results[0].is_kept
    assert "size" not in row(db, cast, "Delta Foods")["custom"]


def test_the_same_number_in_other_words_is_no_change(db, cast):
    save(cast, "ana", edit(cast, "Delta Foods", 1, custom__size=1250))
    for same in (1250.0, Decimal("1250.000"), "1,250", "1250.0"):
        assert save(cast, "ana", edit(cast, "Delta Foods", 2, custom__size=same)).results[0].status == "unchanged"


def test_a_key_that_is_no_field_is_refused_in_words(db, cast):
    result = save(cast, "ana", edit(cast, "Delta Foods", 1, custom__shoe=1)).results[0]
    assert (result.status, result.error.detail) == (
        "invalid", "Lead has no field “shoe” here. Whoever configures fields can add it on the Fields page."
    )  # fmt: skip


@pytest.mark.parametrize("market", ["Oman", "A", "1"])
def test_a_companys_market_is_a_country_code(db, cast, market):
    with acting_as(cast.who("ana")) as session:
        with pytest.raises(Invalid):
            apply(session, [Edit(COMPANY.name, None, {"name": "Sohar Steel", "market": market})], source="test", on_conflict="refuse")
        made = apply(session, [Edit(COMPANY.name, None, {"name": "Sohar Steel", "market": "om"})], source="test", on_conflict="refuse")
    assert record(db, "companies", made.results[0].record_id)["market"] == "OM"


def test_a_calls_text_can_be_emptied(db, cast):
    with acting_as(cast.who("ana")) as session:
        made = add_activity(session, cast.leads["Delta Foods"], {"kind": "call", "body": "rang twice"}, source="test")
        call = made.results[0].record_id
        edit_activity(session, call, 1, {"body": ""}, source="test")
        assert edit_activity(session, call, 2, {"body": None}, source="test").results[0].status == "unchanged"
    assert record(db, "activities", call)["body"] == ""


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", 12, "2999-01-01T00:00:00Z"]
)
def test_an_impossible_time_of_an_activity_is_refused(module_db, module_cast, at):
    with acting_as(module_cast.who("ana")) as session, pytest.raises(Invalid):
        add_activity(session, module_cast.leads["Delta Foods"], {"kind": "call", "happened_at": at}, source="test")


def test_a_text_as_long_as_allowed_is_searchable_and_kept(db, cast):
    assert save(cast, "ana", edit(cast, "Delta Foods", 1, name="好" * 300)).results[0].is_kept
    with acting_as(cast.who("ana")) as session:
        assert session.scalars(text("select crm.search_leads('好好好好', 10)")).all() == [cast.leads["Delta Foods"]]


def test_nobody_points_a_lead_at_a_company_they_do_not_see(db, cast):
    with acting_as(cast.who("carla")) as session:
        hidden = apply(session, [Edit(COMPANY.name, None, {"name": "Levant Secret"})], source="test").results[0].record_id
    outcome = save(
        cast, "ana", edit(cast, "Delta Foods", 1, company_id=hidden), Edit("lead", None, {"name": "N", "team_id": cast.teams["Gulf"], "company_id": hidden})
    )
    assert [r.status for r in outcome.results] == ["invalid", "invalid"]
    with acting_as(cast.who("ana")) as session:
        contact = apply(session, [Edit(CONTACT.name, None, {"name": "Spy", "company_id": hidden})], source="test").results[0]
        assert contact.status == "invalid"
        assert session.scalar(text("select count(*) from crm.companies where id = :id"), {"id": hidden}) == 0
    assert row(db, cast, "Delta Foods")["version"] == 1


def test_the_wall_itself_refuses_a_lead_that_points_at_a_hidden_company(db, cast):
    from crm.access import writing

    with acting_as(cast.who("carla")) as session:
        hidden = apply(session, [Edit(COMPANY.name, None, {"name": "Levant Secret"})], source="test").results[0].record_id
        contact = apply(session, [Edit(CONTACT.name, None, {"name": "Hidden", "company_id": hidden})], source="test").results[0].record_id
    columns = "name, team_id, pipeline_id, stage_id"
    for resource, statement in (
        ("lead", "update crm.leads set company_id = :hidden, version = version + 1 where id = :lead"),
        ("lead", f"insert into crm.leads ({columns}, company_id) select {columns}, :hidden from crm.leads where id = :lead"),
        ("contact", "insert into crm.contacts (name, team_id, company_id) select 'x', team_id, :hidden from crm.leads where id = :lead"),
        ("lead", "insert into crm.lead_contacts (lead_id, contact_id) values (:lead, :contact)"),
    ):
        with pytest.raises(Exception, match=r"row-level security|does not see"), acting_as(cast.who("ana")) as session, writing(session, resource, "create"):
            session.execute(text(statement), {"hidden": hidden, "lead": cast.leads["Delta Foods"], "contact": contact})


def test_a_hidden_teams_pipelines_are_not_named_to_who_may_not_assign_there(db, cast):
    outcome = save(cast, "ana", edit(cast, "Delta Foods", 1, team_id=cast.teams["Levant"], stage_id=987654))
    assert outcome.results[0].status == "denied"
    assert "Accounts" not in outcome.results[0].error.detail


def test_deleting_needs_no_edit_grant_but_editing_beside_it_does(db, cast):
    """A grant to delete is not a grant to rewrite what is deleted."""
    with db.owner().begin() as connection:
        connection.execute(
            text("delete from crm.grants where resource = 'lead' and action = 'edit' and role_id = (select id from crm.roles where name = 'rep')")
        )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    outcome = save(cast, "ana", edit(cast, "Delta Foods", 1, deleted_at=moment, name="Rewritten"), edit(cast, "Al Noor Trading", 1, deleted_at=moment))
    assert [r.status for r in outcome.results] == ["denied", "applied"]
    assert len(history(db, "lead", cast.leads["Delta Foods"])) == 1


def test_a_person_cannot_be_deleted_like_a_record(db, cast):
    outcome = save(cast, "alma", Edit("person", cast.people["ana"], {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, 1))
    assert outcome.results[0].status == "invalid"
