"""How a request becomes one use case: read it, ask the key who acts, check the shape, call, answer or say what is wrong.

FastAPI reads the endpoints' signatures for OpenAPI; what happens at run time is here, in one hop to a worker thread,
because its own way costs several. The order is fixed: no valid key, nothing else is looked at.

An endpoint is a plain function `(call, <path parts>, query=..., body=...) -> Response`, where `query` and `body` are
pydantic models.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import orjson
import psycopg
from fastapi import Security
from fastapi.params import Body, Query
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ValidationError
from sqlalchemy import exc
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crm.access import Person, idempotency, keys
from crm.api import throttle
from crm.api.calls import Call, again, as_kept
from crm.api.problems import Failed, Malformed, NotAcceptable, TooLarge, Unavailable, not_valid, problem
from crm.errors import CrmError, Invalid, NotFound, NotSignedIn, Refused
from crm.logs import log

LARGEST_BODY = 5 * 1024 * 1024
LARGEST_ID = 2**63 - 1
WORKERS = 4
"""Requests that are worked on at once in one process; the others wait in line. Python runs one at a time anyway, and twice
as many did a little less: they wait for one another and spread the work over more connections, each with its own plans."""

_bearer = HTTPBearer(auto_error=False, description="An API key, made under My account or by `python -m crm key create`.")
Caller = Annotated[Call, Security(_bearer)]
_workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="api")
_DIGITS = re.compile(r"^[0-9]{1,19}$", re.ASCII)
_JSON = re.compile(r"^application/([a-z.-]+\+)?json\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signature:
    """What an endpoint takes."""

    path: Mapping[str, type]
    query: tuple[str, type[BaseModel], frozenset[str]] | None
    body: tuple[str, type[BaseModel]] | None

    @staticmethod
    def of(endpoint: Callable[..., Response], path_names: Sequence[str]) -> Signature:
        path: dict[str, type] = {}
        query: tuple[str, type[BaseModel], frozenset[str]] | None = None
        body: tuple[str, type[BaseModel]] | None = None
        for name, hint in get_type_hints(endpoint, include_extras=True).items():
            kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            if name in path_names:
                path[name] = kind
            elif any(isinstance(note, Query) for note in notes):
                lists = frozenset(field for field, info in kind.model_fields.items() if get_origin(info.annotation) is list)
                query = (name, kind, lists | getattr(kind, "list_prefixes", frozenset()))
            elif any(isinstance(note, Body) for note in notes):
                body = (name, kind)
        return Signature(path, query, body)


class Door(APIRoute):
    """The route class of every endpoint."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        handle = self.get_route_handler()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handle(Request(scope, receive))
            await response(scope, receive, send)

        self.app = app

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        signature = Signature.of(self.endpoint, list(self.param_convertors))
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            try:
                body = b"" if request.method in ("GET", "DELETE") else await _read(request)
                return await asyncio.get_running_loop().run_in_executor(_workers, _answer, endpoint, signature, request, body)
            except CrmError as error:
                return problem(error)
            except ClientDisconnect:
                return problem(Malformed("The request ended before all of it had arrived."))

        return handle


async def _read(request: Request) -> bytes:
    too_large = TooLarge(f"A request takes up to {LARGEST_BODY // 1024 // 1024} MB. Send it in parts.")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > LARGEST_BODY:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _answer(endpoint: Callable[..., Response], signature: Signature, request: Request, body: bytes) -> Response:
    """In a worker thread: from the key to the answer. Never raises."""
    try:
        person = _who(request)
        call = Call(person, request.headers)
        if request.method != "GET" and person.is_read_only:
            raise Refused("This key may only read. Make one that may write under My account.", grant="a key that may write")
        values = _values(signature, request, body)
        given_key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if given_key is None:
            return endpoint(call, **values)
        return _once(call, given_key, _fingerprint(request, body), lambda: endpoint(call, **values))
    except CrmError as error:
        return problem(error)
    except Exception as error:
        return problem(_in_words(error, request))


