"""Board: where do my leads stand, and what moves next? For everybody who may see leads; also as of a past day."""

import streamlit as st

from crm import clock
from crm.access import acting_as
from crm.ui import conflict_dialog, facts, lead_list, look, messages, mirror_line, new_lead, past_day, saved_views, words
from crm.ui.board import asks, beside, params, switch, wall, work
from crm.ui.lookups import look_up, where_pipelines_come_from
from crm.ui.viewer import viewer

EVERY_SECONDS = 2.5

person = viewer("lead")
lookups = look_up(person)
owns = lead_list.begins_with_own(person)
screen = params.screen(person, lookups, begins_with_own=owns)
saved_views.begin(person, screen)
head = st.container(key="board_head")
asks_line = st.container(horizontal=True, key="board_asks", vertical_alignment="center", gap="small")
days = asks.ask_days(person, lookups)
with asks_line:
    asked = asks.ask(person, lookups, screen, days=days, begins_with_own=owns)
    if asked:
        switch.draw("Board", asks.as_list(asked, lookups))
        if person.may("lead", "create") and st.button("Lead", icon=":material/add:", key="board.new"):
            new_lead.open_for(person, lookups)
if asked is None:
    look.head("Board", lead_list.place_of(person, lookups))
    look.empty("There is no pipeline in your sight yet.", where_pipelines_come_from(person))
    st.stop()

today = clock.today(person.time_zone)
day = words.day(asked.day, today=today) if asked.day else "now"
known = f", as we knew it on {words.day(asked.known_on, today=today)}" if asked.known_on else ""
with head:
    place = lead_list.place_of(person, lookups)
    with acting_as(person) as session:
        orders = mirror_line.said(mirror_line.read(session, person))
    look.head("Board", place, f"{lookups.pipeline_label(asked.pipeline.id)} pipeline", asks.whose_words(asked, lookups), "USD", day, orders)
if asked.day:
    with st.container(horizontal=True, key="as_of_line", vertical_alignment="center"):
        st.html(f"<span>This is the board as it was at the end of {day}{known}. Orders and last contact are today's.</span>", width="stretch")
        st.button("Back to now", key="board.now", type="tertiary", on_click=past_day.forget)
work.turn_to(person, lookups, asked)
begins, begins_news = [person], [person]


@st.fragment
def board() -> None:
    """The wall, what its moves came to, and the lead beside it: they run alone while somebody works."""
    person = begins.pop() if begins else viewer("lead")
    showing = work.showing()
    work.listen(showing, person, lookups)
    wall.draw(showing.whole())
    with st.container(key=f"board_said_{showing.rev}"):
        messages.draw(person)
    if lead_id := st.session_state.pop(work.MET, None):
        conflict_dialog.open_for(person, lookups, lead_id)


@st.fragment(run_every=EVERY_SECONDS)
def news() -> None:
    """Looks now and then whether a colleague moved something, and brings only that."""
    if begins_news:
        begins_news.pop()
        wall.draw_news(work.showing().news)
    else:
        work.bring_news(work.showing(), viewer("lead"), lookups)


board()
beside.draw(lookups, asked.past)
if asked.past is None:
    with st.container(key="board_news"):
        news()
if st.session_state.pop(facts.LOOK, False):
    conflict_dialog.open_for(person, lookups, beside.asked_for())
