"""Files that leave the app: a one-time address for the person who asked, valid two minutes. What it shall hold is kept, never the data.

Whoever asks for one has checked the grant; whoever makes the file checks it again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from crm.access.acting import as_system
from crm.access.person import Person
from crm.access.sessions import hash_of
from crm.clock import now
from crm.errors import NotFound

LASTS = timedelta(minutes=2)
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_ADD = text("""
    insert into crm.downloads (person_id, kind, wanted, token_hash, expires_at, created_at)
    values (:person_id, :kind, cast(:wanted as jsonb), :hash, :expires_at, :now)
""")
_USE = text("""
    update crm.downloads set used_at = :now
    where token_hash = :hash and person_id = :person_id and used_at is null and expires_at > :now
    returning kind, wanted
""")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file shall hold: the kind of file, and the filters it is made by."""

    kind: str
    filters: Mapping[str, Any]


def issue(person: Person, kind: str, filters: Mapping[str, Any]) -> str:
    """A token for the address; answered once. Nothing leaves in the name of somebody whom another looks as: raises `Refused`."""
    person.refuse_if_viewed()
    token, moment = secrets.token_urlsafe(32), now()
    values = {"person_id": person.id, "kind": kind, "wanted": json.dumps(dict(filters)), "hash": hash_of(token), "expires_at": moment + LASTS, "now": moment}
    with as_system() as session:
        session.execute(_ADD, values)
    return token


def redeem(token: str, person: Person) -> Wanted:
    """What to make, this once. Somebody else's, a used and an old one are all `NotFound`; somebody else's stays unused."""
    person.refuse_if_viewed()
    with as_system() as session:
        row = session.execute(_USE, {"hash": hash_of(token), "person_id": person.id, "now": now()}).one_or_none()
    if row is None:
        raise NotFound("This download has been fetched or is too old. Ask for it again on its page.")
    return Wanted(row.kind, row.wanted)


def defused(cell: str) -> str:
    """The text as a spreadsheet shows it and never runs it, for files that have no types."""
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell
