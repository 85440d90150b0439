"""Errors as `application/problem+json`: type, title, status, detail, and the facts that help."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails
from starlette.responses import Response

from crm.api.answers import PROBLEM, answer
from crm.api.names import field_of
from crm.errors import CrmError, Invalid

DOCS = "/api/docs"


class Malformed(CrmError):
    """The request cannot be read at all."""

    status = 400
    title = "The request cannot be read"


class MethodNotAllowed(CrmError):
    status = 405
    title = "This method is not offered here"


class NotAcceptable(CrmError):
    status = 415
    title = "This kind of content is not taken"


class TooLarge(CrmError):
    status = 413
    title = "The request is too large"


class Unavailable(CrmError):
    status = 503
    title = "Not available right now"


class Failed(CrmError):
    status = 500
    title = "Something went wrong here"


def type_of(error: type[CrmError]) -> str:
    """Where the docs page explains this kind of problem."""
    return f"{DOCS}#{re.sub(r'(?<!^)(?=[A-Z])', '-', error.__name__).lower()}"


def problem(error: CrmError, **facts: Any) -> Response:
    """The answer for `error`; `facts` go in beside its own."""
    body = {"type": type_of(type(error)), "title": error.title, "status": error.status, "detail": error.detail, **_plain_facts(error.facts), **facts}
    return answer(body, status=error.status, headers=_headers(error), media_type=PROBLEM)


_INSIDE = ("conflicts", "record_id", "record_type")


def _plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A record's own field names in API form; what is no JSON stays inside."""
    plain = {name: value for name, value in facts.items() if isinstance(value, (str, int, float, bool, list, dict)) and name not in _INSIDE}
    if "field" in plain:
        plain["field"] = field_of(str(plain["field"]))
    if "missing" in plain:
        plain["missing"] = [field_of(str(name)) for name in facts["missing"]]
    return plain


def _headers(error: CrmError) -> dict[str, str]:
    headers = {}
    if "retry_after_seconds" in error.facts:
        headers["Retry-After"] = str(max(1, round(error.facts["retry_after_seconds"])))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Throughline"'
    if allowed := error.facts.get("allowed"):
        headers["Allow"] = ", ".join(allowed)
    return headers


def not_valid(errors: Sequence[ErrorDetails]) -> Invalid:
    """What pydantic found, in sentences: the first one leads, all are listed."""
    found = [{"field": ".".join(str(part) for part in error["loc"])[:200] or "body", "detail": _sentence(error)} for error in errors[:20]]
    first = found[0]
    return Invalid(f"{first['field']}: {first['detail']}", field=first["field"], errors=found)


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "This is required."
    if error["type"] == "extra_forbidden":
        return "There is no such field."
    return error["msg"].removeprefix("Value error, ").rstrip(".") + "."
