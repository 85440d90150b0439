"""Report pages: for those who see reports; figures of one's reach; every filter in the URL; each number opens its leads."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import acting_as, as_system
from crm.activities.use_cases import add_activity
from crm.changes import Edit
from crm.charts.amounts import usd
from crm.goals.use_cases import set_goals
from crm.leads.use_cases import edit_leads
from crm.ui.reports import asked as asking
from crm.ui.reports import charts, parts, picking, stale
from tests.db.ledgers import add_lead, at, change
from tests.pages.parts import press, said
from tests.roles import hide_from

FORECAST, WINS, TEAM, REVENUE, STALE, PIPELINE = (f"pages/{name}.py" for name in ("forecast", "win_loss", "team_report", "revenue", "stale", "pipeline_report"))
PAGES = (FORECAST, WINS, TEAM, REVENUE, STALE, PIPELINE)


def links(page: Any) -> list[str]:
    return [link.label for link in page.page_link]


def tiles(page: Any) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in page.metric}


def end_two(cast: Any) -> None:
    """Ana wins Al Noor ($12,400), Bruno loses Petra for its price ($9,500)."""
    stages = cast.stages["Gulf"]
    with acting_as(cast.who("mona")) as session:
        edit_leads(session, [(cast.leads["Al Noor Trading"], 1, {"stage_id": stages["Won"]})], source="form")
        edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"stage_id": stages["Lost"], "lost_reason": "Price"})], source="form")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("who", ["mona", "ana", "vera", "alma", "carla"])
def test_everybody_with_reports_reads_each_page_and_only_their_own_figures(visit: Any, cast: Any, path: str, who: str) -> None:
    end_two(cast)
    page = visit(who, path)
    assert not page.exception
    assert "tl-headline" in said(page)
    if who == "carla":
        everything = said(page) + " ".join(links(page))
        assert not any(secret in everything for secret in ("Ana", "Bruno", "Price", "12.4k", "9,500"))


@pytest.mark.parametrize("path", PAGES)
def test_without_the_grant_the_page_says_so(visit: Any, db: Any, path: str) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.grants where resource = 'report'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    page = visit("vera", path)
    assert "This page is not for your role" in [title.value for title in page.title]


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "query",
    [
        {"as_of": "9999-99-99", "of_team": "x", "of_owner": "'; drop table crm.leads"},
        {"of_pipeline": "<script>", "of_source": "<img src=x onerror=alert(1)>"},
        {"period": "-1", "against": "x"}, {"of_source": "\x00' or 1=1", "of_market": "??"}, {"as_of": "2000-01-01", "period": "A year"},
    ],
)  # fmt: skip
def test_an_address_that_makes_no_sense_shows_what_it_can(visit: Any, path: str, query: dict[str, str]) -> None:
    page = visit("mona", path, **query)
    assert not page.exception
    assert "<img" not in said(page) and "<script" not in said(page)


@pytest.mark.parametrize("path", PAGES)
def test_names_are_text_and_never_markup(visit: Any, db: Any, cast: Any, path: str) -> None:
    end_two(cast)
    with db.owner().begin() as connection:
        for table in ("stages", "people", "teams"):
            connection.execute(text(f"update crm.{table} set name = '<img src=x onerror=alert(1)>' || id, version = version + 1"))
        connection.execute(text("update crm.leads set name = '<script>x', source = '<script>y', lost_reason = '<script>z', version = version + 1"))
    page = visit("mona", path)
    assert not page.exception
    assert "<img" not in said(page) and "<script" not in said(page)


def test_nothing_at_all_has_kind_words_on_each_page(visit: Any, cast: Any) -> None:
    with acting_as(cast.who("carla")) as session:
        edit_leads(session, [(cast.leads["Nile Mart"], 1, {"owner_id": None})], source="form")
    for path in PAGES:
        page = visit("carla", path, as_of="2001-01-01")
        assert not page.exception, path


def test_every_page_has_four_tiles_each_with_its_course(visit: Any, db: Any, cast: Any) -> None:
    """As of a day of the past, so that weeks and months of its quarter have gone by."""
    with acting_as(cast.who("mona")) as session:
        values = {"team_id": cast.teams["Gulf"], "person_id": None, "starts_on": date(2026, 4, 1), "amount_usd": "1000"}
        set_goals(session, [Edit("goal", None, values)], source="test")
    for moment, stage in (("2026-02-10 10:00", "Lead"), ("2026-05-10 10:00", "Won"), ("2026-03-10 10:00", "Negotiation")):
        add_lead(cast, "Gulf", "ana", when=at(moment), value="500", stage=stage)
    moved = add_lead(cast, "Gulf", "ana", when=at("2026-04-10 10:00"), value="500")
    change(db, moved, when=at("2026-05-02 10:00"), stage_id=cast.stages["Gulf"]["Contacted"])
    order(cast, at("2026-04-20 10:00"), at("2026-05-20 10:00"))
    for path in PAGES:
        page = visit("mona", path, as_of="2026-06-10")
        assert not page.exception, path
        assert len(page.metric) == 4, path
        bare = [metric.label for metric in page.metric if len(metric.proto.chart_data) < 2]
        assert bare == {WINS: ["Win rate", "Days to win"], STALE: ["Moved on in time"]}.get(path, []), path  # of what ended in one month, moved on in one week


def test_a_forecast_stands_beside_what_was_said_as_long_ago_as_asked(visit: Any, cast: Any) -> None:
    page = visit("mona", FORECAST, said="As said a week before")
    assert not page.exception
    assert {metric.proto.delta_description for metric in page.metric if metric.delta} <= {"in 7 days", "against last quarter"}


def test_owners_are_not_shown_as_if_a_source_had_narrowed_them(visit: Any, cast: Any) -> None:
    assert "Owners are not told apart by source or market" in said(visit("mona", FORECAST, of_source="Fair"))


def test_wins_are_told_in_a_sentence_and_open_their_leads(visit: Any, cast: Any) -> None:
    end_two(cast)
    page = visit("mona", WINS)
    assert "Won $12.4k from 1 lead: 50% of what ended. Most was lost for “Price”, 1 lead." in said(page)
    assert tiles(page)["Win rate"][0] == "50%" and tiles(page)["Won"][0] == "$12.4k"
    assert {"Ana", "Bruno", "Open the lost leads"} <= set(links(page))
    behind = visit("mona", "pages/leads.py", view="Team", pipeline="All pipelines", kind="ended", owner="Bruno")
    assert [row["name"] for row in behind.session_state["leads.sheet"].rows] == ["Petra Supplies"]


def lines(page: Any) -> list[tuple[str, str, list[str]]]:
    """What each line of the blocks opens (its name, its address), and the figures beside it."""
    found, link = [], None
    for element in page.main:
        if element.type == "page_link":
            link = element.proto
        elif element.type == "html" and link is not None and "class='tl-cells'" in element.proto.body:
            found.append((link.label, link.query_string, re.findall("<span>(.*?)</span>", element.proto.body)))
            link = None
    return found


def counted(path: str, address: str, figures: list[str]) -> int:
    """How many leads a line says that it stands for: of owners' wins, those won and those lost."""
    numbers = [int(figure.replace(",", "")) for figure in figures[: 2 if path == WINS and "kind=ended" in address else 1]]
    return sum(numbers)


