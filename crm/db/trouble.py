"""What is wrong with the database, in one sentence that says what to do."""

from __future__ import annotations

import re

import psycopg
from sqlalchemy.exc import DBAPIError

_MIGRATE = "Run python -m crm migrate, then try again."
_OLD_SCHEMA = f"The database does not have this release's tables and roles yet. {_MIGRATE}"
_BY_CODE = {
    "42P01": _OLD_SCHEMA,  # no such table
    "42703": _OLD_SCHEMA,  # no such column
    "42883": _OLD_SCHEMA,  # no such function
    "3F000": _OLD_SCHEMA,  # no such schema
    "22023": _OLD_SCHEMA,  # no such role to take on
    "53100": "The database's disk is full, so nothing was written. Make room, then try again.",
    "53300": "The database has no free connection. Try again in a moment.",
    "55P03": "Somebody is using the tables that had to be changed, so nothing was changed. Try again when fewer people work.",
    "57P01": "The database was stopped meanwhile. What was not reported as done was not written; try again when it runs.",
}
_BY_WORDS = (
    (r'user "crm_\w+_login"|role "crm_\w+" does not exist|permission denied for (database|schema)', _OLD_SCHEMA),
    (r"authentication failed|no password supplied|no pg_hba.conf entry", "The database refuses the user that DATABASE_URL names: correct name and password."),
    (r'role ".*" does not exist', "The database does not know the user that DATABASE_URL names: correct it, or create that user."),
    (r'database ".*" does not exist', f"The server has no database of that name: create it, or correct DATABASE_URL. {_MIGRATE}"),
    (r"permission denied to create role", "The user that DATABASE_URL names may not make roles: give it CREATEROLE, then try again."),
)  # fmt: skip
_AWAY = "The database cannot be reached{why}. Check that it runs and that DATABASE_URL names it, then try again."
_LOST = "The connection to the database was lost. What was not reported as done was not written; try again."


def in_words(error: DBAPIError | psycopg.Error) -> str | None:
    """The sentence for whoever runs a command; None for a mistake of ours, which deserves its traceback."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    said = str(cause)
    for pattern, words in _BY_WORDS:
        if re.search(pattern, said):
            return words
    if cause.sqlstate in _BY_CODE:
        return _BY_CODE[cause.sqlstate]
    if not isinstance(cause, psycopg.OperationalError) or cause.sqlstate:
        return None
    if "connection failed" not in said and "connection is bad" not in said and "resolve" not in said:
        return _LOST
    why = re.findall(r"failed: ([^:\n]+)$", said, re.MULTILINE)
    return _AWAY.format(why=f" ({why[-1].strip().lower()})" if why else "")
