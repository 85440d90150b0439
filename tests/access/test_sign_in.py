"""Proving who one is: passwords, tickets, links, sessions and how often one may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from crm.access import as_system, links, passwords, sessions, sign_in
from crm.errors import Invalid, NotFound
from tests.cast import PASSWORD

HOME, ELSEWHERE = "192.0.2.10", "203.0.113.77"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CHEAP = "$2b$04$qNPBZtvonCd5JpCSeocW6.K7eq.RRWpt6cMSRrbWdzG3NabTEV3Bq"  # PASSWORD at the lowest cost, so that tests are quick


@pytest.fixture
def ana(db, cast) -> int:  # type: ignore[no-untyped-def]
    with as_system() as session:
        sign_in.set_password_hash(session, cast.people["ana"], CHEAP)
    return cast.people["ana"]


def attempt(email: str = "ana@demo.example", *, address: str = HOME, right: bool = False) -> str | None:
    return sign_in.settle(sign_in.claim(email, address=address), is_right=right)


def session_of(person_id: int, *, address: str = HOME) -> str:
    with as_system() as session:
        return sessions.start(session, person_id, address=address, device="Firefox on Linux")


def test_the_right_password_gives_a_ticket_for_a_session(ana: int) -> None:
    claimed = sign_in.claim(" Ana@Demo.Example ", address=HOME)
    assert passwords.matches(PASSWORD, claimed.password_hash)
    ticket = sign_in.settle(claimed, is_right=True)
    token = sign_in.redeem_ticket(ticket or "", address=HOME, device="Firefox on Linux")
    found = sessions.find(token)
    assert found and found.person.id == ana


@pytest.mark.parametrize("email", ["nobody@demo.example", "' or true --", "", "a" * 5000])
def test_an_unknown_name_gets_a_hash_nobody_matches_and_no_ticket(ana: int, email: str) -> None:
    claimed = sign_in.claim(email, address=HOME)
    assert claimed.password_hash == passwords.NOBODYS_HASH
    assert not passwords.matches("", claimed.password_hash)
    assert sign_in.settle(claimed, is_right=True) is None


def test_a_disabled_person_is_as_unknown_as_nobody(db, ana: int) -> None:  # type: ignore[no-untyped-def]
    with db.owner().begin() as owner:
        owner.exec_driver_sql(f"update crm.people set disabled_at = now(), version = version + 1 where id = {ana}")
    assert sign_in.claim("ana@demo.example", address=HOME).password_hash == passwords.NOBODYS_HASH


def test_nobodys_hash_costs_as_much_as_a_persons() -> None:
    assert passwords.NOBODYS_HASH.split("$")[2] == passwords.hashed(PASSWORD).split("$")[2]


def test_a_ticket_works_once(ana: int) -> None:
    ticket = attempt(right=True) or ""
    sign_in.redeem_ticket(ticket, address=HOME, device="")
    with pytest.raises(NotFound):
        sign_in.redeem_ticket(ticket, address=HOME, device="")


@pytest.mark.parametrize(("seconds", "works"), [(29, True), (30, False), (31, False)])
def test_a_ticket_lasts_thirty_seconds(ana: int, seconds: int, works: bool) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        ticket = attempt(right=True) or ""
        clock.shift(timedelta(seconds=seconds))
        if works:
            assert sign_in.redeem_ticket(ticket, address=HOME, device="")
        else:
            with pytest.raises(NotFound):
                sign_in.redeem_ticket(ticket, address=HOME, device="")


def test_a_ticket_is_no_reset_link_and_a_reset_link_no_ticket(ana: int) -> None:
    with pytest.raises(NotFound):
        sign_in.reset_password(attempt(right=True) or "", "three blind mice", address=HOME)
    with pytest.raises(NotFound):
        sign_in.redeem_ticket(sign_in.make_reset_link(ana, by=None), address=HOME, device="")


def test_secrets_are_kept_as_hashes_only(db, ana: int) -> None:  # type: ignore[no-untyped-def]
    token = session_of(ana)
    link = sign_in.make_reset_link(ana, by=None)
    kept = [*db.rows("select token_hash from crm.sessions"), *db.rows("select token_hash from crm.one_time_links")]
    assert kept
    assert not {token, link} & {row["token_hash"] for row in kept}


def test_a_session_ends_when_it_is_signed_out(ana: int) -> None:
    token = session_of(ana)
    sessions.end(token)
    assert sessions.find(token) is None


@pytest.mark.parametrize("never", [None, "", "not-a-token"])
def test_a_token_that_was_never_given_finds_nobody(ana: int, never: str | None) -> None:
    assert sessions.find(never) is None


@pytest.mark.parametrize(("after", "is_valid"), [(timedelta(days=7) - timedelta(seconds=1), True), (timedelta(days=7), False)])
def test_an_idle_session_ends_after_a_week(ana: int, after: timedelta, is_valid: bool) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = session_of(ana)
        clock.shift(after)
        assert bool(sessions.find(token)) is is_valid


def test_a_session_in_daily_use_still_ends_after_thirty_days(ana: int) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = session_of(ana)
        for _ in range(29):
            clock.shift(timedelta(days=1))
            assert sessions.find(token)
        clock.shift(timedelta(days=1))
        assert sessions.find(token) is None


def test_last_use_is_written_at_most_once_a_minute(db, ana: int) -> None:  # type: ignore[no-untyped-def]
    def last_used() -> object:
        return db.value("select last_used_at from crm.sessions")

    with time_machine.travel(NOW, tick=False) as clock:
        token = session_of(ana)
        clock.shift(timedelta(seconds=59))
        sessions.find(token)
        assert last_used() == NOW
        clock.shift(timedelta(seconds=1))
        sessions.find(token)
        assert last_used() == NOW + timedelta(seconds=60)


def test_a_change_of_role_is_seen_by_the_next_look(cast, ana: int) -> None:  # type: ignore[no-untyped-def]
    from crm.access import OPERATOR, acting_as
    from crm.people.use_cases import place_person, role_id

    token = session_of(ana)
    before = sessions.find(token)
    with acting_as(OPERATOR) as session:
        place_person(session, ana, [(cast.teams["Gulf"], role_id(session, "viewer"))])
    after = sessions.find(token)
    assert before and after
    assert before.person.may("lead", "edit") and not after.person.may("lead", "edit")


def test_disabling_ends_every_session_and_enabling_brings_none_back(ana: int) -> None:
    from crm.access import OPERATOR, acting_as
    from crm.people.use_cases import disable_person, enable_person

    token = session_of(ana)
    with acting_as(OPERATOR) as session:
        disable_person(session, ana, 1, source="test")
    assert sessions.find(token) is None
    with acting_as(OPERATOR) as session:
        enable_person(session, ana, 2, source="test")
    assert sessions.find(token) is None


def test_of_many_sessions_only_the_valid_ones_are_answered(cast, ana: int) -> None:  # type: ignore[no-untyped-def]
    tokens = [session_of(ana), session_of(ana), session_of(cast.people["carla"])]
    sessions.end(tokens[1])
    valid, stamp = sessions.valid_among([sessions.hash_of(token) for token in tokens])
    assert valid == {sessions.hash_of(tokens[0]): (ana, None), sessions.hash_of(tokens[2]): (cast.people["carla"], None)}
    assert stamp > 0


def test_one_cannot_end_somebody_elses_session(cast, ana: int) -> None:  # type: ignore[no-untyped-def]
    token = session_of(ana)
    (mine,) = sessions.of_person(ana)
    with pytest.raises(NotFound):
        sessions.end_one(cast.people["bruno"], mine.id)
    assert sessions.find(token)
    sessions.end_one(ana, mine.id)
    assert sessions.find(token) is None


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(ana: int) -> None:
    here, there = session_of(ana), session_of(ana, address=ELSEWHERE)
    assert sign_in.change_password(ana, old=PASSWORD, new="three blind mice", address=HOME, token=here) == 1
    assert sessions.find(here) and sessions.find(there) is None
    assert passwords.matches("three blind mice", sign_in.claim("ana@demo.example", address=HOME).password_hash)


def test_a_new_password_needs_the_old_one(ana: int) -> None:
    there = session_of(ana, address=ELSEWHERE)
    with pytest.raises(Invalid) as refused:
        sign_in.change_password(ana, old="something else", new="three blind mice", address=HOME, token=None)
    assert refused.value.field == "old_password"
    assert sessions.find(there)
    assert passwords.matches(PASSWORD, sign_in.claim("ana@demo.example", address=HOME).password_hash)


@pytest.mark.parametrize("bad", ["short", "          ", "aaaaaaaaaaaa", "ana@demo.example", "é" * 37, "x" * 20 + "abcd" * 20, "null\x00 in the middle"])
def test_a_password_that_will_not_do_is_refused_with_words(bad: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.check_new(bad, email="ana@demo.example", name="Ana")
    assert refused.value.field == "password"


@pytest.mark.parametrize("good", ["three blind mice", "é" * 30 + "abc", "word" * 18])
def test_a_password_of_up_to_seventy_two_bytes_works(good: str) -> None:
    assert len(good.encode()) <= 72
    assert passwords.matches(good, passwords.hashed(passwords.check_new(good)))


def test_a_longer_one_never_matches_its_own_first_seventy_two_bytes() -> None:
    kept = passwords.hashed("word" * 18)
    assert not passwords.matches("word" * 18 + "more", kept)


def test_a_reset_link_sets_the_password_once_and_ends_all_sessions(ana: int) -> None:
    token, link = session_of(ana), sign_in.make_reset_link(ana, by=None)
    ticket = sign_in.reset_password(link, "three blind mice", address=HOME)
    assert sessions.find(token) is None
    assert sign_in.redeem_ticket(ticket, address=HOME, device="")
    with pytest.raises(NotFound):
        sign_in.reset_password(link, "another three mice", address=HOME)


def test_a_bad_new_password_leaves_the_link_unused(ana: int) -> None:
    link = sign_in.make_reset_link(ana, by=None)
    with pytest.raises(Invalid):
        sign_in.reset_password(link, "short", address=HOME)
    assert links.is_live(link, "reset")


def test_looking_at_a_link_does_not_use_it_up(ana: int) -> None:
    link = sign_in.make_reset_link(ana, by=None)
    assert links.is_live(link, "reset") and links.is_live(link, "reset")


def test_a_new_reset_link_replaces_the_older_one(ana: int) -> None:
    older, newer = sign_in.make_reset_link(ana, by=None), sign_in.make_reset_link(ana, by=None)
    assert not links.is_live(older, "reset") and links.is_live(newer, "reset")


@pytest.mark.parametrize(("hours", "works"), [(23, True), (24, False)])
def test_a_reset_link_lasts_a_day(ana: int, hours: int, works: bool) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        link = sign_in.make_reset_link(ana, by=None)
        clock.shift(timedelta(hours=hours))
        assert links.is_live(link, "reset") is works


def test_what_happened_is_in_the_audit_without_names_or_secrets(db, ana: int) -> None:  # type: ignore[no-untyped-def]
    attempt(right=False)
    token = sign_in.redeem_ticket(attempt(right=True) or "", address=HOME, device="")
    sessions.end(token, address=HOME)
    sign_in.reset_password(sign_in.make_reset_link(ana, by=None), "three blind mice", address=HOME)
    rows = db.rows("select kind, person_id, subject, address, facts::text as facts from crm.audit_events where kind not like 'person%' order by id")
    assert [row["kind"] for row in rows] == ["session.refused", "session.started", "session.ended", "link.made", "password.reset"]
    assert not any("@" in text or token in text for row in rows for text in (row["subject"], row["facts"]))


# Invitations


@pytest.mark.parametrize(("days", "works"), [(6, True), (7, False)])
def test_an_invitation_lasts_a_week(ana: int, days: int, works: bool) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        link = sign_in.make_invitation(ana, by=None)
        clock.shift(timedelta(days=days))
        assert links.is_live(link, "invitation") is works


def test_an_invitation_is_accepted_once_and_ends_every_other_way_in(ana: int) -> None:
    link, reset = sign_in.make_invitation(ana, by=None), sign_in.make_reset_link(ana, by=None)
    ticket = sign_in.accept_invitation(link, "three blind mice", address=HOME)
    assert sign_in.redeem_ticket(ticket, address=HOME, device="")
    for again in (lambda: sign_in.accept_invitation(link, "another three mice", address=HOME), lambda: sign_in.reset_password(reset, "other", address=HOME)):
        with pytest.raises(NotFound):
            again()


def test_one_kind_of_link_is_not_taken_for_another(ana: int) -> None:
    link, reset = sign_in.make_invitation(ana, by=None), sign_in.make_reset_link(ana, by=None)
    for wrong in (lambda: sign_in.reset_password(link, "three blind mice", address=HOME), lambda: sign_in.redeem_ticket(link, address=HOME, device=""),
                  lambda: sign_in.accept_invitation(reset, "three blind mice", address=HOME)):  # fmt: skip
        with pytest.raises(NotFound):
            wrong()
    assert links.is_live(link, "invitation") and links.is_live(reset, "reset")


def test_a_withdrawn_or_renewed_invitation_opens_nothing(ana: int) -> None:
    older = sign_in.make_invitation(ana, by=None)
    link = sign_in.make_invitation(ana, by=None)
    assert not links.is_live(older, "invitation") and links.is_live(link, "invitation")
    assert sign_in.withdraw_invitation(ana, by=None)
    with pytest.raises(NotFound):
        sign_in.accept_invitation(link, "three blind mice", address=HOME)
    assert not sign_in.withdraw_invitation(ana, by=None)
