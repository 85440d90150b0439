"""What integrators wait for: the API over HTTP, one client and twenty."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import text

from crm.access import Person
from crm.access.keys import create_key
from crm.bench.ground import Ground
from crm.bench.measure import Figure, figure, percentile, times_ms
from crm.bench.serving import Served

CLIENTS = 20
SECONDS = 10.0


class Client:
    """One connection with one key."""

    def __init__(self, served: Served, key: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        content = json.dumps(body) if body is not None else None
        self.connection.request(method, f"/api/v1{path}", body=content, headers={**self.headers, **headers})
        answer = self.connection.getresponse()
        read = answer.read()
        return answer.status, json.loads(read) if read else None

    def get(self, path: str) -> Any:
        status, body = self.call("GET", path)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {body}")
        return body


def measure(ground: Ground, served: Served) -> Iterator[Figure]:
    person = ground.people["team"]
    key = create_key(person.id, "bench", is_read_only=False, expires_at=None)
    client = Client(served, key)
    stage = client.get("/leads?limit=1")["data"][0]["stage"]["id"]
    yield figure("HTTP", "list of 80, filtered and sorted", times_ms(partial(client.get, f"/leads?limit=80&stage={stage}&sort=-lifetime_usd")), bar=12)
    yield figure("HTTP", "substring search, 80", times_ms(partial(client.get, "/leads?limit=80&q=trading")), bar=40)
    yield figure("HTTP", "stage totals", times_ms(partial(client.get, "/reports/pipeline_by_stage")))
    yield figure("HTTP", "move one lead, history on", _moves(client), bar=8)
    yield figure("HTTP", "bulk patch of 200", _bulk(client), bar=100)
    yield from _many_clients(ground, served, key, person)


def _stages(client: Client) -> dict[int, list[int]]:
    """Open stages without entry requirements, by pipeline."""
    return {
        pipeline["id"]: [s["id"] for s in client.get(f"/pipelines/{pipeline['id']}/stages")["data"] if s["kind"] == "open" and not s.get("required_fields")]
        for pipeline in client.get("/pipelines?limit=200")["data"]
    }


def _moves(client: Client) -> list[float]:
    stages = _stages(client)
    taken = []
    for lead in client.get("/leads?limit=60&sort=name")["data"]:
        others = [stage for stage in stages[lead["pipeline"]["id"]] if stage != lead["stage"]["id"]]
        started = time.perf_counter()
        status, body = client.call("PATCH", f"/leads/{lead['id']}", {"stage": others[0]}, **{"If-Match": f'"{lead["version"]}"'})
        taken.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise RuntimeError(f"A move answered {status}: {body}")
    return taken[5:]


def _bulk(client: Client) -> list[float]:
    taken, begun = [], time.time_ns()
    for turn in range(8):
        leads = client.get("/leads?limit=200&sort=name")["data"]
        edits = [{"id": lead["id"], "version": lead["version"], "set": {"next_step": f"bench {begun}, {turn}"}} for lead in leads]
        started = time.perf_counter()
        status, body = client.call("PATCH", "/leads", {"edits": edits})
        taken.append((time.perf_counter() - started) * 1000)
        if status != 200 or any(result["status"] != "applied" for result in body["results"]):
            raise RuntimeError(f"A bulk edit answered {status}.")
    return taken[1:]


def _many_clients(ground: Ground, served: Served, key: str, person: Person) -> Iterator[Figure]:
    """Twenty clients edit random leads; every accepted edit must stand in the history."""
    with ground.owner().connect() as connection:
        leads: dict[int, int] = dict(
            connection.execute(
                text("select id, version from crm.leads where team_id = any(:t) and deleted_at is null order by id limit 20000"), {"t": list(person.team_ids)}
            ).tuples().all()
        )  # fmt: skip
        before = connection.scalar(text("select coalesce(max(id), 0) from crm.changes"))
    accepted: list[list[float]] = [[] for _ in range(CLIENTS)]
    begin, this_run = threading.Barrier(CLIENTS), time.time_ns()  # another run's values would change nothing

    def edit(number: int) -> None:
        client, chance, mine = Client(served, key), random.Random(number), dict(leads)
        ids = list(leads)
        begin.wait()
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            lead_id = chance.choice(ids)
            started = time.perf_counter()
            status, body = client.call(
                "PATCH", f"/leads/{lead_id}", {"next_step": f"client {number}, {this_run}, {chance.random()}"}, **{"If-Match": f'"{mine[lead_id]}"'}
            )
            if status == 200:
                accepted[number].append((time.perf_counter() - started) * 1000)
                mine[lead_id] = body["version"]
            elif status == 412:
                mine[lead_id] = body["current"]["version"]
            else:
                raise RuntimeError(f"An edit answered {status}: {body}")

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(map(len, accepted))
    with ground.owner().connect() as connection:
        recorded = connection.scalar(text("select count(*) from crm.changes where id > :b and source = 'api'"), {"b": before}) or 0
    every = [taken for one in accepted for taken in one]
    yield Figure("HTTP", f"{CLIENTS} clients editing random leads", "edits/s", total / SECONDS, None, 250, more_is_better=True)
    yield Figure("HTTP", "the same, one edit", "ms", percentile(every, 0.5), percentile(every, 0.95))
    yield Figure("HTTP", "the same, accepted but not in history", "edits", max(0, total - recorded), None, 0)