@pytest.fixture
def some(cast: Any) -> None:
    """Won, lost and open leads of Ana's, Bruno's and nobody's, of a source and of none, for a reason and for none."""
    end_two(cast)
    for owner, source, stage, reason in (
        ("bruno", "Fair", "Won", None), ("ana", "Fair", "Lost", "Price"), ("bruno", None, "Lost", None), (None, "Web", "Lead", None),
        ("ana", "Fair", "Contacted", None), (None, None, "Won", None), ("bruno", "Fair", "Contacted", None),
    ):  # fmt: skip
        closes = {"expected_close_on": clock.today("UTC") + timedelta(days=40)} if stage == "Contacted" else {}
        add_lead(cast, "Gulf", owner, source=source, stage=stage, lost_reason=reason, value="700", when=clock.now() - timedelta(days=3), **closes)


def open_as_many(visit: Any, path: str, page: Any) -> int:
    """Every line of the page opens as many leads as it says; answers how many lines there are."""
    found = [line for line in lines(page) if "id=" not in line[1] and not re.search(r"view=All(&|$)", line[1])]  # those open one lead, or a customer
    for name, address, figures in found:
        asked = {key: values[0] for key, values in parse_qs(address).items()}
        opened = visit("mona", "pages/leads.py", **asked).session_state["leads.sheet"].rows
        assert len(opened) == counted(path, address, figures), (name, address, figures)
    return len(found)


@pytest.mark.parametrize("path", [FORECAST, WINS, TEAM, STALE, PIPELINE])
@pytest.mark.parametrize("query", [{}, {"of_owner": "Bruno"}, {"of_source": "Fair"}])
def test_a_number_opens_as_many_leads_as_it_says(visit: Any, some: None, path: str, query: dict[str, str]) -> None:
    assert open_as_many(visit, path, visit("mona", path, period="90 days", **query))


