"""How long the database may work at one question, so that a question too large ends in words instead of holding everybody up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.db import direct
from crm.errors import TookTooLong

_LIMIT = "select set_config('statement_timeout', :limit, true)"


@contextmanager
def at_most(session: Session, limit: timedelta, words: str) -> Iterator[None]:
    """A statement that takes longer than `limit`, here or later in the transaction, is stopped.

    Raises `TookTooLong` with `words` for one that is stopped inside; the transaction can go on then.
    """
    try:
        with direct.savepoint(session):
            direct.later(session, _LIMIT, {"limit": f"{limit / timedelta(milliseconds=1):.0f}ms"})
            yield
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.QueryCanceled):
            raise TookTooLong(words) from error
        raise
