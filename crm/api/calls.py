"""One request on its way through the door: who asks, which version they saw, and the answer they got before."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.responses import Response

from crm.access import Person, acting_as, idempotency
from crm.api.problems import Malformed
from crm.errors import PreconditionMissing

SOURCE = "api"
"""What change sets and history say about where a change came from."""

_VERSION = re.compile(r'^"([1-9][0-9]{0,8})"$')
_KEPT_HEADERS = ("etag", "location", "x-change-set")


@dataclass(slots=True)
class Call:
    """A request whose key was valid."""

    person: Person
    headers: Headers
    claim: idempotency.Claim | None = field(default=None)

    def acting(self, *, resource: str = "lead", action: str = "view") -> AbstractContextManager[Session]:
        """One transaction as the key's person."""
        return acting_as(self.person, resource=resource, action=action)

    def seen_version(self) -> int:
        """The version in If-Match. Raises `PreconditionMissing` (428) or `Malformed` (400)."""
        given = self.headers.get("if-match")
        if given is None:
            raise PreconditionMissing('Say which version you saw: If-Match: "3", as in the ETag or the version of the last answer.')
        found = _VERSION.match(given.strip())
        if not found:
            raise Malformed('If-Match takes one version in quotes, such as "3".', field="If-Match")
        return int(found[1])

    def first(self, session: Session, response: Response) -> Response:
        """`response`, kept in the same transaction when the request carries an Idempotency-Key."""
        if self.claim is not None:
            idempotency.keep(session, self.claim, as_kept(response))
            self.claim = None
        return response


def as_kept(response: Response) -> idempotency.Kept:
    headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
    return idempotency.Kept(response.status_code, {"body": bytes(response.body).decode(), "headers": headers, "media_type": response.media_type})


def again(kept: idempotency.Kept) -> Response:
    """The first answer once more; it says so."""
    parts: dict[str, Any] = kept.answer
    headers = {**parts["headers"], "Idempotency-Replayed": "true"}
    return Response(parts["body"], status_code=kept.status, headers=headers, media_type=parts["media_type"])
