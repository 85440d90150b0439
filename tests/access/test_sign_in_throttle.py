"""How often one may try to sign in: guessing is hopeless, and nobody can be locked out by a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from crm.access import as_system, sessions, sign_in, throttle
from crm.errors import TooMany
from tests.access.test_sign_in import CHEAP, ELSEWHERE, HOME, NOW

ANA, BRUNO = "ana@demo.example", "bruno@demo.example"


@pytest.fixture
def clock(db, cast) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    """Everybody has a password; ana and bruno have signed in from HOME before. Time stands still until shifted."""
    with time_machine.travel(NOW, tick=False) as traveller:
        with as_system() as session:
            for person_id in cast.people.values():
                sign_in.set_password_hash(session, person_id, CHEAP)
            for name in ("ana", "bruno"):
                sessions.start(session, cast.people[name], address=HOME, device="")
        yield traveller


def fail(email: str = ANA, *, address: str = HOME, times: int = 1) -> None:
    for _ in range(times):
        assert sign_in.settle(sign_in.claim(email, address=address), is_right=False) is None


def is_admitted(email: str = ANA, *, address: str = HOME) -> bool:
    try:
        return sign_in.settle(sign_in.claim(email, address=address), is_right=True) is not None
    except TooMany:
        return False


def test_the_sixth_try_in_a_row_has_to_wait_and_is_told_how_long(clock: Any) -> None:
    fail(times=5)
    with pytest.raises(TooMany) as refused:
        fail()
    assert 0 < refused.value.facts["retry_after_seconds"] <= 31


def test_after_the_wait_the_right_password_works(clock: Any) -> None:
    fail(times=5)
    assert not is_admitted()
    clock.shift(timedelta(seconds=30))
    assert is_admitted()


def test_a_refused_try_does_not_lengthen_the_wait(clock: Any) -> None:
    fail(times=5)
    for _ in range(20):
        assert not is_admitted()
    clock.shift(timedelta(seconds=30))
    assert is_admitted()


def test_the_right_password_clears_the_earlier_slips(clock: Any) -> None:
    fail(times=4)
    assert is_admitted()
    fail(times=4)
    assert is_admitted()


def test_a_stranger_who_hammers_a_name_keeps_its_owner_out_nowhere(clock: Any) -> None:
    for minute in range(90):
        for _ in range(3):
            try:
                fail(address=ELSEWHERE)
            except TooMany:
                break
        clock.shift(timedelta(minutes=1))
        if minute % 30 == 29:
            assert is_admitted(address=HOME)
    assert not is_admitted(address=ELSEWHERE)


def test_many_strangers_keep_the_owner_out_neither_at_home_nor_at_a_new_address(clock: Any) -> None:
    for number in range(100):
        fail(address=f"198.51.{number}.1")
    assert is_admitted(address=HOME)
    assert is_admitted(address="192.0.2.200")


def test_a_hunted_name_gives_each_new_address_one_free_try_only(clock: Any) -> None:
    for number in range(throttle.HUNTED_FROM):
        fail(address=f"198.51.{number}.1")
    fail(address=ELSEWHERE)
    assert not is_admitted(address=ELSEWHERE)
    fail(address=HOME, times=4)
    assert is_admitted(address=HOME)


def test_one_password_tried_on_many_names_is_stopped_at_the_address(clock: Any) -> None:
    for number in range(throttle.FREE_FOR_ADDRESS):
        fail(f"somebody{number}@demo.example", address=ELSEWHERE)
    assert not is_admitted("carla@demo.example", address=ELSEWHERE)
    assert is_admitted("carla@demo.example", address=HOME)


def test_somebody_who_tries_many_names_from_the_office_keeps_no_colleague_out(clock: Any) -> None:
    for number in range(throttle.FREE_FOR_ADDRESS + 10):
        try:
            fail(f"somebody{number}@demo.example", address=HOME)
        except TooMany:
            break
    assert is_admitted(BRUNO, address=HOME)


def test_a_machine_with_a_whole_ipv6_network_counts_once(clock: Any) -> None:
    for number in range(5):
        fail(address=f"2001:db8:1:2::{number + 1}")
    assert not is_admitted(address="2001:db8:1:2:ffff::9")
    assert is_admitted(address="2001:db8:1:3::1")


def test_tries_at_the_same_moment_cannot_pass_the_count_together(clock: Any) -> None:
    def try_once(_: int) -> bool:
        try:
            sign_in.claim(ANA, address=ELSEWHERE)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        admitted = sum(pool.map(try_once, range(24)))
    assert admitted == throttle.FREE_FOR_PAIR


def test_the_count_forgets_after_an_hour(clock: Any) -> None:
    fail(times=5)
    clock.shift(timedelta(hours=1, seconds=1))
    fail(times=5)


@given(st.integers(0, 200), st.integers(1, 60))
def test_one_more_failure_never_shortens_the_wait_and_none_is_longer_than_the_longest(failures: int, free: int) -> None:
    assert throttle.wait_after(failures, free) <= throttle.wait_after(failures + 1, free) <= throttle.LONGEST_WAIT


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_what_happens_elsewhere_never_makes_a_known_address_wait(of_address: int, of_name: int) -> None:
    last = datetime(2026, 1, 1, tzinfo=UTC)
    tries = throttle.Tries(0, None, of_address, last, of_name, is_known_address=True)
    assert throttle.open_at(tries) is None
