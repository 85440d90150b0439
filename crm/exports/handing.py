"""Handing a file out: to whoever asked for it, once, while they hold just the roles that it was made with. Noted in the audit as it leaves."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import IO, Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from crm.access import Person, acting_as, as_system, audit, downloads
from crm.clock import now
from crm.errors import Busy, Gone, NotFound
from crm.exports.kinds import kind_named
from crm.exports.making import IN_MEMORY_BYTES
from crm.exports.reads import export
from crm.exports.standing import standing_of

KIND = "export"

_FIND = text("""
    select id, kind, wanted, name, state, problem, rows, size_bytes, standing, facts, expires_at <= :now as is_old
    from crm.exports where id = :id and person_id = :person for update
""")
_PIECE = text("select content from crm.export_parts where export_id = :id and number = :number")
_DROP = text("delete from crm.export_parts where export_id = :id")
_FETCHED = text("update crm.exports set state = 'fetched', fetched_at = :now, wanted = '{}' where id = :id")
_LOST = text("update crm.exports set state = 'failed', problem = :problem, wanted = '{}' where id = :id")


class FileGone(Gone):
    """The file was fetched already, was never made, or is too old. Ask for it again."""

    title = "The file is gone"


@dataclass(frozen=True, slots=True)
class File:
    """Open at its beginning; whoever sends it closes it."""

    name: str
    media_type: str
    size_bytes: int
    content: IO[bytes]


def address_of(person: Person, export_id: int) -> str:
    """A one-time address for a file of one's own, good for two minutes. Raises `NotFound`, `Refused`."""
    with acting_as(person) as session:
        export(session, export_id)
    return f"/download/{downloads.issue(person, KIND, {'export_id': export_id})}"


def fetch(token: str, person: Person) -> File:
    """The file behind a one-time address. Raises as `hand_out` does, and `NotFound` for an address that is used, old or somebody else's."""
    wanted = downloads.redeem(token, person)
    if wanted.kind != KIND:
        raise NotFound("This release cannot make that file.")
    return hand_out(person, wanted.filters["export_id"], door="page")


def hand_out(person: Person, export_id: int, *, door: str) -> File:
    """The file, this once. Raises `NotFound`, `Busy` (not made yet), `FileGone`, `Refused` (a grant is gone)."""
    person.refuse_if_viewed()
    with as_system() as session:
        found = session.execute(_FIND, {"id": export_id, "person": person.id, "now": now()}).one_or_none()
        if found is None:
            raise NotFound("There is no such export of yours.")
        _look_at(found)
        kind = kind_named(found.kind)
        kind.check(person, found.wanted)
        lost = None if found.standing == standing_of(person) else FileGone("What you may see has changed since this file was made. Ask for it again.")
        if lost is None:
            content = _take(session, found)
            _note(session, person, found, door)
        else:
            session.execute(_DROP, {"id": found.id})
            session.execute(_LOST, {"id": found.id, "problem": lost.detail})
    if lost is not None:
        raise lost
    return File(found.name, kind.media_type, found.size_bytes, content)


def _look_at(found: Row[Any]) -> None:
    if found.state == "failed":
        raise FileGone(f"The file could not be made. {found.problem}")
    if found.state == "fetched":
        raise FileGone("This file was fetched already: each leaves once. Ask for it again.")
    if found.is_old:
        raise FileGone("Nobody fetched this file in time. Ask for it again.")
    if found.state != "ready":
        raise Busy("The file is still being made. Try again in a moment.", retry_after_seconds=1)


def _take(session: Session, found: Row[Any]) -> IO[bytes]:
    """The pieces in their order; they are nowhere else any more."""
    content = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed when it was sent
    try:
        number = 0
        while (piece := session.scalar(_PIECE, {"id": found.id, "number": number})) is not None:
            content.write(piece)
            number += 1
        session.execute(_DROP, {"id": found.id})
        session.execute(_FETCHED, {"id": found.id, "now": now()})
        content.seek(0)
    except BaseException:
        content.close()
        raise
    return content


def _note(session: Session, person: Person, found: Row[Any], door: str) -> None:
    facts = dict(found.facts)
    audit.record(session, "exported", person_id=person.id, subject=facts.pop("subject", found.name), rows=found.rows, door=door, **facts)
