"""The page part that shapes custom fields: whose and of which records, the grid, and the review before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import streamlit as st

from crm.access import Person, acting_as
from crm.changes import Edit
from crm.errors import CrmError, Stale
from crm.fields import use_cases
from crm.fields.kinds import KINDS
from crm.fields.reads import FieldRow, fields_of
from crm.fields.rules import RECORD_TYPES
from crm.ui import field_grid, look, messages, words
from crm.ui.lookups import Lookups

STATE = "fields.sheet"
EVERYBODY = 0


@dataclass(slots=True)
class Sheet:
    """One showing: the fields as they were read, frozen while there are edits."""

    asked: tuple[str, int | None] = ("", None)
    generation: int = 0
    rows: Sequence[FieldRow] = field(default_factory=list)
    reviewed: list[tuple[int | None, dict[str, Any]]] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"fields.grid.{self.generation}"

    @property
    def typed(self) -> dict[str, Any]:
        return dict(st.session_state.get(self.key) or {})

    def show(self, asked: tuple[str, int | None], rows: Sequence[FieldRow]) -> None:
        self.asked, self.rows, self.reviewed = asked, rows, []
        self.generation += 1


def sheet() -> Sheet:
    found: Sheet = st.session_state.setdefault(STATE, Sheet())
    return found


def ask_place(person: Person, lookups: Lookups) -> tuple[str, int | None]:
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
    return record_type or "lead", team_id or None


def draw(person: Person, lookups: Lookups, asked: tuple[str, int | None]) -> None:
    """The grid and its bar."""
    found = sheet()
    if asked != found.asked or not any(found.typed.values()):
        with acting_as(person) as session:
            rows = fields_of(session, *asked)
        if asked != found.asked or rows != found.rows:
            found.show(asked, rows)
    _draw_shared(lookups, asked)
    if not found.rows:
        look.empty("No fields here yet.", "Type a name into the empty line below and say what kind it is; it stands on every record from then on.")
    with st.container(key="fields_grid"):
        st.data_editor(
            field_grid.frame_of(found.rows), key=found.key, hide_index=True, num_rows="dynamic", row_height=36, placeholder="", alt="Fields",
            disabled=["key", "filled"], column_config=_columns(),
        )  # fmt: skip
    _draw_bar(person, found)


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


def _draw_shared(lookups: Lookups, asked: tuple[str, int | None]) -> None:
    """What a team's records have beside its own fields."""
    record_type, team_id = asked
    if team_id is None:
        return
    shared = [each for each in lookups.catalogue.of_team(record_type, team_id) if each.team_id != team_id]
    if shared:
        chips = "".join(f"<span class='tl-chip'>{escape(each.label)}</span>" for each in shared)
        st.html(f"<div class='tl-shared'>From every team and the teams above: {chips}</div>")


def _draw_bar(person: Person, found: Sheet) -> None:
    try:
        edits = field_grid.edits_of(found.rows, found.typed, *found.asked)
        problem = ""
    except CrmError as error:
        edits, problem = [], error.detail
    with st.container(horizontal=True, key="fields_bar", vertical_alignment="center", gap="small"):
        if problem:
            st.html(f"<span class='tl-bar tl-dirty'>{escape(problem)}</span>", width="stretch")
        elif edits:
            st.html(f"<span class='tl-bar tl-dirty'>Draft: {words.count(len(edits), 'change')}, not applied.</span>", width="stretch")
        else:
            st.html("<span class='tl-bar'>Type into the cells; the last line is a new field, and a ticked line can be removed.</span>", width="stretch")
        if st.button("Discard", key="fields.discard", disabled=not (edits or problem)):
            found.asked = ("", None)
            st.rerun()
        is_reviewed = _is_reviewed(found, edits)
        if st.button("Preview", key="fields.preview", type="primary" if edits and not is_reviewed else "secondary", disabled=not edits):
            found.reviewed = _as_drafted(edits)
            st.rerun()
        if st.button("Apply", key="fields.apply", type="primary" if is_reviewed else "secondary", disabled=not is_reviewed):
            _apply(person, found, edits)
    if is_reviewed:
        _draw_review(person, found, edits)


def _is_reviewed(found: Sheet, edits: Sequence[Edit]) -> bool:
    """Whether what would be applied is what was looked at: typing on asks for another look."""
    return bool(edits) and found.reviewed == _as_drafted(edits)


def _as_drafted(edits: Sequence[Edit]) -> list[tuple[int | None, dict[str, Any]]]:
    """The edits as they compare: when exactly something would be deleted is no difference."""
    return [(edit.record_id, {name: name if name == "deleted_at" else value for name, value in edit.wanted.items()}) for edit in edits]


def _draw_review(person: Person, found: Sheet, edits: Sequence[Edit]) -> None:
    """What the draft changes, in plain numbers."""
    try:
        with acting_as(person) as session:
            impact = use_cases.preview_fields(session, edits)
    except CrmError as error:
        st.error(error.detail)
        return
    changes = "".join(f"<li>{escape(line)}</li>" for line in field_grid.words_of(found.rows, edits))
    effects = "".join(f"<li>{escape(line)}</li>" for line in impact.lines or ["No value that stands changes."])
    with st.container(key="fields_review"):
        st.html(f"<div class='tl-review{' tl-losing' if impact.is_losing else ''}'><div><b>The draft</b><ul>{changes}</ul></div>"
                f"<div><b>What it does</b><ul>{effects}</ul></div></div>")  # fmt: skip


def _apply(person: Person, found: Sheet, edits: Sequence[Edit]) -> None:
    try:
        with acting_as(person) as session:
            outcome = use_cases.save_fields(session, edits, source="form")
    except Stale as error:
        st.error(f"{_whose(error)} Nothing was changed. Discard the draft to see the fields as they stand now.")
        return
    except CrmError as error:
        st.error(f"{error.detail} Nothing was changed.")
        return
    found.asked = ("", None)
    messages.leave(f"{words.count(len(edits), 'change')} of fields applied.", outcome.change_set_id)
    st.rerun()


def _whose(error: Stale) -> str:
    fields = ", ".join(dict.fromkeys(met.label.lower() for met in error.facts.get("conflicts", ())))
    return f"Somebody else changed the same field since you looked ({fields})." if fields else error.detail
