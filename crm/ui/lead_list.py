"""What surrounds the grid of leads: the line with count, value, pages, columns and actions; the context; the empty states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st
from sqlalchemy.orm import Session
from streamlit.delta_generator import DeltaGenerator

from crm import money
from crm.access import Person, acting_as
from crm.leads import reads
from crm.ui import closed, filters, grid_columns, look, messages, new_lead
from crm.ui.filters import Asked
from crm.ui.kept import kept
from crm.ui.lookups import Lookups, where_pipelines_come_from

PAGE = 100
OWNS = "leads.owns"
TOTAL = "leads.total"
ADDRESS = "leads.address"
UNCOUNTED = 2000  # as far as one pages through words that thousands of leads share


def sees_only_own(person: Person) -> bool:
    """Whether nobody else's leads are in sight."""
    reach = person.reach("lead", "view")
    return not (reach.everywhere or reach.teams)


def begins_with_own(person: Person) -> bool:
    """Whether lists begin with one's own leads: for whoever owns any, and for whoever sees no others. Asked once a session."""
    if sees_only_own(person):
        return True
    if OWNS not in st.session_state:
        with acting_as(person) as session:
            st.session_state[OWNS] = reads.owns_any(session, person.id)
    return bool(st.session_state[OWNS])


@dataclass(frozen=True, slots=True)
class Total:
    """How many leads the filter finds and what they are worth (None: more than are counted, or hidden from whoever looks)."""

    leads: int
    value_usd: Decimal | None
    is_counted: bool = True

    @property
    def words(self) -> str:
        return f"{self.leads:,}" if self.is_counted else f"over {self.leads:,}"


def total(session: Session, asked: Asked) -> Total:
    """The filter's total, kept for a moment since it reads them all."""

    def counted() -> Total:
        is_countable = not asked.wanted.q or not reads.is_common(session, asked.wanted.q)
        return Total(*reads.totals(session, asked.wanted)) if is_countable else Total(UNCOUNTED, None, is_counted=False)

    return kept(session, TOTAL, asked.wanted, counted)


def draw_line(found: Total, asked: Asked, place: DeltaGenerator) -> int:
    """Which leads of how many, what they are worth, and the pages; answers the page."""
    with place:
        words = st.container(width="stretch")
        page = st.pagination(max(1, -(-found.leads // PAGE)), key="page", bind="query-params", max_visible_pages=5)
    first = (page - 1) * PAGE + 1
    span = f"{first:,}–{min(first + PAGE - 1, found.leads):,} of {found.words}" if found.leads else "No leads"
    hint = f"search begins at {filters.SHORTEST} letters" if asked.is_too_short else money.short(found.value_usd)
    with words:
        st.html(f"<div class='tl-count'><span>{hint}</span><b>{span}</b></div>")
    st.session_state[ADDRESS] = {name: st.query_params.get_all(name) for name in st.query_params}
    return page


def draw_actions(person: Person, lookups: Lookups, place: DeltaGenerator) -> list[str]:
    """Columns, recent saves, a new lead; answers the columns to show."""
    with place:
        every = closed.without_hidden(person, grid_columns.names_of(lookups))
        columns = filters.ask_columns(every, [name for name in grid_columns.USUAL if name in every])
        messages.draw_recent(person)
        if person.may("lead", "create") and st.button("Lead", icon=":material/add:", key="leads.new"):
            new_lead.open_for(person, lookups)
    return columns


def context(person: Person, lookups: Lookups, asked: Asked) -> tuple[str, ...]:
    """What one looks at, for the line on the top right."""
    pipeline = f"{lookups.pipeline_label(asked.pipeline_id)} pipeline" if asked.pipeline_id else "all pipelines"
    whose = (
        "my leads"
        if sees_only_own(person) or asked.wanted.owner_ids == (person.id,)
        else "leads of everybody"
        if not asked.wanted.owner_ids
        else "leads of some"
    )
    return place_of(person, lookups), pipeline, whose, "USD", "now"


def place_of(person: Person, lookups: Lookups) -> str:
    """The teams whose leads the person sees."""
    reach = person.reach("lead", "view")
    teams = sorted(lookups.names.teams.get(team_id, "") for team_id in reach.teams)
    if reach.everywhere:
        return "all teams"
    return ", ".join(teams[:2]) + (f" and {len(teams) - 2} more" if len(teams) > 2 else "") if teams else "my own leads"


def stage_names(lookups: Lookups, asked: Asked) -> Sequence[str]:
    """The stages to choose from: the pipeline's, or those of all."""
    found = (stage.name for p in lookups.pipelines if asked.pipeline_id in (None, p.id) for stage in p.stages)
    return list(dict.fromkeys(found))


def draw_empty(person: Person, lookups: Lookups, asked: Asked) -> None:
    if not lookups.pipelines:
        look.empty("There is no pipeline in your sight yet.", where_pipelines_come_from(person))
    elif asked.wanted.q:
        look.empty(
            f"Nothing found for “{asked.wanted.q}”.", "Search looks at names, companies, mail addresses, phone numbers and external ids. Try fewer letters."
        )
    elif asked.view in filters.WORK_VIEWS:
        look.empty("Nothing here: well done.", "No open lead matches this view. Choose All mine or Team to see the others.")
    elif asked.view == "mine":
        look.empty("You own no leads here yet.", "Look at the Team view, choose another pipeline, or add a lead.")
    else:
        look.empty("No leads here yet.", "Widen the filters, add a lead, or import a file." if person.may("lead", "create") else "Widen the filters.")
