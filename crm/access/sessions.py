"""Who is signed in. A session is a random 256-bit token in an HttpOnly cookie; the table holds its SHA-256 only.

Nothing here is remembered between requests but `Person`s as of one access stamp, so a revoked session,
a disabled person and a changed role are seen by the very next request.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from crm.access import audit
from crm.access.acting import as_system
from crm.access.person import Person, load
from crm.access.viewing_rules import refusal, seen_by
from crm.clock import now
from crm.db import direct
from crm.db import engine as db_engine
from crm.errors import NotFound

LIFETIME = timedelta(days=30)
IDLE = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)
KEPT_PEOPLE = 500

_VALID = "s.revoked_at is null and s.expires_at > :now and s.last_used_at > :idle_since and p.disabled_at is null"
_FIND = f"""
    select s.id, s.person_id, s.last_used_at, (select version from crm.access_stamps where id = 1) as stamp, s.viewing_as_id
    from crm.sessions as s
    join crm.people as p on p.id = s.person_id
    where s.token_hash = :hash and {_VALID}
"""
_VALID_AMONG = text(f"""
    select s.token_hash, s.person_id, s.viewing_as_id, (select version from crm.access_stamps where id = 1) as stamp
    from crm.sessions as s
    join crm.people as p on p.id = s.person_id
    where s.token_hash = any(cast(:hashes as text[])) and {_VALID}
""")
_OF_PERSON = text(f"""
    select s.id, s.created_at, s.last_used_at, s.address, s.device, s.token_hash
    from crm.sessions as s
    join crm.people as p on p.id = s.person_id
    where s.person_id = :person_id and {_VALID}
    order by s.last_used_at desc, s.id desc
""")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A valid session and its person as of now; while they look as somebody else, that one, and `by` is who they are."""

    session_id: int
    token_hash: str
    person: Person
    by: Person | None = None

    @property
    def owner(self) -> Person:
        """Whose session it is."""
        return self.by or self.person


@dataclass(frozen=True, slots=True)
class Open:
    """One of a person's open sessions, as "My account" lists it."""

    id: int
    started_at: datetime
    last_used_at: datetime
    address: str
    device: str
    is_this_one: bool


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def start(session: Session, person_id: int, *, address: str, device: str) -> str:
    """A new session; answers the token, which is kept nowhere. Runs as the system role."""
    token = secrets.token_urlsafe(32)
    moment = now()
    session_id = session.scalar(
        text("""
            insert into crm.sessions (person_id, token_hash, created_at, last_used_at, expires_at, address, device)
            values (:person_id, :hash, :now, :now, :expires_at, :address, :device) returning id
        """),
        {"person_id": person_id, "hash": hash_of(token), "now": moment, "expires_at": moment + LIFETIME, "address": address, "device": device[:200]},
    )
    audit.record(session, "session.started", person_id=person_id, subject=f"session {session_id}", address=address, device=device[:200])
    return token


def find(token: str | None) -> SignedIn | None:
    """Whose session this is, asked now; None when there is none or it has ended. Notes its use at most once a minute."""
    if not token:
        return None
    token_hash, moment = hash_of(token), now()
    row = _look_up(token_hash, moment)
    if row is None:
        return None
    session_id, person_id, last_used_at, stamp, viewing_as_id = row
    if moment - last_used_at >= TOUCH_EVERY:
        _touch(session_id, moment)
    person = person_as_of(person_id, stamp)
    if person is None or viewing_as_id is None:
        return SignedIn(session_id, token_hash, person) if person else None
    seen = _seen(person, viewing_as_id, stamp)
    if seen is None:
        _end_view(session_id)
    return SignedIn(session_id, token_hash, seen, by=person) if seen else SignedIn(session_id, token_hash, person)


def _seen(by: Person, viewing_as_id: int, stamp: int) -> Person | None:
    """Whom `by` looks as, as long as both may; None when one of them was disabled or changed roles meanwhile."""
    other = person_as_of(viewing_as_id, stamp)
    return seen_by(by, other) if other and refusal(by, other) is None else None


def _end_view(session_id: int) -> None:
    from crm.access import viewing  # it asks who is signed in here

    with as_system() as session:
        viewing.end_of(session, session_id)


def _look_up(token_hash: str, moment: datetime) -> tuple[int, int, datetime, int, int | None] | None:
    """As the system role, in one round trip."""
    found = direct.ask(db_engine.runtime_engine(), db_engine.role_names().system, _FIND, {"hash": token_hash, **_moments(moment)})
    return found[0] if found else None  # type: ignore[return-value]


