"""The quiet line says how old orders are, whatever is going on with them meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import clock
from crm.customers.mirror_state import MirrorState, RunState
from crm.ui.mirror_line import said

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


def run(state, minutes_ago):
    at = NOW - timedelta(minutes=minutes_ago)
    return RunState(1, "difference", state, "", at, at, None if state == "running" else at, None, None, {})


def mirror(**given):
    return MirrorState(**{"at": NOW, "as_of": None, "last_good": None, "running": None, "failed": None, "alarms": [], "is_configured": True, **given})


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (None, ""),
        (mirror(is_configured=False), "no production connected"),
        (mirror(), "no orders read yet"),
        (mirror(running=run("running", 0)), "reading orders…"),
        (mirror(as_of=NOW), "orders just read"),
        (mirror(as_of=NOW - timedelta(minutes=90)), "orders 1 h old"),
        (mirror(as_of=NOW - timedelta(minutes=90), running=run("running", 1)), "orders 1 h old · being read"),
        (mirror(as_of=NOW - timedelta(minutes=90), failed=run("failed", 1)), "orders 1 h old · the last try failed"),
    ],
)
def test_the_age_of_orders_is_said_also_while_they_are_read(state, line, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert said(state) == line
