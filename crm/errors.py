"""One tree of errors. Each carries the HTTP status and the words a person needs.

`str(error)` is always fit to show: what happened, what was kept, what to do next.
"""

from __future__ import annotations

from typing import Any


class CrmError(Exception):
    """Something a person can read and act upon. `status` is the HTTP status of the same thing."""

    status = 400
    title = "That did not work"

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Invalid(CrmError):
    """A value cannot be taken. `field` names it where one field is to blame."""

    status = 422
    title = "A value cannot be used"

    def __init__(self, detail: str, *, field: str | None = None, **facts: Any) -> None:
        super().__init__(detail, **({"field": field} if field else {}), **facts)
        self.field = field


class NotFound(CrmError):
    """Hidden or missing: the two are never told apart."""

    status = 404
    title = "Not found"


class Gone(CrmError):
    """The record was merged into another one; `facts["merged_into"]` is its id."""

    status = 410
    title = "Merged into another record"


class Refused(CrmError):
    """Visible, but not permitted. `facts["grant"]` names the missing grant."""

    status = 403
    title = "Not permitted"


class NotSignedIn(CrmError):
    """No valid session or key."""

    status = 401
    title = "Not signed in"


class TooMany(CrmError):
    """Throttled. `facts["retry_after_seconds"]` says when to try again."""

    status = 429
    title = "Too many tries"


class Stale(CrmError):
    """The record moved on. `facts["conflicts"]` lists field, seen, theirs, mine; nothing was written."""

    status = 412
    title = "Somebody else changed this first"


class PreconditionMissing(CrmError):
    status = 428
    title = "If-Match is required"


class Busy(CrmError):
    """The same request is still running, or the thing is locked by a longer job."""

    status = 409
    title = "Still running"


class TookTooLong(CrmError):
    """The database was stopped at a question that takes it too long; nothing was changed."""

    status = 503
    title = "Took too long"


class BadSetting(CrmError):
    """An environment variable is malformed; the detail is one line that names it."""

    title = "A setting is malformed"
