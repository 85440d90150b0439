"""The write path: edits in, change sets, conflicts and history out. See docs/adr/0002."""

from crm.changes.apply import OnConflict, apply
from crm.changes.conflicts import count_open, open_conflicts, resolve
from crm.changes.edits import Disagreement, Edit, Outcome, Result, delete_edit
from crm.changes.history import changes_of, values_before
from crm.changes.undo import LeftAlone, Undone, left_by_name, undo

__all__ = [
    "Disagreement", "Edit", "LeftAlone", "OnConflict", "Outcome", "Result", "Undone", "apply", "changes_of", "count_open", "delete_edit", "left_by_name",
    "open_conflicts", "resolve", "undo", "values_before",
]  # fmt: skip
