"""What the Organisation page draws: the calendar, holidays, markets with their currencies, and the exchange rates in use."""

from __future__ import annotations

from calendar import month_name
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from html import escape
from typing import Any
from zoneinfo import available_timezones

import streamlit as st
from sqlalchemy.orm import Session

from crm import clock, money
from crm.access import Person, acting_as
from crm.changes import Outcome
from crm.errors import CrmError
from crm.organisation import configuring
from crm.organisation.reads import HolidayRow, MarketRow, RateRow, Standing
from crm.ui import dialogs, look, messages, words
from crm.ui.lookups import Lookups, forget, look_up
from crm.ui.viewer import viewer

OLD_DAYS = 14
CALENDAR = "settings.calendar.seen"
WHY_USD = "Each amount was converted to USD at the rate of the day it was set, and reports add those up. Another base would need every past amount anew."
EVERYWHERE = "Everywhere"


@cache
def time_zones() -> list[str]:
    """Names of zones as people write them; the old short ones are left out."""
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/")))]


def draw_calendar(person: Person, zone: Standing, month: Standing) -> None:
    """Days, years and the currency of reports."""
    st.subheader("Calendar and money")
    zone, month = _as_seen(zone, month)
    zones = time_zones() if zone.value in time_zones() else [zone.value, *time_zones()]
    with st.form("settings.calendar", border=False):
        wanted = st.selectbox(
            "Reporting time zone", zones, index=zones.index(zone.value), key=_key(0, zone),
            help="Reports begin and end their days in it. After a change the sums by day are counted anew, within a minute or so.",
        )  # fmt: skip
        begins = st.selectbox("The fiscal year starts in", range(1, 13), index=month.value - 1, key=_key(1, month), format_func=lambda each: month_name[each])
        st.text_input("Base currency", money.BASE_CURRENCY, key="settings.base", disabled=True, help=WHY_USD)
        is_sent = st.form_submit_button("Save", type="primary", key="settings.calendar.save")
    if is_sent:
        _save_calendar(person, {"reporting_time_zone": (zone, wanted), "fiscal_year_starts_in_month": (month, begins)})


def _as_seen(zone: Standing, month: Standing) -> tuple[Standing, Standing]:
    """What the form was filled from, as long as something else is typed in it: a save is checked against that."""
    kept: tuple[Standing, Standing] | None = st.session_state.get(CALENDAR)
    if kept is None or not any(st.session_state.get(_key(place, seen), seen.value) != seen.value for place, seen in enumerate(kept)):
        kept = st.session_state[CALENDAR] = (zone, month)
    return kept


def _key(place: int, seen: Standing) -> str:
    """Another version is another widget, which begins with that version's value."""
    return f"settings.{('zone', 'month')[place]}.{seen.version}"


def _save_calendar(person: Person, wanted: dict[str, tuple[Standing, Any]]) -> None:
    changed = {key: (seen, value) for key, (seen, value) in wanted.items() if value != seen.value}
    if not changed:
        st.html("<span class='tl-muted'>Nothing differs, nothing to save.</span>")
        return
    try:
        with acting_as(person) as session:
            for key, (seen, value) in changed.items():
                done = configuring.save_setting(session, key, value, seen_version=seen.version, source="page")
    except CrmError as error:
        st.error(f"{error.detail} Nothing was saved.")
        return
    del st.session_state[CALENDAR]
    forget()
    anew = " Reports are being counted anew by its days." if "reporting_time_zone" in changed else ""
    messages.leave(f"Saved: {', '.join(configuring.LABELS[key].lower() for key in changed)}.{anew}", done.change_set_id if len(changed) == 1 else None)
    st.rerun()


