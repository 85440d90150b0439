"""Who sees what people keep under a name: whoever made it, a team or everyone. The same rules for views and for dashboards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import missing_grant, person_of
from crm.errors import Invalid
from crm.views.rules import EVERYONE, PRIVATE, TEAM, read_audience


def check_audience(session: Session, after: dict[str, Any], wanted: dict[str, Any], *, what: str) -> str:
    """The audience that `after` (the record with what is wanted of it) comes to; a team that is not asked for falls away in both.

    `what`: "view". Raises `Invalid`, or `Refused` where it is shared further than the person may.
    """
    audience = read_audience(after["audience"], what=what)
    if audience != TEAM and after.get("for_team_id"):
        wanted["for_team_id"] = after["for_team_id"] = None
    if audience == PRIVATE and after.get("owner_id") != (person_of(session).id or None):
        raise Invalid(f"Only its maker can make a {what} private. Delete it, if nobody needs it.", field="audience")
    if audience == TEAM and not _is_team(session, after.get("for_team_id")):
        raise Invalid(f"Say which team the {what} is for.", field="for_team_id")
    return audience


def check_share(session: Session, audience: str, team_id: int | None) -> None:
    """Raises `Refused` where the person may not share so far. What is private needs no grant."""
    if audience == PRIVATE:
        return
    share = person_of(session).reach("view", "share")
    if not (share.everywhere or (audience != EVERYONE and team_id in share.teams)):
        raise missing_grant("view", "share", here=not share.is_none)


def _is_team(session: Session, team_id: int | None) -> bool:
    return bool(team_id and session.scalar(text("select true from crm.teams where id = :id and deleted_at is null"), {"id": team_id}))
