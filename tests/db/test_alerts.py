"""Alerts: set, snoozed, handed over, done; nobody's is silently overwritten, and each step can be taken back."""

from datetime import timedelta

import pytest

from crm.access import acting_as
from crm.alerts import reads
from crm.alerts.reads import AlertFilter
from crm.alerts.use_cases import (
    delete_alert,
    edit_alert,
    finish_alert,
    finish_with_activity,
    hand_over_alert,
    reopen_alert,
    set_alert,
    snooze_alert,
)
from crm.changes import undo
from crm.clock import now
from crm.errors import Invalid, NotFound, Refused, Stale
from crm.leads.use_cases import delete_leads


def make(cast, who, lead, *, hours=1, text="call", **more):
    """A new alert; answers its id."""
    with acting_as(cast.who(who)) as session:
        done = set_alert(session, cast.leads[lead], {"due_at": now() + timedelta(hours=hours), "text": text, **more}, source="test")
    return done.results[0].record_id


def stands(db, alert_id):
    return db.rows("select * from crm.alerts where id = :id", id=alert_id)[0]


def test_an_alert_reminds_whoever_set_it_unless_they_name_somebody(db, cast):
    mine = make(cast, "ana", "Al Noor Trading")
    his = make(cast, "ana", "Al Noor Trading", person_id=cast.people["bruno"])
    assert stands(db, mine)["person_id"] == cast.people["ana"]
    assert (stands(db, his)["person_id"], stands(db, his)["created_by_id"]) == (cast.people["bruno"], cast.people["ana"])


def test_a_strangers_lead_takes_no_alert_and_shows_none(db, cast):
    make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("carla")) as session:
        assert reads.list_alerts(session, AlertFilter()) == []
        with pytest.raises(NotFound):
            set_alert(session, cast.leads["Al Noor Trading"], {"due_at": now()}, source="test")
    assert db.value("select count(*) from crm.alerts") == 1


def test_a_viewer_sees_alerts_and_sets_none(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("vera")) as session:
        assert [row["id"] for row in reads.list_alerts(session, AlertFilter())] == [alert_id]
        with pytest.raises(Refused):
            set_alert(session, cast.leads["Al Noor Trading"], {"due_at": now()}, source="test")
        with pytest.raises(Refused):
            finish_alert(session, alert_id, 1, source="test")
    assert stands(db, alert_id)["done_at"] is None


def test_done_is_said_once_and_by_whoever_did_it(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("bruno")) as session:
        finish_alert(session, alert_id, 1, source="test")
    with acting_as(cast.who("ana")) as session:
        assert finish_alert(session, alert_id, 1, source="test").results[0].status == "unchanged"
    assert stands(db, alert_id)["done_by_id"] == cast.people["bruno"]


