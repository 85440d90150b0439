"""A Metabase that answers badly, each time as scripted. For tests of the connector and of everything that reads through it."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.connectors.serving import serving

KEY = "mb_test_key_0123456789"
QUESTIONS = {"customers": 1, "orders": 2, "rates": 3}
Row = Mapping[str, Any]
Answer = Callable[["Door"], None]


def customer(number: int, **other: Any) -> Row:
    return {
        "id": number, "name": f"Buyer {number}", "market": "AE", "segment": "B2B", "email": f"buyer{number}@example.com", "phone": None,
        "updated_at": "2026-03-01T08:00:00Z", **other,
    }  # fmt: skip


def order(number: int, **other: Any) -> Row:
    return {
        "id": number, "customer_id": 1, "ordered_at": "2026-03-02T09:30:00Z", "amount": 1250.5, "currency": "AED", "status": "delivered",
        "updated_at": "2026-03-03T10:00:00Z", **other,
    }  # fmt: skip


def rate(currency: str = "AED", day: str = "2026-01-05", usd_per_unit: Any = 0.272294) -> Row:
    return {"currency": currency, "day": day, "usd_per_unit": usd_per_unit}


CUSTOMERS = [customer(number) for number in range(1, 4)]
ORDERS = [order(number) for number in range(101, 106)]
RATES = [rate(), rate(day="2026-01-12")]


class Door(BaseHTTPRequestHandler):
    """One request to the scripted Metabase."""

    server: Scripted
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        self.asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, self.asked, dict(self.headers)))
        answer = self.server.answer_to(self.command, self.path)
        try:
            answer(self)
        except OSError:  # the other side has hung up, as it may
            self.close_connection = True

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 -- the names are http.server's

    def say(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


@dataclass
class _Script:
    """The answers to one path, in turn; the last one again and again."""

    answers: list[Answer]
    at: int = 0

    def next(self) -> Answer:
        found = self.answers[min(self.at, len(self.answers) - 1)]
        self.at += 1
        return found


class Scripted(ThreadingHTTPServer):
    """Good answers to all three questions until told otherwise by `answers`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.scripts: dict[tuple[str, str], _Script] = {}
        super().__init__(("127.0.0.1", 0), Door)
        self.answers("customers", rows(CUSTOMERS))
        self.answers("orders", rows(ORDERS))
        self.answers("rates", rows(RATES))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Readers hang up here all the time."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answers(self, question: str, *answers: Answer) -> None:
        """What the question gives from now on, answer after answer."""
        self.on("POST", f"/api/card/{QUESTIONS[question]}/query/json", *answers)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.scripts[method, path] = _Script(list(answers))

    def answer_to(self, method: str, path: str) -> Answer:
        script = self.scripts.get((method, path.partition("?")[0]))
        return script.next() if script else text(404, "Not found.")

    def asked(self, question: str) -> int:
        """How often the question was asked."""
        return sum(path.partition("?")[0].startswith(f"/api/card/{QUESTIONS[question]}/query") for _, path, _, _ in self.requests)


def scripted() -> AbstractContextManager[Scripted]:
    return serving(Scripted())


# What a question can answer.


def rows(found: Sequence[Row] | Sequence[Any], *, status: int = 200) -> Answer:
    """A good answer, or a good form with bad values: NaN and Infinity go out as Python writes them."""
    return lambda door: door.say(status, json.dumps(list(found)).encode())


