"""What the database refused, as a person would say it."""

from __future__ import annotations

import psycopg.errors
from sqlalchemy.exc import DBAPIError

from crm.access import missing_grant
from crm.errors import Busy, CrmError, Invalid, Refused

_TAKEN = {
    "Lead": "This external id is already taken. Choose another, or ask an admin to merge the two.",
    "Person": "This name or mail address is already taken by somebody else. Choose another one.",
}
_CROWDED = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, psycopg.errors.LockNotAvailable)


def in_words(error: DBAPIError, resource: str, action: str, label: str) -> CrmError | None:
    """The error to show; None for what no person could act upon (a lost connection, a mistake of ours).

    `resource`, `action`: the grant that was written with; `label`: what such a record is called.

    `Busy` means that the same write may succeed when it is tried again.
    """
    cause = error.orig
    code = getattr(cause, "sqlstate", None)
    if code == "42501":
        return missing_grant(resource, action, here=True)
    if code == "TL002":
        return Invalid("A lead cannot change before its last recorded change. Give a later date.", field="effective_at")
    if code == "TL003":
        return Refused(
            "This would leave nobody who looks after people and roles: it concerns the last admin. Make somebody else an admin first.",
            grant="person: configure",
        )
    if code == "TL004":
        grant = getattr(getattr(cause, "diag", None), "message_primary", None) or "role: configure"
        return Refused(f"Nobody can grant what they do not hold themselves: here “{grant}”, as far. Ask somebody who holds it.", grant=grant)
    if code == "TL005":
        return Invalid("That stage was removed a moment ago. Reload and choose another one.", field="stage_id")
    if isinstance(cause, _CROWDED):
        return Busy("Somebody else is saving the same records right now. Nothing was written; try again.")
    if isinstance(cause, psycopg.errors.UniqueViolation):
        # A unique violation can reveal a hidden record, so it names the value's field only.
        return Invalid(_TAKEN.get(label, f"Another {label.lower()} is called so already. Choose another name."))
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return Invalid("Something this refers to does not exist any more. Reload and choose again.")
    if isinstance(cause, (psycopg.errors.CheckViolation, psycopg.errors.NotNullViolation, psycopg.DataError)):
        return Invalid("A value does not fit its field. Nothing was written.")
    return None
