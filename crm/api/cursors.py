"""Opaque cursors: where a list goes on, bound to the list they came from. A changed one is refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import Any

import orjson

from crm import settings
from crm.api.answers import encode
from crm.errors import Invalid

_SIGNATURE_BYTES = 12


@lru_cache(maxsize=1)
def _secret() -> bytes:
    return settings.current().derive("api-cursors").encode()


def _signature(payload: bytes, belongs_to: Any) -> bytes:
    return hmac.new(_secret(), payload + b"\n" + encode(belongs_to), hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def write(position: Any, belongs_to: Any) -> str:
    """`position` (JSON) as a cursor that only the same list (`belongs_to`: route, sort, filters) takes."""
    payload = encode(position)
    return base64.urlsafe_b64encode(_signature(payload, belongs_to) + payload).decode().rstrip("=")


def read(cursor: str | None, belongs_to: Any) -> Any:
    """The position, None at the beginning. Raises `Invalid` for a cursor that was changed or is of another list."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not payload or not hmac.compare_digest(signature, _signature(payload, belongs_to)):
        raise Invalid("This cursor is not of this list. Take the next_cursor of the last page, with the same sort and filters.", field="cursor")
    return orjson.loads(payload)
