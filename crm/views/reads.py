"""Saved views as the person sees them: their own, their teams' and everyone's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.db import direct
from crm.views.rules import Address


@dataclass(frozen=True, slots=True)
class SavedView:
    """One saved view. `owner_id` is None for one that the command line made."""

    id: int
    version: int
    owner_id: int | None
    audience: str
    for_team_id: int | None
    page: str
    name: str
    address: Address
    position: int
    is_pinned: bool
    default_for_role_id: int | None


_COLUMNS = "v.id, v.version, v.owner_id, v.audience, v.for_team_id, v.page, v.name, v.address, v.position, v.is_pinned, v.default_for_role_id"
_OF_PAGE = f"select {_COLUMNS} from crm.views as v where v.page = :page and v.deleted_at is null order by v.position, lower(v.name), v.id"
_ONE = text(f"select {_COLUMNS} from crm.views as v where v.id = :id and v.page = :page and v.deleted_at is null")


def views_of(session: Session, page: str) -> Sequence[SavedView]:
    """Every view of the page in sight, in order."""
    return [SavedView(*row) for row in direct.rows(session, _OF_PAGE, {"page": page})]


def saved_view(session: Session, page: str, view_id: int) -> SavedView | None:
    """One view; None when hidden, missing or deleted."""
    row = session.execute(_ONE, {"id": view_id, "page": page}).mappings().one_or_none()
    return None if row is None else SavedView(**row)


def default_view(session: Session, page: str) -> SavedView | None:
    """What the page opens with for the person: by their role in a team first, then by a role for everyone's."""
    held = {(membership.role_id, membership.team_id) for membership in person_of(session).memberships}
    roles = {role_id for role_id, _ in held}
    found = [view for view in views_of(session, page) if view.default_for_role_id in roles]
    of_teams = [view for view in found if (view.default_for_role_id, view.for_team_id) in held and view.for_team_id]
    of_everyone = [view for view in found if view.for_team_id is None]
    return next(iter(of_teams or of_everyone), None)


def roles(session: Session) -> Mapping[int, str]:
    """Roles that a page may open for, by id."""
    return {row.id: row.name for row in session.execute(text("select id, name from crm.roles where deleted_at is null order by id"))}
