"""The company beside a lead's facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply
from tests.pages.parts import press, said

Visit = Callable[..., AppTest]


@pytest.fixture
def petra(cast: Any) -> int:
    """A company of the Gulf team, to which Al Noor Trading belongs."""
    with acting_as(OPERATOR) as session:
        made = apply(session, [Edit("company", None, {"name": "Petra", "team_id": cast.teams["Gulf"]})], source="test", on_conflict="refuse")
        apply(session, [Edit("lead", cast.leads["Al Noor Trading"], {"company_id": made.results[0].record_id}, 1)], source="test", on_conflict="refuse")
    return made.results[0].record_id or 0


def open_lead(visit: Visit, cast: Any, who: str) -> AppTest:
    return visit(who, "pages/lead.py", id=str(cast.leads["Al Noor Trading"]))


def test_it_says_the_company_and_whoever_may_only_read_has_no_way_to_change_it(visit: Visit, cast: Any, petra: int) -> None:
    page = open_lead(visit, cast, "ana")
    assert "<b>Petra</b>" in said(page) and [b.label for b in page.button if b.key == "lead.company"] == ["Change"]
    reader = open_lead(visit, cast, "vera")
    assert "Petra" in said(reader) and not [b for b in reader.button if b.key == "lead.company"]


def test_the_dialog_offers_what_is_called_so_and_a_new_one(visit: Visit, cast: Any, petra: int) -> None:
    with acting_as(cast.who("ana")) as session:
        apply(session, [Edit("company", None, {"name": "Delta Group", "team_id": cast.teams["Gulf"]})], source="test", on_conflict="refuse")
    page = press(open_lead(visit, cast, "ana"), "lead.company")
    page.text_input(key=f"lead.company.q.{cast.leads['Al Noor Trading']}").set_value("delta")
    press(page, "lead.company")
    assert page.radio[0].options == ["Delta Group · 0 leads", "New company “delta”"]


def test_without_letters_it_only_offers_to_take_the_company_away(visit: Visit, cast: Any, petra: int) -> None:
    page = press(open_lead(visit, cast, "ana"), "lead.company")
    assert page.radio[0].options == ["No company"]
