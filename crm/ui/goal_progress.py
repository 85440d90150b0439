"""The quarter's goal on Home: what is won, what the open leads promise, and how far that is from the goal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm import money
from crm.access import Person
from crm.goals import reads, rules
from crm.goals.rules import Goal
from crm.reports.use_cases import won_since
from crm.ui import filters, lead_behind, words
from crm.ui.kept import kept

LEADS, GOALS = "pages/leads.py", "pages/goals.py"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quarter:
    """A fiscal quarter: its first and last day, and what it is called."""

    begins: date
    ends: date
    name: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`goal_usd` is None where nobody set one. `closing_usd`: of open leads expected to close in the quarter, weighted by their stage's chance."""

    quarter: Quarter
    goal_usd: Decimal | None
    won: int
    won_usd: Decimal
    closing: int
    closing_usd: Decimal

    @property
    def forecast_usd(self) -> Decimal:
        return self.won_usd + self.closing_usd

    def share(self, usd: Decimal) -> float:
        """Of the goal, or of the forecast where that is more or there is no goal."""
        whole = max(self.goal_usd or Decimal(0), self.forecast_usd)
        return float(usd / whole) if whole > 0 else 0.0


def quarter_of(session: Session, today: date) -> Quarter:
    month = reads.starts_in(session)
    begins = rules.quarter_start(today, month)
    return Quarter(begins, rules.ends_on(begins), rules.quarter_name(begins, month))


def read(session: Session, person: Person, desks: Sequence[Row], quarter: Quarter, *, own: bool) -> Progress:
    """`desks`: of whose leads this is (see queries/home/open_leads_by_owner.sql)."""
    owner_id = person.id if own else None
    won = kept(session, "home.won", (owner_id, quarter.begins), lambda: won_since(session, quarter.begins, owner_id))
    goals = reads.goals_between(session, quarter.begins, quarter.begins)
    goal = rules.of_person(goals, person.id) if own else _of_sight(session, person, goals)
    return Progress(quarter, goal, _sum(won, "leads"), _sum(won, "won_value_usd"), _sum(desks, "closing"), _sum(desks, "closing_usd"))


def _sum(rows: Iterable[Row], name: str) -> Any:
    return sum((row[name] for row in rows), Decimal(0) if name.endswith("_usd") else 0)


def _of_sight(session: Session, person: Person, goals: Sequence[Goal]) -> Decimal | None:
    """The goal of those whose leads the figures are of."""
    reach = person.reach("lead", "view")
    found = [goal for goal in goals if reach.everywhere or goal.team_id in reach.teams]
    return rules.of_teams(found, reads.parents(session)) if found else None


def draw(found: Progress, person: Person, *, own: bool) -> None:
    """One line with a bar; the figures in it open their leads."""
    period = lead_behind.period(found.quarter.begins, found.quarter.ends)
    query = {"pipeline": "All pipelines", "view": filters.VIEWS["mine" if own else "team"]}
    with st.container(key="home_goal", border=True, gap=None):
        st.html(_bar(found))
        with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="home_goal_parts"):
            won = f"{money.short(found.won_usd)} won so far, {words.count(found.won, 'lead')}"
            st.page_link(LEADS, label=won, query_params={**query, "kind": "won", "entered": period}, icon=":material/check_circle:")
            closing = f"{money.short(found.closing_usd)} expected of {words.count(found.closing, 'open lead')}"
            st.page_link(LEADS, label=closing, query_params={**query, "kind": "open", "closes": period}, icon=":material/schedule:")
            if person.may("goal", "configure") and not person.is_viewed:
                st.page_link(GOALS, label="Change goals" if found.goal_usd else "Set a goal", icon=":material/flag:")


def _bar(found: Progress) -> str:
    """The goal's headline, and won, expected and missing side by side."""
    name = escape(found.quarter.name)
    if found.goal_usd is None:
        said = f"<span>No goal for {name} yet. What is won and expected counts towards it once somebody sets one.</span>"
        return f"<div class='tl-goal'><p><small>{name}</small><b>{escape(money.short(found.forecast_usd))} in sight</b>{said}</p>{_parts(found)}</div>"
    percent = round(100 * float(rules.progress(found.forecast_usd, found.goal_usd) or 0))
    missing = found.goal_usd - found.forecast_usd
    said = f"{escape(money.short(missing))} to go" if missing > 0 else f"{escape(money.short(-missing))} more than the goal" if missing < 0 else "just the goal"
    figures = f"<b>{escape(money.short(found.forecast_usd))} of {escape(money.short(found.goal_usd))}</b><span>{percent}% of the goal in sight · {said}</span>"
    return f"<div class='tl-goal'><p><small>{name} forecast</small>{figures}</p>{_parts(found)}</div>"


def _parts(found: Progress) -> str:
    won, closing = (f"{100 * found.share(usd):.1f}%" for usd in (found.won_usd, found.closing_usd))
    mark = f"<s style='left:{100 * found.share(found.goal_usd):.1f}%' title='The goal'></s>" if found.goal_usd and found.forecast_usd > found.goal_usd else ""
    return f"<i><u class='tl-won' style='width:{won}'></u><u style='width:{closing}'></u>{mark}</i>"