def _touch(session_id: int, moment: datetime) -> None:
    with as_system() as session:
        session.execute(text("update crm.sessions set last_used_at = :now where id = :id and last_used_at < :now"), {"now": moment, "id": session_id})


Whose = tuple[int, int | None]
"""A session's person, and whom they look as, by id."""


def valid_among(hashes: Iterable[str]) -> tuple[dict[str, Whose], int]:
    """Of these token hashes, the valid ones with whose they are; and the access stamp (0 when none is valid). One query."""
    with as_system() as session:
        rows = session.execute(_VALID_AMONG, {"hashes": list(hashes), **_moments(now())}).all()
    return {row.token_hash: (row.person_id, row.viewing_as_id) for row in rows}, rows[0].stamp if rows else 0


def people_as_of_now(wanted: Iterable[Whose]) -> dict[Whose, Person]:
    """Whom the pages of such sessions show now; disabled people are left out."""
    with as_system() as session:
        stamp = session.scalar(text("select version from crm.access_stamps where id = 1")) or 0
    found: dict[Whose, Person] = {}
    for person_id, viewing_as_id in wanted:
        person = person_as_of(person_id, stamp)
        if person:
            found[person_id, viewing_as_id] = (_seen(person, viewing_as_id, stamp) if viewing_as_id else None) or person
    return found


def of_person(person_id: int, *, this_token: str | None = None) -> list[Open]:
    """The person's open sessions, last used first."""
    this_hash = hash_of(this_token) if this_token else ""
    with as_system() as session:
        rows = session.execute(_OF_PERSON, {"person_id": person_id, **_moments(now())}).all()
    return [Open(r.id, r.created_at, r.last_used_at, r.address, r.device, r.token_hash == this_hash) for r in rows]


def end(token: str | None, *, address: str = "") -> None:
    """Sign out: this session is over for every door."""
    if not token:
        return
    with as_system() as session:
        row = session.execute(
            text("update crm.sessions set revoked_at = :now where token_hash = :hash and revoked_at is null returning id, person_id"),
            {"now": now(), "hash": hash_of(token)},
        ).one_or_none()
        if row:
            _close(session, row.person_id, row.id, address=address)


def end_one(person_id: int, session_id: int) -> None:
    """End one of the person's own sessions elsewhere. Somebody else's is `NotFound`."""
    with as_system() as session:
        ended = session.scalar(
            text("update crm.sessions set revoked_at = :now where id = :id and person_id = :person_id and revoked_at is null returning id"),
            {"now": now(), "id": session_id, "person_id": person_id},
        )
        if ended is None:
            raise NotFound("This sign-in has already ended.")
        _close(session, person_id, session_id)


def _close(session: Session, person_id: int, session_id: int, *, address: str = "") -> None:
    """What goes with an ended session: a view that was open in it, and the note of both."""
    from crm.access import viewing

    viewing.end_of(session, session_id, address=address)
    audit.record(session, "session.ended", person_id=person_id, subject=f"session {session_id}", address=address)


def end_all(session: Session, person_id: int, *, but_token: str | None = None) -> int:
    """End all of the person's sessions, or all but one; answers how many. Runs as the system role."""
    ended = session.scalars(
        text("update crm.sessions set revoked_at = :now where person_id = :person_id and revoked_at is null and token_hash <> :keep returning id"),
        {"now": now(), "person_id": person_id, "keep": hash_of(but_token) if but_token else ""},
    ).all()
    for session_id in ended:
        _close(session, person_id, session_id)
    return len(ended)


def _moments(moment: datetime) -> dict[str, datetime]:
    return {"now": moment, "idle_since": moment - IDLE}


_people: WeakKeyDictionary[Engine, OrderedDict[tuple[int, int], Person]] = WeakKeyDictionary()
_people_lock = threading.Lock()


def person_as_of(person_id: int, stamp: int) -> Person | None:
    """The person at this access stamp, loaded once per stamp; None when disabled or gone."""
    with _people_lock:
        kept = _people.setdefault(db_engine.runtime_engine(), OrderedDict())
        found = kept.get((person_id, stamp))
    if found is None:
        try:
            with as_system() as session:
                found = load(session, person_id)
        except NotFound:
            return None
        with _people_lock:
            kept[person_id, found.stamp] = found
            while len(kept) > KEPT_PEOPLE:
                kept.popitem(last=False)
    return found
