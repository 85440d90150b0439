"""The editable grid of leads: rows frozen while there are edits, positions turned into (lead, version seen), saved through the write path.

Streamlit keeps pending edits by row position and drops them when the widget's key changes. So the rows of one showing are
frozen in a `Sheet`; a generation number in the key makes a new showing; and what was typed is held as drafts bound to
leads, which are laid over the next showing. Nothing typed is lost by a filter, a page, another screen or a refused cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from crm.access import Person, acting_as
from crm.changes import left_by_name, undo
from crm.errors import CrmError
from crm.fields.kinds import Definition
from crm.leads.reads import leads_by_id
from crm.leads.use_cases import save_cells
from crm.ui import closed, custom_fields, grid_columns, messages
from crm.ui import drafts as unsaved
from crm.ui.drafts import Draft, Drafts, Row
from crm.ui.lookups import Lookups
from crm.ui.words import count

STATE = "leads.sheet"
HEIGHT = 612


@dataclass(slots=True)
class Message:
    """What the last save came to, until the next edit: shown in the bar, with a way back."""

    text: str
    change_set_id: int | None = None
    conflicts: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Sheet:
    """One person's grid: the rows as shown, what is typed over them, and what the last save said."""

    asked: object = None
    generation: int = 0
    columns: Sequence[str] = grid_columns.USUAL
    fields: Mapping[str, Definition] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    laid: Drafts = field(default_factory=dict)
    pending: Drafts = field(default_factory=dict)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    standing: dict[str, list[str]] = field(default_factory=dict)
    keeps_order: bool = False
    message: Message | None = None

    @property
    def key(self) -> str:
        return f"leads.grid.{self.generation}"

    def lay(self, rows: Sequence[Row], drafts: Drafts, *, is_same_showing: bool = False) -> None:
        """Show `rows` with `drafts` over them. The same showing keeps scroll and cursor; only for changes of one's own."""
        self.rows, self.laid, self.pending = rows, drafts, drafts
        self.frame = grid_columns.frame_of(rows, drafts, self.columns, self.fields)
        self.standing = grid_columns.standing(rows, drafts)
        self.generation += not is_same_showing


def sheet() -> Sheet:
    """This session's sheet, with what the browser has typed since."""
    found: Sheet = st.session_state.setdefault(STATE, Sheet())
    state = st.session_state.get(found.key)
    if state is not None:
        pending = unsaved.fold(found.laid, found.rows, state["edited_rows"])
        if pending != found.pending and found.message and not found.message.refused:
            found.message = None  # what the last save said is no news any more
        found.pending = pending
    elif found.pending:  # back from another page: the widget forgot, the sheet did not
        found.lay(found.rows, found.pending)
    return found


def hear(found: Sheet, left: messages.Message | None) -> None:
    """Say in the bar what an action elsewhere came to."""
    if left is not None:
        found.message = Message(left.text, left.change_set_id, refused=[("", line) for line in left.details])
        found.keeps_order = True


def turn_to(
    found: Sheet, asked: object, columns: Sequence[str], fields: Mapping[str, Definition], read: Callable[[], Sequence[Row]],
    reread: Callable[[Sequence[int]], Mapping[int, Row]],
) -> None:  # fmt: skip
    """Make the sheet show what is asked for. Unsaved cells freeze their showing; after a save the rows keep their places."""
    found.fields = fields
    if columns != found.columns:
        found.columns = columns
        found.lay(found.rows, found.pending)
    is_new = asked != found.asked
    if not is_new and found.pending:
        return
    if found.keeps_order and not is_new:
        fresh = reread([row["id"] for row in found.rows])
        rows: Sequence[Row] = [fresh[row["id"]] for row in found.rows if row["id"] in fresh and fresh[row["id"]]["deleted_at"] is None]
    else:
        rows, found.keeps_order = read(), False
    if is_new:
        found.asked = asked
    if not found.generation or found.laid or _versions(rows) != _versions(found.rows):
        found.lay(rows, found.pending)


def _versions(rows: Sequence[Row]) -> list[tuple[int, int]]:
    return [(row["id"], row["version"]) for row in rows]