def behind_tiles(page: Any) -> dict[str, str]:
    """Tile -> the address of the leads behind its figure."""
    found = {f"Open the leads behind “{tile}”": tile for tile in tiles(page)}
    return {found[link.label]: link.proto.query_string for link in page.page_link if link.label in found}


@pytest.mark.parametrize("path", [FORECAST, WINS, TEAM, PIPELINE])
@pytest.mark.parametrize("query", [{}, {"of_owner": "Bruno"}, {"of_source": "Fair"}, {"only_owners": "bruno"}])
def test_a_tile_opens_the_leads_that_its_figure_is_of(visit: Any, cast: Any, some: None, path: str, query: dict[str, str]) -> None:
    asked = {name: str(cast.people[value]) if name.startswith("only") else value for name, value in query.items()}
    page = visit("mona", path, period="90 days", **asked)
    behind, values = behind_tiles(page), tiles(page)
    assert behind
    for tile, address in behind.items():
        rows = visit("mona", "pages/leads.py", **{key: found[0] for key, found in parse_qs(address).items()}).session_state["leads.sheet"].rows
        amount = usd(sum((row["value_usd"] or 0 for row in rows), Decimal(0)))
        if tile in ("Leads won", "Leads begun"):
            assert values[tile][0] == f"{len(rows):,}"
        elif tile in ("Won", "Value won", "Open value", "Won so far"):
            assert values[tile][0] == amount, (tile, address)
        else:
            assert rows or values[tile][0] in ("$0", "–"), (tile, address)


@pytest.mark.parametrize("path", [FORECAST, WINS, TEAM, PIPELINE])
def test_as_of_a_past_day_a_tile_opens_nothing_for_its_leads_may_stand_elsewhere_by_now(visit: Any, some: None, path: str) -> None:
    assert not behind_tiles(visit("mona", path, as_of=str(clock.today("UTC") - timedelta(days=1))))


@pytest.mark.parametrize(
    ("path", "chart", "picked", "says"),
    [
        (WINS, "win.owners", "bruno", "Owner: Bruno"), (WINS, "win.sources", "Fair", "Source: Fair"), (FORECAST, "forecast.owners", "bruno", "Owner: Bruno"),
        (TEAM, "team.owners", "bruno", "Owner: Bruno"), (TEAM, "team.activity", "bruno", "Who did it: Bruno"),
        (PIPELINE, "pipeline.stages", "Lead", "Stage: Lead"), (STALE, "stale.stages", "Lead", "Stage: Lead"), (REVENUE, "revenue.markets", "AE", "Market: AE"),
        (WINS, "win.months", "this month", "Month: "), (REVENUE, "revenue.months", "last month", "Month: "),
        (FORECAST, "forecast.months", "this month", "Month: "),
        (FORECAST, "forecast.months", "in 40 days", "Month: "), (FORECAST, "forecast.months", "last month", "Month: "),
    ],
)  # fmt: skip
def test_what_is_picked_in_a_chart_narrows_the_others(visit: Any, cast: Any, some: None, path: str, chart: str, picked: str, says: str) -> None:
    """And what they then say opens just as many leads."""
    order(cast, clock.now() - timedelta(days=3))
    long_ago = clock.now() - timedelta(days=60)
    for stage in ("Lead", "Contacted"):  # over their targets
        add_lead(cast, "Gulf", "ana", stage=stage, when=long_ago, value="10")
    for who in ("ana", "bruno"):
        with acting_as(cast.who(who)) as session:
            add_activity(session, cast.leads["Al Noor Trading"], {"kind": "call", "happened_at": clock.now() - timedelta(days=1)}, source="test")
    today = clock.today("UTC")
    months = {"this month": today, "last month": today.replace(day=1) - timedelta(days=1), "in 40 days": today + timedelta(days=40)}
    known = {**cast.people, **cast.stages["Gulf"], **{name: f"{day:%Y-%m}" for name, day in months.items()}}
    before = figures_of(visit("mona", path, period="90 days"))
    page = visit("mona", path, period="90 days", **{picking.param_of(chart): str(known.get(picked, picked))})
    assert not page.exception
    assert says in said(page)
    assert chart == "revenue.markets" or figures_of(page) != before  # its one market is all there is
    if path != REVENUE:
        open_as_many(visit, path, page)


