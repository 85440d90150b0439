"""What happened earlier is effective then and known now; it never comes before what is recorded already."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.errors import Invalid
from tests.db.acts import counts, history, record, save

MARCH, MAY, JULY = (datetime(2017, month, 1, 9, tzinfo=UTC) for month in (3, 5, 7))


@pytest.fixture
def deal(db, cast):
    """A lead of March 2017 that was won in July; answers its id."""
    made = save(cast, "ana", Edit("lead", None, {"name": "Deal", "team_id": cast.teams["Gulf"], "value": {"amount": "100", "currency": "AED"}}, None, MARCH))
    lead = made.results[0].record_id
    save(cast, "ana", Edit("lead", lead, {"stage_id": cast.stages["Gulf"]["Negotiation"]}, 1, MAY))
    save(cast, "ana", Edit("lead", lead, {"stage_id": cast.stages["Gulf"]["Won"], "value": {"amount": "120", "currency": "AED"}}, 2, JULY))
    return lead


def standing(db, lead, day):
    """stage -> (leads, dollars) from the postings effective up to the end of the day."""
    found = db.rows(
        "select stage_id, sum(leads) as leads, sum(value_usd) as usd from crm.postings where lead_id = :lead and effective_at < :until"
        " group by stage_id having sum(leads) <> 0", lead=lead, until=day + timedelta(days=1),
    )  # fmt: skip
    return {row["stage_id"]: (row["leads"], row["usd"]) for row in found}


def test_postings_are_effective_then_and_posted_now(db, cast, deal):
    found = db.rows("select kind, effective_at, posted_at, leads from crm.postings where lead_id = :id order by id", id=deal)
    assert [(p["kind"], p["effective_at"], p["leads"]) for p in found] == [
        ("created", MARCH, 1), ("moved", MAY, -1), ("moved", MAY, 1), ("moved", JULY, -1), ("moved", JULY, 1),
    ]  # fmt: skip
    assert all(datetime.now(UTC) - p["posted_at"] < timedelta(hours=1) for p in found)


def test_the_sum_of_postings_up_to_a_day_is_the_pipeline_on_that_day(db, cast, deal):
    stages = cast.stages["Gulf"]
    assert standing(db, deal, date(2017, 2, 27)) == {}
    assert standing(db, deal, date(2017, 4, 1)) == {stages["Lead"]: (1, Decimal("27.23"))}
    assert standing(db, deal, date(2017, 6, 1)) == {stages["Negotiation"]: (1, Decimal("27.23"))}
    assert standing(db, deal, date(2017, 8, 1)) == {stages["Won"]: (1, Decimal("32.68"))}


def test_stays_are_contiguous_in_the_time_it_really_took(db, cast, deal):
    stays = db.rows("select stage_id, entered_at, left_at, stage_entered_at from crm.stays where lead_id = :id order by entered_at", id=deal)
    stages = cast.stages["Gulf"]
    assert [(s["stage_id"], s["entered_at"], s["left_at"]) for s in stays] == [
        (stages["Lead"], MARCH, MAY), (stages["Negotiation"], MAY, JULY), (stages["Won"], JULY, None),
    ]  # fmt: skip
    assert record(db, "leads", deal)["stage_entered_at"] == JULY


def test_history_says_when_it_was_said_to_have_happened(db, cast, deal):
    assert [c["effective_at"] for c in history(db, "lead", deal)] == [MARCH, MAY, JULY]
    assert record(db, "leads", deal)["created_at"] == MARCH


@pytest.mark.parametrize("at", [MARCH, MAY, JULY - timedelta(seconds=1)])
def test_nothing_is_dated_before_the_last_recorded_change(db, cast, deal, at):
    before = counts(db)
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid, match="before this lead's last recorded change"):
        apply(session, [Edit("lead", deal, {"stage_id": cast.stages["Gulf"]["Lost"]}, 3, at)], source="import", on_conflict="refuse")
    assert counts(db) == before


def test_the_database_itself_refuses_an_earlier_date_than_the_last(db, cast, deal):
    from sqlalchemy.exc import DBAPIError

    with db.owner().connect() as connection, pytest.raises(DBAPIError, match="before its last recorded change"):
        connection.execute(text("update crm.leads set stage_id = :s, effective_at = :at, version = version + 1 where id = :id"),
                           {"s": cast.stages["Gulf"]["Lost"], "at": MAY, "id": deal})  # fmt: skip


def test_a_change_of_today_follows_a_backdated_one(db, cast, deal):
    save(cast, "ana", Edit("lead", deal, {"owner_id": cast.people["bruno"]}, 3))
    assert datetime.now(UTC) - record(db, "leads", deal)["effective_at"] < timedelta(hours=1)
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid):
        apply(session, [Edit("lead", deal, {"stage_id": cast.stages["Gulf"]["Lost"]}, 4, JULY)], source="import", on_conflict="refuse")


def test_several_dated_steps_of_one_lead_go_in_one_call_in_their_order(db, cast):
    stages = cast.stages["Gulf"]
    lead = save(cast, "ana", Edit("lead", None, {"name": "Deal", "team_id": cast.teams["Gulf"]}, None, MARCH)).results[0].record_id
    outcome = save(cast, "ana", Edit("lead", lead, {"stage_id": stages["Contacted"]}, 1, MAY), Edit("lead", lead, {"stage_id": stages["Won"]}, 1, JULY))
    assert [r.status for r in outcome.results] == ["applied", "applied"]
    assert [c["effective_at"] for c in history(db, "lead", lead)] == [MARCH, MAY, JULY]


def test_dated_and_undated_edits_of_one_batch_keep_apart(db, cast):
    made = save(cast, "ana", *(Edit("lead", None, {"name": n, "team_id": cast.teams["Gulf"]}, None, at) for n, at in (("Old", MARCH), ("New", None))))
    old, new = (record(db, "leads", r.record_id) for r in made.results)
    assert old["effective_at"] == old["created_at"] == MARCH
    assert datetime.now(UTC) - new["effective_at"] < timedelta(hours=1)
    save(cast, "ana", Edit("lead", old["id"], {"next_step": "x"}, 1, MAY), Edit("lead", new["id"], {"next_step": "x"}, 1))
    assert record(db, "leads", old["id"])["effective_at"] == MAY


def test_money_is_worth_the_dollars_of_the_day_it_was_set(db, cast):
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.exchange_rates values ('AED', '2017-06-01', 0.5)"))
    lead = save(
        cast, "ana", Edit("lead", None, {"name": "Deal", "team_id": cast.teams["Gulf"], "value": {"amount": 100, "currency": "AED"}}, None, MAY)
    ).results[0]
    assert record(db, "leads", lead.record_id)["value_usd"] == Decimal("27.23")
    save(cast, "ana", Edit("lead", lead.record_id, {"stage_id": cast.stages["Gulf"]["Won"]}, 1))
    assert record(db, "leads", lead.record_id)["value_usd"] == Decimal("27.23")  # a move revalues nothing
    save(cast, "ana", Edit("lead", lead.record_id, {"value": {"amount": "100.01", "currency": "AED"}}, 2))
    assert record(db, "leads", lead.record_id)["value_usd"] == Decimal("50.01")


def test_only_leads_have_earlier_dates(cast, db):
    result = save(cast, "ana", Edit("company", None, {"name": "C"}, None, MARCH)).results[0]
    assert result.status == "invalid" and "no earlier dates" in result.error.detail