def _in_words(error: Exception, request: Request) -> CrmError:
    """Whatever else went wrong, without its internals; those go to the log."""
    if isinstance(error, exc.TimeoutError):
        return Unavailable("All connections to the database are in use. Nothing was changed; try again in a moment.", retry_after_seconds=1)
    if isinstance(error, (exc.OperationalError, exc.InterfaceError, psycopg.OperationalError)):
        log.warning("api.database_away", method=request.method, route=_route(request), error=type(error).__name__, exc_info=error)
        return Unavailable("The database is away or too busy. Nothing was changed; try again in a moment.", retry_after_seconds=2)
    if isinstance(error, exc.DataError):
        log.warning("api.value_refused", method=request.method, route=_route(request), exc_info=error)
        return Invalid("A value does not fit its field. Nothing was changed.")
    log.error("api.failed", method=request.method, route=_route(request), exc_info=error)
    return Failed("This is a mistake of the server, and it was written to its log. Nothing was changed; tell whoever looks after it.")


def _route(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "")


def _who(request: Request) -> Person:
    """The key's person; a cookie is never looked at, so no page elsewhere can ask in somebody's name."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if kind.lower() != "bearer" or not key:
        raise NotSignedIn("Send an API key: Authorization: Bearer <key>. Make one under My account.")
    try:
        person = keys.holder(key)
    except NotSignedIn:
        throttle.wrong_keys.take(request.client.host if request.client else "")
        raise
    throttle.requests.take(key)
    return person


def _once(call: Call, given_key: str, fingerprint: str, run: Callable[[], Response]) -> Response:
    """Run under an Idempotency-Key, or give the first answer again. What failed on our side is forgotten, to be tried again."""
    claimed = idempotency.claim(call.person.id, given_key, fingerprint)
    if isinstance(claimed, idempotency.Kept):
        return again(claimed)
    call.claim = claimed
    try:
        response = run()
    except CrmError as error:
        response = problem(error)
    except BaseException:
        idempotency.release(claimed)
        raise
    if response.status_code >= 500 or response.status_code in (409, 429):
        idempotency.release(claimed)
    elif call.claim is not None:
        idempotency.keep_alone(call.claim, as_kept(response))
    return response


def _fingerprint(request: Request, body: bytes) -> str:
    return hashlib.sha256(b"\n".join([request.method.encode(), request.url.path.encode(), request.url.query.encode(), body])).hexdigest()


def _values(signature: Signature, request: Request, body: bytes) -> dict[str, Any]:
    """The endpoint's arguments. Raises `NotFound` for a path that names nothing, `Invalid` or `Malformed` otherwise."""
    values: dict[str, Any] = {}
    for name, kind in signature.path.items():
        values[name] = _path_part(request.path_params[name], kind)
    if signature.query:
        name, model, lists = signature.query
        values[name] = _checked(model, _query(request, lists))
    elif request.url.query:
        raise Invalid(f"{next(iter(request.query_params), '')[:100]}: There is no such parameter here.", field=next(iter(request.query_params), "")[:100])
    if signature.body:
        name, body_model = signature.body
        values[name] = _checked(body_model, _json(request, body))
    elif body and body.strip() != b"{}":
        raise Invalid("This route takes no body.", field="body")
    return values


def _path_part(given: str, kind: type) -> Any:
    if kind is not int:
        return given
    if not _DIGITS.match(given) or not 1 <= int(given) <= LARGEST_ID:
        raise NotFound("There is nothing with such an id.")
    return int(given)


def _query(request: Request, lists: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if "\x00" in value or "\x00" in name:
            raise Invalid("Text cannot hold a NUL character.", field=name.replace("\x00", ""))
        if name in lists or f"{name.partition('.')[0]}." in lists:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise Invalid(f"{name}: Give this once.", field=name)
        else:
            found[name] = value
    return found


def _json(request: Request, body: bytes) -> Any:
    kind = request.headers.get("content-type")
    if kind and not _JSON.match(kind):
        raise NotAcceptable("Send JSON, with Content-Type: application/json.")
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    if b"\\u0000" in body and _holds_nul(given):
        raise Invalid("Text cannot hold a NUL character.", field="body")
    return given


def _holds_nul(given: Any) -> bool:
    waiting = [given]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and "\x00" in part:
            return True
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
    return False


def _checked(model: type[BaseModel], given: Any) -> BaseModel:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise not_valid(error.errors(include_url=False, include_context=False, include_input=False)) from None
