"""Movement between two days: it adds up for everybody, and agrees with stage totals and with a recount from history."""

from collections import Counter
from datetime import date

import pytest

from crm.access import OPERATOR
from crm.errors import Invalid
from crm.ledger.fold import fold
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change, recount_as_of, set_time_zone, totals
from tests.queries.test_pipeline_by_stage import with_grants

JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}


def moved(person, **filters):
    """Stage id -> its row, without stages in which nothing was or happened."""
    rows = run(person, "movement", {**JANUARY, **filters}).rows
    return {row["stage_id"]: row for row in rows if row["start"] or row["created"] or row["in"] or row["out"] or row["end"]}


def figures(row):
    return tuple(row[name] for name in ("start", "created", "in", "out", "end"))


@pytest.fixture(params=[False, True], ids=["unfolded", "folded"])
def january(request, db, cast):
    """One lead from before, one that began and moved twice, one that came back to where it was, one deleted, one valued anew."""
    gulf = cast.stages["Gulf"]
    old = add_lead(cast, "Gulf", "ana", when=at("2025-12-10 10:00"), value="100")
    new = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="50")
    change(db, new, when=at("2026-01-06 10:00"), stage_id=gulf["Contacted"])
    change(db, new, when=at("2026-01-20 10:00"), stage_id=gulf["Negotiation"])
    restless = add_lead(cast, "Gulf", "bruno", when=at("2025-12-11 10:00"), value="10")
    change(db, restless, when=at("2026-01-02 10:00"), stage_id=gulf["Contacted"])
    change(db, restless, when=at("2026-01-03 10:00"), stage_id=gulf["Lead"])
    change(db, old, when=at("2026-01-10 10:00"), value={"amount": "150", "currency": "USD"})
    gone = add_lead(cast, "Gulf", None, when=at("2025-12-12 10:00"), value="7")
    change(db, gone, when=at("2026-01-15 10:00"), deleted_at=at("2026-01-15 10:00"))
    change(db, new, when=at("2026-02-01 10:00"), stage_id=gulf["Won"])
    if request.param:
        fold()
    return gulf


def test_what_was_there_came_and_went(db, cast, january):
    found = {stage: figures(row) for stage, row in moved(OPERATOR).items()}
    assert found == {january["Lead"]: (3, 1, 1, 3, 2), january["Contacted"]: (0, 0, 2, 2, 0), january["Negotiation"]: (0, 0, 1, 0, 1)}


def test_values_move_with_their_leads(db, cast, january):
    row = moved(OPERATOR)[january["Lead"]]
    assert (float(row["start_usd"]), float(row["change_usd"]), float(row["end_usd"])) == (117, 43, 160)


def test_a_new_owner_or_value_is_no_movement(db, cast):
    lead = add_lead(cast, "Gulf", "ana", when=at("2025-12-10 10:00"), value="1")
    change(db, lead, when=at("2026-01-05 10:00"), owner_id=cast.people["bruno"])
    change(db, lead, when=at("2026-01-06 10:00"), value={"amount": "2", "currency": "USD"})
    assert figures(moved(OPERATOR)[cast.stages["Gulf"]["Lead"]]) == (1, 0, 0, 0, 1)


def test_who_sees_their_own_only_sees_a_given_lead_leave(db, cast):
    lead = add_lead(cast, "Gulf", "ana", when=at("2025-12-10 10:00"))
    change(db, lead, when=at("2026-01-05 10:00"), owner_id=cast.people["bruno"])
    stage = cast.stages["Gulf"]["Lead"]
    assert figures(moved(with_grants(cast.who("ana"), gulf="own"))[stage]) == (1, 0, 0, 1, 0)
    assert figures(moved(with_grants(cast.who("bruno"), gulf="own"))[stage]) == (0, 0, 1, 0, 1)


def test_start_and_end_are_the_stage_totals_of_their_days(db, cast, january):
    for person in (OPERATOR, cast.who("ana"), cast.who("carla"), with_grants(cast.who("ana"), gulf="own")):
        found = moved(person)
        assert {stage: (row["start"], float(row["start_usd"])) for stage, row in found.items() if row["start"]} == totals(person, date(2025, 12, 31))
        assert {stage: (row["end"], float(row["end_usd"])) for stage, row in found.items() if row["end"]} == totals(person, date(2026, 1, 31))


def test_it_agrees_with_history_also_in_another_time_zone(db, cast, january):
    set_time_zone(db, "Pacific/Auckland")
    fold()
    found = moved(OPERATOR)
    for day, leads, usd in ((date(2025, 12, 31), "start", "start_usd"), (date(2026, 1, 31), "end", "end_usd")):
        assert {stage: (row[leads], float(row[usd])) for stage, row in found.items() if row[leads]} == recount_as_of(db, day, "Pacific/Auckland")


