"""My account: one's own password, sign-ins and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm.access import as_system, keys, passwords, sessions, sign_in
from tests.access.test_sign_in import CHEAP
from tests.cast import PASSWORD

Look = Callable[..., AppTest]
PAGE = "pages/account.py"


@pytest.fixture
def ana(cast: Any, look: Look) -> int:
    with as_system() as session:
        sign_in.set_password_hash(session, cast.people["ana"], CHEAP)
    return cast.people["ana"]


def change(page: AppTest, old: str, new: str, again: str) -> AppTest:
    for name, value in (("old", old), ("new", new), ("again", again)):
        page.text_input(key=f"account.password.{name}").set_value(value)
    return page.button(key="account.password.send").click().run()


def kept_hash(db: Any, person_id: int) -> str:
    return db.value("select password_hash from crm.credentials where person_id = :id", id=person_id)


def test_everybody_has_the_page_and_it_is_their_own(look: Look, ana: int) -> None:
    page = look(PAGE, "ana").run()
    assert not page.exception
    assert [heading.value for heading in page.subheader] == ["You", "Password", "Where you are signed in", "API keys"]


def test_name_and_time_zone_are_ones_own_to_change(look: Look, db: Any, ana: int) -> None:
    page = look(PAGE, "ana").run()
    page.text_input[0].set_value("Ana Maria")
    next(box for box in page.selectbox if box.label == "Time zone").set_value("Asia/Dubai")
    page.button(key="account.myself.send").click().run()
    (row,) = db.rows("select name, time_zone, email from crm.people where id = :id", id=ana)
    assert dict(row) == {"name": "Ana Maria", "time_zone": "Asia/Dubai", "email": "ana@demo.example"}
    assert page.session_state["message"].text == "Saved."


def test_a_name_that_somebody_else_has_is_refused_and_says_so(look: Look, db: Any, ana: int) -> None:
    page = look(PAGE, "ana").run()
    page.text_input[0].set_value("Bruno")
    page.button(key="account.myself.send").click().run()
    assert "already taken" in page.error[0].value
    assert db.value("select name from crm.people where id = :id", id=ana) == "Ana"


def test_the_old_password_changes_it(look: Look, db: Any, ana: int) -> None:
    page = change(look(PAGE, "ana").run(), PASSWORD, "three blind mice", "three blind mice")
    assert page.success and passwords.matches("three blind mice", kept_hash(db, ana))


@pytest.mark.parametrize(("old", "new", "again"), [
    ("wrong password", "three blind mice", "three blind mice"), (PASSWORD, "three blind mice", "three blind men"), (PASSWORD, "short", "short"),
])  # fmt: skip
def test_anything_else_changes_nothing_and_says_why(look: Look, db: Any, ana: int, old: str, new: str, again: str) -> None:
    page = change(look(PAGE, "ana").run(), old, new, again)
    assert page.error and not page.success
    assert kept_hash(db, ana) == CHEAP


def test_one_signs_out_elsewhere(look: Look, ana: int) -> None:
    with as_system() as session:
        elsewhere = sessions.start(session, ana, address="203.0.113.77", device="Safari on iOS")
    page = look(PAGE, "ana").run()
    (there,) = [button for button in page.button if button.label == "End"]
    there.click().run()
    assert sessions.find(elsewhere) is None
    assert not [button for button in page.button if button.label == "End"]


def test_others_sign_ins_and_keys_are_not_on_the_page(look: Look, cast: Any, ana: int) -> None:
    with as_system() as session:
        sessions.start(session, cast.people["bruno"], address="203.0.113.77", device="Brunos Telephone")
    keys.create_key(cast.people["bruno"], "Brunos export")
    page = look(PAGE, "ana").run()
    assert "Bruno" not in " ".join(element.proto.body for element in page.get("html"))


def test_a_key_is_shown_once_works_and_is_revoked(look: Look, ana: int) -> None:
    page = look(PAGE, "ana").run()
    page.text_input(key="account.key.name").set_value("Nightly export")
    page.button(key="account.key.send").click().run()
    made = page.code[0].value
    assert keys.holder(made).id == ana and not keys.holder(made).may("lead", "edit")
    (key,) = keys.list_keys(ana)
    page.button(key=f"account.key.{key.id}").click().run()
    assert not page.code
    with pytest.raises(Exception, match="not valid"):
        keys.holder(made)


def test_days_away_are_ones_own_to_say(visit: Any, db: Any, cast: Any) -> None:
    from datetime import date

    page = visit("ana", "pages/account.py")
    page.date_input(key="account.away_from.1").set_value(date(2027, 1, 4))
    page.date_input(key="account.away_until.1").set_value(date(2027, 1, 8))
    page.button(key="account.myself.send").click().run()
    found = db.rows("select absent_from, absent_until from crm.people where id = :id", id=cast.people["ana"])
    assert found == [{"absent_from": date(2027, 1, 4), "absent_until": date(2027, 1, 8)}]
