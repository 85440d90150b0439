"""Looking at the app as somebody else: what they see and no more, nothing changes, both people are in the audit."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as, as_system, sessions, viewing, writing
from crm.access.viewing_rules import reaches_further
from crm.changes import Edit, apply, delete_edit, open_conflicts, resolve, undo
from crm.customers.asking import ask_for_sync
from crm.errors import CrmError, Invalid, NotFound, Refused
from crm.people.use_cases import add_person, disable_person, enable_person, make_link, place_person, role_id
from tests.access.organisation import KINDS, PEOPLE
from tests.access.test_walls import fingerprint


def session_of(person_id: int) -> str:
    with as_system() as session:
        return sessions.start(session, person_id, address="192.0.2.1", device="Firefox on Linux")


def looking(plain, name: str):
    """Alma looking as `name`; the person that her pages act as."""
    token = session_of(plain.people["alma"])
    viewing.start(token, plain.people[name])
    found = sessions.find(token)
    assert found
    return found.person


@pytest.fixture
def alma(cast) -> str:
    return session_of(cast.people["alma"])


def events(db) -> list[tuple]:
    rows = db.rows("select kind, person_id, subject, address from crm.audit_events where kind like 'view_as.%' order by id")
    return [(row["kind"], row["person_id"], row["subject"], row["address"]) for row in rows]


def test_start_and_end_are_in_the_audit_with_both_people(db, cast, alma):
    viewing.start(alma, cast.people["ana"], address="192.0.2.7")
    assert viewing.stop(alma, address="192.0.2.7") and not viewing.stop(alma)
    who = (cast.people["alma"], f"person {cast.people['ana']}", "192.0.2.7")
    assert events(db) == [("view_as.started", *who), ("view_as.ended", *who)]


def test_it_is_the_session_that_looks_and_no_other(cast, alma):
    other = session_of(cast.people["alma"])
    viewing.start(alma, cast.people["ana"])
    here, there = sessions.find(alma), sessions.find(other)
    assert here and here.person.id == cast.people["ana"] and here.owner.id == cast.people["alma"]
    assert there and there.person.id == cast.people["alma"] and there.by is None


def test_signing_out_ends_the_view_too(db, cast, alma):
    viewing.start(alma, cast.people["ana"])
    sessions.end(alma)
    assert sessions.find(alma) is None
    assert [kind for kind, *_ in events(db)] == ["view_as.started", "view_as.ended"]


@pytest.mark.parametrize("who", ["ana", "mona", "vera"])
def test_without_the_grant_nobody_looks_as_anybody(db, cast, who):
    token = session_of(cast.people[who])
    with pytest.raises(Refused) as refused:
        viewing.start(token, cast.people["bruno"])
    assert refused.value.facts["grant"] == "person: view_as" and events(db) == []
    found = sessions.find(token)
    assert found and found.person.id == cast.people[who]


def test_it_cannot_be_nested(cast, alma):
    viewing.start(alma, cast.people["mona"])
    with pytest.raises(Refused):
        viewing.start(alma, cast.people["ana"])
    found = sessions.find(alma)
    assert found and found.person.id == cast.people["mona"]


def test_an_admin_seen_by_an_admin_cannot_look_further(cast, alma):
    with acting_as(OPERATOR) as session:
        second = add_person(session, {"email": "zoe@demo.example", "name": "Zoe"}, [(None, role_id(session, "admin"))], source="test")
    viewing.start(alma, second)
    with pytest.raises(Refused):
        viewing.start(alma, cast.people["ana"])


def test_one_cannot_look_as_oneself_or_as_nobody(cast, alma):
    with pytest.raises(Invalid):
        viewing.start(alma, cast.people["alma"])
    with pytest.raises(NotFound):
        viewing.start(alma, 10**9)


def test_nobody_looks_as_somebody_who_sees_more(db, cast):
    """Whoever may look as others but sees little must not see everything through an admin."""
    with db.owner().begin() as connection:
        role = connection.scalar(text("insert into crm.roles (name, is_organisation_wide) values ('helper', true) returning id"))
        connection.execute(text("insert into crm.grants (role_id, resource, action, scope) values (:r, 'person', 'view_as', 'all')"), {"r": role})
    with acting_as(OPERATOR) as session:
        helper = add_person(session, {"email": "hal@demo.example", "name": "Hal"}, [(None, role)], source="test")
    token = session_of(helper)
    for name in cast.people:
        with pytest.raises(Refused) as refused:
            viewing.start(token, cast.people[name])
        assert ": view" in refused.value.facts["grant"]
    found = sessions.find(token)
    assert found and found.person.id == helper


def test_disabling_the_one_looked_at_brings_one_back_and_enabling_them_does_not_resume(db, cast, alma):
    viewing.start(alma, cast.people["ana"])
    with acting_as(OPERATOR) as session:
        disable_person(session, cast.people["ana"], 1, source="test")
    found = sessions.find(alma)
    assert found and found.person.id == cast.people["alma"] and not found.person.is_read_only
    with acting_as(OPERATOR) as session:
        enable_person(session, cast.people["ana"], 2, source="test")
    found = sessions.find(alma)
    assert found and found.by is None
    assert [kind for kind, *_ in events(db)] == ["view_as.started", "view_as.ended"]


def test_losing_the_grant_ends_the_view(cast, alma):
    viewing.start(alma, cast.people["ana"])
    with acting_as(OPERATOR) as session:
        add_person(session, {"email": "zoe@demo.example", "name": "Zoe"}, [(None, role_id(session, "admin"))], source="test")
        place_person(session, cast.people["alma"], [(cast.teams["Gulf"], role_id(session, "rep"))])
    found = sessions.find(alma)
    assert found and found.by is None and found.person.id == cast.people["alma"]


def test_a_key_of_the_looker_is_not_affected(cast, alma):
    from crm.access import keys

    key = keys.create_key(cast.people["alma"], "test")
    viewing.start(alma, cast.people["ana"])
    assert keys.holder(key).id == cast.people["alma"] and not keys.holder(key).is_read_only


# Over the whole organisation


@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "alma"])
def test_one_sees_exactly_what_they_see(wide_db, plain, name):
    person = looking(plain, name)
    with acting_as(person) as session:
        for table in ("leads", "companies", "contacts", "activities", "alerts", "customers", "pipelines", "memberships", "grants"):
            assert set(session.scalars(text(f"select id from crm.{table}"))) == plain.expected(name, table), table


@pytest.mark.parametrize("name", ["mona", "nils", "sara", "mixed", "double"])
def test_what_waits_for_them_is_not_shown(wide_db, plain, name):
    if name in ("mona", "nils", "sara"):
        assert plain.conflicts(name), "the test needs somebody for whom something waits"
    with acting_as(looking(plain, name)) as session:
        assert open_conflicts(session) == []
        assert list(session.scalars(text("select id from crm.conflicts"))) == []


@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "alma"])
def test_no_write_of_any_kind_passes(wide_db, plain, name):
    person = looking(plain, name)
    before = fingerprint(wide_db)
    attempts = []
    for kind, table in KINDS.items():
        row = plain.rows[table][0]
        attempts += [
            lambda s, kind=kind, row=row: apply(s, [Edit(kind, row["id"], {"name": "x"}, row["version"])], source="test"),
            lambda s, kind=kind, row=row: apply(s, [delete_edit(kind, row["id"], row["version"])], source="test"),
            lambda s, kind=kind: apply(s, [Edit(kind, None, {"name": "x"})], source="test"),
        ]
    attempts += [
        lambda s: undo(s, plain.rows["change_sets"][-1]["id"]),
        lambda s: resolve(s, {1: "mine"}),
        lambda s: apply(s, [Edit("person", person.id, {"time_zone": "Asia/Dubai"}, 1)], source="test"),
        lambda s: make_link(person, plain.people["nils"]),
        lambda s: place_person(s, plain.people["nils"], []),
        lambda s: viewing.start(None, plain.people["nils"]),
        *(lambda s, r=resource, a=action: writing(s, r, a).__enter__() for resource, action in
          (("lead", "edit"), ("account", "resolve"), ("person", "configure"), ("settings", "configure"), ("role", "configure"))),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(CrmError), acting_as(person) as session:
            attempt(session)
    with pytest.raises(Refused):
        ask_for_sync(person, by_hand=True)
    assert ask_for_sync(person) is False
    assert fingerprint(wide_db) == before


def test_whoever_reaches_further_is_told_by_which_grant(wide_db, plain):
    assert reaches_further(plain.who("nils"), plain.who("alma")) == "lead: view"
    assert all(reaches_further(plain.who("alma"), plain.who(name)) is None for name in PEOPLE)