def draw(found: Sheet, person: Person, lookups: Lookups, *, stages: Sequence[str]) -> None:
    """The editor itself."""
    locked = [name for name in (grid_columns.OPEN, *found.columns) if not _may_write(name, person)]
    owners = [lookups.names.people[person_id] for person_id in lookups.owners if person_id in lookups.names.people]
    usual = {"stage": stages, "owner": owners, "currency": lookups.currencies}
    choices = {name: list(dict.fromkeys([*usual[name], *found.standing[name]])) for name in usual}
    st.data_editor(
        found.frame, key=found.key, hide_index=True, height=HEIGHT, row_height=34, placeholder="", alt="Leads", disabled=locked,
        column_config=grid_columns.config(found.frame, found.columns, choices, lookups, on_open=_open),
    )  # fmt: skip


def _may_write(column: str, person: Person) -> bool:
    field = unsaved.writes(column)
    return field is not None and closed.is_open(person, field) and person.may("lead", "edit") and (column != "owner" or person.may("lead", "assign"))


def _open() -> None:
    click = st.session_state[grid_columns.OPENED]
    found: Sheet = st.session_state[STATE]
    if click and 0 <= click.row < len(found.rows):
        st.switch_page("pages/lead.py", query_params={"id": str(found.rows[click.row]["id"])})


def save(found: Sheet, person: Person, lookups: Lookups) -> None:
    """Write what is typed; what was refused stays typed, what met a colleague's change waits as a conflict."""
    read = {lead_id: unsaved.wanted(draft, lookups) for lead_id, draft in found.pending.items()}
    edits = [(lead_id, found.pending[lead_id].row["version"], values) for lead_id, (values, _) in read.items() if values]
    try:
        with acting_as(person) as session:
            done = save_cells(session, edits, source="grid", label=_label(found.pending))
            fresh = leads_by_id(session, [row["id"] for row in found.rows])
        fresh = {row["id"]: row for row in custom_fields.with_cells(list(fresh.values()), lookups)}
    except CrmError as error:
        found.message = Message(f"Nothing was saved. {error.detail} Your edits are still here.")
        return
    refused = {lead_id: {**unreadable, **done.refused.get(lead_id, {})} for lead_id, (_, unreadable) in read.items()}
    rows = [fresh[row["id"]] for row in found.rows if row["id"] in fresh]
    is_mine_alone = not done.met and len(rows) == len(found.rows) and all(
        row["version"] in (old["version"], done.versions.get(row["id"])) for row, old in zip(rows, found.rows, strict=True)
    )  # fmt: skip
    left = _left_over(found.pending, refused, fresh if is_mine_alone else {})
    found.message = _message(found.pending, refused, len(done.saved), len(done.met), done.change_set_id)
    found.lay(rows, left, is_same_showing=is_mine_alone)
    found.keeps_order = True


def _label(pending: Drafts) -> str:
    """What the save is called in the list of saves: by its first lead."""
    names = [draft.row["name"] for draft in pending.values()]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def _left_over(pending: Drafts, refused: Mapping[int, Mapping[str, CrmError]], fresh: Mapping[int, Row]) -> Drafts:
    """The cells that were not taken, so that nobody has to type them again."""
    found = {}
    for lead_id, errors in refused.items():
        columns = unsaved.columns_of(errors)
        cells = {column: cell for column, cell in pending[lead_id].cells.items() if column in columns}
        if cells:
            found[lead_id] = Draft(fresh.get(lead_id, pending[lead_id].row), cells)
    return found


def _message(pending: Drafts, refused: Mapping[int, Mapping[str, CrmError]], saved: int, met: int, change_set_id: int | None) -> Message:
    words = [f"{saved} saved"] if saved or not met else []
    if met:
        words.append(f"{met} met a colleague's change")
    reasons = [(pending[lead_id].row["name"], error.detail) for lead_id, errors in refused.items() for error in dict.fromkeys(errors.values())]
    if reasons:
        words.append(f"{len({name for name, _ in reasons})} not taken, still in the grid")
    return Message(", ".join(words) + ".", change_set_id if saved or met else None, met, reasons)


def discard(found: Sheet) -> None:
    """Throw away what is typed."""
    found.lay(found.rows, {})
    found.message = None


def take_back(person: Person, change_set_id: int) -> Message:
    """Undo a change set and say what came of it."""
    try:
        with acting_as(person) as session:
            done = undo(session, change_set_id)
            left = left_by_name(session, done.left_alone)
    except CrmError as error:
        return Message(error.detail)
    text = f"Taken back: {count(done.records, 'record')}." if done.records else "There was nothing left to take back."
    return Message(text, refused=left)
