"""Asking for a file: kept with its question, made by a job."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.clock import now
from crm.db import queue
from crm.errors import Invalid, TooMany
from crm.exports.kinds import Wanted, kind_named
from crm.exports.reads import DOOR
from crm.exports.standing import standing_of

TASK = "make_export"
LASTS = timedelta(hours=1)
"""A file that nobody fetched by then is gone."""
MOST_AT_ONCE = 20
LARGEST_QUESTION = 512 * 1024
URGENT = 10
"""Somebody waits for it: it goes before what runs by itself."""

_ADD = text("""
    insert into crm.exports (person_id, kind, wanted, name, standing, expires_at)
    values (:person, :kind, cast(:wanted as jsonb), :name, :standing, :expires_at) returning id
""")
_OPEN = text("select count(*) from crm.exports where person_id = :person and state in ('waiting', 'making', 'ready') and expires_at > :now")


def ask(session: Session, kind: str, wanted: Wanted, *, door: str = "") -> int:
    """Ask for a file in the name of whom the session acts as; answers its id. Raises `Refused`, `NotFound`, `Invalid` or `TooMany`.

    `door`: through which it is fetched, where that is the one to go on waiting for it.
    """
    person, found = person_of(session), kind_named(kind)
    person.refuse_if_viewed()
    found.check(person, wanted)
    if found.look_over:
        found.look_over(session, wanted)
    said = json.dumps({**wanted, **({DOOR: door} if door else {})})
    if len(said) > LARGEST_QUESTION:
        raise Invalid("That is too much for one file. Narrow it and ask again.")
    moment = now()
    if (session.scalar(_OPEN, {"person": person.id, "now": moment}) or 0) >= MOST_AT_ONCE:
        raise TooMany(f"{MOST_AT_ONCE} of your files wait already. Fetch them first; those that nobody fetches go within the hour.", retry_after_seconds=60)
    values: dict[str, Any] = {
        "person": person.id, "kind": kind, "wanted": said, "name": found.name(wanted), "standing": standing_of(person), "expires_at": moment + LASTS,
    }  # fmt: skip
    with writing(session, "account", "export"):
        export_id: int = session.execute(_ADD, values).scalar_one()
    queue.ask(session, TASK, priority=URGENT, export_id=export_id)
    return export_id
