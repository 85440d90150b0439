"""Every page at the width of a desk and of a phone, light and dark: pictures to look at, and what a machine can tell of them.

The pictures land in tests/screenshots/: `python -m pytest tests/browser/test_screenshots.py --pictures` takes them (tests/browser/pictures.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import acting_as, as_system
from crm.activities.use_cases import add_activity
from crm.alerts.use_cases import set_alert
from tests.browser import grid
from tests.browser.conftest import DESKTOP, PHONE, Site
from tests.browser.parts import change, days_ago, new_leads, settle
from tests.browser.pictures import faces, finds_nothing, picture

# What sticks out of the page to the right, outside of anything that scrolls or clips by itself.
STICKING_OUT = """() => {
  const clips = (e) => e && e.dataset.testid !== 'stMain' && (getComputedStyle(e).overflowX !== 'visible' || clips(e.parentElement))
  return [...document.querySelectorAll('[data-testid=stMain] *')]
    .filter((e) => e.getBoundingClientRect().width && e.getBoundingClientRect().right > innerWidth + 1 && !clips(e.parentElement))
    .map((e) => e.outerHTML.slice(0, 120))
}"""
WIDER_THAN_THE_WINDOW = "() => [document.documentElement, document.querySelector('[data-testid=stMain]')].some((e) => e && e.scrollWidth > innerWidth)"
STAGES = ("Lead", "Contacted", "Negotiation", "Won")
NAMES = (
    "Al Noor Hypermarket Sharjah", "Petra Catering", "Sahara Cash & Carry", "Corniche Supermarket", "Blue Creek Bakery", "Gulf Star Mart Al Ain",
    "Harbour View Wholesale", "Seven Dunes Fresh Market", "Royal Palm Distribution", "Silver Oasis Fresh Market Fahaheel",
)  # fmt: skip
STEPS = ("send the price list", "book the second order", "", "ask the driver who signs there")


@pytest.fixture(scope="module")
def work(_shared: Site) -> list[int]:
    """A rep's morning: leads of every kind, some overdue, calls and changes. Answers the ids."""
    today, stages = clock.today("UTC"), _shared.cast.stages["Gulf"]
    ids: list[int] = []
    for number, name in enumerate(NAMES):
        money = {"amount": str(1450 * (number + 1)), "currency": "AED" if number % 3 else "USD"} if number % 4 else None
        ids += new_leads(
            _shared, "ana", name, at=days_ago(20 - number), value=money, stage_id=stages[STAGES[number % 4]], next_step=STEPS[number % 4] or None,
            expected_close_on=(today.replace(day=28) if number % 2 else days_ago(number).date()), email="buyer@petra.example", phone="+971 4 555 0100",
        )  # fmt: skip
    with acting_as(_shared.cast.who("ana")) as session:
        add_activity(
            session, ids[1], {"kind": "call", "body": "Wants samples of the new range before the end of the month.", "duration_minutes": 4}, source="form"
        )
    _orders_and_alerts(_shared, ids)
    change(_shared, "bruno", ids[1], stage_id=stages["Negotiation"], next_step="prepare a written offer for the three largest branches")
    return ids


