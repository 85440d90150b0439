"""The job that makes a file: as the person who asked, with the roles that they hold as it runs.

It may run twice: the file is kept by whichever run ends first, and the other one leaves nothing.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from typing import IO, Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from crm.access import Person, as_system, load
from crm.clock import now
from crm.errors import CrmError
from crm.exports.asking import LASTS
from crm.exports.kinds import Kind, Wanted, Written, kind_named
from crm.exports.standing import standing_of

IN_MEMORY_BYTES = 4 * 1024 * 1024
PART_BYTES = 1024 * 1024
LARGEST_BYTES = 64 * 1024 * 1024
TOLD_EVERY = timedelta(seconds=1)
MISTAKE = "This is a mistake of the server, and it was written to its log. Tell whoever looks after it."

_TAKE = text("""
    update crm.exports set state = 'making', rows = 0, started_at = :now where id = :id and state in ('waiting', 'making') and expires_at > :now
    returning person_id, kind, wanted
""")
_PROGRESS = text("update crm.exports set rows = :rows where id = :id and state = 'making'")
_FAIL = text("update crm.exports set state = 'failed', problem = :problem, wanted = '{}' where id = :id and state = 'making'")
_READY = text("""
    update crm.exports
    set state = 'ready', rows = :rows, size_bytes = :size, standing = :standing, facts = cast(:facts as jsonb), made_at = :now, expires_at = :expires_at
    where id = :id and state = 'making'
    returning id
""")
_PART = text("insert into crm.export_parts (export_id, number, content) values (:id, :number, :content)")


def make(export_id: int) -> str:
    """Make the file; answers what became of it: ready, failed or left. What a person can mend becomes words; a mistake of ours is raised too."""
    with as_system() as session:
        asked = session.execute(_TAKE, {"id": export_id, "now": now()}).one_or_none()
    if asked is None:
        return "left"
    try:
        return _make(export_id, asked)
    except CrmError as error:
        _fail(export_id, error.detail)
        return "failed"
    except Exception:
        _fail(export_id, MISTAKE)
        raise


def _fail(export_id: int, problem: str) -> None:
    with as_system() as session:
        session.execute(_FAIL, {"id": export_id, "problem": problem})


def _make(export_id: int, asked: Row[Any]) -> str:
    with as_system() as session:
        person = load(session, asked.person_id)
    kind, standing = kind_named(asked.kind), standing_of(person)
    kind.check(person, asked.wanted)
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        rows, facts = _write(kind, person, asked.wanted, file, _teller(export_id))
        size = file.tell()
        if size > LARGEST_BYTES:
            raise CrmError(
                f"The file would have {size // 1024 // 1024} MB; up to {LARGEST_BYTES // 1024 // 1024} MB can leave at once. Narrow it and ask again."
            )
        file.seek(0)
        values = {"id": export_id, "rows": rows, "size": size, "standing": standing, "facts": json.dumps(facts, default=str), "now": now()}
        with as_system() as session:
            return _keep(session, values, file)


def _write(kind: Kind, person: Person, wanted: Wanted, file: IO[bytes], told: Callable[[int], None]) -> Written:
    if not kind.is_text:
        return kind.write(person, wanted, file, told)
    written = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        return kind.write(person, wanted, written, told)
    finally:
        written.flush()
        written.detach()


def _keep(session: Session, values: dict[str, Any], file: IO[bytes]) -> str:
    if session.execute(_READY, {**values, "expires_at": values["now"] + LASTS}).one_or_none() is None:
        return "left"
    number = 0
    while content := file.read(PART_BYTES):
        session.execute(_PART, {"id": values["id"], "number": number, "content": content})
        number += 1
    return "ready"


def _teller(export_id: int) -> Callable[[int], None]:
    """Says how far it has come, now and then."""
    last = time.monotonic()

    def told(rows: int) -> None:
        nonlocal last
        if time.monotonic() - last < TOLD_EVERY.total_seconds():
            return
        last = time.monotonic()
        with as_system() as session:
            session.execute(_PROGRESS, {"id": export_id, "rows": rows})

    return told
