"""The page part that shapes custom fields: whose and of which records, and the grid whose cells are one's draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.configuration import drafts
from crm.configuration.drafts import Draft
from crm.configuration.field_plan import Place, PlannedField, back_among, edits_of, plan, subject_of
from crm.errors import CrmError
from crm.fields.kinds import KINDS
from crm.fields.reads import FieldRow, fields_of
from crm.fields.rules import RECORD_TYPES
from crm.ui import field_grid, words
from crm.ui.lookups import Lookups
from crm.ui.shape import file_dialog, review
from crm.ui.shape.review import Shaped

STATE = "fields.sheet"
EVERYBODY = 0


@dataclass(slots=True)
class Sheet:
    """One showing: the fields as the draft wants them, frozen while somebody types: an editor that is fed what it answered loses every second edit."""

    place: Place = ("", None)
    generation: int = 0
    rows: Sequence[FieldRow] = field(default_factory=list)
    lines: Sequence[PlannedField] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"fields.grid.{self.generation}"

    @property
    def typed(self) -> dict[str, Any]:
        return dict(st.session_state.get(self.key) or {})

    @property
    def staying(self) -> list[PlannedField]:
        return [line for line in self.lines if not line.is_removed]

    @property
    def removed(self) -> list[PlannedField]:
        return [line for line in self.lines if line.is_removed]

    @property
    def filled(self) -> Mapping[str, int]:
        return {row.field.key: row.filled for row in self.rows}


def sheet() -> Sheet:
    found: Sheet = st.session_state.setdefault(STATE, Sheet())
    return found


def begin_anew() -> None:
    """Lay the grid out from what stands and what is drafted then."""
    sheet().place = ("", None)


def shaped(place: Place) -> Shaped:
    promise = "the last line is a new field, and nothing changes on anybody's records before you apply it"
    return Shaped("fields", subject_of(place), "field", promise, begin_anew)


def ask_place(person: Person, lookups: Lookups) -> Place:
    """Which records, and whose fields; both in the URL."""
    with st.container(horizontal=True, key="fields_place", vertical_alignment="center", gap="small"):
        record_type = st.segmented_control(
            "Records", list(RECORD_TYPES), default="lead", required=True, format_func=RECORD_TYPES.__getitem__, key="on", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        reach = person.reach("field", "configure")
        teams = [team_id for team_id in lookups.names.teams if reach.everywhere or team_id in reach.teams]
        options = [EVERYBODY, *teams] if reach.everywhere else teams
        team_id = st.selectbox(
            "Whose", options, key="whose", bind="query-params", label_visibility="collapsed", width=220,
            format_func=lambda each: lookups.names.teams.get(each, "Every team"),
        )  # fmt: skip
        st.space("stretch")
        file_dialog.draw_menu("fields", "field", begin_anew)
    return record_type or "lead", team_id or None


def draw(person: Person, lookups: Lookups, place: Place) -> None:
    """The draft's line, the grid, and what was taken out of it."""
    found = sheet()
    draft = _lay_out(person, found, place)
    bar = st.container(key="fields_line")
    review.draw_trouble(person, shaped(place), draft)
    _draw_shared(lookups, place)
    if not found.lines:
        said = "No fields here yet. Type a name into the empty line below and say what kind it is; it stands on every record from then on."
        st.html(f"<p class='tl-muted'>{said}</p>")
    with st.container(key="fields_grid"):
        st.data_editor(
            field_grid.frame_of(found.staying, found.filled), key=found.key, hide_index=True, num_rows="dynamic", row_height=36, height="content",
            placeholder="", alt="Fields", disabled=["key", "filled"], column_config=_columns(),
        )  # fmt: skip
    draft, problem = _keep(person, lookups, found, draft)
    with bar:
        review.draw_line(person, shaped(place), draft, problem=problem)
    _draw_removed(person, lookups, found, draft)


