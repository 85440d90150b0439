"""Runs of pages take turns, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from crm.ui import turns

LONG = 30


@pytest.fixture
def all_turns_taken() -> Iterator[threading.Event]:
    """As many runs as may go on at once are going on; set the event to let them end."""
    may_end, begun = threading.Event(), threading.Barrier(turns.AT_ONCE + 1)

    def run() -> None:
        with turns.turn():
            begun.wait(LONG)
            may_end.wait(LONG)

    running = [threading.Thread(target=run) for _ in range(turns.AT_ONCE)]
    for thread in running:
        thread.start()
    begun.wait(LONG)
    yield may_end
    may_end.set()
    for thread in running:
        thread.join(LONG)


def test_one_more_run_waits_until_another_has_ended(all_turns_taken: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", LONG)
    drawn = threading.Event()

    def run() -> None:
        with turns.turn():
            assert all_turns_taken.is_set()
            drawn.set()

    waiting = threading.Thread(target=run)
    waiting.start()
    assert not drawn.is_set()
    all_turns_taken.set()
    assert drawn.wait(LONG)
    waiting.join(LONG)


def test_a_run_that_takes_long_holds_nobody_up(all_turns_taken: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.01)
    with turns.turn():
        assert not all_turns_taken.is_set(), "all turns are still taken, and yet this one draws"


def test_a_run_that_fails_hands_its_turn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0)
    for _ in range(turns.AT_ONCE + 1):
        with pytest.raises(ZeroDivisionError), turns.turn():
            _ = 1 / 0
    assert turns._turns._value == turns.AT_ONCE