def draw_holidays(person: Person, holidays: Sequence[HolidayRow], lookups: Lookups) -> None:
    """This year's and later ones."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Holidays", width="stretch")
        if st.button("Add holiday", key="settings.holiday.add", icon=":material/add:"):
            dialogs.show("New holiday", draw_holiday)
    if not holidays:
        look.empty("No holidays yet.", "Add the days on which nobody works, for one market or everywhere. Alerts that are put off pass them by.")
    else:
        st.html("<p class='tl-muted'>An alert that is put off by days passes the holidays of its lead's market by.</p>")
    today = clock.today(person.time_zone)
    for holiday in holidays:
        with st.container(horizontal=True, vertical_alignment="center", key=f"settings_row_holiday_{holiday.id}"):
            where = lookups.markets.get(holiday.market, holiday.market) if holiday.market else EVERYWHERE
            day = f"{holiday.day:%a} {words.day(holiday.day, today=today)}"
            look_of = "tl-rule tl-off" if holiday.day < today else "tl-rule"
            st.html(f"<div class='{look_of}'><b>{escape(holiday.name)}</b><span>{escape(day)} · {escape(where)}</span></div>", width="stretch")
            if st.button("Remove", key=f"settings.holiday.{holiday.id}", type="tertiary"):
                _remove(person, holiday)


def _remove(person: Person, holiday: HolidayRow) -> None:
    _write(person, lambda session: configuring.remove_holiday(session, holiday.id, holiday.version, source="page"), f"“{holiday.name}” is removed.")


def draw_holiday() -> None:
    """The dialog that adds one."""
    person = viewer("settings", "configure", everywhere=True)
    lookups = look_up(person)
    with st.form("settings.holiday", border=False):
        name = st.text_input("Name", key="settings.holiday.name", placeholder="National day", max_chars=300).strip()
        day = st.date_input("Day", clock.today(person.time_zone), key="settings.holiday.day", format="YYYY-MM-DD")
        market = st.selectbox(
            "Where", [None, *lookups.markets], key="settings.holiday.market", format_func=lambda code: lookups.markets[code] if code else EVERYWHERE
        )
        is_sent = st.form_submit_button("Add", type="primary", key="settings.holiday.save")
    if is_sent:
        values = {"name": name, "day": day, "market": market}
        _write(person, lambda session: configuring.save_holiday(session, None, None, values, source="page"), f"“{name}” is added.", in_dialog=True)


def draw_markets(markets: Sequence[MarketRow], lookups: Lookups) -> None:
    """Countries, what is paid in there, and whose they are."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Markets", width="stretch")
        if st.button("Add market", key="settings.market.add", icon=":material/add:"):
            dialogs.show("New market", draw_market, None)
    if not markets:
        look.empty("No markets yet.", "Add the countries you sell in, with their currencies.")
    for market in markets:
        with st.container(horizontal=True, vertical_alignment="center", key=f"settings_row_market_{market.id}"):
            team = lookups.names.teams.get(market.team_id or 0, "no team's")
            st.html(f"<div class='tl-rule'><b>{escape(market.name)}</b><span>{market.code} · {market.currency} · {escape(team)}</span></div>", width="stretch")
            if st.button("Edit", key=f"settings.market.{market.id}", type="tertiary"):
                dialogs.show(market.name, draw_market, market)


def draw_market(market: MarketRow | None) -> None:
    """The dialog that adds or changes one."""
    person = viewer("settings", "configure", everywhere=True)
    teams = look_up(person).names.teams
    with st.form("settings.market", border=False):
        wanted: dict[str, Any] = {}
        if market is None:
            wanted["code"] = st.text_input("Country code", key="settings.market.code", max_chars=2, placeholder="AE", help="Two letters. It cannot be changed.")
        wanted["name"] = st.text_input("Name", market.name if market else "", key="settings.market.name", max_chars=300).strip()
        wanted["currency"] = st.text_input("Currency", market.currency if market else "", key="settings.market.currency", max_chars=3, placeholder="AED")
        places = [None, *teams]
        wanted["team_id"] = st.selectbox(
            "Team", places, index=places.index(market.team_id) if market and market.team_id in places else 0, key="settings.market.team",
            format_func=lambda team_id: teams[team_id] if team_id else "No team's", help="Whose customers and new leads those of this market are.",
        )  # fmt: skip
        is_sent = st.form_submit_button("Save", type="primary", key="settings.market.save")
    if is_sent:
        market_id, version = (market.id, market.version) if market else (None, None)
        said = f"The market {wanted['name']} is saved."
        _write(person, lambda session: configuring.save_market(session, market_id, version, wanted, source="page"), said, in_dialog=True)


def draw_rates(rates: Sequence[RateRow], today: date) -> None:
    """The newest rate of each currency, and how old it is."""
    st.subheader("Exchange rates in use")
    if not rates:
        look.empty("No exchange rates yet.", "They come with the orders from production. Until then only USD amounts count.")
        return
    lines = "".join(
        f"<tr><th>{escape(rate.currency)}</th><td>{rate.usd_per_unit:.6f}</td><td class='{'tl-late' if (today - rate.valid_from).days > OLD_DAYS else ''}'>"
        f"{escape(words.day(rate.valid_from, today=today))}, {words.count((today - rate.valid_from).days, 'day')} old</td></tr>"
        for rate in rates
    )
    st.html(f"<div class='tl-scroll'><table class='tl-table'><tr><th></th><th>USD for one</th><th>Since</th></tr>{lines}</table></div>")


def _write(person: Person, write: Callable[[Session], Outcome], said: str, *, in_dialog: bool = False) -> None:
    """Write it, say so with a way back; in a dialog, what is wrong stands where one types."""
    try:
        with acting_as(person) as session:
            done = write(session)
    except CrmError as error:
        if in_dialog:
            st.error(error.detail)
            return
        messages.leave(error.detail)
    else:
        messages.leave(said, done.change_set_id)
        forget()
    st.rerun()
