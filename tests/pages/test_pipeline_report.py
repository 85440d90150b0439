"""The Pipeline report: figures of one's reach, as of any day, and each stage opens its leads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.db.patience import at_most
from crm.people.use_cases import add_person, add_team, role_id
from crm.reports import caching
from crm.reports.use_cases import run_report
from tests.db.ledgers import add_lead, at, change
from tests.pages.parts import said

PAGE = "pages/pipeline_report.py"


def open_value(page: Any) -> str:
    return next(metric.value for metric in page.metric if metric.label == "Open value")


def test_a_manager_reads_the_team_and_never_another(visit: Any) -> None:
    page = visit("mona", PAGE)
    assert not page.exception
    assert open_value(page) == "$21.9k"
    assert "Lead holds 100% of the open value. In 30 days 3 leads began, 0 were won and 0 lost." in said(page)


def test_a_stage_opens_its_leads(visit: Any) -> None:
    page = visit("mona", PAGE)
    assert [link.label for link in page.page_link if link.label != "Mona"] == [
        "Open the leads behind “Open value”", "Lead", "Contacted", "Negotiation", "Won", "Lost",
    ]  # fmt: skip


def test_a_stage_after_one_that_nobody_came_to_says_so(visit: Any) -> None:
    page = said(visit("mona", PAGE))
    assert page.count("<small>began</small>") == 1
    assert page.count("nobody was in the stage before") == 2


def test_a_day_long_ago_stands_on_the_slider_too(visit: Any) -> None:
    page = visit("mona", PAGE, as_of="2001-01-31")
    assert not page.exception
    assert str(page.select_slider[0].value if page.select_slider else page.slider[0].value) == "2001-01-31"


def test_what_takes_too_long_to_read_says_so_and_the_rest_stands(visit: Any, monkeypatch: Any) -> None:
    def slow_funnel(session: Any, report: Any, *given: Any) -> Any:
        if report.name == "funnel":
            with at_most(session, timedelta(milliseconds=1), "There is too much to read for it."):
                session.execute(text("select pg_sleep(60)"))
        return run_report(session, report, *given)

    monkeypatch.setattr(caching, "run_report", slow_funnel)
    page = visit("mona", PAGE)
    assert not page.exception
    assert "There is too much to read for it." in said(page)
    assert open_value(page) == "$21.9k"


def test_an_owner_narrows_everything(visit: Any, cast: Any) -> None:
    page = visit("mona", PAGE, of_owner="Bruno")
    assert open_value(page) == "$9,500"


def test_as_of_a_past_day_shows_what_was(visit: Any, db: Any, cast: Any) -> None:
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="500")
    change(db, lead, when=at("2026-01-20 10:00"), stage_id=cast.stages["Gulf"]["Won"])
    page = visit("mona", PAGE, as_of="2026-01-10")
    assert open_value(page) == "$500"
    assert "As of the end of 10 Jan 2026" in said(page)
    assert "1 lead began, 0 were won" in said(page)
    page = visit("mona", PAGE, as_of="2026-01-25")
    assert "Nothing is open in this pipeline on that day." in said(page)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("query", [{"as_of": "9999-99-99"}, {"of_pipeline": "Nobody’s"}, {"of_owner": "'; drop table crm.leads"}, {"period": "-1"}])
def test_an_address_that_makes_no_sense_shows_the_usual_report(visit: Any, query: dict[str, str]) -> None:
    page = visit("mona", PAGE, **query)
    assert not page.exception
    assert open_value(page) == "$21.9k"


def test_names_are_text_and_never_markup(visit: Any, db: Any, cast: Any) -> None:
    from sqlalchemy import text

    with db.owner().begin() as connection:
        connection.execute(text("update crm.stages set name = '<img src=x onerror=alert(1)>', version = version + 1 where name = 'Contacted'"))
    page = visit("mona", PAGE)
    assert not page.exception
    assert "<img" not in said(page)


def test_without_the_grant_the_page_says_so(visit: Any, db: Any, cast: Any) -> None:
    from sqlalchemy import text

    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.grants where resource = 'report'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    page = visit("vera", PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]


def test_the_steps_of_the_waterfall_add_up(visit: Any, db: Any, cast: Any) -> None:
    from crm.access import acting_as
    from crm.charts.pipeline import steps_of
    from crm.reports.registry import report_named

    lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="500")
    change(db, lead, when=at("2026-01-20 10:00"), stage_id=cast.stages["Gulf"]["Won"])
    with acting_as(cast.who("mona")) as session:
        rows = run_report(session, report_named("movement"), {"from": "2026-01-10"}).rows
    for is_money in (True, False):
        *steps, end = steps_of([row for row in rows if row["kind"] == "open"], is_money=is_money).values()
        assert sum(steps) == end
    assert steps_of(rows, is_money=True)["Start"] == 500
    assert steps_of([row for row in rows if row["kind"] == "open"], is_money=True)["Won"] == -500


def test_as_we_knew_it_leaves_out_what_was_entered_later(visit: Any, db: Any, cast: Any) -> None:
    """The lead of January is entered today: in January nobody knew of it."""
    add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="500")
    assert open_value(visit("mona", PAGE, as_of="2026-01-10")) == "$500"
    page = visit("mona", PAGE, as_of="2026-01-10", known_on="2026-01-11")
    assert not page.exception
    assert "Nothing is open in this pipeline on that day." in said(page)
    assert "As it was known at the end of 11 Jan 2026: what was entered later is left out." in said(page)
    assert "as of 10 Jan 2026 · as we knew it on 11 Jan 2026" in said(page)


@pytest.mark.parametrize("query", [{"as_of": "2026-01-10", "known_on": "2026-01-09"}, {"known_on": "9999-99-99"}, {"known_on": "'; drop table"}])
def test_a_day_on_which_nobody_knew_shows_what_is_known_now(visit: Any, cast: Any, query: dict[str, str]) -> None:
    add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="500")
    page = visit("mona", PAGE, **query)
    assert not page.exception
    assert "As it was known" not in said(page)


def test_what_was_known_on_a_day_is_asked_of_that_day(visit: Any, cast: Any) -> None:
    page = visit("mona", PAGE, known_on="2026-01-11")
    assert "as of 11 Jan 2026 · as we knew it on 11 Jan 2026" in said(page)


def test_tiles_show_how_it_went_also_as_it_was_known(visit: Any, db: Any, cast: Any) -> None:
    lead = add_lead(cast, "Gulf", "ana", when=at("2026-01-05 10:00"), value="500")
    change(db, lead, when=at("2026-03-20 10:00"), stage_id=cast.stages["Gulf"]["Won"])
    lines = {metric.label: list(metric.proto.chart_data)[-4:] for metric in visit("mona", PAGE, as_of="2026-04-12").metric}
    assert lines == {"Open value": [500, 500, 0, 0], "New leads": [1, 0, 0, 0], "Won": [0, 0, 1, 0], "Lost": [0, 0, 0, 0]}
    known = visit("mona", PAGE, as_of="2026-04-12", known_on="2026-04-12")
    assert [list(metric.proto.chart_data)[-4:] for metric in known.metric] == [[0, 0, 0, 0]] * 4


def test_a_team_without_a_pipeline_reads_where_its_first_one_comes_from(visit: Any, cast: Any) -> None:
    with acting_as(OPERATOR) as session:
        place = (add_team(session, "North", source="test"), role_id(session, "manager"))
        cast.people["nora"] = add_person(session, {"email": "nora@demo.example", "name": "Nora"}, [place], source="test")
    page = visit("nora", PAGE)
    assert not page.exception and "There is no pipeline in your sight yet." in said(page) and "Make the first one under Pipelines." in said(page)
