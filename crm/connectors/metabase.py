"""Metabase over its HTTP API: the rows of saved questions, read with a key that must not be able to write.

A question is asked by `POST /api/card/{id}/query/json`, which has no limit of 2,000 rows as `/api/dataset` has, but one of
`LONGEST_ANSWER_ROWS`. A query that failed comes back as 200 or 202 with the error in the body. The parameters go as a form:
every release that has API keys takes that, and unformatted rows must be asked for, or numbers come as "1,250.00".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import HTTPError, ReadTimeoutError

from crm import settings
from crm.connectors.row_stream import LARGEST_ANSWER_BYTES, rows
from crm.connectors.row_values import CUSTOMERS, ORDERS, RATES, Columns
from crm.customers.production import BadAnswer, CustomerRow, OrderRow, RateRow, WriteProof
from crm.errors import Invalid

__all__ = ["BadAnswer", "Metabase", "connected"]

TRIES = 3
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 120.0
"""A question that shows no sign of life for so long has hung."""
WHOLE_SECONDS = 1800.0
CHUNK_BYTES = 1 << 16
LONGEST_ANSWER_ROWS = 1_048_575
"""Where Metabase cuts an answer without a word."""
ALL_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_OBJECT_BYTES = 8 << 20
CHECK_NAME = "Throughline checks that its key cannot write"

Dated = TypeVar("Dated", CustomerRow, OrderRow)


class _Again(Exception):
    """Worth another try: no connection, or an error of the server's own. Carries what to say when tries run out."""

    def __init__(self, answer: BadAnswer) -> None:
        super().__init__(answer.kind)
        self.answer = answer


