"""Open leads that wait too long: in their stage beyond its target, or without a word."""

from datetime import date, timedelta

import pytest

from crm import clock
from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_pipeline_by_stage import with_grants
from tests.roles import hide_from


def days_ago(days):
    return clock.now() - timedelta(days=days)


def talk(lead_id, when, kind="call"):
    with acting_as(OPERATOR) as session:
        apply(
            session,
            [Edit("activity", None, {"lead_id": lead_id, "kind": kind, "body": "Well", "happened_at": when.isoformat()})],
            source="test",
            on_conflict="refuse",
        )


@pytest.fixture
def waiting(db, cast):
    """Four that wait for their own reasons, and three that do not: fresh, won, and spoken with."""
    slow = add_lead(cast, "Gulf", "ana", when=days_ago(10), value="100", name="Slow")
    talk(slow, days_ago(1))
    silent = add_lead(cast, "Gulf", "ana", when=days_ago(40), value="300", name="Silent")
    change(db, silent, when=days_ago(3), stage_id=cast.stages["Gulf"]["Contacted"])
    both = add_lead(cast, "Gulf", "bruno", when=days_ago(40), value="200", name="Both")
    talk(both, days_ago(20))
    talk(both, days_ago(2), kind="note")
    add_lead(cast, "Levant", "carla", when=days_ago(400), name="Old")
    add_lead(cast, "Gulf", "ana", when=days_ago(3), value="9000", name="Fresh")
    won = add_lead(cast, "Gulf", "ana", when=days_ago(90), value="9000", name="Done")
    change(db, won, when=days_ago(80), stage_id=cast.stages["Gulf"]["Won"])
    spoken = add_lead(cast, "Gulf", "ana", when=days_ago(6), value="9000", name="Spoken")
    talk(spoken, days_ago(5))


def stale(person=OPERATOR, as_of=None, **filters):
    return [(row["lead"], row["why"]) for row in run(person, "stale_leads", filters, as_of).rows]


def test_each_with_its_reason_the_most_value_first(db, cast, waiting):
    assert stale() == [("Silent", "contact"), ("Both", "both"), ("Slow", "target"), ("Old", "both")]


def test_days_are_stated(db, cast, waiting):
    both = next(row for row in run(OPERATOR, "stale_leads", {}).rows if row["lead"] == "Both")
    assert (both["days_in_stage"], both["days_silent"], both["target_days"], both["stage"], both["owner"]) == (40, 20, 7, "Lead", "Bruno")


def test_how_long_is_too_long_can_be_said(db, cast, waiting):
    assert ("Silent", "contact") not in stale(days="50") and ("Both", "target") in stale(days="50")


def test_as_of_a_past_day_it_goes_by_what_was_so_then(db, cast, waiting):
    day = (clock.now() - timedelta(days=21)).date()
    assert stale(as_of=day) == [("Silent", "both"), ("Both", "both"), ("Old", "both")]


def test_whoever_stood_at_the_end_of_a_past_day_is_found_however_long_they_had_and_whatever_became_of_them(db, cast):
    """Three indexes find them: who came in the thirty days before, who had been there longer and left since, and who is there still."""
    day = (clock.now() - timedelta(days=50)).date()
    ends = clock.end_of(day, "UTC")
    moment = timedelta(microseconds=1)
    thirty = timedelta(days=30)
    stood = {
        "Lately": (thirty - moment, None), "To the moment": (thirty, None), "Longer": (thirty + moment, None), "Long, gone since": (2 * thirty, thirty),
        "To the moment, gone with the day": (thirty, timedelta(0)), "Lately, gone since": (timedelta(days=20), timedelta(days=1)),
    }  # fmt: skip
    others = {"Long, gone before": (2 * thirty, -moment), "Lately, gone before": (timedelta(days=20), -moment), "Came after": (timedelta(0), None)}
    for name, (waited, left) in {**stood, **others}.items():
        lead = add_lead(cast, "Gulf", "ana", when=ends - waited, name=name)
        if left is not None:
            change(db, lead, when=ends + left, stage_id=cast.stages["Gulf"]["Contacted"])
    revalued = add_lead(cast, "Gulf", "ana", when=ends - 2 * thirty, value="7", name="Of another value since")
    change(db, revalued, when=ends + moment, value={"amount": "9", "currency": "USD"})
    rows = {row["lead"]: row["value_usd"] for row in run(OPERATOR, "stale_leads", {}, day).rows}
    left_in_contacted = {"Long, gone before", "Lately, gone before"}  # these stand there then, but no longer than a moment
    assert rows.keys() - left_in_contacted == {*stood, "Of another value since"}
    assert rows["Of another value since"] == 7


def test_filters_and_reach_narrow_it(db, cast, waiting):
    assert stale(cast.who("carla")) == [("Old", "both")]
    assert stale(with_grants(cast.who("bruno"), gulf="own")) == [("Both", "both")]
    assert stale(owner="ana") == [("Silent", "contact"), ("Slow", "target")]


def test_where_values_are_hidden_the_order_does_not_tell_them(db, cast, waiting):
    ana = hide_from(cast, "ana", "value")
    rows = run(ana, "stale_leads", {}).rows
    assert [(row["owner"], row["why"]) for row in rows] == [("Bruno", "both"), ("Ana", "target"), ("Ana", "contact")]
    assert {row["value_usd"] for row in rows} == {None}


def test_nothing_waits_where_nothing_is_open(db, cast):
    assert stale(as_of=date(2020, 1, 1)) == []


def test_activity_counts_what_each_did(db, cast, waiting):
    lead = cast.leads["Al Noor Trading"]
    with acting_as(cast.who("ana")) as session:
        for kind, day, minutes in (("call", "2026-03-02", 5), ("call", "2026-03-03", 10), ("meeting", "2026-03-31", None), ("mail_in", "2026-03-05", None)):
            wanted = {"lead_id": lead, "kind": kind, "happened_at": at(f"{day} 10:00").isoformat(), "duration_minutes": minutes}
            apply(session, [Edit("activity", None, wanted)], source="test", on_conflict="refuse")
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    (row,) = run(OPERATOR, "activity", march).rows
    assert [row[name] for name in ("person", "calls", "meetings", "mails", "messages", "notes", "activities", "leads", "minutes")] == [
        "Ana", 2, 1, 1, 0, 0, 4, 1, 15,
    ]  # fmt: skip
    assert run(OPERATOR, "activity", {**march, "owner": "bruno"}).rows == []
    assert run(cast.who("carla"), "activity", march).rows == []
    assert [row["activities"] for row in run(OPERATOR, "activity", {**march, "to": "2026-03-30"}).rows] == [3]
