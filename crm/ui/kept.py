"""Figures over everything in sight, kept for a moment: they read a lot and are asked for at every run."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import streamlit as st
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes.recent import newest_change_set

FRESH_SECONDS = 30
_Found = TypeVar("_Found")


def kept(session: Session, name: str, of: Any, count: Callable[[], _Found]) -> _Found:
    """What `count` answers, at most half a minute old; anything that the person does or that changes what they see counts anew.

    `of` says what is counted: another filter is another figure. One figure a name is kept in each browser session.
    """
    person = person_of(session)
    key = (person.id, person.stamp, newest_change_set(session), of)
    found = st.session_state.get(name)
    if found is None or found[0] != key or found[1] < monotonic():
        found = st.session_state[name] = (key, monotonic() + FRESH_SECONDS, count())
    answer: _Found = found[2]
    return answer