class Metabase:
    """A `Production` behind three saved questions, by id: {"customers": 1, "orders": 2, "rates": 3}. One sync at a time: not for threads."""

    def __init__(
        self, url: str, key: str, questions: Mapping[str, int], *,
        silence_seconds: float = SILENCE_SECONDS, whole_seconds: float = WHOLE_SECONDS, pause_seconds: float = 1.0,
        largest_bytes: int = LARGEST_ANSWER_BYTES, longest_rows: int = LONGEST_ANSWER_ROWS,
    ) -> None:  # fmt: skip
        if not key.isascii() or not key.isprintable() or not key.strip():
            raise BadAnswer("key", "METABASE_API_KEY holds something that cannot be a key. Copy it from Metabase again.")
        self.url, self.questions = url.rstrip("/"), dict(questions)
        self.silence_seconds, self.whole_seconds, self.pause_seconds = silence_seconds, whole_seconds, pause_seconds
        self.largest_bytes, self.longest_rows = largest_bytes, longest_rows
        self._http = requests.Session()
        self._http.trust_env = not _is_here(self.url)  # a proxy of the environment, but never for this machine
        self._http.auth = _as_it_is  # nor a password from a .netrc
        self._http.headers.update({"x-api-key": key.strip(), "Accept": "application/json", "User-Agent": "Throughline"})

    def customers(self, since: datetime | None) -> Iterator[CustomerRow]:
        return self._read_on("customers", CUSTOMERS, since)

    def orders(self, since: datetime | None) -> Iterator[OrderRow]:
        return self._read_on("orders", ORDERS, since)

    def rates(self, since: datetime | None) -> Iterator[RateRow]:
        return RATES.read(self.read_card(self._question("rates"), since))

    def _question(self, name: str) -> int:
        if not self.questions.get(name):
            raise BadAnswer("missing", f"The connection names no saved question for {name}.")
        return self.questions[name]

    def _read_on(self, name: str, columns: Columns[Dated], since: datetime | None) -> Iterator[Dated]:
        """All rows; where Metabase cuts an answer, read on from the newest second read so far, if rows came in that order."""
        card_id, again = self._question(name), set[str]()
        while True:
            count, is_ordered, newest, at_newest = 0, True, ALL_TIME, set[str]()
            for row in columns.read(self.read_card(card_id, since)):
                count += 1
                second = row.updated_at.replace(microsecond=0)
                if second > newest:
                    newest, at_newest = second, set()
                is_ordered = is_ordered and second == newest
                at_newest.add(row.external_id)
                if second != since or row.external_id not in again:
                    yield row
            if count < self.longest_rows:
                return
            if not is_ordered or newest == since:
                raise BadAnswer("cut_off", f"Metabase cut the answer for {name} at {count:,} rows. Let the question order its rows by updated_at.")
            since, again = newest, at_newest

    def read_card(self, card_id: int, since: datetime | None) -> Iterator[dict[str, Any]]:
        """Raw rows of one saved question as they arrive. Raises `BadAnswer`, also between rows."""
        wanted = (since or ALL_TIME).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parameter = {"type": "category", "target": ["variable", ["template-tag", "since"]], "value": wanted}
        form = {"parameters": json.dumps([parameter]), "format_rows": "false"}
        response = self._asked("POST", f"/api/card/{int(card_id)}/query/json", data=form, params={"format_rows": "false"})
        with response:
            yield from rows(self._chunks(response), largest_bytes=self.largest_bytes)

    def prove_read_only(self) -> WriteProof:
        """Try to write through the key, harmlessly; proven only if each try was refused. What was let through is taken back.

        Raises `BadAnswer` where the key cannot read the questions: refusals would prove nothing then.
        """
        cards = {card_id: self._card(card_id) for card_id in dict.fromkeys(self.questions.values())}
        if not cards:
            raise BadAnswer("missing", "The connection names no saved question yet.")
        first = next(iter(cards.values()))
        tries = [self._try_to_make(first), *(self._try_to_change(card_id, card) for card_id, card in cards.items()), self._try_sql(first)]
        accepted = [attempt for attempt in tries if attempt.outcome == "accepted"]
        if accepted:
            could = " and ".join(dict.fromkeys(attempt.what for attempt in accepted))
            left = " ".join(attempt.left for attempt in accepted if attempt.left)
            return WriteProof(False, f"This key can write: it could {could}. {left or 'Nothing of it is left.'} Give Throughline a key that may only view.")
        undecided = next((attempt for attempt in tries if attempt.outcome == "undecided"), None)
        if undecided:
            return WriteProof(False, f"It is not proven that this key cannot write: trying to {undecided.what} was neither refused nor done. Try again later.")
        return WriteProof(True, "Each write that was tried through the key was refused: it can only read.")

    def _card(self, card_id: int) -> dict[str, Any]:
        with self._asked("GET", f"/api/card/{int(card_id)}") as response:
            found = self._object(response)
        if not isinstance(found.get("id"), int):
            raise BadAnswer("not_rows", "Metabase described the saved question in a way that cannot be read.")
        return found

    def _try_to_make(self, like: Mapping[str, Any]) -> _Attempt:
        query = {"database": like.get("database_id"), "type": "native", "native": {"query": "select 1"}}
        body = {
            "name": CHECK_NAME, "display": "table", "visualization_settings": {}, "dataset_query": query, "type": "question",
            "collection_id": like.get("collection_id"),
        }  # fmt: skip
        status, answer = self._written("POST", "/api/card", body)
        outcome = _outcome(status, is_done="id" in answer)
        left = self._take_back(answer["id"]) if outcome == "accepted" else ""
        return _Attempt("make a question", outcome, left)

    def _take_back(self, card_id: Any) -> str:
        """Archive and delete what the check has made; answers what is left of it, in words."""
        archived, _ = self._written("PUT", f"/api/card/{card_id}", {"archived": True})
        deleted, _ = self._written("DELETE", f"/api/card/{card_id}", None)
        if 200 <= deleted < 300:
            return ""
        where = "in Metabase's trash" if 200 <= archived < 300 else "there"
        return f"The question “{CHECK_NAME}” ({card_id}) that it made is still {where}: please delete it."

    def _try_to_change(self, card_id: int, card: Mapping[str, Any]) -> _Attempt:
        """The description as it stands: nothing differs if it is let through."""
        status, answer = self._written("PUT", f"/api/card/{int(card_id)}", {"description": card.get("description")})
        return _Attempt("change a question", _outcome(status, is_done="id" in answer))

    def _try_sql(self, like: Mapping[str, Any]) -> _Attempt:
        query = {"database": like.get("database_id"), "type": "native", "native": {"query": "select 1"}}
        status, answer = self._written("POST", "/api/dataset", query)
        why = f"{answer.get('error_type')} {answer.get('error')}".lower()
        is_refused = answer.get("status") == "failed" and "permission" in why
        return _Attempt("run SQL of its own", "refused" if is_refused else _outcome(status, is_done="status" in answer))

    def _written(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """Status and answer of one try to write; never repeated. Status 0: no answer at all."""
        try:
            response = self._sent(method, path, json=body)
        except (_Again, BadAnswer):
            return 0, {}
        with response:
            try:
                return response.status_code, self._object(response)
            except BadAnswer:
                return response.status_code, {}

    def _object(self, response: requests.Response) -> dict[str, Any]:
        text = b""
        for chunk in self._chunks(response):
            text += chunk
            if len(text) > LARGEST_OBJECT_BYTES:
                raise BadAnswer("too_large", "Metabase's answer is larger than it should be.")
        try:
            found = json.loads(text)
        except ValueError:
            raise BadAnswer("not_json", "Metabase's answer is not JSON.") from None
        return found if isinstance(found, dict) else {}

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        """A good answer, its body still unread. No connection and errors of the server's own are tried again."""
        tries = Retrying(
            stop=stop_after_attempt(TRIES), wait=wait_random_exponential(multiplier=self.pause_seconds, max=8 * self.pause_seconds),
            retry=retry_if_exception_type(_Again), reraise=True,
        )  # fmt: skip
        try:
            return tries(self._once, method, path, **more)
        except _Again as again:
            trouble = again.answer
        raise trouble

    def _once(self, method: str, path: str, **more: Any) -> requests.Response:
        response = self._sent(method, path, **more)
        if response.status_code in (200, 202):
            return response
        response.close()
        trouble = _judged(response.status_code)
        raise _Again(trouble) if response.status_code >= 500 else trouble

    def _sent(self, method: str, path: str, **more: Any) -> requests.Response:
        """Whatever comes back. Redirects are not followed: the key goes to METABASE_URL and nowhere else."""
        timeout = (CONNECT_SECONDS, self.silence_seconds)
        trouble: Exception
        try:
            return self._http.request(method, self.url + path, timeout=timeout, allow_redirects=False, stream=True, **more)
        except requests.exceptions.SSLError:
            trouble = BadAnswer("certificate", "Metabase's certificate is not trusted, so nothing was sent there.")
        except requests.exceptions.ConnectionError:
            trouble = _Again(BadAnswer("unreachable", "Metabase cannot be reached. Is it running, and is METABASE_URL right?"))
        except requests.exceptions.Timeout:
            trouble = BadAnswer("slow", f"Metabase did not answer within {self.silence_seconds:g} seconds.")
        except (requests.exceptions.RequestException, ValueError):
            trouble = BadAnswer("unreachable", "Metabase cannot be asked: METABASE_URL is not an address that works.")
        raise trouble  # outside of the handlers: the errors of below carry the request, and with it the key

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it comes, unpacked; `whole_seconds` counts the waiting only, not what a reader does meanwhile."""
        waited = 0.0
        while True:
            began = time.monotonic()
            chunk, trouble = self._next(response)
            waited += time.monotonic() - began
            if trouble:
                raise trouble
            if not chunk:
                return
            if waited > self.whole_seconds:
                raise BadAnswer("slow", f"Metabase took more than {self.whole_seconds:g} seconds to answer.")
            yield chunk

    def _next(self, response: requests.Response) -> tuple[bytes, BadAnswer | None]:
        try:
            return response.raw.read1(CHUNK_BYTES, decode_content=True), None
        except ReadTimeoutError:
            return b"", BadAnswer("slow", f"Metabase stopped answering for {self.silence_seconds:g} seconds.")
        except (HTTPError, OSError):
            return b"", BadAnswer("half", "The connection broke before Metabase's answer was complete.")


def connected(questions: Mapping[str, int]) -> Metabase:
    """The Metabase that METABASE_URL and METABASE_API_KEY name. Raises `Invalid` where they are not set."""
    now = settings.current()
    if not now.metabase_url or not now.metabase_api_key:
        raise Invalid("No Metabase is connected: set METABASE_URL and METABASE_API_KEY and start again.")
    return Metabase(now.metabase_url, now.metabase_api_key.get_secret_value(), questions)


@dataclass(frozen=True)
class _Attempt:
    """One try to write: what it was, "refused", "accepted" or "undecided", and what is left of it, in words."""

    what: str
    outcome: str
    left: str = ""


def _outcome(status: int, *, is_done: bool) -> str:
    if status in (401, 403):
        return "refused"
    return "accepted" if 200 <= status < 300 and is_done else "undecided"


def _judged(status: int) -> BadAnswer:
    if status in (401, 403):
        return BadAnswer("key", "Metabase refused the key, or the key may not see this question. Check METABASE_API_KEY and its group's permissions.")
    if status == 404:
        return BadAnswer("missing", "Metabase knows no such saved question. Check the question's number, and that it is not archived.")
    if 300 <= status < 400:
        return BadAnswer("elsewhere", "Metabase sent us to another address. Set METABASE_URL to the address that answers by itself.")
    if status == 429:
        return BadAnswer("busy", "Metabase takes no more questions at the moment. We try again later.")
    if status >= 500:
        return BadAnswer("server", f"Metabase answered with an error of its own ({status}).")
    return BadAnswer("query", f"Metabase did not accept the question ({status}). It must be a saved question that takes the text variable “since”.")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
