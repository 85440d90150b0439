"""What Home counts: everybody's desk, and what open leads were worth week by week."""

from datetime import timedelta

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.clock import now
from crm.db.queries import load


def desks(cast, who, owner=None):
    with acting_as(cast.who(who)) as session:
        at = now()
        rows = load("home/open_leads_by_owner").run(
            session, owner_id=cast.people[owner] if owner else None, quiet_before=at - timedelta(days=14), moved_since=at - timedelta(days=1), now=at,
            closes_from=at.date(), closes_before=at.date() + timedelta(days=30),
        )  # fmt: skip
    return {row["owner_id"]: row for row in rows}


def test_a_desk_counts_open_leads_of_its_owner_in_sight(db, cast):
    found = desks(cast, "mona")
    assert {owner: (row["leads"], row["value_usd"]) for owner, row in found.items()} == {cast.people["ana"]: (2, 12400), cast.people["bruno"]: (1, 9500)}
    assert set(desks(cast, "carla")) == {cast.people["carla"]}
    assert set(desks(cast, "mona", owner="bruno")) == {cast.people["bruno"]}


def test_a_lead_that_is_won_leaves_the_desk_and_one_that_waits_stalls(db, cast):
    with acting_as(cast.who("ana")) as session:
        apply(session, [Edit("lead", cast.leads["Al Noor Trading"], {"stage_id": cast.stages["Gulf"]["Won"]}, 1)], source="test", on_conflict="refuse")
        old = Edit("lead", None, {"name": "Old", "team_id": cast.teams["Gulf"]}, effective_at=now() - timedelta(days=30))
        apply(session, [old], source="test", on_conflict="refuse")
    row = desks(cast, "ana", owner="ana")[cast.people["ana"]]
    assert (row["leads"], row["stalled"], row["moved"]) == (2, 1, 1)


def test_the_weeks_end_with_what_is_open_now(db, cast):
    with acting_as(cast.who("ana")) as session:
        old = Edit(
            "lead", None, {"name": "Old", "team_id": cast.teams["Gulf"], "value": {"amount": 100, "currency": "USD"}}, effective_at=now() - timedelta(days=20)
        )
        apply(session, [old], source="test", on_conflict="refuse")
        rows = load("home/open_value_by_week").run(session, owner_id=cast.people["ana"], today=now().date(), time_zone="UTC")
    assert len(rows) == 8
    assert [row["value_usd"] for row in rows][-4:] == [0, 100, 100, 12500]


def test_months_of_a_customer_and_of_a_lead_are_the_same_orders(db, cast):
    """The figures themselves are held in tests/db/test_customers.py; nothing of them is there for whom nothing is in sight."""
    with acting_as(cast.who("ana")) as session:
        for name in ("months_of_customer", "months_of_lead"):
            assert load(f"customers/{name}").run(session, record_id=999999, since=now().date(), time_zone="UTC") == []
