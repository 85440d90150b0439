"""What was true then, and what was known then: a report read with the knowledge of a past day leaves out what was entered later."""

import io
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.errors import Invalid
from crm.imports.files import open_table
from crm.imports.use_cases import Wishes, import_tables
from crm.ledger.fold import fold
from crm.reports.registry import REPORTS
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change, set_time_zone
from tests.queries.test_pipeline_by_stage import with_grants

KNOWING = [name for name, report in REPORTS.items() if report.tells_what_was_known]


def posted(db, lead, when, kind="%"):
    """The lead's postings of the kind were made at `when`: nobody can say so but the owner of the database, for the clock of a test."""
    with db.owner().begin() as connection:
        connection.execute(text("update crm.postings set posted_at = :at where lead_id = :lead and kind like :kind"), {"at": when, "lead": lead, "kind": kind})


def standing(as_of, known_on, person=OPERATOR, **filters):
    """Stage -> (leads, USD), without empty ones."""
    rows = run(person, "pipeline_by_stage", filters, as_of, known_on).rows
    return {row["stage"]: (row["leads"], float(row["value_usd"])) for row in rows if row["leads"] or row["value_usd"]}


@pytest.fixture(params=[False, True], ids=["unfolded", "folded"])
def books(request, db, cast):
    """Four leads of January: one posted when it was so, one posted in March, one moved on time but valued late, one posted just after midnight."""
    prompt = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="100")
    posted(db, prompt, at("2026-01-05 10:00"))
    late = add_lead(cast, "Gulf", "bruno", when=at("2026-01-06 10:00"), value="50")
    posted(db, late, at("2026-03-10 09:00"))
    moved = add_lead(cast, "Gulf", "ana", when=at("2026-01-07 10:00"), value="10")
    change(db, moved, when=at("2026-01-20 10:00"), stage_id=cast.stages["Gulf"]["Contacted"])
    change(db, moved, when=at("2026-01-25 10:00"), value={"amount": "30", "currency": "USD"})
    posted(db, moved, at("2026-01-20 10:00"))
    posted(db, moved, at("2026-02-15 09:00"), "revalued")
    midnight = add_lead(cast, "Gulf", None, when=at("2026-01-31 23:59"), value="1")
    posted(db, midnight, at("2026-02-01 00:01"))
    if request.param:
        fold()
    return cast.stages["Gulf"]


def test_what_stood_at_the_end_of_january_as_it_became_known(db, cast, books):
    for known_on, found in (
        (date(2026, 1, 31), {"Lead": (1, 100), "Contacted": (1, 10)}), (date(2026, 2, 1), {"Lead": (2, 101), "Contacted": (1, 10)}),
        (date(2026, 2, 14), {"Lead": (2, 101), "Contacted": (1, 10)}), (date(2026, 2, 15), {"Lead": (2, 101), "Contacted": (1, 30)}),
        (date(2026, 3, 9), {"Lead": (2, 101), "Contacted": (1, 30)}), (date(2026, 3, 10), {"Lead": (3, 151), "Contacted": (1, 30)}),
        (None, {"Lead": (3, 151), "Contacted": (1, 30)}),
    ):  # fmt: skip
        assert standing(date(2026, 1, 31), known_on) == found, known_on


def test_known_on_alone_is_that_day_as_it_was_known_that_day(db, cast, books):
    assert standing(None, date(2026, 1, 10)) == {"Lead": (1, 100)}  # the third lead's own beginning was posted on the 20th
    found = run(OPERATOR, "pipeline_by_stage", {}, None, date(2026, 1, 10))
    assert (found.as_of, found.known_on, found.is_now) == (date(2026, 1, 10), date(2026, 1, 10), False)


def test_movement_as_it_was_known_adds_up_between_what_stood_and_stands(db, cast, books):
    period = {"from": "2026-01-06", "to": "2026-01-31"}
    for known_on in (date(2026, 1, 31), date(2026, 2, 20), date(2026, 3, 10)):
        rows = {row["stage"]: row for row in run(OPERATOR, "movement", period, None, known_on).rows if row["start"] or row["end"] or row["in"]}
        for row in rows.values():
            assert row["start"] + row["created"] + row["in"] - row["out"] == row["end"]
            assert row["start_usd"] + row["created_usd"] + row["in_usd"] - row["out_usd"] + row["value_changed_usd"] == row["end_usd"]
        assert {stage: (row["end"], float(row["end_usd"])) for stage, row in rows.items() if row["end"]} == standing(date(2026, 1, 31), known_on)
        assert {stage: row["start"] for stage, row in rows.items() if row["start"]} == {"Lead": 1}
    created = [run(OPERATOR, "movement", period, None, day).rows[0]["created"] for day in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 3, 10))]
    assert created == [1, 2, 3]