def _orders_and_alerts(site: Site, ids: list[int]) -> None:
    """Customers with a year of orders, some of them these leads' companies; alerts late, due and to come."""
    gulf = site.cast.teams["Gulf"]
    with site.db.owner().begin() as connection:
        connection.execute(text("insert into crm.markets values ('AE', 'United Arab Emirates', 'AED', :t), ('KW', 'Kuwait', 'KWD', :t)"), {"t": gulf})
        company = connection.scalar(text("insert into crm.companies (name, team_id, market) values ('Petra Catering LLC', :t, 'AE') returning id"), {"t": gulf})
        connection.execute(text("update crm.leads set company_id = :c, version = version + 1 where id = :id"), {"c": company, "id": ids[1]})
    with as_system() as session:
        made = []
        for number, name in enumerate((*NAMES, "Marina Bay Provisions and General Trading Company", "Kuwait Fresh")):
            made.append(session.scalar(
                text("insert into crm.customers (external_id, name, market, segment, team_id, company_id) values (:k, :n, :m, :s, :t, :c) returning id"),
                {"k": f"C-{1000 + number}", "n": f"{name} LLC" if number == 1 else name, "m": "KW" if number % 4 == 3 else "AE", "t": gulf,
                 "s": "B2C" if number % 3 == 2 else "B2B", "c": company if number == 1 else None},
            ))  # fmt: skip
            session.execute(
                text("""
                    insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, status, is_counted, market, team_id)
                    select 'O-' || cast(:c as bigint) || '-' || g, :c, now() - make_interval(days => (g * (11 + cast(:n as int)) + cast(:n as int) * 3)),
                        800 + (g * 733) % 4000, 'AED', round((800 + (g * 733) % 4000) * 0.2723, 2), case when g = 4 then 'cancelled' else 'completed' end,
                        g <> 4, 'AE', :t
                    from generate_series(0, 24 - cast(:n as int)) as g
                """),
                {"c": made[-1], "n": number, "t": gulf},
            )
        session.execute(text("select crm.refresh_customer_totals(:ids)"), {"ids": made})
        session.execute(text("select crm.refresh_leads_of_customers(:ids)"), {"ids": made})
        session.execute(
            text("insert into crm.lead_reasons (lead_id, text, order_ids) values (:l, :w, '{}')"),
            {"l": ids[1], "w": "3 orders worth $4,120 in the last 120 days (rule: Business customers who order)"},
        )
        session.execute(text("insert into crm.sync_runs (kind, state, started_at, finished_at) values ('full', 'done', now() - interval '4 minutes', now())"))
    with acting_as(site.cast.who("ana")) as session:
        for lead, hours, words in (
            (ids[0], -49, "call"), (ids[1], -3, "send the written offer to the purchasing manager"), (ids[4], 0.02, "confirm the tasting"),
            (ids[1], 30, "visit the three largest branches"),
        ):  # fmt: skip
            set_alert(session, lead, {"due_at": clock.now() + timedelta(hours=hours), "text": words}, source="form")


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser's console said; nothing, in the end."""
    found: list[str] = []
    yield found
    assert found == []


def look(page: Any, name: str) -> None:
    """The page as it is at both widths, without anything sticking out or broken."""
    for face in faces(page, {"1440": DESKTOP, "390": PHONE}):
        picture(page, f"{name}-{face}")
        finds_nothing(page, WIDER_THAN_THE_WINDOW, f"{name} is wider than the window, {face}")
        finds_nothing(page, STICKING_OUT, f"sticking out of {name}, {face}")
    assert page.locator("[data-testid=stException]").count() == 0
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")


def watched(page: Any, complaints: list[str]) -> Any:
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    settle(page)
    return page


def test_the_sign_in_page(shared_site: Site, complaints: list[str]) -> None:
    page = watched(shared_site.visit(), complaints)
    page.get_by_role("button", name="Sign in", exact=True).wait_for()
    look(page, "sign-in")