def on_a_past_day(db: Any, cast: Any) -> None:
    """Ana wins $700 in April and loses one in May, Bruno wins $900 in May; Ana has $500 closing in July, Bruno $100 in August."""
    stages = cast.stages["Gulf"]
    for owner, when, stage, value in (("ana", "2026-04-10", "Won", "700"), ("bruno", "2026-05-10", "Won", "900"), ("ana", "2026-05-11", "Lost", "50")):
        lead = add_lead(cast, "Gulf", owner, when=at("2026-03-10 10:00"), value=value)
        change(db, lead, when=at(f"{when} 10:00"), stage_id=stages[stage])
    for owner, value, closes in (("ana", "500", date(2026, 7, 10)), ("bruno", "100", date(2026, 8, 10))):
        add_lead(cast, "Gulf", owner, when=at("2026-05-20 10:00"), value=value, stage="Negotiation", expected_close_on=closes)


def test_a_month_that_is_picked_is_what_the_rest_of_wins_is_about(visit: Any, db: Any, cast: Any) -> None:
    on_a_past_day(db, cast)
    whole = visit("mona", WINS, as_of="2026-06-10", period="A year")
    assert tiles(whole)["Leads won"][0] == "2"
    page = visit("mona", WINS, as_of="2026-06-10", period="A year", against="Against the time before", only_months="2026-05")
    assert tiles(page)["Won"] == ("$900", "+29%") and tiles(page)["Win rate"][0] == "50%"
    assert "Month: May 2026" in said(page) and "May 2026: Won $900 from 1 lead, 29% more than before: 50% of what ended." in said(page)
    opens = {name: figures[:2] for name, address, figures in lines(page) if parse_qs(address).get("entered") == ["2026-05-01..2026-05-31"]}
    assert (opens["Bruno"], opens["Ana"]) == (["1", "0"], ["0", "1"])
    both = visit("mona", WINS, as_of="2026-06-10", period="A year", only_months="2026-05", only_owners=str(cast.people["ana"]))
    assert tiles(both)["Leads won"][0] == "0" and "Owner: Ana" in said(both)


def test_a_month_of_the_forecast_says_whose_it_is(visit: Any, db: Any, cast: Any) -> None:
    on_a_past_day(db, cast)
    for month, whose in (("2026-07", {"Ana": ["1", "$250", "$0"]}), ("2026-05", {"Bruno": ["1", "$900", "$0"]}), ("2026-03", {})):
        page = visit("mona", FORECAST, as_of="2026-06-10", only_months=month)
        assert not page.exception
        found = [(name, parse_qs(address), figures) for name, address, figures in lines(page) if "owner" in parse_qs(address)]
        assert {name: figures for name, _, figures in found} == whose, month
        assert {asked.get("closes" if month == "2026-07" else "entered", [""])[0][:7] for _, asked, _ in found} <= {month}
    assert "Nothing was won in this month, and nothing is expected." in said(page)


def test_a_month_of_orders_is_what_the_rest_of_revenue_is_about(visit: Any, cast: Any) -> None:
    order(cast, at("2026-04-20 10:00"), at("2026-05-20 10:00"), at("2026-05-21 10:00"))
    assert tiles(visit("mona", REVENUE, as_of="2026-06-10", period="A year"))["Orders"][0] == "3"
    page = visit("mona", REVENUE, as_of="2026-06-10", period="A year", only_months="2026-05")
    assert tiles(page)["Orders"] == ("2", "+100%")
    assert "Month: May 2026" in said(page) and "Nobody ordered for the first time then." in said(page)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("path", [WINS, FORECAST, REVENUE])
@pytest.mark.parametrize("sent", ["0001-01", "9999-12", "2026-13", "2026-5", "x", "2026-W1", "1999-01", "2026-05-01", "²"])
def test_a_month_that_no_chart_shows_narrows_nothing(visit: Any, path: str, sent: str) -> None:
    page = visit("mona", path, as_of="2026-06-10", only_months=sent)
    assert not page.exception
    assert "Month: " not in said(page)
    assert picking.LEFT_OUT in said(page) and "only_months" not in page.query_params
    assert picking.LEFT_OUT not in said(page.run())


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(("path", "param"), [(WINS, "only_owners"), (FORECAST, "only_owners"), (TEAM, "only_activity"), (STALE, "only_stages"),
                                             (PIPELINE, "only_stages"), (REVENUE, "only_markets")])  # fmt: skip
@pytest.mark.parametrize("sent", ["999999", "9" * 40, "²", "-1", "' or 1=1", "<img src=x onerror=alert(1)>", "x" * 5000])
def test_what_an_address_picks_and_nobody_knows_is_left_out_with_a_word(visit: Any, path: str, param: str, sent: str) -> None:
    page = visit("mona", path, **{param: sent})
    assert not page.exception and picking.LEFT_OUT in said(page) and param not in page.query_params
    assert "<img" not in said(page)


