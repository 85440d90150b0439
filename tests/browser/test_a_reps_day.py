"""A rep's day: from Home to the lead, the call and the alert; and the customer who ordered and heard nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from crm.access import acting_as, as_system
from crm.alerts.use_cases import set_alert
from crm.clock import now
from tests.browser.conftest import Site, wait_for
from tests.browser.parts import message, new_leads, settle


def remind(site: Site, lead: int, words: str, *, hours: float) -> int:
    with acting_as(site.cast.who("ana")) as session:
        done = set_alert(session, lead, {"due_at": now() + timedelta(hours=hours), "text": words}, source="form")
    return done.results[0].record_id or 0


def alert(site: Site, alert_id: int, column: str) -> Any:
    return site.db.value(f"select {column} from crm.alerts where id = :id", id=alert_id)


def test_from_home_to_the_lead_the_call_a_new_alert_and_done(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Rosewood One")
    first = remind(shared_site, lead, "ask about the samples", hours=-3)
    page = shared_site.open("ana", "/")
    page.get_by_text("overdue 3 h").wait_for()
    page.get_by_test_id("stMain").get_by_role("link", name="Rosewood One").first.click()
    side = page.locator(".st-key-lead_side")
    side.get_by_text("ask about the samples").wait_for()
    settle(page)
    side.get_by_role("button", name="Call made").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder("What was said").fill("Wants the samples on Monday.")
    dialog.get_by_role("button", name="Log and finish").click()
    message(page, "Noted, and done")
    page.locator(".tl-entry", has_text="Wants the samples on Monday.").wait_for()
    page.locator(".tl-entry", has_text="Alert done").wait_for()
    assert alert(shared_site, first, "done_by_id") == shared_site.cast.people["ana"]
    settle(page)
    page.get_by_test_id("stMain").locator(".st-key-alerts_head").get_by_role("button", name="Alert").click()
    page.get_by_placeholder("call about the samples").fill("bring the samples")
    page.get_by_role("button", name="Set alert").click()
    side.get_by_text("bring the samples").wait_for()
    side.get_by_text("tomorrow 09:00").wait_for()
    settle(page)
    side.get_by_role("button", name="Done").click()
    message(page, "Done: bring the samples.").get_by_role("button", name="Undo").click()
    side.get_by_text("bring the samples").wait_for()


def test_on_home_done_and_a_day_later_take_it_off_the_list(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Sandalwood One")
    one, two = remind(shared_site, lead, "first thing", hours=-5), remind(shared_site, lead, "second thing", hours=-4)
    page = shared_site.open("ana", "/")
    row = page.locator(f".st-key-next_alert_{one}")
    row.get_by_role("button", name="Done").click()
    row.wait_for(state="detached")
    message(page, "Done: first thing.")
    row = page.locator(f".st-key-next_alert_{two}")
    row.get_by_role("button", name="+1 d").click()
    row.wait_for(state="detached")
    assert alert(shared_site, one, "done_at is not null") and alert(shared_site, two, "done_at is null and due_at > now()")


def test_who_ordered_and_heard_nothing_is_found_called_and_gone_from_the_list(shared_site: Site) -> None:
    team = shared_site.cast.teams["Gulf"]
    with as_system() as session:
        for name in ("Ebony Stores", "Walnut Stores"):
            session.execute(
                text("""
                    with made as (
                        insert into crm.customers (external_id, name, market, segment, team_id, orders, lifetime_usd, last_order_at)
                        values (cast(:n as text), :n, 'AE', 'B2B', :t, 1, 871.34, now() - interval '6 days') returning id
                    )
                    insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, team_id)
                    select 'order of ' || cast(:n as text), id, now() - interval '6 days', 3200, 'AED', 871.34, :t from made
                """),
                {"n": name, "t": team},
            )
    page = shared_site.open("ana", "/customers")
    page.get_by_role("radio", name="Ordered 90 d, not contacted").click()
    page.get_by_role("button", name="Ebony Stores", exact=True).wait_for()
    assert "view=" in page.url
    page.get_by_role("button", name="Ebony Stores", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("AED 3,200").wait_for()
    dialog.get_by_role("button", name="Make a lead").click()
    message(page, "Ebony Stores is a lead of yours now.")
    page.locator(".st-key-lead_side").get_by_text("1 order, $871").wait_for()
    settle(page)
    page.get_by_role("radio", name="Call", exact=True).first.click()
    page.get_by_placeholder("Write a note").fill("Thanked them, wants a catalogue.")
    page.get_by_role("button", name="Add").click()
    page.locator(".tl-entry", has_text="wants a catalogue").wait_for()
    wait_for(lambda: shared_site.db.value("select last_contacted_at is not null from crm.customers where name = 'Ebony Stores'"), "the call to count")
    page.goto("/customers?view=Ordered+90+d%2C+not+contacted")
    page.get_by_role("button", name="Walnut Stores", exact=True).wait_for()
    assert page.get_by_role("button", name="Ebony Stores", exact=True).count() == 0
    page.get_by_role("button", name="Make a lead of Walnut Stores").click()
    message(page, "Walnut Stores is a lead of yours now.")
