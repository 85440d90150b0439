"""Report pages, Explore, a dashboard and the board's slider at the width of a desk and of a phone, light and dark: nothing, one lead, a year, a past day.

What a machine can tell of them is asserted; `--pictures` takes the pictures (tests/browser/pictures.py).
"""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import OPERATOR, acting_as
from crm.activities.use_cases import add_activity
from crm.changes import Edit, apply
from crm.dashboards.ready_made import READY_MADE
from crm.dashboards.use_cases import make_dashboard
from crm.goals.rules import quarter_start
from crm.goals.use_cases import set_goals
from tests.browser.conftest import DESKTOP, Site
from tests.browser.parts import days_ago, settle
from tests.browser.pictures import faces, finds_nothing, picture
from tests.browser.test_screenshots import STICKING_OUT, WIDER_THAN_THE_WINDOW, watched

PATHS = {
    "pipeline": "/pipeline", "forecast": "/forecast", "win-loss": "/win-loss", "team": "/team-report", "revenue": "/revenue", "stale": "/stale",
    "explore": "/explore", "dashboard": "/dashboards",
}  # fmt: skip
SOURCES = ("Web", "Trade fair in Sharjah, hall four", "Referral", "Cold call", None)
REASONS = ("Price", "No answer after the third call", "Went with somebody else")
SIZES = {"1440": {"width": 1440, "height": 1900}, "390": {"width": 390, "height": 3000}}
DRAWN = """() => !document.querySelector('[data-testid=stMain] [data-testid=stSkeleton]')
  && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every((chart) => chart.querySelector('.main-svg'))"""
# Words of a machine where people should read figures; "None of ..." and the like are sentences.
RAW = re.compile(r"\b(NaN|nan|undefined|null|NaT|Infinity|Decimal|None(?! of ))\b")
# Names on an axis that one would have to turn one's head for.
TURNED = r"""() => [...document.querySelectorAll('.js-plotly-plot :is(.xtick, .ytick) text')]
  .filter((e) => /rotate\((?!0[,)])/.test(e.getAttribute('transform') || '')).map((e) => e.textContent)"""
# Texts of a chart's axes and legend that lie over one another; none is turned.
OVERLAPPING = r"""() => [...document.querySelectorAll('.js-plotly-plot')].flatMap((plot) => ['.xtick text', '.ytick text', '.legendtext'].flatMap((kind) => {
  const boxes = [...plot.querySelectorAll(kind)].map((e) => [e.textContent, e.getBoundingClientRect()]).filter(([, box]) => box.width)
  return boxes.flatMap(([a, one], n) => boxes.slice(n + 1)
    .filter(([, two]) => one.left < two.right - 2 && two.left < one.right - 2 && one.top < two.bottom - 2 && two.top < one.bottom - 2)
    .map(([b]) => `${kind}: ${a} over ${b}`))
}))"""


