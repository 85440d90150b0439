"""A conflict waits for its person, says what they saw, what stands and what they wanted, and is settled once."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, count_open, delete_edit, open_conflicts, resolve
from crm.errors import Invalid, NotFound, Refused, Stale
from tests.db.acts import edit, row, save, take_back

LEAD = "Petra Supplies"


@pytest.fixture
def met(db, cast):
    """ana changed the next step first; bruno wanted it too and got a conflict. Answers its id."""
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "bruno", edit(cast, LEAD, 1, next_step="call", phone="1"))
    return db.value("select id from crm.conflicts")


def settle(cast, who, choices):
    with acting_as(cast.who(who)) as session:
        return resolve(session, choices)


def still_open(cast, who):
    with acting_as(cast.who(who)) as session:
        return [(c["field"], c["seen"], c["theirs"], c["mine"]) for c in open_conflicts(session)]


def test_a_conflict_says_what_was_seen_what_stands_and_what_was_wanted_and_who_was_first(db, cast, met):
    with acting_as(cast.who("bruno")) as session:
        (kept,) = open_conflicts(session)
    assert (kept["field"], kept["seen"], kept["theirs"], kept["mine"]) == ("next_step", None, "visit", "call")
    assert (kept["their_name"], kept["their_source"]) == ("Ana", "test")
    assert kept["their_at"] <= datetime.now(UTC)
    assert (kept["seen_version"], kept["their_version"]) == (1, 3)  # 2 was ana's, 3 the rest of bruno's own save


def test_nobody_else_sees_or_settles_a_conflict(cast, met):
    for who in ("ana", "mona", "alma", "carla", "vera"):
        assert still_open(cast, who) == []
        with pytest.raises(NotFound):
            settle(cast, who, {met: "theirs"})
    assert len(still_open(cast, "bruno")) == 1


def test_theirs_leaves_the_record_and_closes_the_conflict(db, cast, met):
    assert settle(cast, "bruno", {met: "theirs"}).results == []
    assert (row(db, cast, LEAD)["next_step"], still_open(cast, "bruno")) == ("visit", [])
    with acting_as(cast.who("bruno")) as session:
        assert count_open(session) == 0


def test_mine_writes_the_value_and_closes_the_conflict(db, cast, met):
    assert settle(cast, "bruno", {met: "mine"}).results[0].status == "applied"
    assert row(db, cast, LEAD)["next_step"] == "call"
    assert db.value("select resolution from crm.conflicts") == "mine"
    with pytest.raises(NotFound):
        settle(cast, "bruno", {met: "theirs"})


def test_settling_an_older_and_a_newer_conflict_of_one_record_writes_both(db, cast, met):
    save(cast, "ana", edit(cast, LEAD, 3, email="a@b.example"))
    save(cast, "bruno", edit(cast, LEAD, 3, email="b@b.example"))
    with acting_as(cast.who("bruno")) as session:
        resolve(session, {c["id"]: "mine" for c in open_conflicts(session)})
    after = row(db, cast, LEAD)
    assert (after["next_step"], after["email"], still_open(cast, "bruno")) == ("call", "b@b.example", [])


def test_somebody_who_changes_the_field_again_before_it_is_settled_is_a_new_conflict(db, cast, met):
    save(cast, "ana", edit(cast, LEAD, 3, next_step="send samples"))
    assert settle(cast, "bruno", {met: "mine"}).results[0].status == "conflict"
    assert row(db, cast, LEAD)["next_step"] == "send samples"
    assert still_open(cast, "bruno") == [("next_step", "visit", "send samples", "call")]
    assert db.value("select resolution from crm.conflicts where id = :id", id=met) == "replaced"


def test_a_conflict_that_cannot_be_written_stays_open_and_says_why(db, cast, met):
    save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 3))
    outcome = settle(cast, "bruno", {met: "mine"})
    assert outcome.results[0].status == "not_found" and "deleted" in outcome.results[0].error.detail
    assert len(still_open(cast, "bruno")) == 1
    settle(cast, "bruno", {met: "theirs"})
    assert still_open(cast, "bruno") == []


def test_a_conflict_of_somebody_who_lost_the_grant_cannot_be_written(db, cast, met):
    with db.owner().begin() as connection:
        connection.execute(
            text("update crm.memberships set role_id = (select id from crm.roles where name = 'viewer') where person_id = :p"), {"p": cast.people["bruno"]}
        )
    outcome = settle(cast, "bruno", {met: "mine"})
    assert outcome.results[0].status == "denied"
    assert row(db, cast, LEAD)["next_step"] == "visit"
    assert len(still_open(cast, "bruno")) == 1


def test_a_key_that_only_reads_settles_nothing(db, cast, met):
    from dataclasses import replace

    reader = replace(cast.who("bruno"), is_read_only=True, views={}, _reaches={})
    with acting_as(reader) as session, pytest.raises(Refused):
        resolve(session, {met: "theirs"})
    assert len(still_open(cast, "bruno")) == 1


def test_a_choice_is_mine_or_theirs(cast, met):
    with pytest.raises(Invalid):
        settle(cast, "bruno", {met: "both"})


def test_insisting_on_a_deletion_deletes_and_does_not_empty_fields(db, cast):
    lead = "Al Noor Trading"
    save(cast, "ana", edit(cast, lead, 1, next_step="call them today"))
    outcome = save(cast, "mona", delete_edit("lead", cast.leads[lead], 1))
    assert outcome.results[0].status == "conflict"
    assert row(db, cast, lead)["deleted_at"] is None
    with acting_as(cast.who("mona")) as session:
        (kept,) = open_conflicts(session)
        assert (kept["field"], kept["their_name"]) == ("deleted_at", "Ana")
        resolve(session, {kept["id"]: "mine"})
    after = row(db, cast, lead)
    assert after["deleted_at"] is not None and after["next_step"] == "call them today"


def test_an_owner_that_was_asked_for_waits_once_also_where_the_move_would_have_taken_the_owner_off(db, cast):
    save(cast, "alma", edit(cast, LEAD, 1, owner_id=cast.people["ana"]))
    wanted = {"team_id": cast.teams["Levant"], "pipeline_id": cast.pipelines["Levant"], "owner_id": cast.people["mona"]}
    result = save(cast, "mona", edit(cast, LEAD, 1, **wanted)).results[0]
    assert sorted(met.field for met in result.conflicts) == ["owner_id", "pipeline_id", "team_id"]
    assert [mine for field, _, _, mine in still_open(cast, "mona") if field == "owner_id"] == [cast.people["mona"]]


def test_a_deletion_waits_in_the_name_of_whoever_changed_the_record_last(db, cast):
    """ana began, bruno changed another field, then ana changed hers again."""
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "bruno", edit(cast, LEAD, 2, phone="1"))
    save(cast, "ana", edit(cast, LEAD, 3, next_step="call"))
    (met,) = save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 1)).results[0].conflicts
    assert (met.field, met.their_person_id) == ("deleted_at", cast.people["ana"])


def test_a_refused_deletion_lists_what_it_would_have_hidden(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    with pytest.raises(Stale) as raised:
        save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 1), on_conflict="refuse")
    assert [(c.field, c.seen, c.theirs) for c in raised.value.facts["conflicts"]] == [("next_step", None, "visit")]


def test_a_field_changed_there_and_back_is_no_conflict(cast, db):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "ana", edit(cast, LEAD, 2, next_step=None))
    assert save(cast, "bruno", edit(cast, LEAD, 1, next_step="call")).results[0].is_kept


def test_a_conflict_tells_the_value_seen_not_the_one_before_or_between(db, cast):
    for version, step in enumerate(("one", "two", "three"), start=1):
        save(cast, "ana", edit(cast, LEAD, version, next_step=step))
    (met,) = save(cast, "bruno", edit(cast, LEAD, 2, next_step="mine")).results[0].conflicts
    assert (met.seen, met.theirs, met.mine) == ("one", "three", "mine")


def test_money_and_dates_are_compared_as_values(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, value={"amount": "100", "currency": "AED"}, expected_close_on="2026-12-01"))
    same = edit(cast, LEAD, 1, value={"amount": "100.00", "currency": "aed"}, expected_close_on=datetime(2026, 12, 1, tzinfo=UTC))
    assert save(cast, "bruno", same).results[0].status == "unchanged"
    (met,) = save(cast, "bruno", edit(cast, LEAD, 1, value="100")).results[0].conflicts
    assert (met.seen, met.theirs) == ({"amount": "9500.00", "currency": "USD"}, {"amount": "100.00", "currency": "AED"})


def test_a_conflict_about_the_stage_holds_back_team_and_pipeline(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, stage_id=cast.stages["Gulf"]["Contacted"]))
    levant = {"team_id": cast.teams["Levant"], "pipeline_id": cast.pipelines["Levant"], "stage_id": cast.stages["Levant"]["Won"], "phone": "1"}
    outcome = save(cast, "mona", edit(cast, LEAD, 1, **levant))
    assert {c.field for c in outcome.results[0].conflicts} == {"team_id", "pipeline_id", "stage_id"}
    assert outcome.results[0].applied == ("phone",)
    with acting_as(cast.who("mona")) as session:
        resolve(session, {c["id"]: "mine" for c in open_conflicts(session)})
    assert row(db, cast, LEAD)["stage_id"] == cast.stages["Levant"]["Won"]


def test_a_move_to_another_team_does_not_silently_reset_a_stage_somebody_has_just_set(db, cast):
    """The new team's first stage follows from the move; it must not undo what ana has done meanwhile."""
    save(cast, "ana", edit(cast, LEAD, 1, stage_id=cast.stages["Gulf"]["Negotiation"]))
    outcome = save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"], phone="1"))
    assert outcome.results[0].status == "conflict"
    assert {"team_id", "stage_id"} <= {c.field for c in outcome.results[0].conflicts}
    after = row(db, cast, LEAD)
    assert (after["stage_id"], after["team_id"], after["phone"]) == (cast.stages["Gulf"]["Negotiation"], cast.teams["Gulf"], "1")
    with acting_as(cast.who("mona")) as session:
        assert resolve(session, {c["id"]: "mine" for c in open_conflicts(session)}).results[0].is_kept
    assert row(db, cast, LEAD)["team_id"] == cast.teams["Levant"]