@pytest.mark.parametrize(
    ("picked", "says", "found"),
    [("Price", "Lost for “Price”, by owner", {"Ana": "1", "Bruno": "1"}), ("Not given", "Lost without a reason, by owner", {"Bruno": "1"})],
)
def test_a_reason_that_is_picked_shows_what_was_lost_for_it(visit: Any, cast: Any, some: None, picked: str, says: str, found: dict[str, str]) -> None:
    page = visit("mona", WINS, period="90 days", only_reasons=picked)
    assert not page.exception and says in said(page) and f"Reason of loss: {picked}" in said(page) and "What was won has no reason" in said(page)
    assert {name: figures[0] for name, address, figures in lines(page) if "owner" in parse_qs(address)} == found
    assert open_as_many(visit, WINS, page) > len(found)


@pytest.mark.parametrize("sent", ["<b>No such</b>", "Nonsense", "x" * 5000, "price", "' or 1=1", "[Price](http://evil.example)"])
def test_a_reason_that_nobody_knows_is_left_out_with_a_word(visit: Any, cast: Any, some: None, sent: str) -> None:
    page = visit("mona", WINS, only_reasons=sent)
    assert not page.exception and picking.LEFT_OUT in said(page) and "only_reasons" not in page.query_params
    assert "Lost for" not in said(page) and sent[:40] not in said(page)


def test_a_reason_of_another_team_is_not_known(visit: Any, cast: Any, some: None) -> None:
    with acting_as(cast.who("mona")) as session:
        edit_leads(session, [(cast.leads["Petra Supplies"], 2, {"lost_reason": "Their war chest"})], source="form")
    assert "Lost for “Their war chest”" in said(visit("mona", WINS, only_reasons="Their war chest"))
    assert picking.LEFT_OUT in said(visit("carla", WINS, only_reasons="Their war chest"))


def test_a_reason_that_a_stage_offers_stays_where_nothing_was_lost_for_it(visit: Any, cast: Any, db: Any, some: None) -> None:
    with db.owner().begin() as connection:
        asks = """update crm.stages set version = version + 1, requirements = '{"lost_reasons": ["Timing"]}' where id = :id"""
        connection.execute(text(asks), {"id": cast.stages["Gulf"]["Lost"]})
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    page = visit("mona", WINS, only_reasons="Timing")
    assert not page.exception and "Lost for “Timing”" in said(page) and "Nothing was lost for it here." in said(page)


def test_a_source_from_an_address_is_text(visit: Any, cast: Any) -> None:
    add_lead(cast, "Gulf", "ana", source="<b>Fair</b>")
    page = visit("mona", WINS, only_sources="<b>Fair</b>")
    assert not page.exception and "Source: &lt;b&gt;Fair&lt;/b&gt;" in said(page)


@pytest.mark.parametrize("sent", ["Nowhere", "Not given", "<img src=x onerror=alert(1)>", "x" * 5000])
def test_a_source_that_nobody_knows_is_left_out_with_a_word(visit: Any, cast: Any, some: None, sent: str) -> None:
    page = visit("mona", WINS, only_sources=sent)
    assert not page.exception and picking.LEFT_OUT in said(page) and "only_sources" not in page.query_params
    assert "<img" not in said(page)


def test_a_source_stays_picked_where_what_else_is_asked_for_has_none_of_it(visit: Any, cast: Any, some: None) -> None:
    page = visit("mona", WINS, only_sources="Web", only_owners=str(cast.people["ana"]), of_source="Fair")
    assert not page.exception and "Source: Web" in said(page) and "Owner: Ana" in said(page)


def test_a_source_of_another_team_is_not_known(visit: Any, cast: Any, some: None) -> None:
    assert picking.LEFT_OUT in said(visit("carla", WINS, only_sources="Fair"))


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("who", "query", "of"),
    [
        ("mona", {"of_team": "Levant"}, "team “Levant”"), ("mona", {"of_owner": "Zoe"}, "owner “Zoe”"),
        ("mona", {"of_pipeline": "Accounts · Levant"}, "pipeline “Accounts · Levant”"), ("alma", {"of_pipeline": "Accounts"}, "pipeline “Accounts”"),
        ("alma", {"of_market": "<b>Mars"}, "market “&lt;b&gt;Mars”"), ("mona", {"of_team": "Levant", "of_owner": "Zoe"}, "team “Levant” and owner “Zoe”"),
    ],
)  # fmt: skip
def test_a_link_to_what_is_out_of_sight_says_that_it_shows_something_else(visit: Any, who: str, query: dict[str, str], of: str) -> None:
    for path in (WINS, "pages/explore.py"):
        page = visit(who, path, **query)
        assert not page.exception and f"The link also asks for {of}" in said(page)
        assert not set(query) & set(page.query_params)


