"""Home: the figures are one's own, each opens its rows, and what is due can be done right there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import text

from crm.access import acting_as, as_system
from crm.alerts.use_cases import set_alert
from crm.changes import Edit, apply
from crm.clock import now, today
from crm.leads.use_cases import edit_leads
from tests.pages.parts import press, said

PAGE = "pages/home.py"


def links(page: Any) -> list[str]:
    return [link.label for link in page.page_link]


def opened_by(page: Any, label: str) -> dict[str, list[str]]:
    """What the link of that label asks of the page it opens."""
    return parse_qs(next(link.proto.query_string for link in page.page_link if link.label == label))


def turned(page: Any, whose: str) -> Any:
    """Home once somebody pressed the switch."""
    page.session_state["whose_day"] = whose
    return page.run()


def remind(cast: Any, who: str, lead: str, *, hours: float, words: str = "call the buyer") -> int:
    with acting_as(cast.who(who)) as session:
        done = set_alert(session, cast.leads[lead], {"due_at": now() + timedelta(hours=hours), "text": words}, source="form")
    return done.results[0].record_id or 0


def test_a_reps_figures_count_her_own_leads(visit: Any) -> None:
    page = visit("ana", PAGE)
    assert not page.exception
    assert "My open value</small><b>$12.4k" in said(page)
    assert "2 open leads" in links(page)


def test_a_managers_figures_count_the_team_and_never_another(visit: Any) -> None:
    page = visit("mona", PAGE)
    assert "Open value</small><b>$21.9k" in said(page)
    assert "Nile Mart" not in said(page) + " ".join(links(page))
    assert {"Ana", "Bruno"} <= set(links(page))


def test_a_figure_opens_the_leads_that_it_counts_and_no_others(visit: Any, cast: Any) -> None:
    with acting_as(cast.who("ana")) as session:
        edit_leads(session, [(cast.leads["Delta Foods"], 1, {"stage_id": cast.stages["Gulf"]["Won"]})], source="form")
    for who, whose in (("ana", "All mine"), ("mona", "Team")):
        page = visit(who, PAGE)
        (label,) = [label for label in links(page) if re.fullmatch(r"\d+ open leads?", label)]
        asked = opened_by(page, label)
        assert asked == {"pipeline": ["All pipelines"], "view": [whose], "kind": ["open"]}
        listed = visit(who, "pages/leads.py", **{name: values[0] for name, values in asked.items()})
        assert f"of {label.split()[0]}</b>" in said(listed)
        assert opened_by(page, "newest first")["moved"] and opened_by(page, "open leads to call")["quiet"] == ["14"]


def test_who_sees_others_may_look_at_their_own_day_or_at_everybodys(visit: Any, cast: Any) -> None:
    page = visit("ana", PAGE)
    assert "My open value" in said(page)
    assert "My open value" not in said(turned(page, "everybody"))
    with acting_as(cast.who("mona")) as session:
        edit_leads(session, [(cast.leads["Delta Foods"], 1, {"owner_id": cast.people["mona"]})], source="form")
    assert "Who is loaded" in [heading.value[:13] for heading in visit("mona", PAGE).subheader]  # a manager's day is the team's
    assert "My open value" in said(turned(visit("mona", PAGE), "mine"))


def test_who_sees_only_their_own_leads_reads_of_no_others(visit: Any, cast: Any, db: Any) -> None:
    with db.owner().begin() as connection:
        narrowed = "update crm.grants set scope = 'own', version = version + 1 where resource = 'lead' and action = 'view' and scope = 'team'"
        connection.execute(text(narrowed))
        connection.execute(text("update crm.leads set owner_id = null, version = version + 1"))
    for path in (PAGE, "pages/leads.py", "pages/board.py"):
        page = visit("ana", path)
        assert not page.exception and "my leads" in said(page) and "leads of everybody" not in said(page)


def test_all_that_is_due_can_be_shown(visit: Any, cast: Any) -> None:
    for number in range(10):
        remind(cast, "ana", "Delta Foods", hours=-1, words=f"call number {number}")
    page = visit("ana", PAGE)
    assert len([button for button in page.button if button.label == "Done"]) == 8
    page = press(page, "home.due.more")
    assert len([button for button in page.button if button.label == "Done"]) == 10


def test_an_overdue_alert_comes_first_and_is_done_right_there(visit: Any, cast: Any, db: Any) -> None:
    alert = remind(cast, "ana", "Delta Foods", hours=-49)
    page = visit("ana", PAGE)
    assert "overdue 2 d" in said(page) and "call the buyer" in said(page)
    assert "Due today</small><b>1</b>" in said(page)
    press(page, f"home.done.{alert}")
    assert "Due today</small><b>0</b>" in said(page) and "Done: call the buyer." in said(page)
    assert db.value("select done_by_id from crm.alerts where id = :id", id=alert) == cast.people["ana"]


def test_a_day_later_takes_it_off_today(visit: Any, cast: Any, db: Any) -> None:
    alert = remind(cast, "ana", "Delta Foods", hours=-1)
    page = press(visit("ana", PAGE), f"home.day.{alert}")
    assert "comes back tomorrow" in said(page)
    assert db.value("select due_at > now() and done_at is null from crm.alerts where id = :id", id=alert)


@pytest.mark.parametrize(("market", "is_off"), [(None, True), ("AE", True), ("JO", False)])
def test_a_day_later_passes_the_holidays_of_the_leads_market_by(visit: Any, cast: Any, db: Any, market: str | None, is_off: bool) -> None:
    tomorrow = today("UTC") + timedelta(days=1)
    with acting_as(cast.who("alma")) as session:
        for code, name, currency in (("AE", "Emirates", "AED"), ("JO", "Jordan", "USD")):
            apply(session, [Edit("market", None, {"code": code, "name": name, "currency": currency})], source="test", on_conflict="refuse")
        edits = [
            Edit("holiday", None, {"day": tomorrow, "name": "National day", "market": market}),
            Edit("lead", cast.leads["Delta Foods"], {"market": "AE"}, 1),
        ]
        apply(session, edits, source="test", on_conflict="refuse")
    alert = remind(cast, "ana", "Delta Foods", hours=-1)
    page = press(visit("ana", PAGE), f"home.day.{alert}")
    assert ("National day is passed by." in said(page)) is is_off
    due = db.value("select (due_at at time zone 'UTC')::date from crm.alerts where id = :id", id=alert)
    assert due == tomorrow + timedelta(days=1 if is_off else 0)


def test_done_by_a_colleague_first_is_said_kindly(visit: Any, cast: Any, db: Any) -> None:
    alert = remind(cast, "ana", "Delta Foods", hours=-1)
    page = visit("ana", PAGE)
    with db.owner().begin() as connection:
        connection.execute(text("update crm.alerts set done_at = now(), done_by_id = :p, version = 2 where id = :id"), {"p": cast.people["bruno"], "id": alert})
    press(page, f"home.done.{alert}")
    assert not page.exception
    assert db.value("select done_by_id from crm.alerts where id = :id", id=alert) == cast.people["bruno"]


def test_anothers_alerts_are_not_mine_to_do(visit: Any, cast: Any) -> None:
    remind(cast, "bruno", "Petra Supplies", hours=-1, words="his own call")
    assert "his own call" not in said(visit("ana", PAGE))


def test_what_is_past_its_close_date_is_next(visit: Any, cast: Any) -> None:
    before = (datetime.now(UTC) - timedelta(days=2)).date()
    with acting_as(cast.who("ana")) as session:
        edit_leads(session, [(cast.leads["Delta Foods"], 1, {"expected_close_on": before, "next_step": "ask for the order"})], source="form")
    page = visit("ana", PAGE)
    assert "close overdue 2 d" in said(page) and "ask for the order" in said(page)


def test_who_ordered_and_heard_nothing_is_one_link(visit: Any, cast: Any) -> None:
    with as_system() as session:
        session.execute(
            text("insert into crm.customers (external_id, name, team_id, orders, lifetime_usd, last_order_at) values ('c1', 'Sahara', :t, 3, 4120, now())"),
            {"t": cast.teams["Gulf"]},
        )
    assert "Ordered, not contacted (90 d): 1 customer, $4,120" in links(visit("ana", PAGE))
    assert "Ordered, not contacted (90 d): 0 customers, $0" in links(visit("carla", PAGE))


def test_somebody_without_anything_due_reads_what_to_do_next(visit: Any) -> None:
    page = visit("carla", PAGE)
    assert "Nothing is due." in said(page)


def test_what_one_has_just_done_is_counted_at_once(visit: Any, cast: Any) -> None:
    page = visit("ana", PAGE)
    assert "My open value</small><b>$12.4k" in said(page)
    with acting_as(cast.who("ana")) as session:
        edit_leads(session, [(cast.leads["Delta Foods"], 1, {"value": {"amount": "600", "currency": "USD"}})], source="form")
    assert "My open value</small><b>$13.0k" in said(page.run())
