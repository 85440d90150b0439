"""What every report page is asked for: team, owner, pipeline, source, market, period, what to compare with, as of which day.

All of it lives in the URL, so that a page can be sent; what it names and nobody knows is as if it were left out. The names there are not those
of the Leads page (`of_owner`, not `owner`): a link from a number to its leads would else find this page's choices standing in the other's filters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from crm import clock
from crm.access import Person
from crm.goals import rules
from crm.reports.registry import report_named
from crm.ui import address, closed, filters, lead_behind, past_day
from crm.ui.lookups import Lookups

QUARTER = 0
PERIODS: Mapping[int, str] = {30: "30 days", 90: "90 days", QUARTER: "This quarter", 365: "A year"}
AGAINST: Mapping[str, str] = {"before": "Against the time before", "year": "Against a year before", "": "Not compared"}
SAID: Mapping[int, str] = {7: "As said a week before", 30: "As said 30 days before", 90: "As said 90 days before"}
YEAR_MONTHS = 12
ALL_PIPELINES = "All pipelines"


@dataclass(frozen=True, slots=True)
class Asked:
    """`as_of`, `known_on`: None for now. `ends`: the last day that is looked at. `earlier`: the period that is compared with, None for none.

    `against`: what it is compared with, a word of `AGAINST`. `said_days`: how long before `ends` a forecast is looked up beside the present one.
    """

    begins: date
    ends: date
    earlier: tuple[date, date] | None = None
    as_of: date | None = None
    team_id: int | None = None
    owner_id: int | None = None
    pipeline_id: int | None = None
    source: str = ""
    market: str = ""
    known_on: date | None = None
    said_days: int = 30
    against: str = ""

    @property
    def days(self) -> int:
        return (self.ends - self.begins).days + 1

    def params(self, report: str, *, period: tuple[date, date] | None = None, **more: Any) -> dict[str, str]:
        """What of it the report takes, as text; `more` are parameters of its own."""
        begins, ends = period or (self.begins, self.ends)
        said = {
            "team": self.team_id, "owner": self.owner_id, "pipeline": self.pipeline_id, "source": self.source, "market": self.market,
            "from": begins.isoformat(),
            "to": ends.isoformat(), **more,
        }  # fmt: skip
        known = {param.name for param in report_named(report).params}
        return {name: str(value) for name, value in said.items() if name in known and value not in (None, "")}


def ask(person: Person, lookups: Lookups, *, takes: Sequence[str], usual: int = 30) -> Asked:
    """Draw the filters that the page `takes` and the slider; answers what they ask for."""
    today = clock.today(lookups.zone)
    fold = st.empty()
    with st.container(horizontal=True, key="report_filters", vertical_alignment="center", gap="small"):
        found = {_ASKS[name][0]: _ASKS[name][1](person, lookups) for name in takes if name in _ASKS}
        if "period" in takes:
            days = st.segmented_control(
                "Period", list(PERIODS), default=usual, required=True, format_func=PERIODS.__getitem__, key="period", bind="query-params",
                label_visibility="collapsed",
            )  # fmt: skip
    _draw_fold(fold, sum(bool(value) for name, value in found.items() if not (name == "pipeline_id" and "one_pipeline" in takes)))
    as_of, known_on, against, said_days = _ask_day(today, takes)
    ends = as_of or today
    begins, earlier = ends, None
    if "period" in takes:
        begins, earlier = _period(usual if days is None else days, against, ends, lookups.fiscal_month)
    return Asked(begins, ends, earlier, as_of, known_on=known_on, said_days=said_days, against=against, **found)


def _draw_fold(place: DeltaGenerator, narrowing: int) -> None:
    """On a phone, one line that opens the filters and says how many narrow the page; on a desk they are all in sight (reports/page.css)."""
    place.checkbox(f":material/filter_list: Filters{f' ({narrowing})' if narrowing else ''}", key="reports.fold")


def _period(days: int, against: str, ends: date, month: int) -> tuple[date, tuple[date, date] | None]:
    """The first day, and what is compared with: as many days of the quarter, or of the days, before."""
    begins = rules.quarter_start(ends, month) if days == QUARTER else date.fromordinal(max(1, ends.toordinal() - days + 1))
    length = ends - begins
    if not against or begins.year < 1902:
        return begins, None
    if against == "year":
        first = rules.months_on(begins.replace(day=1), -12) + timedelta(days=begins.day - 1)
    else:
        first = rules.months_on(begins, -3) if days == QUARTER else begins - length - timedelta(days=1)
    return begins, (first, min(first + length, begins - timedelta(days=1)))


def _ask_day(today: date, takes: Sequence[str]) -> tuple[date | None, date | None, str, int]:
    """The past day, the day with whose knowledge (None for now), what to compare with, and how old a forecast to show beside."""
    against, said = "", 30
    with st.container(horizontal=True, key="past_day", vertical_alignment="center", gap="small"):
        as_of = past_day.ask(today, page="reports")
        known_on = past_day.ask_known(today, as_of) if "known_on" in takes else None
        if "against" in takes:
            against = _compare("against", AGAINST, 0) or ""
        if "said" in takes:
            said = _compare("said", SAID, 1) or said
    return as_of or known_on, known_on, against, said


def _compare(key: str, options: Mapping[Any, str], usual: int) -> Any:
    return st.selectbox(
        "Compare", list(options), index=usual, key=key, bind="query-params", format_func=options.__getitem__, label_visibility="collapsed", width=195
    )


def _select(name: str, options: Sequence[Any], labels: Mapping[Any, str], every: str, width: int) -> Any:
    """A choice among options, where there is any; None for all of them."""
    if len(options) < 2:
        return None
    return st.selectbox(
        name.capitalize(), [None, *options], key=f"of_{name}", bind="query-params", label_visibility="collapsed", width=width, placeholder=every,
        format_func=lambda option: every if option is None else labels.get(option, "Somebody"),
    )  # fmt: skip


def _ask_team(person: Person, lookups: Lookups) -> Any:
    return _select("team", address.teams_of(person, lookups), lookups.names.teams, "Every team", 150)


def _ask_owner(person: Person, lookups: Lookups) -> Any:
    return _select("owner", lookups.whose_for("of_owner"), lookups.names.people, "Every owner", 165) if closed.shows(person, "owner_id") else None


def _ask_pipeline(person: Person, lookups: Lookups) -> Any:
    return _select("pipeline", [p.id for p in lookups.pipelines], {p.id: lookups.pipeline_label(p.id) for p in lookups.pipelines}, ALL_PIPELINES, 170)


def _ask_one_pipeline(person: Person, lookups: Lookups) -> Any:
    """For a page whose figures make sense for one pipeline only."""
    pipelines = [p.id for p in lookups.pipelines]
    if len(pipelines) < 2:
        return next(iter(pipelines), None)
    chosen = st.selectbox(
        "Pipeline", pipelines, index=None, key=_say_first(lookups), bind="query-params", label_visibility="collapsed", width=170,
        format_func=lookups.pipeline_label,
    )  # fmt: skip
    return chosen or pipelines[0]


def _say_first(lookups: Lookups) -> str:
    """The key of the pipeline that is looked at. The first one stands in the address too: others, who see more or fewer, have another first one."""
    key = "of_pipeline"
    if st.session_state.get(key) is None and key not in st.query_params:
        first = lookups.pipelines[0].id
        st.session_state[key] = first
        with suppress(StreamlitAPIException):  # a filter that was drawn already writes the address by itself
            st.query_params[key] = lookups.pipeline_label(first)
    return key


def _ask_source(person: Person, lookups: Lookups) -> str:
    if not closed.shows(person, "source"):
        return ""
    typed = st.text_input("Source", key="of_source", bind="query-params", placeholder="Any source", label_visibility="collapsed", width=130, max_chars=200)
    return (typed or "").replace("\x00", "").strip()


def _ask_market(person: Person, lookups: Lookups) -> str:
    return _select("market", list(lookups.markets), lookups.markets, "Every market", 150) or "" if closed.shows(person, "market") else ""


_ASKS: Mapping[str, tuple[str, Callable[[Person, Lookups], Any]]] = {
    "team": ("team_id", _ask_team), "owner": ("owner_id", _ask_owner), "pipeline": ("pipeline_id", _ask_pipeline), "one_pipeline": ("pipeline_id",
    _ask_one_pipeline), "source": ("source", _ask_source),
    "market": ("market", _ask_market),
}  # fmt: skip


def context(lookups: Lookups, asked: Asked) -> list[str]:
    """What one looks at, for the line on the top right."""
    found = [
        lookups.names.teams.get(asked.team_id or 0, ""), f"{lookups.pipeline_label(asked.pipeline_id)} pipeline" if asked.pipeline_id else "",
        lookups.names.people.get(asked.owner_id or 0, ""), asked.source, lookups.markets.get(asked.market, asked.market),
    ]  # fmt: skip
    if asked.begins != asked.ends:
        found.append(f"{asked.begins:%-d %b}{'' if asked.begins.year == asked.ends.year else f' {asked.begins:%Y}'} to {asked.ends:%-d %b %Y}")
    return [
        *filter(None, found),
        "USD",
        f"as of {asked.as_of:%-d %b %Y}" if asked.as_of else "now",
        f"as we knew it on {asked.known_on:%-d %b %Y}" if asked.known_on else "",
    ]


def behind(lookups: Lookups, asked: Asked, **more: Any) -> dict[str, Any]:
    """The address of the leads behind a number, as they are now; `more` are parts of their own (`kind`, `stage`, `entered`...)."""
    own = {
        "team": lookups.names.teams.get(asked.team_id or 0), "owner": lookups.names.people.get(asked.owner_id or 0), "source": asked.source,
        "market": lookups.markets.get(asked.market), "pipeline": lookups.pipeline_label(asked.pipeline_id) if asked.pipeline_id else ALL_PIPELINES,
    }  # fmt: skip
    return {"view": filters.VIEWS["team"], **{name: value for name, value in {**own, **more}.items() if value}}


def behind_now(lookups: Lookups, asked: Asked, **more: Any) -> dict[str, Any] | None:
    """The same for one figure; None as of a past day, whose leads may stand elsewhere by now."""
    return None if asked.as_of else behind(lookups, asked, **more)


def period_of(asked: Asked) -> str:
    """The period as an address says it."""
    return lead_behind.period(asked.begins, asked.ends)


def last_year(asked: Asked) -> tuple[date, date]:
    """The last day's month and the eleven before, for what is shown month by month: a part of a month at the beginning would pass for a poor one."""
    return rules.months_on(asked.ends.replace(day=1), 1 - YEAR_MONTHS) if asked.ends.year > 1901 else date.min, asked.ends


def of_month(asked: Asked, month: date | None) -> Asked:
    """The same of the month that begins on that day, up to the last day that is looked at; as it is for None.

    A whole month is compared with a whole one, a part of one with as many days: of the month before, or of the same month a year before.
    """
    if month is None:
        return asked
    last = rules.months_on(month, 1) - timedelta(days=1)
    ends, earlier = min(last, asked.ends), None
    if asked.earlier:
        first = rules.months_on(month, -12 if asked.against == "year" else -1)
        last_before = rules.months_on(first, 1) - timedelta(days=1)
        earlier = (first, last_before if ends == last else min(first + (ends - month), last_before))
    return replace(asked, begins=month, ends=ends, earlier=earlier)