def _lay_out(person: Person, found: Sheet, place: Place) -> Draft | None:
    """One's draft; the grid begins anew for another place, and for newer fields as long as nothing is typed."""
    is_typed = any(found.typed.values())
    with acting_as(person) as session:
        draft = drafts.open_draft(session, subject_of(place))
        rows = found.rows if is_typed and place == found.place else fields_of(session, *place)
    if place != found.place or rows != found.rows:
        found.place, found.rows = place, rows
        found.lines = plan([row.field for row in rows], draft)
        found.generation += 1
    return draft


def _keep(person: Person, lookups: Lookups, found: Sheet, draft: Draft | None) -> tuple[Draft | None, str]:
    """The draft that says what the grid says, and why the grid says nothing that can be one. Written only where it differs from what was kept."""
    try:
        lines = [*field_grid.lines_after(found.staying, found.typed), *found.removed]
    except CrmError as error:
        return draft, error.detail
    kept = _kept(person, lookups, found.place, lines, draft)
    if found.typed.get("deleted_rows"):  # what is taken out stands below from now on, where it can be kept
        begin_anew()
        st.rerun()
    return kept, ""


def _kept(person: Person, lookups: Lookups, place: Place, lines: Sequence[PlannedField], draft: Draft | None) -> Draft | None:
    edits = edits_of(place, lines, draft)
    if tuple(edits) == (draft.edits if draft else ()):
        return draft
    title = f"Fields of {RECORD_TYPES[place[0]].lower()}, {lookups.names.teams.get(place[1] or 0, 'every team')}"
    with acting_as(person) as session:
        if edits:
            return drafts.keep_draft(session, subject_of(place), title, edits)
        drafts.discard_draft(session, subject_of(place))
    return None


def _columns() -> dict[str, Any]:
    cc = st.column_config
    return {
        "place": cc.NumberColumn("#", width=44, help="The order on pages. Type another place to move a field.", format="%d"),
        "label": cc.TextColumn("Name", width=150, max_chars=80),
        "kind": cc.SelectboxColumn("Kind", width=120, options=list(KINDS), format_func=lambda kind: KINDS.get(str(kind), str(kind)), default="text"),
        "options": cc.MultiselectColumn("Options", width=205, options=[], accept_new_options=True, help="What a choice chooses from: type and press Enter."),
        "is_required": cc.CheckboxColumn("Required", width=82, default=False, help="Asked for on new leads, and never emptied again."),
        "is_unique": cc.CheckboxColumn("Unique", width=70, default=False, help="No two records of a team have the same value."),
        "default": cc.TextColumn("Default", width=90, help="What a new record begins with."),
        "help": cc.TextColumn("Help", width=150, max_chars=300, help="Shown beside the field."),
        "key": cc.TextColumn("Key", width=100, help="What imports and the API call it. It stays when the name changes."),
        "filled": cc.NumberColumn("Filled", width=70, help="Records in your sight that have a value."),
    }


def _draw_shared(lookups: Lookups, place: Place) -> None:
    """What a team's records have beside its own fields."""
    record_type, team_id = place
    if team_id is None:
        return
    shared = [each for each in lookups.catalogue.of_team(record_type, team_id) if each.team_id != team_id]
    if shared:
        chips = "".join(f"<span class='tl-chip'>{escape(each.label)}</span>" for each in shared)
        st.html(f"<div class='tl-shared'>From every team and the teams above: {chips}</div>")


def _draw_removed(person: Person, lookups: Lookups, found: Sheet, draft: Draft | None) -> None:
    """What the draft takes out, each with the way back."""
    for line in found.removed:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"fields_gone_{line.key}"):
            held = found.filled.get(line.was.key, 0) if line.was else 0
            st.html(f"<span class='tl-gone'><s>{escape(line.label)}</s> removed</span>", width="content")
            st.html(f"<span class='tl-muted'>{words.count(held, 'value')} kept</span>" if held else "<span class='tl-muted'>it holds no value</span>")
            if st.button("Keep it", key=f"fields.keep.{line.key}", type="tertiary"):
                _kept(person, lookups, found.place, back_among([*field_grid.lines_after(found.staying, found.typed), *found.removed], line), draft)
                begin_anew()
                st.rerun()
