"""One-time secrets: sign-in tickets (30 seconds), password resets and the first admin's set-up (24 hours), invitations (7 days). Used once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access.acting import as_system
from crm.access.sessions import hash_of
from crm.clock import now
from crm.errors import NotFound

Purpose = Literal["ticket", "reset", "setup", "invitation"]
LIFETIMES: dict[Purpose, timedelta] = {
    "ticket": timedelta(seconds=30), "reset": timedelta(hours=24), "setup": timedelta(hours=24), "invitation": timedelta(days=7),
}  # fmt: skip
"""Whoever asks for a reset waits for it, and their account holds work already: a day. Whoever is invited may be on leave or begin next Monday: a week."""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A secret in the act of being used, in the machinery's transaction."""

    session: Session
    person_id: int | None


def issue(session: Session, purpose: Purpose, person_id: int | None) -> str:
    """A new secret; answers it once. An older link of the same kind and person stops working. Runs as the system role."""
    moment = now()
    if purpose != "ticket":
        withdraw(session, purpose, person_id)
    token = secrets.token_urlsafe(32)
    session.execute(
        text("insert into crm.one_time_links (person_id, purpose, token_hash, expires_at, created_at) values (:person_id, :purpose, :hash, :expires_at, :now)"),
        {"person_id": person_id, "purpose": purpose, "hash": hash_of(token), "expires_at": moment + LIFETIMES[purpose], "now": moment},
    )
    return token


def withdraw(session: Session, purpose: Purpose, person_id: int | None) -> int:
    """End this person's links of the kind; answers how many could still have been used. Runs as the system role."""
    ended = session.execute(
        text("""
            update crm.one_time_links set used_at = :now where purpose = :purpose and person_id is not distinct from :person_id and used_at is null
            returning expires_at > :now as was_live
        """),
        {"now": now(), "purpose": purpose, "person_id": person_id},
    )
    return sum(row.was_live for row in ended)


def withdraw_all(session: Session, person_id: int) -> None:
    """With a password chosen, or a person disabled, no older way in stays. Runs as the system role."""
    for purpose in LIFETIMES:
        withdraw(session, purpose, person_id)


_LIVE = "token_hash = :hash and purpose = :purpose and used_at is null and expires_at > :now"


def is_live(token: str, purpose: Purpose) -> bool:
    """Whether it could be used now. Looking does not use it up, so a mail scanner that opens a link harms nothing."""
    with as_system() as session:
        return bool(session.scalar(text(f"select true from crm.one_time_links where {_LIVE}"), {"hash": hash_of(token), "purpose": purpose, "now": now()}))


@contextmanager
def redeeming(token: str, purpose: Purpose) -> Iterator[Redeemed]:
    """Use the secret up together with what happens inside; an error inside leaves it unused. Raises `NotFound`."""
    with as_system() as session:
        row = session.execute(
            text(f"update crm.one_time_links set used_at = :now where {_LIVE} returning person_id"),
            {"hash": hash_of(token), "purpose": purpose, "now": now()},
        ).one_or_none()
        if row is None:
            raise NotFound("This link has been used or is too old. Ask an admin for a new one.")
        yield Redeemed(session, row.person_id)
