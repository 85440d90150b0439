"""A stand-in for Metabase on this machine: the part of its HTTP API that reads saved questions, and a refusal for everything that writes.

METABASE_API_KEY=... python -m crm.demo.metabase --port 8890 --data-dir .data
METABASE_API_KEY=... python -m crm.demo.metabase --port 8890 --orders 1000000
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from crm.clock import now
from crm.demo.bulk_production import BulkProduction
from crm.demo.production import DemoProduction

Question = Callable[[datetime], Iterator[dict[str, Any]]]
QUESTIONS: Mapping[str, int] = {"customers": 1, "orders": 2, "rates": 3}
"""The numbers of the stand-in's saved questions, as the organisation's connection names them."""
ROWS_A_WRITE = 500
LONGEST_BODY = 1 << 20
_CARD = re.compile(r"/api/card/(\d+)(/query/json)?")


class StandIn(ThreadingHTTPServer):
    """Serves `questions` (number -> rows updated since a moment) to whoever brings `key`, on this machine only.

    Bound, not yet serving; port 0 takes a free one, and `listening` is a socket that somebody has bound already.
    """

    daemon_threads = True

    def __init__(self, questions: Mapping[int, Question], key: str, *, port: int = 0, listening: socket.socket | None = None) -> None:
        self.questions, self.key = dict(questions), key
        super().__init__(("127.0.0.1", port), _Door, bind_and_activate=listening is None)
        if listening:
            self.socket.close()
            self.socket, self.server_address = listening, listening.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hangs up is nothing to tell; anything else is, as ever."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"


class _Door(BaseHTTPRequestHandler):
    """One request. Words and numbers are Metabase's own."""

    server: StandIn
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Metabase", ""
    timeout = 300  # of a reader that writes down what it has read, too

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a demo's log is for the product."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/api/health":
            self._say(200, {"status": "ok"})
        elif self._is_known():
            found = _CARD.fullmatch(urlsplit(self.path).path)
            if found and not found[2] and int(found[1]) in self.server.questions:
                self._say(200, {"id": int(found[1]), "description": None, "database_id": 1, "collection_id": 1, "can_write": False})
            else:
                self._say(404, "Not found.")

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST_BODY))
        if not self._is_known():
            return
        found = _CARD.fullmatch(urlsplit(self.path).path)
        if not found or not found[2]:
            self._say(403, "You don't have permissions to do that.")
        elif int(found[1]) not in self.server.questions:
            self._say(404, "Not found.")
        else:
            self._answer(self.server.questions[int(found[1])], body)

    def do_PUT(self) -> None:
        self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST_BODY))
        if self._is_known():
            self._say(403, "You don't have permissions to do that.")

    do_DELETE = do_PUT  # noqa: N815 -- the names are http.server's

    def _is_known(self) -> bool:
        given = self.headers.get("x-api-key", "")
        if hmac.compare_digest(given.encode(), self.server.key.encode()):
            return True
        self._say(401, "Unauthenticated")
        return False

    def _answer(self, question: Question, body: bytes) -> None:
        try:
            since = _since(body, self.headers.get("Content-Type", ""))
        except (ValueError, KeyError, TypeError, IndexError):
            self._say(202, {"database_id": 1, "status": "failed", "error": "Error running query: the value of since is no moment", "row_count": 0})
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        rows, between = question(since), b"["
        while batch := list(islice(rows, ROWS_A_WRITE)):
            self._write(between + orjson.dumps(batch)[1:-1])
            between = b","
        self._write(b"]" if between == b"," else b"[]")
        self.wfile.write(b"0\r\n\r\n")

    def _write(self, text: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))

    def _say(self, status: int, what: Any) -> None:
        text = what.encode() if isinstance(what, str) else orjson.dumps(what)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain;charset=utf-8" if isinstance(what, str) else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _since(body: bytes, kind: str) -> datetime:
    """The value of the parameter `since`, from a form or from JSON; the beginning of time where it is left out."""
    if kind.startswith("application/json"):
        given = (json.loads(body) if body else {}).get("parameters") or []
    else:
        given = json.loads(parse_qs(body.decode()).get("parameters", ["[]"])[0])
    for parameter in given:
        if parameter["target"] == ["variable", ["template-tag", "since"]]:
            found = datetime.fromisoformat(parameter["value"])
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime(1970, 1, 1, tzinfo=UTC)


def of_the_demo(data_dir: Path) -> Mapping[int, Question]:
    """The demo's production, as it stands at the moment of each question."""
    demo = DemoProduction.read(data_dir)
    return {
        QUESTIONS["customers"]: lambda since: demo.customers(since, now()),
        QUESTIONS["orders"]: lambda since: demo.orders(since, now()),
        QUESTIONS["rates"]: lambda since: demo.rates(since, now()),
    }


def in_bulk(orders: int, *, customers: int | None = None, begins: datetime | None = None) -> Mapping[int, Question]:
    """So many orders, a minute apart, for measuring; usually of a twelfth as many customers, and the last one is a minute old."""
    bulk = BulkProduction(orders, customers or max(1, orders // 12), begins or now() - timedelta(minutes=orders))
    return {QUESTIONS["customers"]: bulk.customers, QUESTIONS["orders"]: bulk.orders, QUESTIONS["rates"]: bulk.rates}


def _follow(parent: int) -> None:
    """End with the process that started us, however it went."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main() -> None:
    """Serve until a signal. The key comes from the environment: a command line is for everybody to read."""
    reads = argparse.ArgumentParser(prog="python -m crm.demo.metabase", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = reads.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int)
    where.add_argument("--socket", type=int, help=argparse.SUPPRESS)
    reads.add_argument("--data-dir", type=Path, default=Path(".data"), help="where the demo keeps production/customers.jsonl")
    reads.add_argument("--orders", type=int, help="serve so many made-up orders in place of the demo's")
    reads.add_argument("--customers", type=int, help="with --orders: of so many customers")
    reads.add_argument("--begins", type=datetime.fromisoformat, help="with --orders: moment of the first one; the same moment gives the same orders")
    reads.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    given = reads.parse_args()
    key = os.environ.get("METABASE_API_KEY", "")
    if not key:
        sys.exit("METABASE_API_KEY must hold the key to ask for.")
    if given.parent:
        threading.Thread(target=_follow, args=(given.parent,), name="parent watch", daemon=True).start()
    questions = in_bulk(given.orders, customers=given.customers, begins=given.begins) if given.orders else of_the_demo(given.data_dir)
    listening = socket.socket(fileno=given.socket) if given.socket is not None else None
    StandIn(questions, key, port=given.port or 0, listening=listening).serve_forever()


if __name__ == "__main__":
    main()
