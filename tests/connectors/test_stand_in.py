"""The demo's Metabase: the real connector reads it as it would read any, and it lets nothing be written."""

import os
import signal
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

import psutil
import pytest
import requests

from crm.connectors.metabase import Metabase
from crm.customers.production import BadAnswer
from crm.demo.metabase import QUESTIONS, StandIn, in_bulk
from tests.connectors.serving import serving
from tests.jobs.waiting import LONG_SECONDS, eventually, is_gone

KEY = "mb_stand_in"
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


def standing_in(questions):
    return serving(StandIn(questions, KEY))


@pytest.fixture(scope="module")
def bulk():
    with standing_in(in_bulk(2_400, begins=BEGINS)) as server:
        yield server


def reader(server, key=KEY, **other):
    return Metabase(server.url, key, QUESTIONS, pause_seconds=0, **other)


def test_the_connector_reads_customers_orders_and_rates(bulk):
    orders = list(reader(bulk).orders(None))
    customers = {row.external_id for row in reader(bulk).customers(None)}
    rates = list(reader(bulk).rates(None))
    assert len(orders) == 2_400 and len(customers) == 200
    assert {row.customer_id for row in orders} == customers
    assert {row.currency for row in orders} == {row.currency for row in rates}
    assert min(row.day for row in rates) <= orders[0].ordered_at.date()


def test_since_leaves_out_what_came_before(bulk):
    since = BEGINS + timedelta(minutes=2_390)
    assert [row.external_id for row in reader(bulk).orders(since)] == [str(number) for number in range(2_391, 2_401)]
    assert list(reader(bulk).orders(BEGINS + timedelta(days=9))) == []


def test_a_larger_bulk_with_the_same_beginning_only_adds_orders():
    with standing_in(in_bulk(3_400, customers=200, begins=BEGINS)) as larger:
        found = list(reader(larger).orders(None))
    with standing_in(in_bulk(2_400, begins=BEGINS)) as smaller:
        assert [row.amount for row in islice(found, 2_400)] == [row.amount for row in reader(smaller).orders(None)]


def test_the_stand_in_lets_nothing_be_written(bulk):
    assert reader(bulk).prove_read_only().is_proven
    for method in ("PUT", "DELETE", "POST"):
        answer = requests.request(method, f"{bulk.url}/api/card/1", json={"archived": True}, headers={"x-api-key": KEY}, timeout=LONG_SECONDS)
        assert answer.status_code == 403, method


@pytest.mark.parametrize("key", ["mb_other", "x"])
def test_another_key_sees_nothing(bulk, key):
    with pytest.raises(BadAnswer) as caught:
        list(reader(bulk, key).orders(None))
    assert caught.value.kind == "key"
    assert requests.post(f"{bulk.url}/api/card", json={}, timeout=LONG_SECONDS).status_code == 401


def test_an_unknown_question_is_missing(bulk):
    with pytest.raises(BadAnswer) as caught:
        list(Metabase(bulk.url, KEY, {"orders": 9}).orders(None))
    assert caught.value.kind == "missing"


def test_json_is_as_good_as_a_form_and_a_since_that_is_none_fails_inside_the_answer(bulk):
    def ask(value):
        body = {"parameters": [{"type": "category", "target": ["variable", ["template-tag", "since"]], "value": value}]}
        return requests.post(f"{bulk.url}/api/card/2/query/json", json=body, headers={"x-api-key": KEY}, timeout=LONG_SECONDS)

    assert len(ask("2026-01-02T15:50:00Z").json()) == 10
    answer = ask("yesterday")
    assert answer.status_code == 202 and answer.json()["status"] == "failed"


def test_it_serves_on_this_machine_only(bulk):
    assert bulk.server_address[0] == "127.0.0.1"


def test_memory_stays_small_however_many_rows_come():
    with running("--orders", "30000") as url:
        connected = Metabase(url, KEY, QUESTIONS)
        next(connected.rates(None))
        tracemalloc.start()
        try:
            count = sum(1 for _ in connected.orders(None))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == 30_000
    assert peak < 4 << 20, "the answer, or its rows, would take more"


@contextmanager
def running(*arguments):
    """The stand-in as a process of its own; answers its URL."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "crm.demo.metabase", "--port", str(port), *arguments]
    process = subprocess.Popen(command, env={**os.environ, "METABASE_API_KEY": KEY})
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _is_up(url) or process.poll() is not None)
        yield url
    finally:
        process.kill()
        process.wait()


def _is_up(url):
    try:
        return requests.get(f"{url}/api/health", timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


STARTER = """
import subprocess, sys, os, time
child = subprocess.Popen([sys.executable, "-m", "crm.demo.metabase", "--port", "0", "--orders", "10", "--parent", str(os.getpid())])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_process_that_started_it():
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True, env={**os.environ, "METABASE_API_KEY": KEY}) as starter:
        child = int(starter.stdout.readline())
        eventually(lambda: psutil.Process(child).num_threads() > 1)
        starter.send_signal(signal.SIGKILL)
    eventually(lambda: is_gone(child))


def test_without_a_key_it_does_not_start():
    run = subprocess.run(
        [sys.executable, "-m", "crm.demo.metabase", "--port", "0", "--orders", "10"],
        env={**os.environ, "METABASE_API_KEY": ""}, capture_output=True, text=True, check=False, timeout=LONG_SECONDS,
    )  # fmt: skip
    assert run.returncode == 1 and "METABASE_API_KEY" in run.stderr
