"""The Access page: who may open it, what it answers, and looking as somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm.access import acting_as, viewing
from crm.changes import Edit, apply
from crm.ui import viewer
from crm.ui.page_list import PAGES, PageEntry
from tests.access.test_walls import fingerprint
from tests.pages.parts import press, said

Look = Callable[..., AppTest]
PAGE = "pages/access.py"


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["ana", "vera"])
def test_the_page_names_the_missing_grant_and_shows_no_role(look: Look, who: str) -> None:
    page = look(PAGE, who).run()
    assert "role: view" in page.markdown[0].value
    assert not page.selectbox and "lead: view" not in said(page)


def test_it_begins_with_what_to_do(look: Look) -> None:
    page = look(PAGE, "alma").run()
    assert not page.exception and "Choose a person and a lead" in said(page)


def test_the_address_asks_and_the_page_answers_with_its_reason(visit: Look, cast: Any) -> None:
    page = visit("alma", PAGE, person="Carla", lead=str(cast.leads["Petra Supplies"]), action="Edit it")
    assert not page.exception
    assert "Carla cannot edit Petra Supplies" in said(page) and "the lead is in Gulf" in said(page)
    assert "4 people can edit it" in page.subheader[0].value  # alma, mona, ana, bruno
    assert "Bruno" in said(page)


def test_a_manager_asks_about_the_people_of_their_teams_and_nobody_else(visit: Look, cast: Any) -> None:
    page = visit("mona", PAGE, person="Ana", lead=str(cast.leads["Petra Supplies"]), action="Edit it")
    assert not page.exception
    assert "Ana can edit Petra Supplies" in said(page) and "3 people of your teams can edit it" in page.subheader[0].value  # mona, ana, bruno; not alma
    assert set(page.selectbox(key="person").options) == {"Ana", "Bruno", "Mona", "Vera"}
    assert "How two roles differ" not in [each.value for each in page.subheader] and "Alma" not in said(page)
    assert not [button for button in page.button if button.key == "access.look_as"]


def test_a_manager_finds_only_leads_that_they_see(visit: Look, cast: Any) -> None:
    page = visit("mona", PAGE, person="Ana", lead=str(cast.leads["Nile Mart"]))
    assert not page.exception and "No such lead" in said(page)
    page = visit("mona", PAGE, person="Carla", lead=str(cast.leads["Petra Supplies"]))
    assert not page.exception and "Carla" not in said(page)


def test_a_name_that_several_leads_share_is_asked_about(visit: Look) -> None:
    page = visit("alma", PAGE, person="Ana", lead="demo no such")
    assert "No such lead" in said(page)


def test_two_roles_are_compared_in_plain_words(look: Look, db: Any, cast: Any) -> None:
    page = look(PAGE, "alma").run()
    ids = {row["name"]: row["id"] for row in db.rows("select id, name from crm.roles")}
    page.selectbox(key="one").set_value(ids["rep"])
    page.selectbox(key="other").set_value(ids["viewer"]).run()
    assert "Edit leads" in said(page) and "not at all" in said(page) and "See leads" not in said(page)
    with acting_as(cast.who("alma")) as session:
        rule = {"role_id": ids["viewer"], "record_type": "lead", "field": "phone", "rule": "hidden"}
        apply(session, [Edit("field_rule", None, rule)], source="test", on_conflict="refuse")
    page.run()
    assert "Phone of leads" in said(page) and "hidden" in said(page)
    page.selectbox(key="other").set_value(ids["rep"]).run()
    assert "They grant the same" in said(page)


def looking(visit: Look, name: str = "Ana") -> AppTest:
    page = visit("alma", PAGE, person=name)
    return press(page, "access.look_as")


def test_looking_as_somebody_begins_on_their_home(visit: Look, db: Any, cast: Any) -> None:
    page = looking(visit, "Carla")
    assert not page.exception
    assert "Carla" in said(page)
    assert db.value("select viewing_as_id from crm.sessions where viewing_as_id is not null") == cast.people["carla"]


def test_every_page_stands_under_a_line_that_says_so(look: Look, cast: Any) -> None:
    """Pressing it leads back: tests/browser/test_looking_as.py, since here only the first run goes through Home.py."""
    page = look("Home.py", "alma")
    viewing.start(viewer.token(), cast.people["carla"])
    page.run()
    assert not page.exception
    assert "You see what <b>Carla</b> sees" in said(page) and "Alma</b>" in said(page)
    assert page.button(key="shell.viewing.stop").label == "Back to yourself"


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.url or "home")
def test_nothing_that_is_pressed_on_any_page_changes_anything_meanwhile(look: Look, db: Any, cast: Any, entry: PageEntry) -> None:
    page = look("Home.py", "alma")
    viewing.start(viewer.token(), cast.people["mona"])
    page.run()
    before = fingerprint(db)
    page.query_params.update({"id": str(cast.leads["Petra Supplies"])} if entry.url == "lead" else {})
    page.switch_page(entry.path).run()
    for key in [button.key for button in page.button if not str(button.key).startswith("shell.")]:  # the ways out stay open
        if any(button.key == key and not button.disabled for button in page.button):
            press(page, key)
            assert not page.exception, key
    assert fingerprint(db) == before


def test_what_was_typed_as_oneself_is_gone_as_somebody_else(look: Look, cast: Any) -> None:
    page = look("Home.py", "alma").run()
    page.session_state["leads.draft"] = "typed"
    viewing.start(viewer.token(), cast.people["ana"])
    page.run()
    assert "leads.draft" not in page.session_state


def test_what_is_private_stays_shut(visit: Look) -> None:
    page = looking(visit)
    for path in ("pages/account.py", "pages/conflicts.py"):
        page.switch_page(path).run()
        assert "private" in page.markdown[0].value and not page.text_input, path


def test_pages_that_change_things_say_why_they_are_shut(visit: Look, cast: Any, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.exec_driver_sql("insert into crm.memberships (person_id, role_id) select p.id, r.id from crm.people p, crm.roles r"
                                   " where p.name = 'Mona' and r.name = 'admin'")  # fmt: skip
    page = looking(visit, "Mona")
    page.switch_page("pages/people.py").run()
    assert "look as Mona" in page.title[0].value and "@demo.example" not in said(page)
    page.switch_page(PAGE).run()
    assert not [button for button in page.button if button.key == "access.look_as"]


@pytest.mark.parametrize("who", ["ana", "mona"])
def test_nobody_else_is_offered_it(look: Look, who: str) -> None:
    page = look("Home.py", who).run()
    assert not [button for button in page.button if "look_as" in (button.key or "")]