def test_it_adds_up_in_every_stage_and_over_all(db, cast, january):
    rows = moved(OPERATOR).values()
    assert all(row["start"] + row["created"] + row["in"] - row["out"] == row["end"] for row in rows)
    over_all = Counter()
    for row in rows:
        over_all.update({name: row[name] for name in ("start", "created", "in", "out", "end")})
    assert over_all["start"] + over_all["created"] - 1 == over_all["end"]  # one was deleted; what moves stays


def test_the_usual_period_is_the_last_thirty_days(db, cast):
    first, last = run(OPERATOR, "movement", {}).period
    assert (last - first).days == 29


def test_as_of_a_past_day_the_period_ends_there(db, cast):
    assert run(OPERATOR, "movement", {}, date(2026, 1, 31)).period == (date(2026, 1, 2), date(2026, 1, 31))


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("filters", "as_of", "says"),
    [
        ({"from": "2026-02-01", "to": "2026-01-01"}, None, "comes after the last"),
        ({"to": "2200-01-01"}, None, "has not come yet"),
        ({"to": "2026-01-31"}, date(2026, 1, 30), "comes after the day that is looked back to"),
        ({"from": "soon"}, None, "“soon” is not a day"),
        ({"to": "9999-12-31"}, None, "has not come yet"),
        ({"from": "'; drop table"}, None, "is not a day"),
    ],
)
def test_a_period_that_cannot_be_is_refused_in_words(db, cast, filters, as_of, says):
    with pytest.raises(Invalid, match=says):
        run(OPERATOR, "movement", filters, as_of)


def test_the_first_day_there_is_can_be_asked_for(db, cast, january):
    assert run(OPERATOR, "movement", {"to": "0001-01-01"}).period == (date(1, 1, 1), date(1, 1, 1))
    assert figures(moved(OPERATOR, **{"from": "0001-01-01"})[january["Lead"]]) == (0, 4, 1, 3, 2)


def test_the_waterfall_adds_up_in_leads_and_in_dollars(db, cast, january):
    gulf = cast.stages["Gulf"]
    lost = add_lead(cast, "Gulf", "ana", when=at("2026-01-07 10:00"), value="20", stage="Negotiation")
    change(db, lost, when=at("2026-01-21 10:00"), stage_id=gulf["Lost"], value={"amount": "25", "currency": "USD"})
    won = add_lead(cast, "Gulf", "ana", when=at("2025-12-07 10:00"), value="70", stage="Negotiation")
    change(db, won, when=at("2026-01-22 10:00"), stage_id=gulf["Won"])
    found = moved(OPERATOR)
    usd = ("start_usd", "created_usd", "in_usd", "out_usd", "won_usd", "lost_usd", "value_changed_usd", "end_usd")
    assert {stage: tuple(float(row[name]) for name in usd) for stage, row in found.items()} == {
        gulf["Lead"]: (117, 50, 10, 67, 0, 0, 50, 160), gulf["Contacted"]: (0, 0, 60, 60, 0, 0, 0, 0),
        gulf["Negotiation"]: (70, 20, 50, 90, 70, 20, 0, 50), gulf["Won"]: (0, 0, 70, 0, 0, 0, 0, 70), gulf["Lost"]: (0, 0, 25, 0, 0, 0, 0, 25),
    }  # fmt: skip
    assert {stage: tuple(row[name] for name in ("out", "won", "lost", "deleted")) for stage, row in found.items() if row["out"]} == {
        gulf["Lead"]: (3, 0, 0, 1), gulf["Contacted"]: (2, 0, 0, 0), gulf["Negotiation"]: (2, 1, 1, 0),
    }  # fmt: skip
    for row in found.values():
        assert row["start_usd"] + row["created_usd"] + row["in_usd"] - row["out_usd"] + row["value_changed_usd"] == row["end_usd"]


def test_whole_months_and_single_days_add_up_to_the_postings_of_the_period(db, cast, january):
    for begins, ends in (
        ("2026-01-01", "2026-01-31"), ("2025-12-11", "2026-01-02"), ("2025-12-11", "2026-02-28"), ("2026-01-05", "2026-01-06"), ("2025-11-30", "2026-02-01"),
        ("2025-12-01", "2026-03-01"), ("2026-01-20", None),
    ):  # fmt: skip
        period = {"from": begins, **({"to": ends} if ends else {})}
        found = {row["stage_id"]: (row["created"], row["in"], row["out"], row["change_usd"]) for row in run(OPERATOR, "movement", period).rows}
        for stage, (created, came, went, usd) in found.items():
            postings = db.rows(
                "select kind, leads, value_usd from crm.postings where stage_id = :s and effective_at >= cast(:a as date)"
                " and effective_at < coalesce(cast(:b as date) + 1, 'infinity')",
                s=stage, a=begins, b=ends,
            )  # fmt: skip
            assert created == sum(1 for p in postings if p["kind"] == "created"), period
            assert came - went == sum(p["leads"] for p in postings if p["kind"] != "created"), period
            assert usd == sum(p["value_usd"] for p in postings), period
