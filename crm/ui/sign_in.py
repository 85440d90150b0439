"""The sign-in page, the first admin's set-up and the page behind an invitation or a reset link. Drawn wherever nobody is signed in.

streamlit-authenticator draws the form and checks the bcrypt hash. Its cookie (set and readable by script, never revoked)
is replaced by ours, and its credentials by one look-up per try, throttled.
"""

from __future__ import annotations

import streamlit as st
import streamlit_authenticator.controllers.cookie_controller as library_cookies
from streamlit_authenticator import Authenticate
from streamlit_authenticator.models import AuthenticationModel

from crm import settings
from crm.access import links, passwords, sign_in
from crm.errors import CrmError, TooMany
from crm.people import reads as people
from crm.people import use_cases as people_use_cases
from crm.ui import cookie_bridge, viewer

FIELDS = {"Form name": "Sign in", "Username": "Mail", "Password": "Password", "Login": "Sign in"}
TICKET = "sign_in.ticket"
STATUS = "authentication_status"


class NoCookie:
    """Stands in for the library's cookie, so that it neither reads nor sets one."""

    def __init__(self, *_: object) -> None:
        pass

    def get_cookie(self) -> None:
        return None

    def set_cookie(self) -> None:
        pass

    def delete_cookie(self) -> None:
        pass


class OnePerson(AuthenticationModel):  # type: ignore[misc]
    """The library's check, with one person's hash looked up per try; an unknown name costs a hash as well."""

    def check_credentials(self, username: str, password: str) -> bool:
        if not password:
            return False
        claimed = sign_in.claim(username, address=viewer.address())
        self.credentials["usernames"][username] = {"email": claimed.email, "name": claimed.name, "password": claimed.password_hash}
        is_right = bool(super().check_credentials(username, "" if passwords.is_too_long(password) else password))
        st.session_state[TICKET] = sign_in.settle(claimed, is_right=is_right)
        return st.session_state[TICKET] is not None


library_cookies.CookieModel = NoCookie


def draw() -> None:
    """The page for somebody who is not signed in: a form, or what a one-time link in the address asks for."""
    with st.container(key="sign_in_page"):
        st.html("<div class='tl-brand'><span class='tl-mark'></span>Throughline</div>")
        setup, reset, invite = (st.query_params.get(name) for name in ("setup", "reset", "invite"))
        with st.container(key="sign_in_card", border=True):
            if setup:
                _draw_setup(setup)
            elif reset:
                _draw_choice(reset, "reset")
            elif invite:
                _draw_choice(invite, "invitation")
            else:
                _draw_form()
        if not (setup or reset or invite) and settings.current().is_demo:
            _draw_demo_people()


def _draw_form() -> None:
    st.session_state[STATUS] = None  # the library remembers in the page's state; only the cookie counts here
    message = st.empty()
    library = Authenticate({"usernames": {}}, auto_hash=False, login_sleep_time=0)
    library.authentication_controller.authentication_model = OnePerson({"usernames": {}}, auto_hash=False)
    try:
        library.login(fields=FIELDS, key="sign_in.form")
    except TooMany as error:
        message.warning(str(error))
        return
    ticket = st.session_state.pop(TICKET, None)
    if ticket:
        cookie_bridge.carry(ticket)
    elif st.session_state[STATUS] is False:
        message.error("This mail address and password do not belong together. Try again, or ask an admin for a reset link.")


def _draw_setup(token: str) -> None:
    """The first admin: only while nobody exists."""
    if not links.is_live(token, "setup") or not people.is_empty():
        _draw_used_link()
        return
    with st.form("sign_in.setup", border=False):
        st.subheader("Set up Throughline")
        st.caption("You become the first admin. You can add everybody else afterwards.")
        name = st.text_input("Your name")
        email = st.text_input("Your mail address")
        password = st.text_input("Password", type="password", help=PASSWORD_HELP, autocomplete="new-password")
        again = st.text_input("Password again", type="password", autocomplete="new-password")
        is_sent = st.form_submit_button("Create admin", type="primary", width="stretch")
    if is_sent and _are_alike(password, again):
        try:
            ticket = people_use_cases.set_up_first_admin(token, name=name, email=email, password=password, address=viewer.address())
        except CrmError as error:
            st.error(str(error))
        else:
            cookie_bridge.carry(ticket, then_go="/")


def _draw_choice(token: str, purpose: links.Purpose) -> None:
    """A password of one's own: the first one, behind an invitation, or another."""
    if not links.is_live(token, purpose):
        _draw_used_link()
        return
    is_new = purpose == "invitation"
    with st.form(f"sign_in.{purpose}", border=False):
        st.subheader("Welcome to Throughline" if is_new else "Choose a password")
        if is_new:
            st.caption("Choose a password. From then on you sign in with it and your mail address.")
        password = st.text_input("New password", type="password", help=PASSWORD_HELP, autocomplete="new-password")
        again = st.text_input("New password again", type="password", autocomplete="new-password")
        is_sent = st.form_submit_button("Save and sign in", type="primary", width="stretch")
    if is_sent and _are_alike(password, again):
        choose = sign_in.accept_invitation if is_new else sign_in.reset_password
        try:
            ticket = choose(token, password, address=viewer.address())
        except CrmError as error:
            st.error(str(error))
        else:
            cookie_bridge.carry(ticket, then_go="/")


PASSWORD_HELP = f"At least {passwords.SHORTEST} characters, up to {passwords.LONGEST_BYTES} bytes. A few words in a row are easy to keep in mind."


def _are_alike(password: str, again: str) -> bool:
    if password != again:
        st.error("The two passwords differ. Nothing was changed.")
    return password == again


def _draw_used_link() -> None:
    st.subheader("This link no longer works")
    st.markdown("It was used, withdrawn, or has run out: an invitation after a week, others after a day. Ask an admin for a new one.")
    st.html("<a href='/' target='_self'>Go to sign-in</a>")


def _draw_demo_people() -> None:
    cast = people.demo_cast()
    if cast:
        lines = "".join(f"<tr><td>{c.email}</td><td>{c.places}</td></tr>" for c in cast)
        st.html(f"<div class='tl-demo'><p>Demo people, password <code>{people.DEMO_PASSWORD}</code></p><table>{lines}</table></div>")