def test_erased_history_is_a_conflict_with_nothing_seen(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "ana", edit(cast, LEAD, 2, phone="1"))
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.changes where record_type = 'lead' and record_id = :id and version = 2"), {"id": cast.leads[LEAD]})
    with pytest.raises(Stale) as raised:
        save(cast, "bruno", edit(cast, LEAD, 1, email="b@b.example"), on_conflict="refuse")
    (met,) = raised.value.facts["conflicts"]
    assert (met.as_json(), met.their_person_id) == ({"field": "email", "seen": None, "theirs": None, "mine": "b@b.example"}, None)
    assert save(cast, "bruno", edit(cast, LEAD, 2, email="b@b.example")).results[0].status == "merged"


def test_a_conflict_can_be_undone_once_it_was_settled(db, cast, met):
    outcome = settle(cast, "bruno", {met: "mine"})
    assert take_back(cast, "bruno", outcome.change_set_id).records == 1
    assert row(db, cast, LEAD)["next_step"] == "visit"


def test_an_edit_of_a_deleted_lead_is_told_so(db, cast):
    save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 1))
    result = save(cast, "ana", edit(cast, LEAD, 1, next_step="x")).results[0]
    assert (result.status, "deleted" in result.error.detail) == ("not_found", True)


def test_deleting_twice_is_no_conflict(db, cast):
    save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 1))
    assert save(cast, "alma", delete_edit("lead", cast.leads[LEAD], 1)).results[0].status == "unchanged"


def test_a_conflict_over_a_company_is_kept_like_one_over_a_lead(db, cast):
    company = save(cast, "ana", Edit("company", None, {"name": "Sohar Steel", "custom.size": 4})).results[0].record_id
    save(cast, "ana", Edit("company", company, {"custom.size": 5}, 1))
    save(cast, "bruno", Edit("company", company, {"custom.size": 6, "website": "sohar.example"}, 1))
    assert still_open(cast, "bruno") == [("custom.size", 4, 5, 6)]
    with acting_as(cast.who("bruno")) as session:
        resolve(session, {c["id"]: "mine" for c in open_conflicts(session)})
    assert db.value("select custom from crm.companies where id = :id", id=company) == {"size": 6}
