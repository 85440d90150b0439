"""The Audit page: who may open it, what it shows and finds, older pages, the export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm.access import as_system, audit
from crm.ui.audit_list import cursor_in
from tests.pages.parts import press, said

Look = Callable[..., AppTest]
PAGE = "pages/audit.py"


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_the_page_names_the_missing_grant_and_tells_nothing(look: Look, who: str) -> None:
    page = look(PAGE, who).run()
    assert "audit: view" in page.markdown[0].value
    assert "Signed in" not in said(page) and not page.selectbox


def test_an_auditor_sees_who_did_what_from_where_with_details(look: Look) -> None:
    page = look(PAGE, "alma").run()
    assert not page.exception
    assert "Signed in" in said(page) and "192.0.2.10" in said(page) and "Stage Negotiation: added" in said(page) and "Target days" in said(page)


def test_the_address_asks(visit: Look, cast: Any) -> None:
    page = visit("alma", PAGE, kind="Sign-ins", q="192.0.2.10")
    assert "Signed in" in said(page) and "Stage Negotiation" not in said(page)
    page = visit("alma", PAGE, person="Carla")
    assert "Person Carla: added" in said(page) and "Signed in" not in said(page)


def test_nothing_found_says_what_to_do(visit: Look) -> None:
    assert "Nothing like that happened" in said(visit("alma", PAGE, q="no such thing at all"))


def test_names_and_values_are_text_and_never_markup(look: Look, db: Any) -> None:
    with as_system() as session:
        audit.record(session, "session.refused", person_id=None, address="<img src=x onerror=alert(1)>", note="<script>alert(1)</script>")
    page = look(PAGE, "alma").run()
    assert "<img" not in said(page) and "<script>" not in said(page) and "&lt;script&gt;" in said(page)


def test_older_entries_are_a_page_away_and_a_new_filter_begins_anew(look: Look, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "insert into crm.audit_events (kind, subject, at)"
            " select 'exported', 'thing ' || g, now() + make_interval(mins => 200 - g) from generate_series(1, 120) as g"
        )
    page = look(PAGE, "alma").run()
    page.selectbox(key="kind").set_value("data").run()
    assert "Exported thing 1<" in said(page) and "Exported thing 51<" not in said(page)
    press(page, "audit.older")
    assert "Exported thing 51<" in said(page) and "Exported thing 50<" not in said(page)
    page.selectbox(key="kind").set_value("").run()
    assert "Exported thing 1<" in said(page)


@pytest.mark.parametrize(
    "given", ["", "x", "2026-01-01~0~1", "2026-01-01T00:00:00+00:00~7~1", "2026-01-01T00:00:00+00:00~0~-1", "~~~", "2026-01-01T00:00:00+00:00~0~" + "9" * 40]
)
def test_an_address_that_names_no_entry_begins_with_the_newest(given: str) -> None:
    assert cursor_in(given) is None


def test_the_export_is_asked_for_by_whoever_holds_the_grant(look: Look, db: Any, cast: Any) -> None:
    page = press(look(PAGE, "alma").run(), "audit.export")
    assert not page.exception
    assert db.rows("select person_id, kind, state from crm.exports") == [{"person_id": cast.people["alma"], "kind": "audit", "state": "waiting"}]


def test_without_the_grant_to_export_there_is_no_button(look: Look, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.exec_driver_sql("delete from crm.grants where resource = 'audit' and action = 'export'")
        connection.exec_driver_sql("update crm.access_stamps set version = version + 1")
    page = look(PAGE, "alma").run()
    assert not [button for button in page.button if button.key == "audit.export"]
