"""Conflicts wait for their person, show what each side wants, and are settled the way one chooses."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.leads.use_cases import edit_leads
from tests.pages.parts import press, said

PAGE = "pages/conflicts.py"


@pytest.fixture
def met(db: Any, cast: Any) -> None:
    """Ana and Bruno changed Petra's next step and stage at the same time; Ana was first."""
    for who, step, stage in (("ana", "hers", "Contacted"), ("bruno", "his", "Negotiation")):
        with acting_as(cast.who(who)) as session:
            edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"next_step": step, "stage_id": cast.stages["Gulf"][stage]})], source="grid")


def row(db: Any, cast: Any) -> Any:
    return db.rows("select * from crm.leads where id = :id", id=cast.leads["Petra Supplies"])[0]


def choose(page: Any, label: str, choice: str) -> None:
    next(w for w in page.get("segmented_control") if w.label == label).set_value(choice)


def test_seen_theirs_and_mine_are_shown_in_words(visit: Any, met: None) -> None:
    page = visit("bruno", PAGE)
    for words in ("Petra Supplies", "was changed by Ana", "in the grid", "you saw</small>Lead", "they made it</small>Contacted", "you want</small>Negotiation"):
        assert words in said(page)


def test_theirs_stands_unless_one_chooses(visit: Any, met: None, db: Any, cast: Any) -> None:
    page = press(visit("bruno", PAGE), "conflicts.apply")
    assert "Settled: theirs stands." in said(page)
    assert "Nothing waits for you." in said(page)
    assert row(db, cast)["next_step"] == "hers"


def test_each_field_is_settled_by_its_own_choice(visit: Any, met: None, db: Any, cast: Any) -> None:
    page = visit("bruno", PAGE)
    choose(page, "Next step", "mine")
    press(page, "conflicts.apply")
    assert "Settled: 1 your way, 1 theirs." in said(page)
    after = row(db, cast)
    assert (after["next_step"], after["stage_id"]) == ("his", cast.stages["Gulf"]["Contacted"])


def test_settling_ones_own_way_can_be_undone(visit: Any, met: None, db: Any, cast: Any) -> None:
    page = visit("bruno", PAGE)
    choose(page, "Next step", "mine")
    press(page, "conflicts.apply")
    press(page, "message.undo")
    assert row(db, cast)["next_step"] == "hers"


def test_nobody_sees_another_persons_conflicts(visit: Any, met: None) -> None:
    for who in ("ana", "mona", "alma", "carla"):
        page = visit(who, PAGE)
        assert "Nothing waits for you." in said(page)
        assert "Petra" not in said(page)


def test_a_conflict_settled_in_another_tab_is_told_kindly(visit: Any, met: None) -> None:
    first, second = visit("bruno", PAGE), visit("bruno", PAGE)
    press(first, "conflicts.apply")
    press(second, "conflicts.apply")
    assert not second.exception
    assert "was settled already" in said(second)
