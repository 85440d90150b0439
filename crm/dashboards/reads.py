"""Dashboards as the person sees them: their own, their teams' and everyone's. What stands in a block, its report says, as far as they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.views.rules import PRIVATE, TEAM


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`owner_id` is None for one that the command line made."""

    id: int
    version: int
    owner_id: int | None
    audience: str
    for_team_id: int | None
    name: str
    filters: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """`title` is None where the figure is called by its own name."""

    id: int
    version: int
    dashboard_id: int
    kind: str
    what: str
    title: str | None
    width: str
    position: int
    parameters: Mapping[str, Any]


_COLUMNS = "d.id, d.version, d.owner_id, d.audience, d.for_team_id, d.name, d.filters, d.created_at, d.updated_at"
_ALL = text(f"select {_COLUMNS} from crm.dashboards as d where d.deleted_at is null order by lower(d.name), d.id")
_PAGE = text(f"select {_COLUMNS} from crm.dashboards as d where d.deleted_at is null and d.id > :after order by d.id limit :most")
_ONE = text(f"select {_COLUMNS} from crm.dashboards as d where d.deleted_at is null and d.id = :id")
_BLOCKS = text("""
    select b.id, b.version, b.dashboard_id, b.kind, b.what, b.title, b.width, b.position, b.parameters from crm.dashboard_blocks as b
    where b.dashboard_id = any(:ids) and b.deleted_at is null order by b.position, b.id
""")


def dashboards(session: Session) -> Sequence[Dashboard]:
    """Every dashboard in sight, by name."""
    return [Dashboard(**row) for row in session.execute(_ALL).mappings()]


def list_dashboards(session: Session, *, after: int, limit: int) -> Sequence[Dashboard]:
    """A page of them, by id."""
    return [Dashboard(**row) for row in session.execute(_PAGE, {"after": after, "most": limit}).mappings()]


def dashboard(session: Session, dashboard_id: int) -> Dashboard | None:
    """None when hidden, missing or deleted."""
    row = session.execute(_ONE, {"id": dashboard_id}).mappings().one_or_none()
    return None if row is None else Dashboard(**row)


def blocks_of(session: Session, dashboard_ids: Sequence[int]) -> Mapping[int, Sequence[Block]]:
    """The blocks of each of these, in order."""
    found: dict[int, list[Block]] = {dashboard_id: [] for dashboard_id in dashboard_ids}
    for row in session.execute(_BLOCKS, {"ids": list(dashboard_ids)}).mappings():
        found[row["dashboard_id"]].append(Block(**row))
    return found


def may(session: Session, found: Dashboard, action: str) -> bool:
    """Whether the person may `edit` or `delete` it. What is shared is edited only by those who may share so far."""
    person = person_of(session)
    if person.is_viewed or person.is_read_only or not person.reach("view", action).covers(
        team_id=found.for_team_id, owner_id=found.owner_id, person_id=person.id
    ):  # fmt: skip
        return False
    share = person.reach("view", "share")
    return action == "delete" or found.audience == PRIVATE or share.everywhere or (found.audience == TEAM and found.for_team_id in share.teams)
