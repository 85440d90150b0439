"""When a page fails: words for the person, and for the log where it happened, without the data it happened on."""

from __future__ import annotations

import secrets
import traceback

import psycopg
import streamlit as st
from sqlalchemy import exc

from crm.errors import CrmError
from crm.logs import log

AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, psycopg.OperationalError)


def tell(error: Exception) -> bool:
    """Draw what went wrong instead of Streamlit's own message; True says that it has been said.

    An error's text may quote names and mail addresses (a database error quotes the row), so the log gets its kind and the
    places in the code only.
    """
    if isinstance(error, CrmError):
        st.warning(str(error), icon=":material/info:")
        return True
    if isinstance(error, AWAY):
        _say_that_the_database_is_away(error)
        return True
    reference = secrets.token_hex(4)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-12:]]
    log.error("page_failed", reference=reference, error=type(error).__name__, at=places)
    st.error(f"This page could not be drawn. What was saved before is safe. Load it again; if it stays so, give an admin this number: {reference}")
    return True


def _say_that_the_database_is_away(error: Exception) -> None:
    """Loading the page anew would throw away what is typed in it; running it again keeps it."""
    log.warning("page_without_database", error=type(error).__name__)
    st.warning(
        "The database is away or too busy. What was reported as saved is safe, and cells typed into the grid are kept. Try again in a moment.",
        icon=":material/info:",
    )
    st.button("Try again", key="failure.again")
