"""Organisation: in which days, months, markets and currencies do we count, and when does nobody work? For those who configure."""

import streamlit as st

from crm import clock
from crm.access import acting_as
from crm.organisation import reads
from crm.ui import look, messages, organisation_settings, words
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer

person = viewer("settings", "configure", everywhere=True)
lookups = look_up(person)
with acting_as(person) as session:
    zone, month = reads.standing(session, "reporting_time_zone", "UTC"), reads.standing(session, "fiscal_year_starts_in_month", 1)
    markets, rates = reads.market_rows(session), reads.newest_rates(session)
    holidays = reads.holidays(session, since=clock.today(person.time_zone).replace(month=1, day=1))

look.head("Organisation", str(zone.value), words.count(len(markets), "market"), "USD")
messages.draw(person)
left, right = st.columns(2, gap="large")
with left:
    organisation_settings.draw_calendar(person, zone, month)
    organisation_settings.draw_holidays(person, holidays, lookups)
with right:
    organisation_settings.draw_markets(markets, lookups)
    organisation_settings.draw_rates(rates, clock.today(person.time_zone))
