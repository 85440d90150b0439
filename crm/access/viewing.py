"""Looking at the app as somebody else: begun and ended on the session's own row, and noted in the audit with both people.

It ends with the session, when the one looked at is disabled, and when the looker's grant goes; `sessions.find` sees to that.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import audit, sessions
from crm.access.acting import as_system
from crm.access.person import Person, load
from crm.access.viewing_rules import refusal
from crm.errors import NotSignedIn

STARTED, ENDED = "view_as.started", "view_as.ended"
_BEGIN = text("update crm.sessions set viewing_as_id = :other where id = :id and viewing_as_id is null returning id")
_END = text("""
    update crm.sessions as s set viewing_as_id = null
    from (select id, viewing_as_id from crm.sessions where id = :id and viewing_as_id is not null for update) as was
    where s.id = was.id
    returning s.person_id, was.viewing_as_id
""")


def start(token: str | None, person_id: int, *, address: str = "") -> Person:
    """From now on this session shows what `person_id` sees; answers that person. Raises `Refused`, `Invalid`, `NotFound`."""
    found = sessions.find(token)
    if found is None:
        raise NotSignedIn("Sign in first.")
    with as_system() as session:
        other = load(session, person_id)
        if error := refusal(found.person, other):
            raise error
        if session.scalar(_BEGIN, {"other": other.id, "id": found.session_id}):
            _note(session, STARTED, found.session_id, found.person.id, other.id, address)
    return other


def stop(token: str | None, *, address: str = "") -> bool:
    """Back to oneself; whether there was somewhere to come back from."""
    found = sessions.find(token)
    if found is None or found.by is None:
        return False
    with as_system() as session:
        return end_of(session, found.session_id, address=address)


def end_of(session: Session, session_id: int, *, address: str = "") -> bool:
    """End this session's view, whoever has ended what it hangs on. Runs as the system role."""
    row = session.execute(_END, {"id": session_id}).one_or_none()
    if row is not None:
        _note(session, ENDED, session_id, row.person_id, row.viewing_as_id, address)
    return row is not None


def _note(session: Session, kind: str, session_id: int, by_id: int, other_id: int, address: str) -> None:
    audit.record(session, kind, person_id=by_id, subject=f"person {other_id}", address=address, sign_in=session_id)
