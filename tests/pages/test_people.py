"""The People page: who may open it, and what an admin does there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm.access import OPERATOR, acting_as, as_system, links, sessions
from crm.access.sign_in import set_password_hash
from crm.people.use_cases import change_person, change_team, place_person, role_id

Look = Callable[..., AppTest]
PAGE = "pages/people.py"
ADD = "from crm.ui import people_dialogs\npeople_dialogs.draw_add()"


def one(person_id: int) -> str:
    return f"from crm.ui import people_dialogs\npeople_dialogs.draw_person({person_id})"


def html(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def link_on(page: AppTest, purpose: str = "invite") -> str:
    (code,) = page.code
    found = re.search(rf"\?{purpose}=(\S+)", code.value)
    assert found
    return found[1]


def invite(look: Look, db: Any, cast: Any) -> tuple[AppTest, int]:
    """Dina, a viewer of Levant, added on the page; the page with her link, and her id."""
    page = look(ADD, "alma").run()
    page.text_input(key="people.add.name").set_value("Dina")
    page.text_input(key="people.add.email").set_value("Dina@Demo.Example")
    page.selectbox(key="people.add.place.team.0").set_value(cast.teams["Levant"]).run()
    page.selectbox(key="people.add.place.role.0.narrow").set_value(db.value("select id from crm.roles where name = 'viewer'"))
    page.button(key="people.add.send").click().run()
    return page, db.value("select id from crm.people where email = 'dina@demo.example'")


def disabled_at(db: Any, person_id: int) -> object:
    return db.value("select disabled_at from crm.people where id = :id", id=person_id)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana"])
@pytest.mark.parametrize("script", [ADD, one(3)])
def test_its_dialogs_ask_for_the_grant_themselves(look: Look, who: str, script: str) -> None:
    page = look(script, who).run()
    assert "person: configure" in page.markdown[0].value
    assert not page.button


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_the_page_names_the_missing_grant_and_shows_nobody(look: Look, who: str) -> None:
    page = look(PAGE, who).run()
    assert "person: configure" in page.markdown[0].value
    assert "@demo.example" not in html(page)
    assert not page.exception


def test_nobody_signed_in_sees_the_form_only(look: Look) -> None:
    page = look(PAGE, None).run()
    assert [field.label for field in page.text_input] == ["Mail", "Password"]
    assert "@demo.example" not in html(page)


def test_an_admin_sees_everybody_with_teams_and_roles(look: Look, cast: Any) -> None:
    page = look(PAGE, "alma").run()
    shown = html(page)
    assert all(f"{name}@demo.example" in shown for name in cast.people)
    assert "rep in Levant" in shown and "6 people" in shown


def test_finding_narrows_the_list(look: Look) -> None:
    page = look(PAGE, "alma").run()
    page.text_input(key="people.filter.q").set_value("rep levant").run()
    assert "carla@demo.example" in html(page) and "ana@demo.example" not in html(page)


def test_an_added_person_gets_an_invitation_that_is_shown_once(look: Look, db: Any, cast: Any) -> None:
    page, _ = invite(look, db, cast)
    assert links.is_live(link_on(page), "invitation")
    assert db.rows("select t.name, r.name as role from crm.memberships m join crm.people p on p.id = m.person_id join crm.roles r on r.id = m.role_id"
                   " left join crm.teams t on t.id = m.team_id where p.email = 'dina@demo.example'") == [{"name": "Levant", "role": "viewer"}]  # fmt: skip


def test_an_invitation_is_shown_with_its_end_renewed_and_withdrawn(look: Look, db: Any, cast: Any) -> None:
    page, dina = invite(look, db, cast)
    first = link_on(page)
    assert "invited until" in html(look(PAGE, "alma").run())
    page = look(one(dina), "alma").run()
    assert "Invited: the link works until" in html(page)
    page.button(key="people.link").click().run()
    second = link_on(page)
    assert not links.is_live(first, "invitation") and links.is_live(second, "invitation")
    page = look(one(dina), "alma").run()
    page.button(key="people.withdraw").click().run()
    assert not links.is_live(second, "invitation")
    page = look(one(dina), "alma").run()
    assert "no invitation" in html(page) and page.button(key="people.link").label == "Invite"
    assert not [button for button in page.button if button.key == "people.withdraw"]


def test_a_team_without_a_role_is_asked_about_and_adds_nobody(look: Look, db: Any, cast: Any) -> None:
    page = look(ADD, "alma").run()
    page.text_input(key="people.add.name").set_value("Dina")
    page.text_input(key="people.add.email").set_value("dina@demo.example")
    page.selectbox(key="people.add.place.team.0").set_value(cast.teams["Levant"]).run()
    page.button(key="people.add.send").click().run()
    assert "Choose a role" in page.error[0].value and not page.code
    assert db.value("select count(*) from crm.people") == 6


def test_somebody_without_a_place_is_added_with_a_word_about_what_is_missing(look: Look, db: Any, cast: Any) -> None:
    page = look(ADD, "alma").run()
    page.text_input(key="people.add.name").set_value("Dina")
    page.text_input(key="people.add.email").set_value("dina@demo.example")
    page.button(key="people.add.send").click().run()
    assert "no team and role yet" in page.warning[0].value and page.code
    assert db.value("select count(*) from crm.memberships as m join crm.people as p on p.id = m.person_id where p.email = 'dina@demo.example'") == 0


def test_somebody_works_in_a_second_team_and_leaves_the_first(look: Look, db: Any, cast: Any) -> None:
    key, rep = f"people.{cast.people['bruno']}.place", db.value("select id from crm.roles where name = 'rep'")
    page = look(one(cast.people["bruno"]), "alma").run()
    page.button(key=f"{key}.more").click().run()
    page.selectbox(key=f"{key}.team.1").set_value(cast.teams["Levant"]).run()
    page.selectbox(key=f"{key}.role.1.narrow").set_value(rep)
    page.button(key="people.save").click().run()
    assert {m.team for m in cast.who("bruno").memberships} == {"Gulf", "Levant"}
    page = look(one(cast.people["bruno"]), "alma").run()
    page.button(key=f"{key}.drop.0").click().run()
    page.button(key="people.save").click().run()
    assert {m.team for m in cast.who("bruno").memberships} == {"Levant"}


def test_a_mail_address_in_use_is_refused_with_words_and_adds_nobody(look: Look, db: Any) -> None:
    page = look(ADD, "alma").run()
    page.text_input(key="people.add.name").set_value("Another Ana")
    page.text_input(key="people.add.email").set_value("ana@demo.example")
    page.button(key="people.add.send").click().run()
    assert page.error and not page.code
    assert db.value("select count(*) from crm.people") == 6


def test_a_disabled_person_is_signed_out_everywhere(look: Look, db: Any, cast: Any) -> None:
    with as_system() as session:
        token = sessions.start(session, cast.people["bruno"], address="", device="")
    page = look(one(cast.people["bruno"]), "alma").run()
    page.button(key="people.switch").click().run()
    assert disabled_at(db, cast.people["bruno"])
    assert sessions.find(token) is None


def test_nobody_disables_themselves(look: Look, db: Any, cast: Any) -> None:
    page = look(one(cast.people["alma"]), "alma").run()
    page.button(key="people.switch").click().run()
    assert page.error
    assert disabled_at(db, cast.people["alma"]) is None


def test_the_last_admin_stays_admin(look: Look, cast: Any) -> None:
    page = look(one(cast.people["alma"]), "alma").run()
    page.button(key=f"people.{cast.people['alma']}.place.drop.0").click().run()
    page.button(key="people.save").click().run()
    assert "last admin" in page.error[0].value
    assert cast.who("alma").reach("person", "configure").everywhere


def test_a_changed_role_holds_at_once(look: Look, db: Any, cast: Any) -> None:
    page = look(one(cast.people["vera"]), "alma").run()
    page.selectbox(key=f"people.{cast.people['vera']}.place.role.0.narrow").set_value(db.value("select id from crm.roles where name = 'rep'"))
    page.button(key="people.save").click().run()
    assert not page.exception
    assert cast.who("vera").may("lead", "edit")


def test_what_another_admin_changed_meanwhile_stays_beside_ones_own_change(look: Look, db: Any, cast: Any) -> None:
    ana = cast.people["ana"]
    page = look(one(ana), "alma").run()
    with acting_as(OPERATOR) as session:
        change_person(session, ana, 1, {"time_zone": "Europe/Berlin"}, source="test")
        place_person(session, ana, [(cast.teams["Gulf"], role_id(session, "rep")), (cast.teams["Levant"], role_id(session, "viewer"))])
    page.text_input(key=f"people.name.{ana}").set_value("Ana B").run()
    page.button(key="people.save").click().run()
    assert db.rows("select name, time_zone from crm.people where id = :id", id=ana) == [{"name": "Ana B", "time_zone": "Europe/Berlin"}]
    assert {m.team for m in cast.who("ana").memberships} == {"Gulf", "Levant"}


def test_what_two_admins_changed_differently_is_told_and_nothing_is_saved(look: Look, db: Any, cast: Any) -> None:
    ana, key = cast.people["ana"], f"people.{cast.people['ana']}.place"
    page = look(one(ana), "alma").run()
    with acting_as(OPERATOR) as session:
        change_person(session, ana, 1, {"time_zone": "Europe/Berlin"}, source="test")
    page.text_input(key=f"people.zone.{ana}").set_value("Asia/Amman")
    page.button(key="people.save").click().run()
    assert "Somebody else changed" in page.error[0].value
    page = look(one(ana), "alma").run()
    with acting_as(OPERATOR) as session:
        place_person(session, ana, [(cast.teams["Gulf"], role_id(session, "viewer"))])
    page.selectbox(key=f"{key}.role.0.narrow").set_value(db.value("select id from crm.roles where name = 'manager'"))
    page.text_input(key=f"people.name.{ana}").set_value("Ana B")
    page.button(key="people.save").click().run()
    assert "changed the teams and roles of Ana" in page.error[0].value
    assert db.rows("select name, time_zone from crm.people where id = :id", id=ana) == [{"name": "Ana", "time_zone": "Europe/Berlin"}]
    assert [m.role for m in cast.who("ana").memberships] == ["viewer"]


def test_a_team_renamed_by_another_admin_keeps_that_name_when_it_is_put_elsewhere(look: Look, db: Any, cast: Any) -> None:
    levant = cast.teams["Levant"]
    page = look(f"from crm.ui import team_tree\nteam_tree.draw_one({levant})", "alma").run()
    with acting_as(OPERATOR) as session:
        change_team(session, levant, 1, {"name": "Levant north"}, source="test")
    page.selectbox(key=f"teams.parent.{levant}").set_value(cast.teams["Gulf"])
    page.button(key="teams.save").click().run()
    assert db.rows("select name, parent_id from crm.teams where id = :id", id=levant) == [{"name": "Levant north", "parent_id": cast.teams["Gulf"]}]


def test_a_reset_link_is_made_for_the_person_looked_at(look: Look, db: Any, cast: Any) -> None:
    with as_system() as session:
        set_password_hash(session, cast.people["ana"], "$2b$04$qNPBZtvonCd5JpCSeocW6.K7eq.RRWpt6cMSRrbWdzG3NabTEV3Bq")
    page = look(one(cast.people["ana"]), "alma").run()
    page.button(key="people.link").click().run()
    token = link_on(page, "reset")
    assert db.value("select person_id from crm.one_time_links where token_hash = :hash", hash=sessions.hash_of(token)) == cast.people["ana"]


def test_the_teams_part_shows_the_tree(visit: Callable[..., AppTest], cast: Any) -> None:
    from crm.access import acting_as
    from crm.people.use_cases import add_team

    with acting_as(cast.who("alma")) as session:
        add_team(session, "Gulf <b>retail", parent_id=cast.teams["Gulf"], source="test")
    page = visit("alma", PAGE, part="Teams")
    shown = html(page)
    assert "--depth:1'><b>Gulf &lt;b&gt;retail" in shown and "4 people · 3 leads" in shown
    assert page.button(key=f"teams.manage.{cast.teams['Levant']}")


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("script", ["draw_add()", "draw_one(1)"])
def test_the_dialogs_of_teams_ask_for_the_grant_themselves(look: Look, script: str) -> None:
    page = look(f"from crm.ui import team_tree\nteam_tree.{script}", "mona").run()
    assert "team: configure" in page.markdown[0].value
    assert not page.button


def test_a_team_is_added_below_another_and_removed_while_it_is_empty(look: Look, db: Any, cast: Any) -> None:
    page = look("from crm.ui import team_tree\nteam_tree.draw_add()", "alma").run()
    page.text_input(key="teams.add.name").set_value("Gulf retail")
    page.selectbox(key="teams.add.parent").set_value(cast.teams["Gulf"])
    page.button(key="teams.add.send").click().run()
    made = db.value("select id from crm.teams where name = 'Gulf retail' and parent_id = :p", p=cast.teams["Gulf"])
    page = look(f"from crm.ui import team_tree\nteam_tree.draw_one({cast.teams['Gulf']})", "alma").run()
    page.button(key="teams.remove").click().run()
    assert "still has 4 people" in page.error[0].value
    page = look(f"from crm.ui import team_tree\nteam_tree.draw_one({made})", "alma").run()
    page.button(key="teams.remove").click().run()
    assert db.value("select deleted_at from crm.teams where id = :id", id=made)


def test_disabling_hands_leads_over_where_one_says_so(look: Look, db: Any, cast: Any) -> None:
    page = look(one(cast.people["ana"]), "alma").run()
    page.selectbox(key=f"people.hand_over.{cast.people['ana']}").set_value(cast.people["bruno"]).run()
    page.button(key="people.switch").click().run()
    assert disabled_at(db, cast.people["ana"])
    assert db.value("select count(*) from crm.leads where owner_id = :id", id=cast.people["bruno"]) == 3