@pytest.mark.leaves_no_trace
def test_a_link_means_the_same_pipeline_to_those_who_see_more_or_fewer(visit: Any, cast: Any) -> None:
    sent = visit("alma", PIPELINE, of_pipeline="Accounts · Gulf")
    assert "Accounts · Gulf pipeline" in said(sent)
    page = visit("mona", PIPELINE, of_pipeline="Accounts · Gulf")
    assert "The link also asks for" not in said(page) and "Accounts pipeline" in said(page)
    other = visit("mona", PIPELINE, of_pipeline="Accounts · Levant")
    assert "The link also asks for pipeline “Accounts · Levant”" in said(other)


@pytest.mark.parametrize(
    ("ends", "begins"), [(date(2026, 11, 27), date(2025, 12, 1)), (date(2026, 1, 1), date(2025, 2, 1)), (date(2026, 6, 30), date(2025, 7, 1))]
)
def test_what_is_shown_month_by_month_begins_with_a_whole_one(ends: date, begins: date) -> None:
    assert asking.last_year(asking.Asked(ends, ends)) == (begins, ends)


@pytest.mark.leaves_no_trace
def test_the_line_of_a_forecast_ends_with_its_quarter(visit: Any) -> None:
    months = {metric.label: len(metric.proto.chart_data) for metric in visit("mona", FORECAST, as_of="2026-05-10").metric}
    assert (months["Forecast Q2 2026"], months["Forecast Q3 2026"]) == (7, 10)  # from December on


def test_of_two_stages_with_as_many_late_leads_that_one_stalls_in_which_more_of_them_are() -> None:
    rows = [{"stage": name, "leads": leads, "over_target": 3, "median_days": None, "target_days": 7} for name, leads in (("Lead", 9), ("Contacted", 3))]
    found: Any = SimpleNamespace(stages=SimpleNamespace(rows=rows), leads=SimpleNamespace(rows=[]))
    assert stale.headline(found) == "Contacted is where it stalls: 3 leads of 3 are over target."


@pytest.mark.leaves_no_trace
def test_the_first_pipeline_stands_in_the_address_too(visit: Any, cast: Any) -> None:
    page = visit("alma", PIPELINE)
    assert not page.exception and page.query_params["of_pipeline"] == page.selectbox(key="of_pipeline").options[0]


def test_what_is_picked_stays_when_the_page_is_sent_and_goes_with_show_all(visit: Any, cast: Any, some: None) -> None:
    sent = {"only_owners": str(cast.people["bruno"]), "period": "90 days"}
    page = visit("mona", WINS, **sent)
    assert "Owner: Bruno" in said(page) and page.query_params["only_owners"] == sent["only_owners"]
    faded = json.loads(next(chart.proto.spec for chart in page.get("plotly_chart") if "USD won" in chart.proto.spec))
    assert sorted(faded["data"][0]["marker"]["opacity"]) == [charts.FADED, charts.FADED, 1]  # Ana's, nobody's, and Bruno's
    page = press(page, "reports.show_all")
    assert "Owner: Bruno" not in said(page) and "only_owners" not in page.query_params


