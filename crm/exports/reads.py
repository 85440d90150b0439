"""How one's own files stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.clock import now
from crm.errors import NotFound

EXPIRED = "expired"
_COLUMNS = "id, kind, name, state, problem, rows, size_bytes, created_at, started_at, made_at, fetched_at, expires_at"
_ONE = text(f"select {_COLUMNS} from crm.exports where id = :id")
DOOR = "door"
"""Beside what was asked: through which door the file is fetched."""
_WAITED_FOR = text(
    f"select {_COLUMNS} from crm.exports where wanted ->> '{DOOR}' = :door and state in ('waiting', 'making', 'ready') and expires_at > :now order by id"
)
_SEVERAL = text(f"select {_COLUMNS} from crm.exports where id = any(:ids) order by id")


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A file that was asked for. `rows`: so far, while it is made."""

    id: int
    kind: str
    name: str
    stored: str
    problem: str | None
    rows: int
    size_bytes: int | None
    created_at: datetime
    started_at: datetime | None
    made_at: datetime | None
    fetched_at: datetime | None
    expires_at: datetime

    @property
    def state(self) -> str:
        """waiting, making, ready, fetched, failed or expired."""
        return EXPIRED if self.stored not in ("fetched", "failed") and self.expires_at <= now() else self.stored

    @property
    def is_open(self) -> bool:
        """Whether it is still to be made or fetched."""
        return self.state in ("waiting", "making", "ready")


def export(session: Session, export_id: int) -> ExportRow:
    """One's own. Raises `NotFound` for anybody else's."""
    row = session.execute(_ONE, {"id": export_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such export of yours.")
    return ExportRow(*row)


def exports_by_id(session: Session, ids: Sequence[int]) -> list[ExportRow]:
    """Those that are one's own, in the order in which they were asked for."""
    return [ExportRow(*row) for row in session.execute(_SEVERAL, {"ids": list(ids)})]


def waited_for(session: Session, door: str) -> list[ExportRow]:
    """One's own that were asked for to be fetched through this door, and were not yet; in the order in which they were asked for."""
    return [ExportRow(*row) for row in session.execute(_WAITED_FOR, {"door": door, "now": now()})]
