"""What people change about themselves, without any grant: their name and their time zone."""

from dataclasses import replace

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply, undo
from crm.clock import now
from crm.errors import CrmError, Invalid, Refused, Stale
from crm.people.reads import myself
from crm.people.use_cases import change_myself
from tests.access.organisation import PEOPLE
from tests.access.test_matrix_writes import trying


@pytest.mark.parametrize("name", PEOPLE)
def test_everybody_changes_their_own_name_and_time_zone(wide_db, plain, name):
    with trying(plain, name) as session:
        seen = myself(session)
        change_myself(session, seen.version, {"name": f"{seen.name} Again", "time_zone": "Asia/Dubai"}, source="test")
        after = myself(session)
    assert (after.version, after.name, after.time_zone) == (seen.version + 1, f"{seen.name} Again", "Asia/Dubai")


@pytest.mark.parametrize("name", ["nils", "mona", "nemo", "loner"])
@pytest.mark.parametrize("values", [{"email": "new@demo.example"}, {"disabled_at": None}, {"name": "X", "email": "new@demo.example"}])
def test_nobody_changes_more_of_themselves_without_the_grant(wide_db, plain, name, values):
    with trying(plain, name) as session, pytest.raises(Refused):
        change_myself(session, myself(session).version, {**values, **({"disabled_at": now()} if "disabled_at" in values else {})}, source="test")


@pytest.mark.parametrize("name", ["nils", "mona", "nemo"])
def test_nobody_changes_somebody_else_without_the_grant(wide_db, plain, name):
    with trying(plain, name) as session:
        others = [row for row in plain.rows["people"] if row["id"] != plain.people[name]]
        results = apply(session, [Edit("person", row["id"], {"name": f"X {row['id']}"}, row["version"]) for row in others], source="test").results
    assert {result.status for result in results} == {"denied"}


def test_a_key_that_only_reads_changes_nothing_about_its_person(wide_db, plain):
    reader = replace(plain.who("nils"), is_read_only=True, views={}, _reaches={})
    with acting_as(reader) as session, pytest.raises(CrmError):
        change_myself(session, myself(session).version, {"time_zone": "Asia/Dubai"}, source="test")


def test_what_one_changed_about_oneself_can_be_taken_back(db, cast):
    with acting_as(cast.who("ana")) as session:
        done = change_myself(session, myself(session).version, {"name": "Ana Maria"}, source="test")
    assert done.change_set_id is not None
    with acting_as(cast.who("ana")) as session:
        undo(session, done.change_set_id)
        assert myself(session).name == "Ana"
    ana = cast.people["ana"]
    rows = db.rows("select person_id, fields from crm.changes where record_type = 'person' and record_id = :id and version > 1", id=ana)
    assert [(row["person_id"], row["fields"]["name"]) for row in rows] == [(ana, ["Ana", "Ana Maria"]), (ana, ["Ana Maria", "Ana"])]


def test_a_stale_edit_of_ones_own_name_is_refused(db, cast):
    with acting_as(cast.who("ana")) as session:
        seen = myself(session).version
        change_myself(session, seen, {"name": "Ana Maria"}, source="test")
    with acting_as(cast.who("ana")) as session, pytest.raises(Stale):
        change_myself(session, seen, {"name": "Anna"}, source="test")


@pytest.mark.parametrize("values", [{"time_zone": "Mars/Olympus"}, {"name": ""}, {"name": "Bruno"}])
def test_a_name_or_time_zone_that_cannot_be_is_refused(db, cast, values):
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid):
        change_myself(session, myself(session).version, values, source="test")
