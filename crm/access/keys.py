"""API keys: who holds one, and making, listing and revoking them. Only the SHA-256 of a key is kept.

A key's holder is looked up for every request with one cheap query, so revoking a key, disabling a person and
changing a role act on the next request. The loaded `Person` is kept per access stamp, which grows with any of them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text

from crm.access import audit
from crm.access.acting import as_system
from crm.access.person import Person, load
from crm.clock import now
from crm.db import direct
from crm.db import engine as db_engine
from crm.errors import Invalid, NotFound, NotSignedIn
from crm.letters import legible

PREFIX = "tl_"
LONGEST_NAME = 100
MOST_KEYS = 50
USE_IS_WRITTEN_EVERY = timedelta(minutes=1)
_MOST_PEOPLE = 1000

_people: WeakKeyDictionary[Engine, dict[tuple[int, bool], Person]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as its person sees it; the key itself is shown once, when it is made."""

    id: int
    name: str
    is_read_only: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


_HOLDER = """
    select k.id, k.person_id, k.is_read_only, k.last_used_at, s.version
    from crm.api_keys as k
    join crm.people as p on p.id = k.person_id
    cross join crm.access_stamps as s
    where k.key_hash = :hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > :now) and p.disabled_at is null and s.id = 1
"""


def holder(key: str) -> Person:
    """Whoever `key` acts as, as of now; with a read-only key they may only look. Raises `NotSignedIn`."""
    moment = now()
    found = direct.ask(db_engine.runtime_engine(), db_engine.role_names().system, _HOLDER, {"hash": hash_of(key), "now": moment})
    if not found:
        raise NotSignedIn("This key is not valid: it is unknown, revoked or expired, or its person is disabled. Make a new one under My account.")
    key_id, person_id, is_read_only, last_used_at, stamp = found[0]
    if last_used_at is None or moment - last_used_at >= USE_IS_WRITTEN_EVERY:
        _mark_used(key_id, moment, first_of=person_id if last_used_at is None else None)
    return _person(person_id, is_read_only=is_read_only, stamp=stamp)


def _mark_used(key_id: int, moment: datetime, *, first_of: int | None) -> None:
    """Skips a row that another request is just marking: nobody waits for this. `first_of`: whose key is used for the first time."""
    with as_system() as session:
        is_marked = session.scalar(
            text("""
                update crm.api_keys set last_used_at = :now
                where id = (select id from crm.api_keys where id = :id and (last_used_at is null or last_used_at <= :before) for update skip locked)
                returning id
            """),
            {"id": key_id, "now": moment, "before": moment - USE_IS_WRITTEN_EVERY},
        )
        if is_marked and first_of is not None:
            audit.record(session, "key.first_used", person_id=first_of, subject=f"key {key_id}")


def _person(person_id: int, *, is_read_only: bool, stamp: int) -> Person:
    people = _people.setdefault(db_engine.runtime_engine(), {})
    person = people.get((person_id, is_read_only))
    if person is None or person.stamp != stamp:
        try:
            with as_system() as session:
                person = load(session, person_id)
        except NotFound:
            raise NotSignedIn("The person of this key is disabled.") from None
        person = replace(person, is_read_only=True, views={}, _reaches={}) if is_read_only else person
        if len(people) >= _MOST_PEOPLE:
            people.clear()
        people[person_id, is_read_only] = person
    return person


def create_key(person_id: int, name: str, is_read_only: bool = False, expires_at: datetime | None = None) -> str:
    """A new key, answered once and never again. Raises `Invalid`."""
    name = legible(name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid(f"Name the key after what uses it, in up to {LONGEST_NAME} characters.", field="name")
    if expires_at is not None and expires_at <= now():
        raise Invalid("A key cannot have expired already. Give a later day.", field="expires_at")
    key = PREFIX + secrets.token_urlsafe(32)
    with as_system() as session:
        live = text("select count(*) from crm.api_keys where person_id = :person_id and revoked_at is null and (expires_at is null or expires_at > :now)")
        if (session.scalar(live, {"person_id": person_id, "now": now()}) or 0) >= MOST_KEYS:
            raise Invalid(f"{MOST_KEYS} keys are enough for one person. Revoke one that nothing uses.")
        key_id = session.scalar(
            text("""
                insert into crm.api_keys (person_id, name, key_hash, is_read_only, expires_at, created_at)
                values (:person_id, :name, :key_hash, :is_read_only, :expires_at, :now) returning id
            """),
            {"person_id": person_id, "name": name, "key_hash": hash_of(key), "is_read_only": is_read_only, "expires_at": expires_at, "now": now()},
        )
        audit.record(session, "key.created", person_id=person_id, subject=f"key {key_id}", is_read_only=is_read_only)
    return key


def list_keys(person_id: int) -> Sequence[KeyRow]:
    """The person's keys, newest first, revoked and expired ones included."""
    statement = text("""
        select id, name, is_read_only, created_at, expires_at, last_used_at, revoked_at
        from crm.api_keys where person_id = :person_id order by created_at desc, id desc
    """)
    with as_system() as session:
        return [KeyRow(*row) for row in session.execute(statement, {"person_id": person_id})]


def revoke_key(person_id: int, key_id: int) -> None:
    """The key stops working with the next request. Raises `NotFound` when it is not this person's or was revoked before."""
    with as_system() as session:
        statement = text("update crm.api_keys set revoked_at = :now where id = :id and person_id = :person_id and revoked_at is null returning id")
        if session.scalar(statement, {"id": key_id, "person_id": person_id, "now": now()}) is None:
            raise NotFound("There is no such key, or it was revoked already.")
        audit.record(session, "key.revoked", person_id=person_id, subject=f"key {key_id}")


def person_id_of(email: str) -> int:
    """The active person with this mail address. Raises `Invalid`."""
    with as_system() as session:
        found = session.scalar(text("select id from crm.people where email = lower(:email) and disabled_at is null"), {"email": email.strip()})
    if found is None:
        raise Invalid(f"There is no active person with the mail address “{email}”.", field="person")
    return int(found)
