"""Signing in, staying in and getting out, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm.ui.page_list import PAGES
from tests.browser.conftest import Site, fill_in
from tests.browser.parts import until
from tests.cast import PASSWORD

FORM = "Sign in"
PATHS = [f"/{page.url}" for page in PAGES]


def is_at_the_door(page: Any) -> bool:
    return bool(page.get_by_role("button", name=FORM, exact=True).is_visible())


def test_the_right_password_opens_the_page_one_asked_for(shared_site: Site) -> None:
    page = shared_site.sign_in("ana", "/leads")
    assert page.url == f"{shared_site.url}/leads"
    page.get_by_role("link", name="Ana", exact=True).wait_for()


def test_a_wrong_password_says_so_and_opens_nothing(shared_site: Site) -> None:
    page = shared_site.visit("/leads")
    fill_in(page, "ana@demo.example", "not the password")
    page.get_by_text("do not belong together").wait_for()
    assert is_at_the_door(page)
    assert not [cookie for cookie in page.context.cookies() if "throughline" in cookie["name"]]


def test_the_cookie_is_out_of_reach_of_scripts(shared_site: Site) -> None:
    page = shared_site.sign_in("ana")
    (cookie,) = [cookie for cookie in page.context.cookies() if "throughline" in cookie["name"]]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    assert cookie["value"] not in page.evaluate("document.cookie")


def test_a_refresh_keeps_one_signed_in(shared_site: Site) -> None:
    page = shared_site.sign_in("ana", "/leads")
    page.reload()
    page.get_by_role("button", name="Sign out").wait_for(state="attached")
    assert page.url == f"{shared_site.url}/leads"


def test_signing_out_ends_the_session_for_good(shared_site: Site) -> None:
    page = shared_site.sign_in("ana")
    cookies = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name=FORM, exact=True).wait_for()
    page.context.add_cookies(cookies)  # whoever kept the cookie has nothing
    page.reload()
    page.get_by_role("button", name=FORM, exact=True).wait_for()


def path_with_its_lead(site: Site, path: str) -> str:
    return f"{path}?id={site.cast.leads['Al Noor Trading']}" if path == "/lead" else path


@pytest.mark.parametrize("path", PATHS)
def test_every_open_page_of_a_disabled_person_shows_the_door(shared_site: Site, path: str) -> None:
    from crm.access import OPERATOR, acting_as
    from crm.people.use_cases import add_person, disable_person, role_id

    somebody = {"email": f"olga-{PATHS.index(path)}@demo.example", "name": f"Olga {PATHS.index(path)}"}
    with acting_as(OPERATOR) as session:  # an admin, so that all pages are open to her
        olga = add_person(session, somebody, [(None, role_id(session, "admin"))], source="test")
    page = shared_site.open(olga, path_with_its_lead(shared_site, path))
    with acting_as(OPERATOR) as session:
        disable_person(session, olga, 1, source="test")
    page.get_by_role("button", name=FORM, exact=True).wait_for()
    until(page, lambda: page.get_by_role("heading").all_inner_texts() == [FORM], "what stood there to be gone")


def test_an_open_page_follows_a_change_of_role(shared_site: Site) -> None:
    from crm.access import OPERATOR, acting_as
    from crm.people.use_cases import place_person, role_id

    page = shared_site.sign_in("vera", "/leads")
    page.get_by_placeholder("Search name").fill("Delta")
    assert page.get_by_role("link", name="People").count() == 0
    with acting_as(OPERATOR) as session:
        place_person(session, shared_site.cast.people["vera"], [(None, role_id(session, "admin"))])
    page.get_by_role("link", name="People").wait_for(state="attached")
    page.get_by_role("heading", name="Leads").wait_for()
    assert page.get_by_placeholder("Search name").input_value() == "Delta"


def test_who_knows_only_the_pages_session_id_gets_the_sign_in_page(shared_site: Site) -> None:
    """Streamlit hands a session to whoever names its id; the second client here names ana's."""
    ana = shared_site.page()
    ids: list[str] = []
    ana.on("websocket", lambda socket: socket.on("framereceived", lambda frame: ids.extend(_page_session_ids(frame))))
    ana.goto("/leads")
    fill_in(ana, "ana@demo.example", PASSWORD)
    ana.get_by_role("button", name="Sign out").wait_for(state="attached")
    ana.get_by_role("heading", name="Leads").wait_for()
    stolen = ids[-1]

    thief = shared_site.context()
    thief.add_init_script(f"""
        const Real = WebSocket
        window.WebSocket = class extends Real {{
            constructor(url, protocols) {{ super(url, [protocols[0], protocols[1] || 'PLACEHOLDER_AUTH_TOKEN', '{stolen}']) }}
        }}
    """)
    page = thief.new_page()
    page.goto("/leads")
    page.get_by_role("button", name=FORM, exact=True).wait_for()
    until(page, lambda: page.get_by_role("heading").all_inner_texts() == [FORM], "what stood there to be gone")
    ana.get_by_role("link", name="Conflicts").click()  # and hers goes on where it was
    ana.get_by_role("heading", name="Conflicts").wait_for()


def _page_session_ids(frame: bytes | str) -> list[str]:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg()
    message.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
    return [message.new_session.initialize.session_id] if message.WhichOneof("type") == "new_session" else []


def is_the_door_only(page: Any) -> bool:
    page.get_by_role("button", name=FORM, exact=True).wait_for()
    return bool(page.get_by_role("heading").all_inner_texts() == [FORM])


def test_each_page_shows_a_stranger_the_door_only(shared_site: Site) -> None:
    page = shared_site.page()
    for path in PATHS:
        page.goto(path_with_its_lead(shared_site, path))
        assert is_the_door_only(page), path


@pytest.mark.parametrize("path", ["/", "/lead", "/pipeline", "/people"])
def test_a_page_as_the_very_first_request_after_a_start_shows_the_door_only(site: Site, path: str) -> None:
    assert is_the_door_only(site.visit(path_with_its_lead(site, path)))


def test_a_reset_link_works_once(shared_site: Site) -> None:
    from crm.access.sign_in import make_reset_link

    link = f"/?reset={make_reset_link(shared_site.cast.people['carla'], by=None)}"
    page = shared_site.visit(link)
    page.get_by_label("New password", exact=True).fill("three blind mice")
    page.get_by_label("New password again").fill("three blind mice")
    page.get_by_role("button", name="Save and sign in").click()
    page.get_by_role("button", name="Sign out").wait_for(state="attached")
    assert re.fullmatch(f"{shared_site.url}/", page.url)
    shared_site.visit(link).get_by_text("no longer works").wait_for()