@pytest.fixture(scope="module")
def year(_shared: Site) -> None:
    """A year of Gulf: leads begun each month, most of them over, with calls, customers and orders. Levant keeps its one lead."""
    chance, cast = random.Random(5), _shared.cast
    began = [clock.now() - timedelta(days=day, hours=3) for day in range(360, 2, -5)]
    with acting_as(OPERATOR) as session:
        made = apply(session, [Edit("lead", None, _lead(cast, chance, number), effective_at=when) for number, when in enumerate(began)],
                     source="test", on_conflict="refuse").results  # fmt: skip
    ids = [result.record_id or 0 for result in made]
    for stages, share, days in ((("Contacted",), 0.9, 6), (("Negotiation",), 0.8, 9), (("Won", "Lost"), 0.75, 12)):
        with acting_as(OPERATOR) as session:
            moved = [number for number, when in enumerate(began) if chance.random() < share and clock.now() - when > timedelta(days=2 * days + 3)]
            versions = dict(session.execute(text("select id, version from crm.leads where id = any(:ids)"), {"ids": ids}).tuples().all())
            edits = []
            for number in moved:
                stage = chance.choice(stages)
                reason = {"lost_reason": chance.choice(REASONS)} if stage == "Lost" else {}
                began[number] += timedelta(days=chance.randrange(1, days))
                edits.append(Edit("lead", ids[number], {"stage_id": cast.stages["Gulf"][stage], **reason}, versions[ids[number]], effective_at=began[number]))
            apply(session, edits, source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        for _ in range(40):
            kind = chance.choice(("call", "call", "meeting", "note"))
            add_activity(session, chance.choice(ids), {"kind": kind, "body": "spoke", "happened_at": days_ago(chance.randrange(80))}, source="test")
    _mean(cast)
    _order(_shared)


def _mean(cast: Any) -> None:
    """What Ana, Bruno and Mona, who has no leads, mean to win in this quarter."""
    begins = quarter_start(clock.today("UTC"), 1)
    goals = [{"team_id": cast.teams["Gulf"], "person_id": cast.people[who], "starts_on": begins, "amount_usd": amount}
             for who, amount in (("ana", "60000"), ("bruno", "20000"), ("mona", "5000"))]  # fmt: skip
    with acting_as(cast.who("alma")) as session:
        set_goals(session, [Edit("goal", None, values) for values in goals], source="test")


def _lead(cast: Any, chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "name": f"Corner shop {number}", "team_id": cast.teams["Gulf"], "owner_id": cast.people[chance.choice(("ana", "bruno", "ana"))],
        "stage_id": cast.stages["Gulf"]["Lead"], "source": SOURCES[number % 5], "value": {"amount": str(chance.randrange(2, 90) * 250), "currency": "USD"},
        "expected_close_on": clock.today("UTC") + timedelta(days=chance.randrange(-20, 150)),
    }  # fmt: skip


def _order(site: Site) -> None:
    """Customers of three markets with a year of orders in three currencies."""
    with site.db.owner().begin() as connection:
        team = site.cast.teams["Gulf"]
        connection.execute(
            text("insert into crm.markets values ('AE', 'United Arab Emirates', 'AED', :t), ('KW', 'Kuwait', 'KWD', :t), ('OM', 'Oman', 'OMR', :t)"),
            {"t": team},
        )
        connection.execute(
            text("""
                with made as (
                    insert into crm.customers (external_id, name, market, segment, team_id)
                    select 'C' || n, 'Customer ' || n, (array['AE', 'AE', 'KW', 'OM'])[1 + n % 4], 'B2B', :t from generate_series(1, 24) as n
                    returning id, market
                )
                insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
                select 'O' || m.id || '-' || g, m.id, now() - make_interval(days => (g * 29 + m.id::int * 13) % 360), 300 + (g * 733 + m.id * 91) % 2000,
                    case m.market when 'AE' then 'AED' when 'KW' then 'KWD' else 'OMR' end, round((300 + (g * 733 + m.id * 91) % 2000) * 0.4, 2), m.market, :t
                from made as m, generate_series(0, (m.id % 9)::int) as g
            """),
            {"t": team},
        )
        ids = [row[0] for row in connection.execute(text("select id from crm.customers"))]
        connection.execute(text("select crm.refresh_customer_totals(:ids)"), {"ids": ids})


def take(page: Any, name: str) -> None:
    """The page at both widths, where nothing sticks out, no labels lie over one another or are turned, and no figure is a machine's word for nothing."""
    assert RAW.findall(page.get_by_test_id("stMain").inner_text()) == [], name
    page.mouse.move(1, 1)
    for face in faces(page, SIZES):
        picture(page, f"report-{name}-{face}")
        finds_nothing(page, WIDER_THAN_THE_WINDOW, f"{name} is wider than the window, {face}")
        finds_nothing(page, STICKING_OUT, f"sticking out of {name}, {face}")
        finds_nothing(page, TURNED, f"turned labels on {name}, {face}")
        finds_nothing(page, OVERLAPPING, f"labels over one another on {name}, {face}")
    assert page.locator("[data-testid=stException]").count() == 0
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")


@pytest.fixture
def complaints() -> Any:
    found: list[str] = []
    yield found
    assert found == []


CASES = {
    "year": ("mona", "?period=A+year"), "one": ("carla", ""), "empty": ("mona", "?as_of=2020-01-31"),
    "past": ("mona", f"?as_of={days_ago(60):%Y-%m-%d}"),
}  # fmt: skip


CHARTS = {
    "year": {"pipeline": 2, "forecast": 2, "win-loss": 4, "team": 2, "revenue": 3, "stale": 1, "explore": 1, "dashboard": 6},
    "one": {"pipeline": 2, "forecast": 1, "win-loss": 1, "team": 1, "stale": 1, "explore": 1, "dashboard": 2},
    "empty": {},
}  # fmt: skip
"""How many charts each page draws; where there is nothing to see there is none, but words."""
OTHER_ON_A_PAST_DAY = ("pipeline", "forecast", "dashboard")
"""The others look then as they do over a year."""


@pytest.fixture(scope="module")
def boards(_shared: Site) -> None:
    """A dashboard of each one's own, as it comes ready-made."""
    ready = READY_MADE["quarter"]
    for who in ("mona", "carla"):
        with acting_as(_shared.cast.who(who)) as session:
            make_dashboard(session, {"name": ready.name, "filters": dict(ready.filters)}, ready.blocks, source="test")


@pytest.mark.parametrize(("name", "case"), [(name, case) for name in PATHS for case in CASES if case != "past" or name in OTHER_ON_A_PAST_DAY])
def test_each_report_page(shared_site: Site, year: None, boards: None, complaints: list[str], name: str, case: str) -> None:
    who, query = CASES[case]
    page = watched(shared_site.open(who, PATHS[name] + query), complaints)
    page.locator(".tl-headline").first.wait_for()
    settle(page)
    page.wait_for_function(DRAWN)
    drawn = page.locator(".js-plotly-plot").count()
    assert drawn == CHARTS[case].get(name, 0) if case in CHARTS else drawn > 0
    assert len(page.locator(".tl-headline").first.inner_text()) > 10
    take(page, f"{name}-{case}")


@pytest.mark.parametrize(("name", "chart"), [("win-loss", "win_months"), ("forecast", "forecast_months"), ("revenue", "revenue_months")])
def test_a_page_of_a_month_that_is_picked(shared_site: Site, year: None, complaints: list[str], name: str, chart: str) -> None:
    page = watched(shared_site.open("mona", f"{PATHS[name]}?period=A+year"), complaints)
    bars = page.locator(f".st-key-report_block_{chart} .barlayer .point path:visible")
    bars.first.wait_for()
    settle(page)
    page.locator(f".st-key-report_block_{chart}").scroll_into_view_if_needed()
    bars.nth(2).click(force=True)
    page.get_by_text("Month: ").first.wait_for()
    settle(page)
    page.wait_for_function(DRAWN)
    take(page, f"{name}-month")


def test_the_pipeline_as_it_was_known_on_a_day(shared_site: Site, year: None, complaints: list[str]) -> None:
    """All of it was entered today: then, nobody knew more than the one lead that was there before."""
    day = days_ago(60)
    page = watched(shared_site.open("mona", f"/pipeline?as_of={day:%Y-%m-%d}&known_on={day:%Y-%m-%d}"), complaints)
    page.get_by_text("Nothing is open in this pipeline on that day.").wait_for()
    page.get_by_role("button", name="As we knew it").click()
    page.get_by_text("What was entered later about earlier days").wait_for()
    settle(page)
    take(page, "pipeline-known")


def test_the_boards_slider(shared_site: Site, year: None, complaints: list[str]) -> None:
    page = watched(shared_site.open("mona", "/board?whose=Everybody"), complaints)
    page.locator(".card").first.wait_for()
    settle(page)
    take(page, "board")
    page.locator(".st-key-past_day").get_by_role("slider").press("ArrowLeft")
    page.get_by_text("This is the board as it was").wait_for()
    settle(page)
    take(page, "board-past")
