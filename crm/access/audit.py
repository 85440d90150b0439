"""The append-only audit: who signed in, changed configuration, exported. Never holds secrets."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_ADD = text("insert into crm.audit_events (person_id, kind, subject, address, facts) values (:person_id, :kind, :subject, :address, cast(:facts as jsonb))")


def record(session: Session, kind: str, *, person_id: int | None, subject: str = "", address: str = "", **facts: Any) -> None:
    """Add an event. The session must be under the write or the system role."""
    session.execute(_ADD, {"person_id": person_id or None, "kind": kind, "subject": subject, "address": address, "facts": json.dumps(facts, default=str)})