def test_the_day_ends_in_the_reporting_time_zone(db, cast, books):
    set_time_zone(db, "Asia/Dubai")
    fold()
    assert standing(date(2026, 2, 1), date(2026, 2, 1)) == {"Lead": (2, 101), "Contacted": (1, 10)}
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-02-10 19:00"), value="7")
    posted(db, lead, at("2026-02-10 20:30"))  # half past midnight in Dubai
    assert standing(date(2026, 2, 10), date(2026, 2, 10))["Lead"] == (2, 101)
    assert standing(date(2026, 2, 10), date(2026, 2, 11))["Lead"] == (3, 108)


def test_it_keeps_to_filters_and_to_ones_reach(db, cast, books):
    assert standing(date(2026, 1, 31), date(2026, 1, 31), owner="Bruno") == {}
    assert standing(date(2026, 1, 31), date(2026, 3, 10), owner="Bruno") == {"Lead": (1, 50)}
    own = with_grants(cast.who("bruno"), gulf="own")
    assert standing(date(2026, 1, 31), date(2026, 3, 9), own) == {}
    assert standing(date(2026, 1, 31), date(2026, 3, 10), own) == {"Lead": (1, 50)}
    assert standing(date(2026, 1, 31), date(2026, 3, 10), cast.who("carla")) == {}


def test_a_file_that_is_brought_in_today_was_not_known_before(db, cast):
    table = open_table("leads.csv", io.StringIO("name,stage,created on\nOld Mill,Lead,2026-01-05\nOld Bridge,Lead,2026-02-05\n").getvalue().encode())
    with acting_as(OPERATOR) as session:
        assert import_tables(session, [table], Wishes("Gulf")).created == 2
    january = date(2026, 1, 31)
    assert standing(january, None) == {"Lead": (1, 0)}
    assert standing(january, january) == standing(january, date(2026, 3, 1)) == {}
    assert standing(january, datetime.now(UTC).date()) == {"Lead": (1, 0)}


def test_known_now_is_the_report_itself(db, cast, books):
    today = datetime.now(UTC).date()
    for name in KNOWING:
        assert run(OPERATOR, name, {}, None, today).rows == run(OPERATOR, name, {}, today).rows, name


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("name", [name for name in REPORTS if name not in KNOWING])
def test_a_report_that_cannot_tell_refuses_in_words(db, cast, name):
    with pytest.raises(Invalid, match=f"{name} tells of orders.*is not kept.*Leave the day of what was known out") as refused:
        run(OPERATOR, name, {}, None, date(2026, 1, 31))
    assert refused.value.field == "known_on"
    assert REPORTS[name].is_of_orders


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("as_of", "known_on", "says"),
    [(date(2026, 2, 1), date(2026, 1, 31), "nobody knew"), (None, date(9999, 12, 31), "has not come yet"), (None, date(2200, 1, 1), "has not come yet")],
)
def test_a_day_on_which_nobody_knew_is_refused(db, cast, as_of, known_on, says):
    with pytest.raises(Invalid, match=says):
        run(OPERATOR, "pipeline_by_stage", {}, as_of, known_on)


def test_the_first_day_there_is_knows_nothing(db, cast, books):
    assert standing(None, date(1, 1, 1)) == {}


def test_it_says_what_it_is(db, cast):
    sentences = run(OPERATOR, "pipeline_by_stage", {}, date(2026, 1, 31), date(2026, 2, 1)).states()
    assert "As of the end of 31 Jan 2026" in sentences[0]
    assert "As it was known at the end of 1 Feb 2026: what was entered later is left out. Names are today's." in sentences


def test_postings_made_late_are_found_by_their_index(db, cast):
    """Among many that were posted when they were so."""
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"))
    with db.owner().begin() as connection:
        columns = ", ".join(
            name for (name,) in connection.execute(text(
                "select column_name from information_schema.columns where table_schema = 'crm' and table_name = 'postings'"
                " and column_name not in ('id', 'effective_at', 'posted_at')"
            ))
        )  # fmt: skip
        connection.execute(
            text(f"""
                insert into crm.postings ({columns}, effective_at, posted_at)
                select {columns}, moment, moment
                from crm.postings, generate_series(timestamptz '2026-01-01', timestamptz '2026-11-01', interval '5 minutes') as moment
                where lead_id = :lead
            """),
            {"lead": lead},
        )
        connection.execute(text("analyze crm.postings"))
    query = REPORTS["pipeline_by_stage"].query
    explained = text(f"explain {query.sql}").bindparams(*query.statement._bindparams.values())
    given = {"as_of": date(2026, 10, 30), "known_on": date(2026, 10, 31), "time_zone": "UTC", "team_id": None, "pipeline_id": None, "owner_id": None}
    with acting_as(cast.who("ana"), resource="report", action="view") as session:
        plan = "\n".join(row[0] for row in session.execute(explained, given))
    assert "ix_postings_posted_late" in plan and "Seq Scan on postings" not in plan
