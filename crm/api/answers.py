"""JSON out: plain dicts through orjson, times in UTC with a Z, money as text with two decimals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from starlette.responses import Response

JSON = "application/json"
PROBLEM = "application/problem+json"
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def encode(body: Any) -> bytes:
    return orjson.dumps(body, default=_plain, option=_OPTIONS)


def _plain(value: Any) -> Any:
    """What orjson does not know: decimals (as text, so that nothing is rounded) and row mappings."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(type(value).__name__)


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = JSON) -> Response:
    return Response(encode(body), status_code=status, headers=None if headers is None else dict(headers), media_type=media_type)


def listing(data: Sequence[Any], next_cursor: str | None) -> Response:
    """The one form of every list."""
    return answer({"data": data, "next_cursor": next_cursor})


def money(amount: Decimal | None, currency: str = "USD") -> dict[str, str] | None:
    if amount is None:
        return None
    written = str(amount)  # formatting a decimal takes ten times as long, and amounts come with two places
    return {"amount": written if written[-3:-2] == "." else f"{amount:.2f}", "currency": currency}


def named(record_id: int | None, name: str | None, **more: Any) -> dict[str, Any] | None:
    """A reference; the name is null where the reader may not see what it points to."""
    return None if record_id is None else {"id": record_id, "name": name, **more}
