"""Home: the figures are one's own, and each opens its rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from crm.access import acting_as
from crm.leads.use_cases import edit_leads
from tests.pages.parts import said

PAGE = "pages/home.py"


def test_a_reps_figures_count_her_own_leads(visit: Any) -> None:
    page = visit("ana", PAGE)
    assert not page.exception
    assert "My open value</small><b>$12.4k" in said(page)
    assert "2 open leads" in [link.label for link in page.page_link]


def test_a_managers_figures_count_the_team_and_never_another(visit: Any) -> None:
    page = visit("mona", PAGE)
    assert "Open value</small><b>$21.9k" in said(page)
    assert "Nile Mart" not in said(page)
    assert "Nile Mart" not in [link.label for link in page.page_link]


def test_what_is_overdue_comes_first_with_its_next_step(visit: Any, cast: Any) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date()
    with acting_as(cast.who("ana")) as session:
        edit_leads(session, [(cast.leads["Delta Foods"], 1, {"expected_close_on": yesterday, "next_step": "call the buyer"})], source="form")
    page = visit("ana", PAGE)
    assert "overdue 2 d" in said(page)
    assert "call the buyer" in said(page)
    assert "Overdue</small><b>1</b>" in said(page)


def test_somebody_without_leads_reads_what_to_do_next(visit: Any) -> None:
    page = visit("carla", PAGE)
    assert "Nothing is due." in said(page)
