"""The editable grid of a team's goals: a line for the whole team and one for each of its people, a column a quarter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from crm import clock, money
from crm.access import Person, acting_as
from crm.changes import Edit
from crm.errors import CrmError, Stale
from crm.goals import reads, rules
from crm.goals.reads import Member
from crm.goals.rules import Goal
from crm.goals.use_cases import goal_edit, set_goals
from crm.ui import messages, words
from crm.ui.lookups import Lookups

STATE = "goals.sheet"
WHOLE = "The whole team"
YEARS = (-12, 0, 12)


@dataclass(slots=True)
class Sheet:
    """What is laid out, as it was seen. `generation` names the editor: another one begins empty."""

    asked: tuple[int, date] = (0, date.min)
    people: Sequence[Member] = ()
    goals: Mapping[tuple[int | None, date], Goal] = field(default_factory=dict)
    generation: int = 0

    @property
    def key(self) -> str:
        return f"goals.grid.{self.generation}"

    @property
    def typed(self) -> Mapping[str, Any]:
        return st.session_state.get(self.key) or {}

    @property
    def quarters(self) -> list[date]:
        return rules.quarters(self.asked[1])

    @property
    def lines(self) -> list[int | None]:
        """Whose goal each line holds; None is the whole team's."""
        return [None, *(person.id for person in self.people)]

    def edits(self) -> list[Edit]:
        """What was typed, against the goals as they were seen. Raises `Invalid`."""
        found = []
        for position, cells in sorted(self.typed.get("edited_rows", {}).items(), key=lambda row: int(row[0])):
            for name, typed in cells.items():
                person_id, starts_on = self.lines[int(position)], self.quarters[int(name)]
                amount = None if typed is None or typed == "" else money.read_amount(typed, field="amount_usd")
                found.append(goal_edit(self.goals.get((person_id, starts_on)), self.asked[0], person_id, starts_on, amount_usd=amount))
        return [edit for edit in found if edit is not None]


def sheet() -> Sheet:
    """The session's own."""
    found: Sheet = st.session_state.setdefault(STATE, Sheet())
    return found


def ask(person: Person, lookups: Lookups) -> tuple[int, date] | None:
    """Which team and fiscal year; None where there is no team whose goals are theirs to set. Both live in the URL."""
    reach = person.reach("goal", "configure")
    teams = [team_id for team_id in lookups.names.teams if reach.everywhere or team_id in reach.teams]
    if not teams:
        return None
    now = rules.year_start(clock.today(lookups.zone), lookups.fiscal_month)
    years = [rules.months_on(now, months) for months in YEARS]
    with st.container(horizontal=True, key="goals_asks", vertical_alignment="center", gap="small"):
        team_id = st.selectbox(
            "Team", teams, key="team", bind="query-params", format_func=lookups.names.teams.__getitem__, label_visibility="collapsed", width=220
        )
        year = st.segmented_control(
            "Year", years, default=now, required=True, key="year", bind="query-params", format_func=rules.year_name, label_visibility="collapsed"
        )
    return team_id or teams[0], year or now


def draw(person: Person, asked: tuple[int, date]) -> None:
    """The grid and its bar."""
    found = sheet()
    if asked != found.asked or not found.typed.get("edited_rows"):
        _read(person, found, asked)
    with st.container(key="goals_grid"):
        st.data_editor(
            _frame(found), key=found.key, hide_index=True, row_height=36, placeholder="", disabled=["name", "year"], column_config=_columns(found), alt="Goals",
            num_rows="fixed",
        )  # fmt: skip
    _draw_bar(person, found)
    if not found.people:
        st.html("<p class='tl-muted'>Nobody has a place in this team yet. Give somebody one under People, and they get a line here.</p>")


def _read(person: Person, found: Sheet, asked: tuple[int, date]) -> None:
    """Lay out the goals as they stand; an editor that shows them already stays."""
    team_id, first = asked
    with acting_as(person) as session:
        people = list(reads.members(session, [team_id])[team_id])
        standing = reads.goals_between(session, first, rules.quarters(first)[-1])
    goals = {(goal.person_id, goal.starts_on): goal for goal in standing if goal.team_id == team_id}
    if (asked, people, goals) != (found.asked, found.people, found.goals):
        found.asked, found.people, found.goals = asked, people, goals
        found.generation += 1


def _frame(found: Sheet) -> pd.DataFrame:
    names = [WHOLE, *(person.name for person in found.people)]
    columns: dict[str, Any] = {"name": pd.Series(names, dtype="str")}
    for number, starts_on in enumerate(found.quarters):
        amounts = [goal.amount_usd if (goal := found.goals.get((line, starts_on))) else None for line in found.lines]
        columns[str(number)] = pd.Series([None if amount is None else float(amount) for amount in amounts], dtype="float64")
    columns["year"] = pd.Series([_year(found, line) for line in found.lines], dtype="float64")
    return pd.DataFrame(columns)


def _year(found: Sheet, line: int | None) -> float | None:
    amounts = [goal.amount_usd for (person_id, _), goal in found.goals.items() if person_id == line]
    return float(sum(amounts, Decimal(0))) if amounts else None


def _columns(found: Sheet) -> dict[str, Any]:
    cc = st.column_config
    names = {str(number): _span(starts_on, number) for number, starts_on in enumerate(found.quarters)}
    return {
        "name": cc.TextColumn("", width=190),
        **{key: cc.NumberColumn(name, width=130, min_value=0, step=0.01, format="localized", help="USD to win. Empty the cell to have no goal.")
           for key, name in names.items()},
        "year": cc.NumberColumn("Year", width=130, format="localized", help="The quarters together, as they are saved."),
    }  # fmt: skip


def _span(starts_on: date, number: int) -> str:
    """ "Q1 · Jan to Mar"."""
    return f"Q{number + 1} · {starts_on:%b} to {rules.ends_on(starts_on):%b}"


def _draw_bar(person: Person, found: Sheet) -> None:
    try:
        edits, problem = found.edits(), ""
    except CrmError as error:
        edits, problem = [], error.detail
    with st.container(horizontal=True, key="goals_bar", vertical_alignment="center", gap="small"):
        is_dirty = bool(edits or problem)
        said = problem or (
            f"{words.count(len(edits), 'goal')} changed, not saved yet." if edits else "Type the USD to win into a cell; empty it to have no goal."
        )
        st.html(f"<span class='tl-bar{' tl-dirty' if is_dirty else ''}'>{escape(said)}</span>", width="stretch")
        if st.button("Discard", key="goals.discard", disabled=not is_dirty):
            st.session_state.pop(STATE)
            st.session_state[STATE] = Sheet(generation=found.generation + 1)
            st.rerun()
        if st.button("Save", key="goals.save", type="primary", disabled=not edits):
            _save(person, found, edits)


def _save(person: Person, found: Sheet, edits: Sequence[Edit]) -> None:
    try:
        with acting_as(person) as session:
            done = set_goals(session, edits, source="page")
    except Stale:
        st.error("Somebody else changed one of these goals since you looked. Nothing was saved. Discard to see them as they stand now.")
        return
    except CrmError as error:
        st.error(f"{error.detail} Nothing was saved.")
        return
    st.session_state[STATE] = Sheet(generation=found.generation + 1)
    messages.leave(f"{words.count(len(edits), 'goal')} saved.", done.change_set_id)
    st.rerun()