def test_two_snoozes_of_one_alert_are_a_conflict_and_the_first_one_stands(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    first = now() + timedelta(days=2)
    with acting_as(cast.who("bruno")) as session:
        snooze_alert(session, alert_id, 1, first, source="test")
    with acting_as(cast.who("ana")) as session, pytest.raises(Stale) as met:
        snooze_alert(session, alert_id, 1, now() + timedelta(days=9), source="test")
    assert [each.field for each in met.value.facts["conflicts"]] == ["due_at"]
    assert stands(db, alert_id)["due_at"] == first


def test_a_snooze_and_a_hand_over_meet_and_both_stand(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    later = now() + timedelta(days=2)
    with acting_as(cast.who("ana")) as session:
        snooze_alert(session, alert_id, 1, later, source="test")
    with acting_as(cast.who("bruno")) as session:
        hand_over_alert(session, alert_id, 1, cast.people["bruno"], source="test")
    assert (stands(db, alert_id)["due_at"], stands(db, alert_id)["person_id"]) == (later, cast.people["bruno"])


def test_every_step_is_taken_back_by_its_change_set(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    due_at = stands(db, alert_id)["due_at"]
    with acting_as(cast.who("ana")) as session:
        done = finish_alert(session, alert_id, 1, source="test")
        undo(session, done.change_set_id)
        snoozed = snooze_alert(session, alert_id, 3, due_at + timedelta(days=1), source="test")
        undo(session, snoozed.change_set_id)
        given = hand_over_alert(session, alert_id, 5, cast.people["bruno"], source="test")
        undo(session, given.change_set_id)
        gone = delete_alert(session, alert_id, 7, source="test")
        assert reads.alert(session, alert_id) is None
        undo(session, gone.change_set_id)
    row = stands(db, alert_id)
    assert (row["done_at"], row["done_by_id"], row["due_at"], row["person_id"], row["deleted_at"]) == (None, None, due_at, cast.people["ana"], None)


def test_an_open_alert_again_forgets_who_did_it(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("ana")) as session:
        finish_alert(session, alert_id, 1, source="test")
        reopen_alert(session, alert_id, 2, source="test")
    assert (stands(db, alert_id)["done_at"], stands(db, alert_id)["done_by_id"]) == (None, None)


def test_the_call_and_its_alert_are_one_change_set_or_nothing(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("ana")) as session:
        done = finish_with_activity(session, alert_id, 1, cast.leads["Al Noor Trading"], {"kind": "call", "body": "Wants samples."}, source="test")
    sets = db.rows("select distinct change_set_id from crm.changes where record_type in ('activity', 'alert') and change_set_id = :c", c=done.change_set_id)
    assert len(sets) == 1 and stands(db, alert_id)["done_at"] is not None
    other = make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("ana")) as session, pytest.raises(Invalid):
        finish_with_activity(session, other, 1, cast.leads["Al Noor Trading"], {"kind": "nonsense"}, source="test")
    assert stands(db, other)["done_at"] is None


def test_an_alert_stays_with_its_lead_and_reminds_somebody_active(db, cast):
    alert_id = make(cast, "ana", "Al Noor Trading")
    for values in (
        {"lead_id": cast.leads["Delta Foods"]},
        {"person_id": None},
        {"person_id": 999999},
        {"due_at": None},
        {"done_at": now() + timedelta(days=1)},
    ):
        with acting_as(cast.who("ana")) as session, pytest.raises(Invalid):
            edit_alert(session, alert_id, 1, values, source="test")
    assert stands(db, alert_id)["version"] == 1


def test_the_list_is_in_order_of_due_times_and_pages_on(db, cast):
    ids = [make(cast, "ana", lead, hours=hours) for hours, lead in ((5, "Al Noor Trading"), (1, "Delta Foods"), (3, "Al Noor Trading"))]
    with acting_as(cast.who("ana")) as session:
        rows = reads.list_alerts(session, AlertFilter(person_id=cast.people["ana"]))
        assert [row["id"] for row in rows] == [ids[1], ids[2], ids[0]]
        first = rows[0]
        assert [row["id"] for row in reads.list_alerts(session, AlertFilter(), after=(first["due_at"], first["id"]))] == [ids[2], ids[0]]
        assert reads.due_by_lead(session, list(cast.leads.values())) == {
            cast.leads["Al Noor Trading"]: rows[1]["due_at"], cast.leads["Delta Foods"]: rows[0]["due_at"],
        }  # fmt: skip


def test_alerts_of_a_deleted_lead_wait_out_of_sight(db, cast):
    make(cast, "ana", "Al Noor Trading")
    with acting_as(cast.who("ana")) as session:
        delete_leads(session, [(cast.leads["Al Noor Trading"], 1)], source="test")
        assert reads.list_alerts(session, AlertFilter()) == []


def test_a_team_is_loaded_with_what_is_due_and_overdue(db, cast):
    make(cast, "ana", "Al Noor Trading", hours=-2)
    make(cast, "ana", "Al Noor Trading", hours=1)
    make(cast, "bruno", "Petra Supplies", hours=50)
    with acting_as(cast.who("mona")) as session:
        found = reads.due_by_person(session, now=now(), before=now() + timedelta(hours=24))
    assert found == {cast.people["ana"]: (2, 1)}


@pytest.mark.parametrize("who", ["carla", "vera"])
def test_an_alert_reminds_only_somebody_who_sees_its_lead(db, cast, who):
    """Carla works in another team; vera of ana's own team sees it, though she may change nothing."""
    alert_id = make(cast, "ana", "Al Noor Trading")
    if who == "vera":
        with acting_as(cast.who("mona")) as session:
            hand_over_alert(session, alert_id, 1, cast.people["vera"], source="test")
        assert stands(db, alert_id)["person_id"] == cast.people["vera"]
        return
    with acting_as(cast.who("mona")) as session:
        with pytest.raises(Invalid, match="Carla does not see this lead"):
            hand_over_alert(session, alert_id, 1, cast.people["carla"], source="test")
        with pytest.raises(Invalid, match="hand them the lead first"):
            set_alert(session, cast.leads["Al Noor Trading"], {"due_at": now(), "person_id": cast.people["carla"]}, source="test")
    assert stands(db, alert_id)["person_id"] == cast.people["ana"]