PAGES = {
    "ana": {
        "home": ("/", "Do next"), "customers": ("/customers", "Kuwait Fresh"),
        "customers-neglected": ("/customers?view=Ordered+90+d%2C+not+contacted", "Kuwait Fresh"),
        "customers-none": ("/customers?q=nothingness", "No customer fits"),
        "leads": ("/leads", "of 12"), "board": ("/board", "Al Noor Trading"), "board-none": ("/board?q=nothingness", "No leads here"),
        "account": ("/account", "Where you are signed in"),
        "leads-none": ("/leads?q=nothingness", "Nothing found"),
        "lead-none": ("/lead?id=999999", "no such lead"), "not-for-you": ("/people", "not for your role"),
    },
    "mona": {
        "pipeline-report": ("/pipeline", "At the start"), "pipeline-report-none": ("/pipeline?as_of=2020-01-31", "Nothing is open"),
        "forecast": ("/forecast", "no close date"), "win-loss": ("/win-loss", "Who wins?"), "win-loss-none": ("/win-loss?as_of=2020-01-31", "Nothing was won"),
        "team-report": ("/team-report", "Who called, met and wrote?"), "revenue": ("/revenue", "Who orders again?"),
        "revenue-none": ("/revenue?as_of=2020-01-31", "Nothing was ordered"), "stale": ("/stale", "Which leads wait?"),
        "explore": ("/explore", "holds most"), "explore-none": ("/explore?as_of=2020-01-31", "Nothing to count here yet"),
        "goals": ("/goals", "Type the USD to win"), "home-goal": ("/", "Set a goal"),
    },
    "alma": {
        "people": ("/people", "Bruno"), "people-teams": ("/people?part=Teams", "Levant"), "roles": ("/roles", "What it may do"),
        "orders": ("/orders", "Who becomes a lead by itself"), "home-all": ("/", "Do next"),
        "access": ("/access?person=Carla&lead=Petra+Supplies&action=Edit+it", "cannot edit"), "access-none": ("/access", "Choose a person and a lead"),
        "audit": ("/audit", "Signed in"), "audit-none": ("/audit?q=nothingness", "Nothing like that happened"),
    },
    "carla": {"home-none": ("/", "Nothing is due"), "conflicts-none": ("/conflicts", "Nothing waits for you")},
}  # fmt: skip


@pytest.mark.parametrize("who", PAGES)
def test_the_pages_of(shared_site: Site, work: list[int], complaints: list[str], who: str) -> None:
    page = watched(shared_site.open(who), complaints)
    for name, (path, words) in PAGES[who].items():
        page.goto(path)
        page.get_by_test_id("stMain").get_by_text(words).first.wait_for()
        settle(page)
        look(page, name)


def test_a_lead_now_and_as_of_a_past_day(shared_site: Site, work: list[int], complaints: list[str]) -> None:
    page = watched(shared_site.open("ana", f"/lead?id={work[1]}"), complaints)
    page.get_by_text("Wants samples").wait_for()
    settle(page)
    look(page, "lead")
    page.get_by_role("button", name="Change").click()
    page.get_by_role("dialog").get_by_placeholder("Petra Supplies").fill("Petra")
    page.get_by_text("New company “Petra”").wait_for()
    look(page, "lead-company")
    page.goto(f"/lead?id={work[1]}&as_of={days_ago(2):%Y-%m-%d}")
    page.get_by_text("This is the page as it was").wait_for()
    settle(page)
    look(page, "lead-as-of")


def test_the_board_with_a_lead_beside_it_a_refused_move_and_a_past_day(shared_site: Site, work: list[int], complaints: list[str]) -> None:
    page = watched(shared_site.open("ana", f"/board?lead={work[1]}"), complaints)
    page.locator(".st-key-board_lead h2").wait_for()
    settle(page)
    look(page, "board-lead")
    page.locator(".st-key-board_lead").get_by_role("button", name="Edit").click()
    page.locator(".st-key-board_lead").get_by_label("Next step").wait_for()
    settle(page)
    look(page, "board-lead-edit")
    page.goto("/board")
    card = page.locator(f".card[data-lead='{work[1]}']")
    card.wait_for()
    settle(page)
    card.drag_to(page.locator(".column").nth(1))
    page.locator(".st-key-message").wait_for()
    settle(page)
    look(page, "board-moved")
    page.locator(".st-key-message").get_by_role("button", name="Undo").click()
    page.locator(".st-key-message", has_text="Taken back").wait_for()
    settle(page)
    page.locator(".card .dots").first.click()
    page.get_by_role("menuitem").first.wait_for()
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(300)
    page.locator(".card .dots").first.click()
    page.wait_for_timeout(300)
    picture(page, "board-menu-390-light")
    page.set_viewport_size(DESKTOP)
    page.goto(f"/board?as_of={days_ago(2):%Y-%m-%d}")
    page.get_by_text("This is the board as it was").wait_for()
    settle(page)
    look(page, "board-as-of")


