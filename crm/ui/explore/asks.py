"""What Explore is asked for: by its widgets, or by the address that a saved view keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from crm import clock
from crm.access import Person
from crm.charts import explored
from crm.explore.use_cases import Wanted
from crm.goals.rules import quarter_start
from crm.reports import exploring
from crm.reports.exploring import Measure
from crm.ui import closed
from crm.ui.explore import choices
from crm.ui.explore.choices import PIVOT
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking
from crm.ui.reports.asked import QUARTER, Asked
from crm.ui.view_params import Screen

OF_LEADS, OF_ORDERS = ("team", "owner", "pipeline", "source", "market"), ("team", "market")
IN_TABLE, IN_CHART = 20, 8
"""How many groups within groups stand for themselves: colours that eyes can tell apart are few."""


@dataclass(frozen=True, slots=True)
class Question:
    """One exploration: what is counted, of which leads, in which groups, shown how, narrowed to what."""

    measure: Measure
    which: str
    by: str
    split: str
    chart: str
    asked: Asked

    @property
    def is_of_orders(self) -> bool:
        return self.measure.name in exploring.ORDER_MEASURES

    @property
    def is_of_moment(self) -> bool:
        return self.which in exploring.STANDING

    def wanted(self, *, most: int = IN_TABLE) -> Wanted:
        """As the reports take it."""
        own: dict[str, Any] = {
            "measure": self.measure.name, "which": self.which, "by": self.by, "split": self.split, "top": most,
            "top_split": min(most, IN_TABLE if self.chart == PIVOT else IN_CHART),
        }  # fmt: skip
        params = self.asked.params("explore_orders" if self.is_of_orders else "explore", **own)
        return Wanted(
            self.measure.name, {name: value for name, value in params.items() if not (self.is_of_moment and name in ("from", "to"))}, self.asked.as_of,
            self.asked.known_on,
        )  # fmt: skip


def ask(person: Person, lookups: Lookups) -> Question:
    """Draw what is chosen and the filters below it."""
    measures = choices.measures(person)
    with st.container(horizontal=True, key="explore_builder", vertical_alignment="bottom", gap="small"):
        measure = measures[_select("measure", "Show", {name: each.label for name, each in measures.items()}, 165)]
        which = _select("which", "Of", {name: exploring.WHICH[name] for name in measure.which}, 180) if measure.which else ""
        known = choices.dimensions(person, lookups, measure.name)
        by = _select("by", "Grouped by", known, 190)
        split = _select("split", "And then by", {"": choices.NO_SPLIT, **{name: label for name, label in known.items() if name != by}}, 190)
        chart = _ask_chart(measure, by, split)
    takes = [name for name in (OF_ORDERS if not measure.which else OF_LEADS) if name != "owner" or closed.shows(person, "owner_id")]
    more = [*(["known_on"] if measure.which else []), *([] if which in exploring.STANDING else ["period"])]
    asked = asking.ask(person, lookups, takes=[*takes, *more], usual=choices.USUAL_DAYS)
    return Question(measure, which, by, split, chart, asked)


def _select(key: str, label: str, options: Mapping[str, str], width: int) -> str:
    """A choice; what was chosen of other options before is chosen no more."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]
    found = st.selectbox(label, list(options), key=key, bind="query-params", format_func=lambda name: options.get(name, ""), width=width)
    return str(found if found is not None else next(iter(options)))


def _ask_chart(measure: Measure, by: str, split: str) -> str:
    options = choices.charts(measure, by, split)
    if st.session_state.get("chart", explored.BARS) not in options:
        del st.session_state["chart"]
    found = st.segmented_control("As", options, default=explored.BARS, required=True, key="chart", bind="query-params", format_func=choices.CHARTS.__getitem__)
    return str(found or explored.BARS)


def read(address: Mapping[str, Sequence[str]], screen: Screen, person: Person, lookups: Lookups) -> Question:
    """What a saved address asks for, now. What of it means nothing here is as if it were left out."""
    values: dict[str, Any] = {name: param.read(list(address.get(name, ())))[0] for name, param in screen.params.items()}
    measure = choices.measures(person)[values["measure"]]
    known = choices.dimensions(person, lookups, measure.name)
    by = values["by"] if values["by"] in known else next(iter(known))
    split = values["split"] if values["split"] in known and values["split"] != by else ""
    chart = values["chart"] if values["chart"] in choices.charts(measure, by, split) else explored.BARS
    which = (values["which"] if values["which"] in measure.which else measure.which[0]) if measure.which else ""
    takes = OF_LEADS if measure.which else OF_ORDERS
    ends = clock.today(lookups.zone)
    asked = Asked(
        ends if which in exploring.STANDING else _first_day(values["period"], ends, lookups), ends,
        team_id=values["of_team"], market=values["of_market"] or "", owner_id=values["of_owner"] if "owner" in takes else None,
        pipeline_id=values["of_pipeline"] if "pipeline" in takes else None, source=values["of_source"] if "source" in takes else "",
    )  # fmt: skip
    return Question(measure, which, by, split, chart, asked)


def _first_day(days: int, ends: date, lookups: Lookups) -> date:
    return quarter_start(ends, lookups.fiscal_month) if days == QUARTER else date.fromordinal(ends.toordinal() - days + 1)
