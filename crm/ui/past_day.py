"""The day that a page shows: a slider over the last year and a field for any day, and with the knowledge of which day. Both are in the URL."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

AS_OF, KNOWN_ON = "as_of", "known_on"
SLIDE_DAYS = 365
FIRST = date(2000, 1, 1)


def ask(today: date, *, page: str) -> date | None:
    """The past day whose end is asked for; None for now. Draws into the line that the caller has opened."""
    slider, first = f"{page}.slider", _first(st.session_state.get(AS_OF), today)
    st.html("<span class='tl-muted'>As of the end of</span>", width="content")
    st.session_state[slider] = _slid_to(st.session_state.get(AS_OF), first, today)
    day = st.date_input(
        "Day", value=None, key=AS_OF, bind="query-params", max_value=today, min_value=FIRST, format="YYYY-MM-DD",
        label_visibility="collapsed", width=160, help="The end of a past day; empty for now.",
    )  # fmt: skip
    first = _first(day, today)
    st.session_state[slider] = _slid_to(day, first, today)  # on the first run only the field knows what the address says
    st.slider("As of", first, today, key=slider, format="D MMM YYYY", label_visibility="collapsed", on_change=_take, args=(slider, today))
    return day if isinstance(day, date) and day < today else None


def _first(day: object, today: date) -> date:
    """Where the slider begins: with the day itself, where that is longer ago than it usually goes."""
    usual = today - timedelta(days=SLIDE_DAYS)
    return min(day, usual) if isinstance(day, date) else usual


def _slid_to(day: object, first: date, today: date) -> date:
    return min(max(day, first), today) if isinstance(day, date) else today


def _take(slider: str, today: date) -> None:
    day = st.session_state[slider]
    st.session_state[AS_OF] = day if day < today else None


def forget() -> None:
    """Back to now, with what is known now."""
    st.session_state[AS_OF] = None
    if KNOWN_ON in st.session_state:
        st.session_state[KNOWN_ON] = None


def ask_known(today: date, as_of: date | None) -> date | None:
    """With what was known on which day; None for what is known now. Folded away: few ask, and then they mean it."""
    given = st.session_state.get(KNOWN_ON)
    if isinstance(given, date) and as_of and given < as_of:
        st.session_state[KNOWN_ON] = None  # nobody knew before it was so
    with st.popover("As we knew it", icon=":material/history:", key="known_on_fold", type="tertiary"):
        known = st.date_input(
            "As we knew it at the end of", value=None, key=KNOWN_ON, bind="query-params", max_value=today, min_value=FIRST, format="YYYY-MM-DD",
            on_change=_look_back,
        )  # fmt: skip
        st.caption("What was entered later about earlier days, by an import say, is then left out. Empty: what is known now.")
    return known if isinstance(known, date) and known < today and (as_of is None or known >= as_of) else None


def _look_back() -> None:
    """What was known on a day is asked of that day, unless another one is looked at."""
    if st.session_state[KNOWN_ON] and not st.session_state.get(AS_OF):
        st.session_state[AS_OF] = st.session_state[KNOWN_ON]
