"""What people do with dashboards: make, change, copy, remove, and put blocks in. Each runs inside one `acting_as` transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from crm.changes import Edit, Outcome, apply, delete_edit
from crm.dashboards.reads import Block, Dashboard, blocks_of
from crm.dashboards.records import BLOCK, DASHBOARD
from crm.dashboards.rules import LONGEST_NAME, moved, ordered

KEPT = ("kind", "what", "title", "width", "parameters")


def make_dashboard(session: Session, values: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]] = (), *, source: str) -> Outcome:
    """A new one of the person's own, with these blocks in their order; one change set. Its own result is the first.

    Raises `Invalid`, or `Refused` where it is shared further than they may.
    """
    label = f"Dashboard {values.get('name') or ''}".strip()
    made = apply(session, [Edit(DASHBOARD.name, None, values)], source=source, label=label, on_conflict="refuse")
    edits = [Edit(BLOCK.name, None, {**block, "dashboard_id": made.results[0].record_id, "position": place}) for place, block in enumerate(blocks)]
    if not edits:
        return made
    done = apply(session, edits, source=source, label=label, on_conflict="refuse", change_set_id=made.change_set_id)
    return Outcome([*made.results, *done.results], made.change_set_id)


def copy_dashboard(session: Session, found: Dashboard, *, source: str) -> Outcome:
    """One's own, private, with the same blocks and filters."""
    blocks = [{name: getattr(block, name) for name in KEPT} for block in blocks_of(session, [found.id])[found.id]]
    return make_dashboard(session, {"name": f"Copy of {found.name}"[:LONGEST_NAME].strip(), "filters": dict(found.filters)}, blocks, source=source)


def change_dashboard(session: Session, found: Dashboard, seen_version: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """Rename it, share it, have it open with other filters. Raises `Stale` when somebody was first."""
    return apply(session, [Edit(DASHBOARD.name, found.id, values, seen_version)], source=source, label=f"Dashboard {found.name}", on_conflict="refuse")


def remove_dashboard(session: Session, found: Dashboard, seen_version: int, *, source: str) -> Outcome:
    """Undo brings it back, its blocks with it."""
    edits = [delete_edit(DASHBOARD.name, found.id, seen_version)]
    return apply(session, edits, source=source, label=f"Dashboard {found.name} removed", on_conflict="refuse")


def add_block(session: Session, found: Dashboard, values: Mapping[str, Any], *, source: str) -> Outcome:
    """Behind the others, unless it says its position."""
    blocks = blocks_of(session, [found.id])[found.id]
    position = max((block.position + 1 for block in blocks), default=0)
    edit = Edit(BLOCK.name, None, {"position": position, **values, "dashboard_id": found.id})
    return apply(session, [edit], source=source, label=f"Dashboard {found.name}", on_conflict="refuse")


def change_block(session: Session, found: Dashboard, block: Block, seen_version: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """Another title, width, place or narrowing. Raises `Stale` when somebody was first."""
    return apply(session, [Edit(BLOCK.name, block.id, values, seen_version)], source=source, label=f"Dashboard {found.name}", on_conflict="refuse")


def move_block(session: Session, found: Dashboard, block_id: int, by: int, *, source: str) -> Outcome:
    """So many places up (negative) or down among the blocks as they stand now."""
    return _order(session, found, lambda order: moved(order, block_id, by), source=source)


def order_blocks(session: Session, found: Dashboard, wanted: Sequence[int], *, source: str) -> Outcome:
    """The blocks in the order that is wanted, by id."""
    return _order(session, found, lambda order: ordered(order, wanted), source=source)


def _order(session: Session, found: Dashboard, change: Callable[[Sequence[int]], Sequence[int]], *, source: str) -> Outcome:
    blocks = {block.id: block for block in blocks_of(session, [found.id])[found.id]}
    order = change(list(blocks))
    edits = [
        Edit(BLOCK.name, id_, {"position": place}, blocks[id_].version) for place, id_ in enumerate(order) if blocks[id_].position != place
    ]  # fmt: skip
    return apply(session, edits, source=source, label=f"Order of dashboard {found.name}", on_conflict="refuse")


def remove_block(session: Session, found: Dashboard, block: Block, seen_version: int, *, source: str) -> Outcome:
    """Undo brings it back."""
    edits = [delete_edit(BLOCK.name, block.id, seen_version)]
    return apply(session, edits, source=source, label=f"Block removed from dashboard {found.name}", on_conflict="refuse")
