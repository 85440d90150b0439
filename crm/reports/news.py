"""Whether anything that reports read has changed: for pages that stand open, so that they read anew only then."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm import clock
from crm.access import person_of

AGES = timedelta(minutes=5)
"""What looks at the clock (days in a stage, the age of orders) is read anew so often, whether anything changed or not."""


def stamp(session: Session) -> str:
    """Another one whenever a record was changed, orders were read, or the person's own grants moved. One short query; it tells nothing of what changed."""
    person = person_of(session)
    turn = int(clock.now().timestamp() // AGES.total_seconds())
    return f"{person.id} {person.stamp} {person.viewed_by_id or ''} {turn} {session.scalar(text('select crm.data_stamp()'))}"
