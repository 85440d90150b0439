"""The first answer to a request that carries an idempotency key, kept for 24 hours and given again.

`claim` before the work, in a transaction of its own, so that a second request sees that the first is running;
`keep` inside the transaction of the work, so that either both stand or neither; `release` when the work failed
for a reason that is not the caller's, so that they may try again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access.acting import as_system, stepping_aside
from crm.clock import now
from crm.errors import Busy, Invalid

LASTS = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=5)
"""A request that has not answered by then died with its process; the next one takes its place."""
LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer: `answer` is whatever `keep` was given."""

    status: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a request once; its id is the row that waits for the answer."""

    id: int


_TAKE = text("""
    insert into crm.idempotency_keys as k (person_id, key, request_hash, created_at) values (:person_id, :key, :request_hash, :now)
    on conflict (person_id, key) do update set request_hash = excluded.request_hash, status = null, answer = null, created_at = excluded.created_at
    where k.created_at <= :expired or (k.status is null and k.created_at <= :abandoned and k.request_hash = excluded.request_hash)
    returning k.id
""")
_STANDING = text("select request_hash, status, answer from crm.idempotency_keys where person_id = :person_id and key = :key")
_KEEP = text("update crm.idempotency_keys set status = :status, answer = cast(:answer as jsonb) where id = :id")


def claim(person_id: int, key: str, request_hash: str) -> Claim | Kept:
    """The right to run, or the answer that stands. Raises `Busy` while the first runs, `Invalid` for another request."""
    if not key.isprintable() or not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid(f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters.", field="Idempotency-Key")
    moment = now()
    with as_system() as session:
        names = {"person_id": person_id, "key": key}
        taken = session.scalar(_TAKE, {**names, "request_hash": request_hash, "now": moment, "expired": moment - LASTS, "abandoned": moment - ABANDONED_AFTER})
        if taken is not None:
            return Claim(taken)
        row = session.execute(_STANDING, names).one_or_none()
    if row is None or (row.request_hash == request_hash and row.status is None):
        raise Busy("The first request with this Idempotency-Key is still running. Try again in a moment.", retry_after_seconds=1)
    if row.request_hash != request_hash:
        raise Invalid("This Idempotency-Key was used for another request. Take a new key for a new request.", field="Idempotency-Key")
    return Kept(row.status, row.answer)


def keep(session: Session, claim: Claim, kept: Kept) -> None:
    """Keep the answer, in the transaction of the work."""
    with stepping_aside(session):
        session.execute(_KEEP, {"id": claim.id, "status": kept.status, "answer": json.dumps(kept.answer)})


def keep_alone(claim: Claim, kept: Kept) -> None:
    """Keep the answer where the work wrote nothing."""
    with as_system() as session:
        keep(session, claim, kept)


def release(claim: Claim) -> None:
    """Forget the claim: nothing was done and nothing answered."""
    with as_system() as session:
        session.execute(text("delete from crm.idempotency_keys where id = :id and status is null"), {"id": claim.id})