def raw(body: bytes, *, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    return lambda door: door.say(status, body, kind, **headers)


def text(status: int, body: str) -> Answer:
    return raw(body.encode(), status=status, kind="text/plain")


def html(status: int = 200) -> Answer:
    return raw(b"<!doctype html><html><body><h1>Please sign in</h1></body></html>", status=status, kind="text/html")


def failed(status: int = 202) -> Answer:
    """A query that failed: Metabase says so in the body only."""
    return raw(json.dumps({"database_id": 1, "status": "failed", "error": 'relation "orders" does not exist', "row_count": 0}).encode(), status=status)


def failed_midway(found: Sequence[Row], *, has_comma: bool = True) -> Answer:
    """Good rows, then the error among them; some releases forget the comma."""
    good = json.dumps(list(found)).encode()[:-1]
    return raw(good + (b"," if has_comma else b"") + json.dumps({"database_id": 1, "status": "failed", "error": "connection reset"}).encode() + b"]")


def half(found: Sequence[Row]) -> Answer:
    """Cut in the middle of the last row, and the sender believes that it is all."""
    body = json.dumps(list(found)).encode()
    return raw(body[: len(body) - 40])


def cut(found: Sequence[Row]) -> Answer:
    """The connection is reset in the middle of what was announced."""

    def answer(door: Door) -> None:
        body = json.dumps(list(found)).encode()
        door.send_response(200)
        door.send_header("Content-Type", "application/json")
        door.send_header("Content-Length", str(len(body)))
        door.end_headers()
        door.wfile.write(body[: len(body) // 2])
        door.wfile.flush()
        door.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        door.close_connection = True
        door.connection.close()

    return answer


def hung_up() -> Answer:
    """Not a word, and the connection is gone."""

    def answer(door: Door) -> None:
        door.close_connection = True
        door.connection.shutdown(socket.SHUT_RDWR)

    return answer


def slow(seconds: float = 30) -> Answer:
    """No answer at all for so long."""

    def answer(door: Door) -> None:
        time.sleep(seconds)
        door.close_connection = True

    return answer


def drip(found: Sequence[Row], *, pause_seconds: float = 0.1) -> Answer:
    """A few bytes at a time: never silent, never done."""

    def answer(door: Door) -> None:
        body = json.dumps(list(found)).encode()
        door.send_response(200)
        door.send_header("Content-Type", "application/json")
        door.send_header("Content-Length", str(len(body)))
        door.end_headers()
        for at in range(0, len(body), 4):
            door.wfile.write(body[at : at + 4])
            time.sleep(pause_seconds)

    return answer


def huge_row(row: Row, *, megabytes: int = 3) -> Answer:
    return rows([{**row, "note": "x" * (megabytes << 20)}])


def without(found: Sequence[Row], column: str) -> Answer:
    return rows([{name: value for name, value in row.items() if name != column} for row in found])


def with_value(found: Sequence[Row], column: str, value: Any) -> Answer:
    """The last row holds the value, after good ones."""
    return rows([*found[:-1], {**found[-1], column: value}])


@dataclass(frozen=True)
class Bad:
    """One bad answer to the question for orders: what it is, and the kind of the error it must become (None: the reader must judge)."""

    name: str
    kind: str | None
    answers: tuple[Answer, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def patience(self) -> Mapping[str, float]:
        """How long to wait for it: only where slowness is the matter does a test give up soon."""
        return {"silence_seconds": 0.5, "whole_seconds": 1.0} if self.kind == "slow" else {}


BAD_ORDERS: tuple[Bad, ...] = (
    Bad("slow", "slow", (slow(),)),
    Bad("in drops", "slow", (drip(ORDERS * 40),)),
    Bad("down", "unreachable", (hung_up(),)),
    Bad("a web page", "html", (html(),)),
    Bad("a web page with error 502", "server", (html(502),)),
    Bad("half", "half", (half(ORDERS),)),
    Bad("cut off", "half", (cut(ORDERS * 2000),)),
    Bad("nothing", "empty", (raw(b""),)),
    Bad("an empty list", None, (rows([]),)),
    Bad("a failed query in a 202", "query", (failed(),)),
    Bad("a failed query in a 200", "query", (failed(200),)),
    Bad("a query that fails midway", "query", (failed_midway(ORDERS),)),
    Bad("a query that fails midway without a comma", "not_json", (failed_midway(ORDERS, has_comma=False),)),
    Bad("an object", "not_rows", (raw(b'{"data": {"rows": []}}'),)),
    Bad("a list of lists", "not_rows", (rows([[1, 2, 3]]),)),
    Bad("plain words", "not_json", (text(200, "OK"),)),
    Bad("a wrong currency", "currency", (with_value(ORDERS, "currency", "dirham"),)),
    Bad("no currency", "currency", (with_value(ORDERS, "currency", None),)),
    Bad("NaN", "not_json", (with_value(ORDERS, "amount", float("nan")),)),
    Bad("NaN as text", "amount", (with_value(ORDERS, "amount", "NaN"),)),
    Bad("Infinity as text", "amount", (with_value(ORDERS, "amount", "Infinity"),)),
    Bad("a formatted amount", "amount", (with_value(ORDERS, "amount", "1,250.50"),)),
    Bad("an amount beyond all measure", "amount", (with_value(ORDERS, "amount", 1e200),)),
    Bad("no amount", "amount", (with_value(ORDERS, "amount", None),)),
    Bad("a day that does not exist", "date", (with_value(ORDERS, "ordered_at", "2026-02-30T00:00:00Z"),)),
    Bad("a date for reading", "date", (with_value(ORDERS, "ordered_at", "March 2, 2026, 9:30 AM"),)),
    Bad("no id", "id", (with_value(ORDERS, "id", None),)),
    Bad("no customer", "id", (with_value(ORDERS, "customer_id", None),)),
    Bad("a value that is an object", "value", (with_value(ORDERS, "status", {"code": 3}),)),
    Bad("wrong columns", "columns", (without(ORDERS, "currency"),)),
    Bad("two columns for one", "columns", (rows([{**row, "Customer ID": 2} for row in ORDERS]),)),
    Bad("one id twice", None, (rows([*ORDERS, ORDERS[0]]),)),
    Bad("a huge row", "too_large", (huge_row(ORDERS[0]),)),
    Bad("a refused key", "key", (text(401, "Unauthenticated"),)),
    Bad("a question that may not be seen", "key", (text(403, "You don't have permissions to do that."),)),
    Bad("no such question", "missing", (text(404, "Not found."),)),
    Bad("a question without since", "query", (text(400, "Invalid parameter"),)),
    Bad("sent elsewhere", "elsewhere", (raw(b"", status=302, Location="http://example.com/auth/login"),)),
    Bad("too many questions", "busy", (text(429, "Too many requests"),)),
)