@pytest.mark.parametrize(
    ("against", "month", "found", "earlier"),
    [
        ("before", "2026-10-01", ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30")),
        ("year", "2026-10-01", ("2026-10-01", "2026-10-31"), ("2025-10-01", "2025-10-31")),
        ("before", "2026-11-01", ("2026-11-01", "2026-11-26"), ("2026-10-01", "2026-10-26")),
        ("before", "2026-03-01", ("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        ("", "2026-10-01", ("2026-10-01", "2026-10-31"), None),
    ],
)  # fmt: skip
def test_a_month_is_compared_with_a_month(against: str, month: str, found: tuple[str, str], earlier: tuple[str, str] | None) -> None:
    ends = date(2026, 11, 26)
    asked = asking.Asked(date(2026, 8, 29), ends, (date(2026, 5, 31), date(2026, 8, 28)) if against else None, against=against)
    narrowed = asking.of_month(asked, date.fromisoformat(month))
    assert (narrowed.begins, narrowed.ends) == tuple(map(date.fromisoformat, found))
    assert narrowed.earlier == (tuple(map(date.fromisoformat, earlier)) if earlier else None)


def figures_of(page: Any) -> list[str]:
    """All that a page shows: what it says, and what is drawn in its charts."""
    shown = [str(element.proto) for kind in ("html", "plotly_chart") for element in page.get(kind)]
    return [each for each in shown if "tl-chip" not in each and "tl-states" not in each]


def test_a_market_opens_its_customers(visit: Any, cast: Any, db: Any) -> None:
    order(cast, clock.now() - timedelta(days=3))
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.markets values ('AE', 'United Arab Emirates', 'AED', :t)"), {"t": cast.teams["Gulf"]})
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    (line,) = lines(visit("mona", REVENUE))
    assert (line[0], line[1]) == ("United Arab Emirates", "market=United+Arab+Emirates")


def test_a_forecast_adds_up_and_stands_against_the_goal(visit: Any, cast: Any) -> None:
    from tests.pages.test_goals import make_goal, win

    win(cast)
    make_goal(cast, amount="20000")
    page = visit("mona", FORECAST)
    assert not page.exception
    assert "stands at $13.3k, $12.4k of it won. That is 67% of the goal: $6,650 to go." in said(page)
    assert tiles(page)["Of the goal"][0] == "67%"
    assert tiles(visit("mona", FORECAST, of_owner="Bruno"))["Of the goal"][0] == "–"


def test_an_undated_lead_is_said_and_opened(visit: Any, cast: Any) -> None:
    page = visit("mona", FORECAST)
    assert "3 open leads worth $21.9k have no close date." in said(page)
    behind = visit("mona", "pages/leads.py", view="Team", kind="open", closes="none")
    assert len(behind.session_state["leads.sheet"].rows) == 3


def test_a_teams_page_shows_goals_of_people_and_what_they_did(visit: Any, cast: Any) -> None:
    from tests.pages.test_goals import make_goal

    end_two(cast)
    make_goal(cast, person="ana", amount="24800")
    with acting_as(cast.who("ana")) as session:
        add_activity(session, cast.leads["Al Noor Trading"], {"kind": "call", "body": "asked"}, source="form")
    page = visit("mona", TEAM)
    assert "1 call, meeting, mail or note on 1 lead. Ana won most: $12.4k." in said(page)
    assert "50% of $24.8k" in said(page)


def test_whoever_has_a_goal_only_still_has_a_line_and_a_page_of_one_pipeline_has_no_goals(visit: Any, cast: Any) -> None:
    from tests.pages.test_goals import make_goal

    end_two(cast)
    make_goal(cast, person="mona", amount="5000")
    page = visit("mona", TEAM)
    assert "0% of $5,000" in said(page) and "Goals are those of Q" in said(page)
    one = visit("mona", TEAM, of_pipeline=str(cast.pipelines["Gulf"]))
    assert not one.exception


def test_where_values_are_hidden_the_teams_page_tells_no_progress(visit: Any, cast: Any) -> None:
    from tests.pages.test_goals import make_goal

    end_two(cast)
    make_goal(cast, person="ana", amount="24800")
    hide_from(cast, "ana", "value")
    page = visit("ana", TEAM)
    assert not page.exception
    assert "24.8k" not in said(page) and "% of $" not in said(page)


def order(cast: Any, *moments: datetime) -> None:
    """One customer of Gulf's, who ordered for AED 1,000 at each moment."""
    with as_system() as session:
        made = session.scalar(
            text("insert into crm.customers (external_id, name, market, team_id, last_order_at) values ('c1', 'Sahara', 'AE', :t, :at) returning id"),
            {"t": cast.teams["Gulf"], "at": max(moments)},
        )
        session.execute(
            text("""
                insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
                select 'o' || at, :c, at, 1000, 'AED', 272.29, 'AE', :t from unnest(cast(:moments as timestamptz[])) as at
            """),
            {"c": made, "t": cast.teams["Gulf"], "moments": list(moments)},
        )


def test_orders_show_only_to_who_sees_customers(visit: Any, cast: Any, db: Any) -> None:
    order(cast, clock.now() - timedelta(days=3))
    page = visit("ana", REVENUE)
    assert "$272.29 from 1 order." in said(page) and "AED 1,000" in said(page)
    assert "$272" not in said(visit("carla", REVENUE))
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.grants where resource = 'customer'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    page = visit("ana", REVENUE)
    assert not page.exception
    assert "customer: view" in said(page) and "$272" not in said(page)


def test_what_waits_is_named_and_opens(visit: Any, cast: Any, db: Any) -> None:
    with acting_as(cast.who("ana")) as session:
        from crm.changes import Edit, apply

        old = Edit("lead", None, {"name": "Old one", "team_id": cast.teams["Gulf"]}, effective_at=clock.now() - timedelta(days=30))
        apply(session, [old], source="test", on_conflict="refuse")
    page = visit("mona", STALE)
    assert "Lead is where it stalls: 1 lead of 4 is over target." in said(page)
    assert "Old one" in links(page) and tiles(page)["Over target"][0] == "1"


def test_hidden_values_leave_pages_standing_without_amounts(visit: Any, cast: Any, db: Any) -> None:
    end_two(cast)
    with db.owner().begin() as connection:
        connection.execute(
            text("""
                insert into crm.field_rules (role_id, record_type, field, rule)
                select r.id, 'lead', f, 'hidden' from crm.roles as r, unnest(array['value', 'expected_close_on', 'source', 'lost_reason', 'owner_id']) as f
                where r.name = 'rep'
            """)
        )
    for path in PAGES:
        page = visit("ana", path)
        assert not page.exception, path
        assert not any(secret in said(page) for secret in ("12.4k", "$9,500", "Price")), path


def test_export_is_offered_to_who_may(visit: Any, cast: Any) -> None:
    assert "reports.export" in str([popover.key for popover in visit("mona", WINS).get("popover")] or [b.key for b in visit("mona", WINS).button])
    assert not [button.key for button in visit("ana", WINS).button if button.key and button.key.startswith("reports.report")]
    assert [button.key for button in visit("mona", WINS).button if button.key and button.key.startswith("reports.report")]


@pytest.mark.parametrize(
    ("days", "against", "earlier"),
    [
        (30, "before", ("2026-09-28", "2026-10-27")), (30, "year", ("2025-10-28", "2025-11-26")), (30, "", None),
        (asking.QUARTER, "before", ("2026-07-01", "2026-08-26")), (asking.QUARTER, "year", ("2025-10-01", "2025-11-26")),
    ],
)  # fmt: skip
def test_a_period_is_compared_with_as_many_days(days: int, against: str, earlier: tuple[str, str] | None) -> None:
    from datetime import date

    _, found = asking._period(days, against, date(2026, 11, 26), 1)
    assert found == (None if earlier is None else tuple(date.fromisoformat(day) for day in earlier))


@pytest.mark.parametrize(
    ("now", "before", "unit", "words"),
    [(86, 100, "%", "-14%"), (100, 100, "%", "+0%"), (5, 0, "%", ""), (None, 5, "%", ""), (0.34, 0.37, "points", "-3 points"), (41, 35.2, "d", "+6 d")],
)
def test_changes_are_told_in_their_unit(now: Any, before: Any, unit: str, words: str) -> None:
    assert parts.change(now, before, unit=unit) == words


@pytest.mark.parametrize("sent", ["abc", "1e9", "-1", "9" * 40, "²", "\x00", "' or 1=1", [], None, {"a": 1}, [[]]])
def test_a_selection_that_no_chart_has_made_narrows_nothing(monkeypatch: pytest.MonkeyPatch, sent: Any) -> None:
    address: dict[str, str] = {}
    monkeypatch.setattr("streamlit.query_params", address)
    monkeypatch.setattr("streamlit.session_state", {"reports.win.owners.0": {"selection": {"points": [{"customdata": sent}]}}})
    picking.on_click("win.owners")()
    assert picking.picked_id("win.owners") is None
    assert len(picking.picked("win.owners") or "") <= picking.LONGEST and "\x00" not in (picking.picked("win.owners") or "")
    monkeypatch.setattr("streamlit.session_state", {"reports.win.owners.0": {"selection": {"points": [{"customdata": ["7"]}]}}})
    picking.on_click("win.owners")()
    assert picking.picked_id("win.owners") == 7 and address == {"only_owners": "7"}
    monkeypatch.setattr("streamlit.session_state", {"reports.win.owners.0": {"selection": {"points": []}}})
    picking.on_click("win.owners")()
    assert address == {}


def test_headlines_read_well_where_there_is_nothing_to_compare(visit: Any, cast: Any) -> None:
    stages = cast.stages["Gulf"]
    with acting_as(cast.who("mona")) as session:
        edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"stage_id": stages["Lost"]})], source="form")
    assert "Nothing was won in this time, and 1 lead was lost. Most was lost without a reason, 1 lead." in said(visit("mona", WINS))
    assert "No call, meeting, mail or note was written down in this time." in said(visit("mona", TEAM))
    assert "Nothing is expected in Q" in said(visit("mona", FORECAST))
    assert "Nothing was ordered in this time." in said(visit("mona", REVENUE))
    everything = " ".join(said(visit("mona", path)) for path in PAGES)
    assert "than before" not in everything and "0% less" not in everything and "0 were won" in everything