def test_a_customer_and_an_alert(shared_site: Site, work: list[int], complaints: list[str]) -> None:
    page = watched(shared_site.open("ana", "/customers"), complaints)
    page.get_by_role("button", name="Petra Catering LLC", exact=True).click()
    page.get_by_role("dialog").get_by_text("lifetime").first.wait_for()
    settle(page)
    look(page, "customer")
    page.goto(f"/lead?id={work[1]}")
    page.locator(".st-key-lead_side").get_by_text("send the written offer").wait_for()
    page.locator(".st-key-alerts_head").get_by_role("button", name="Alert").click()
    page.get_by_role("button", name="Set alert").wait_for()
    settle(page)
    look(page, "lead-new-alert")


def test_unsaved_cells_and_a_conflict(shared_site: Site, work: list[int], complaints: list[str]) -> None:
    page = watched(shared_site.open("ana", "/leads?view=Team&sort=Name"), complaints)
    grid.wait_for_rows(page, "Corniche Supermarket", "Petra Catering")
    change(shared_site, "bruno", work[3], next_step="hold until they have paid")
    for lead in ("Corniche Supermarket", "Blue Creek Bakery", "Petra Catering"):
        grid.type_over(page, lead, "next_step", "call before noon")
        grid.type_over(page, lead, "value", "9100")
    grid.bar(page, "6 cells in 3 rows changed")
    settle(page)
    look(page, "leads-unsaved")
    grid.save(page)
    grid.bar(page, "2 saved, 1 met a colleague's change.")
    settle(page)
    look(page, "leads-saved")
    page.get_by_role("button", name="Look").click()
    page.get_by_role("dialog").get_by_text("was changed by Bruno").wait_for()
    settle(page)
    look(page, "conflict-dialog")
    page.get_by_role("dialog").get_by_role("button", name="Keep for later").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("link", name="Conflicts").click()
    page.get_by_text("1 field waiting").wait_for()
    settle(page)
    look(page, "conflicts")


def test_the_dialogs_of_new_leads_and_people(shared_site: Site, work: list[int], complaints: list[str]) -> None:
    page = watched(shared_site.open("alma", "/leads"), complaints)
    page.locator(".st-key-leads-new button").click()
    page.get_by_role("dialog").get_by_role("button", name="Add lead").wait_for()
    settle(page)
    look(page, "new-lead")
    page.goto("/people")
    page.get_by_role("button", name="Manage").nth(1).click()
    page.get_by_role("dialog").get_by_role("button", name="Save").wait_for()
    settle(page)
    look(page, "people-manage")


def test_a_pipeline_with_a_draft_and_what_it_comes_to(shared_site: Site, work: list[int], complaints: list[str]) -> None:
    page = watched(shared_site.open("mona", "/pipelines"), complaints)
    page.get_by_role("button", name="Add a stage").wait_for()
    settle(page)
    look(page, "pipelines")
    page.get_by_role("button", name="Remove Contacted").click()
    page.get_by_text("Draft, 1 change").wait_for()
    page.get_by_role("button", name="Move Negotiation up").click()
    settle(page)
    page.get_by_role("button", name="Add a stage").click()
    page.get_by_text("Draft, 4 changes").wait_for()
    settle(page)
    look(page, "pipelines-draft")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("dialog").get_by_text("where to?").first.wait_for()
    settle(page)
    look(page, "pipelines-preview")
    page.goto("/pipelines")
    page.get_by_role("button", name="Discard").click()
    page.get_by_text("nothing happens to anybody").wait_for()
    page.get_by_role("button", name="New pipeline").click()
    page.get_by_role("dialog").get_by_role("button", name="Make it").wait_for()
    settle(page)
    look(page, "pipelines-new")
