"""Dashboards: how do we stand, in the figures that we chose? For everybody who may see reports; each sees in them what is theirs to see."""

import streamlit as st

from crm.ui import look, messages
from crm.ui.dashboards import bar, choice, editing, wall
from crm.ui.lookups import look_up
from crm.ui.reports import shell
from crm.ui.viewer import viewer

EVERY_SECONDS = 5.0
TAKES = ("team", "owner", "market", "period", "against", "known_on")

person = viewer("report")
lookups = look_up(person)
listed, chosen = choice.choose(person)
if chosen is None:
    look.head("Dashboards")
    messages.draw(person)
    bar.draw_none(person, lookups)
    st.stop()
choice.open_with(chosen, person, lookups)
is_edited = bar.draw(listed, chosen, person, lookups)
if is_edited:
    look.head(chosen.name, choice.whose(chosen, person, lookups), "changes stand at once")
    messages.draw(person)
    editing.draw(chosen, person, lookups)
    st.stop()
page = shell.begin(person, chosen.name, TAKES)
begins = [person]


@st.fragment(run_every=None if page.asked.as_of else EVERY_SECONDS)
def blocks() -> None:
    """The figures: looks now and then whether anything has changed, and reads them anew only then."""
    who = begins.pop() if begins else viewer("report")
    now = shell.Page(who, page.lookups, page.asked)
    standing = wall.turn_to(now, chosen.id)
    if standing is None:
        st.rerun()
    wall.draw(standing, now)


blocks()
