"""The tree of teams while it is shaped: what hangs on a team is put there by one at a time, so that it never hangs on one that goes."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.errors import Invalid

_HOLD = text("select pg_advisory_xact_lock(hashtextextended('tree of teams', 0))")


def hold_teams(session: Session) -> dict[int, int | None]:
    """Each standing team's parent. Until the transaction ends nobody else removes a team, moves one, or makes something hang on one."""
    session.execute(_HOLD)
    return {row.id: row.parent_id for row in session.execute(text("select id, parent_id from crm.teams where deleted_at is null"))}


def check_stands(session: Session, team_id: int | None) -> None:
    """Raises `Invalid` for a team that is not there, or not any more; None is no team."""
    if team_id is not None and team_id not in hold_teams(session):
        raise Invalid("There is no such team any more. Choose another one.", field="team_id")
