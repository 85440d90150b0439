"""Custom fields through the write path: who may shape them, what they ask of records, and what becomes of values."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import crm.records  # noqa: F401
from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, delete_edit, undo
from crm.errors import Invalid, Refused, Stale
from crm.leads import reads
from crm.leads.use_cases import create_lead


def made(cast, who="alma", **values):
    given = {"record_type": "lead", "label": "Grade", "kind": "text", **values}
    with acting_as(cast.who(who)) as session:
        return apply(session, [Edit("custom_field", None, given)], source="test", on_conflict="refuse").results[0].record_id


def changed(cast, field_id, version, who="alma", **values):
    with acting_as(cast.who(who)) as session:
        return apply(session, [Edit("custom_field", field_id, values, version)], source="test", on_conflict="refuse")


def save(cast, lead, version, who="ana", **custom):
    with acting_as(cast.who(who)) as session:
        edit = Edit("lead", cast.leads[lead], {f"custom.{key}": value for key, value in custom.items()}, version)
        return apply(session, [edit], source="test").results[0]


def new_lead(cast, who="ana", team="Gulf", **custom):
    with acting_as(cast.who(who)) as session:
        values = {"name": "New", "team_id": cast.teams[team], **{f"custom.{key}": value for key, value in custom.items()}}
        return create_lead(session, values, source="form").results[-1].record_id


def custom_of(db, lead_id):
    return db.value("select custom from crm.leads where id = :id", id=lead_id)


def test_a_manager_shapes_the_own_teams_fields_and_no_others(db, cast):
    made(cast, "mona", team_id=cast.teams["Gulf"])
    for place in ({}, {"team_id": cast.teams["Levant"]}):
        with pytest.raises(Refused) as raised:
            made(cast, "mona", **place)
        assert raised.value.facts["grant"] == "field: configure"


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_reps_and_viewers_shape_no_field_and_are_told_the_grant(db, cast, who):
    before = db.value("select count(*) from crm.changes")
    with pytest.raises(Refused) as raised:
        made(cast, who, team_id=cast.teams["Gulf"])
    assert raised.value.facts["grant"] == "field: configure"
    assert db.value("select count(*) from crm.changes") == before


def test_a_teams_field_is_not_there_for_another_team(db, cast):
    made(cast, team_id=cast.teams["Gulf"])
    assert save(cast, "Delta Foods", 1, grade="A").status == "applied"
    assert "no field “grade” here" in save(cast, "Nile Mart", 1, who="carla", grade="A").error.detail


def test_a_field_of_the_team_above_is_there_below(db, cast):
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("team", cast.teams["Levant"], {"parent_id": cast.teams["Gulf"]}, 1)], source="test", on_conflict="refuse")
    made(cast, team_id=cast.teams["Gulf"])
    assert save(cast, "Nile Mart", 1, who="carla", grade="A").status == "applied"


def test_a_new_field_holds_from_the_next_save_on(db, cast):
    assert save(cast, "Delta Foods", 1, grade="A").status == "invalid"
    made(cast)
    assert save(cast, "Delta Foods", 1, grade="A").status == "applied"


def test_a_label_changes_and_key_and_data_stay(db, cast):
    field = made(cast)
    save(cast, "Delta Foods", 1, grade="A")
    changed(cast, field, 1, label="Quality")
    assert save(cast, "Delta Foods", 2, grade="B").status == "applied"
    assert custom_of(db, cast.leads["Delta Foods"]) == {"grade": "B"}
    for name in ("key", "record_type"):
        with pytest.raises(Invalid):
            changed(cast, field, 2, **{name: "company" if name == "record_type" else "other"})


def test_a_removed_field_hides_its_data_and_undo_brings_both_back(db, cast):
    field = made(cast)
    save(cast, "Delta Foods", 1, grade="A")
    with acting_as(cast.who("alma")) as session:
        gone = apply(session, [delete_edit("custom_field", field, 1)], source="test", on_conflict="refuse").change_set_id
    with acting_as(cast.who("ana")) as session:
        assert reads.lead(session, cast.leads["Delta Foods"])["custom"] == {}
    assert save(cast, "Delta Foods", 2, grade="B").status == "invalid"
    again = made(cast)
    assert db.value("select key from crm.custom_fields order by id desc limit 1") == "grade_2"
    with acting_as(cast.who("alma")) as session:  # no two are called alike
        assert undo(session, gone).left_alone and not reads.lead(session, cast.leads["Delta Foods"])["custom"]
        apply(session, [delete_edit("custom_field", again, 1)], source="test", on_conflict="refuse")
        undo(session, gone)
    with acting_as(cast.who("ana")) as session:
        assert reads.lead(session, cast.leads["Delta Foods"])["custom"] == {"grade": "A"}


def test_an_edit_of_a_value_is_undone_after_its_field_is_gone(db, cast):
    field = made(cast)
    with acting_as(cast.who("ana")) as session:
        done = apply(session, [Edit("lead", cast.leads["Delta Foods"], {"custom.grade": "A"}, 1)], source="test")
    with acting_as(cast.who("alma")) as session:
        apply(session, [delete_edit("custom_field", field, 1)], source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        assert undo(session, done.change_set_id).records == 1
    assert custom_of(db, cast.leads["Delta Foods"]) == {}


def test_a_default_stands_in_new_leads_only(db, cast):
    made(cast, default_value="new here")
    assert custom_of(db, new_lead(cast)) == {"grade": "new here"}
    assert custom_of(db, new_lead(cast, grade="A")) == {"grade": "A"}
    assert custom_of(db, cast.leads["Delta Foods"]) == {}


def test_a_required_field_is_asked_of_people_who_make_a_lead_and_who_edit_it(db, cast):
    made(cast, is_required=True)
    with pytest.raises(Invalid, match="“Grade” is required"):
        new_lead(cast)
    assert new_lead(cast, grade="A")
    assert save(cast, "Delta Foods", 1, size=3).status == "applied", "whoever edits something else is not stopped"
    assert save(cast, "Delta Foods", 2, grade="A").status == "applied"
    assert save(cast, "Delta Foods", 3, grade=None).error.detail == "Grade cannot be empty."
    with acting_as(OPERATOR) as session:  # what the machine brings in comes in
        create_lead(session, {"name": "Of an import", "team_id": cast.teams["Gulf"]}, source="import")


def test_a_unique_value_is_used_once_a_team(db, cast):
    made(cast, is_unique=True)
    assert save(cast, "Delta Foods", 1, grade="A").status == "applied"
    assert "already used in the team" in save(cast, "Petra Supplies", 1, grade="A").error.detail
    assert save(cast, "Nile Mart", 1, who="carla", grade="A").status == "applied"
    assert save(cast, "Delta Foods", 2, grade="A").status == "unchanged"
    with pytest.raises(Invalid, match="already used"):
        new_lead(cast, grade="A")
    with acting_as(cast.who("ana")) as session:
        edits = [Edit("lead", cast.leads[name], {"custom.grade": "B"}, version) for name, version in (("Al Noor Trading", 1), ("Petra Supplies", 1))]
        assert [result.status for result in apply(session, edits, source="test").results] == ["applied", "invalid"]
    with acting_as(cast.who("alma")) as session:
        moved = apply(session, [Edit("lead", cast.leads["Nile Mart"], {"team_id": cast.teams["Gulf"]}, 2)], source="test").results[0]
    assert "already used" in moved.error.detail


def test_two_people_at_once_cannot_both_take_a_unique_value(db, cast):
    made(cast, is_unique=True)
    people = {"ana": "Delta Foods", "bruno": "Petra Supplies", "mona": "Al Noor Trading"}
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda who: save(cast, people[who], 1, who=who, grade="A").status, people))
    assert sorted(done) == ["applied", "invalid", "invalid"]


def test_values_that_stand_twice_cannot_become_unique(db, cast):
    field = made(cast)
    save(cast, "Delta Foods", 1, grade="A")
    save(cast, "Petra Supplies", 1, grade="A")
    with pytest.raises(Invalid, match="1 values stand in more than one record"):
        changed(cast, field, 1, is_unique=True)


def test_two_admins_at_once_meet_the_rules_of_leads(db, cast):
    field = made(cast)
    changed(cast, field, 1, label="Quality")
    with pytest.raises(Stale):
        changed(cast, field, 1, who="alma", label="Rank")
    changed(cast, field, 1, help="How good")  # another part of it is merged
    assert db.rows("select label, help, version from crm.custom_fields where id = :id", id=field) == [{"label": "Quality", "help": "How good", "version": 3}]


@pytest.mark.parametrize(
    "values",
    [
        {"label": ""}, {"label": "x" * 81}, {"label": "half \ud800"}, {"kind": "blob"}, {"kind": "choice"}, {"kind": "choice", "options": ["a" * 101]},
        {"kind": "choice", "options": "Gold"}, {"record_type": "team"}, {"record_type": None}, {"key": "a'b"}, {"key": "size"}, {"is_required": "yes"},
        {"kind": "number", "default_value": "many"}, {"kind": "date", "default_value": "soon"}, {"default_value": {"a": 1}}, {"help": "x" * 301},
        {"is_unique": True, "default_value": "x"}, {"position": "first"}, {"position": 2**40}, {"kind": ["text"]}, {"default_value": "x" * 10_000},
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused_in_words_and_nothing_is_written(module_db, module_cast, values):
    before = module_db.value("select count(*) from crm.changes")
    with pytest.raises(Invalid) as raised:
        made(module_cast, **values)
    assert raised.value.detail.endswith(".") and "crm." not in raised.value.detail
    assert module_db.value("select count(*) from crm.changes") == before


def test_a_stage_asks_for_a_custom_field_by_its_label(db, cast):
    made(cast, label="Tax number")
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("stage", cast.stages["Gulf"]["Won"], {"requirements": {"fields": ["custom.tax_number"]}}, 1)], source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        edits = [Edit("lead", cast.leads["Delta Foods"], {"stage_id": cast.stages["Gulf"]["Won"]}, 1)]
        assert apply(session, edits, source="test").results[0].error.detail == "Won needs “Tax number”. Fill it in and move the lead again."
        edits = [Edit("lead", cast.leads["Delta Foods"], {"stage_id": cast.stages["Gulf"]["Won"], "custom.tax_number": "7"}, 1)]
        assert apply(session, edits, source="test").results[0].status == "applied"


def test_a_person_in_a_field_must_be_somebody_active(db, cast):
    made(cast, kind="person", label="Buyer")
    assert save(cast, "Delta Foods", 1, buyer="Bruno").status == "applied"
    assert custom_of(db, cast.leads["Delta Foods"]) == {"buyer": cast.people["bruno"]}
    assert "does not exist or is disabled" in save(cast, "Delta Foods", 2, buyer=987654).error.detail
