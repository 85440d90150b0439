"""Where each figure of `crm.dashboards.rules.FIGURES` comes from: the report page that it is a part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from crm.dashboards.reads import Block
from crm.dashboards.rules import EXPLORATION, FIGURES
from crm.ui.lookups import Lookups
from crm.ui.reports import asked as asking
from crm.ui.reports import forecast, pipeline, revenue, stale, team, win_loss
from crm.ui.reports.asked import Asked
from crm.ui.reports.figure import Figure


@dataclass(frozen=True, slots=True)
class Family:
    """A report page, as the menu calls it, and what of it can stand by itself."""

    title: str
    page: str
    figures: Mapping[str, Figure]


FAMILIES: Mapping[str, Family] = {
    "pipeline": Family("Pipeline", "pages/pipeline_report.py", pipeline.FIGURES),
    "forecast": Family("Forecast", "pages/forecast.py", forecast.FIGURES),
    "wins": Family("Win and loss", "pages/win_loss.py", win_loss.FIGURES),
    "team": Family("Team and activity", "pages/team_report.py", team.FIGURES),
    "revenue": Family("Customers and revenue", "pages/revenue.py", revenue.FIGURES),
    "stale": Family("Stale and neglected", "pages/stale.py", stale.FIGURES),
}


def family_of(what: str) -> Family | None:
    return FAMILIES.get(what.partition(".")[0])


def figure_of(what: str) -> Figure | None:
    """None for one that is not there any more."""
    family = family_of(what)
    return family.figures.get(what.partition(".")[2]) if family else None


def title_of(block: Block) -> str:
    return block.title or FIGURES.get(block.what, "Exploration" if block.kind == EXPLORATION else block.what)


def whole(lookups: Lookups, asked: Asked) -> dict[str, str]:
    """The address of a report page that is asked the same, in the words of its filters."""
    said = {
        "of_team": lookups.names.teams.get(asked.team_id or 0), "of_owner": lookups.names.people.get(asked.owner_id or 0),
        "of_pipeline": lookups.pipeline_label(asked.pipeline_id) if asked.pipeline_id else None, "of_source": asked.source,
        "of_market": lookups.markets.get(asked.market), "period": asking.PERIODS.get(st.session_state.get("period", -1)),
        "as_of": asked.as_of.isoformat() if asked.as_of else None, "known_on": asked.known_on.isoformat() if asked.known_on else None,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}
