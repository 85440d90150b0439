"""History is written by the database whoever writes, and cannot part from the record's version."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import acting_as, writing
from crm.changes import Edit, changes_of, delete_edit, values_before
from crm.changes.records import type_of
from tests.db.acts import edit, history, record, row, save

LEAD = "Petra Supplies"
KINDS = {"lead": "leads", "company": "companies", "contact": "contacts", "activity": "activities", "person": "people", "team": "teams",
         "pipeline": "pipelines", "stage": "stages"}  # fmt: skip


def owner_runs(db, statement, **parameters):
    with db.owner().begin() as connection:
        connection.execute(text(statement), parameters)


def test_a_recorded_column_cannot_change_without_its_version_even_for_the_owner(db, cast):
    for change in ("next_step = 'x'", "value_amount = 5, value_currency = 'USD'", "custom = '{\"a\": 1}'", "deleted_at = now()", "owner_id = null"):
        with pytest.raises(DBAPIError, match="changed without its version"):
            owner_runs(db, f"update crm.leads set {change} where id = :id", id=cast.leads[LEAD])


@pytest.mark.parametrize("step", ["version", "version + 2", "version - 1", "1000"])
def test_a_version_grows_by_one_with_a_change_and_not_otherwise(db, cast, step):
    with pytest.raises(DBAPIError, match="changed without its version"):
        owner_runs(db, f"update crm.leads set next_step = 'x', version = {step} where id = :id", id=cast.leads[LEAD])
    with pytest.raises(DBAPIError, match="changed without its version"):
        owner_runs(db, "update crm.leads set version = version + 1 where id = :id", id=cast.leads[LEAD])


def test_derived_columns_make_no_version_and_no_history(db, cast):
    owner_runs(db, "update crm.leads set lifetime_usd = 5, last_order_at = now(), last_contacted_at = now(), score = 3 where id = :id", id=cast.leads[LEAD])
    assert (row(db, cast, LEAD)["version"], len(history(db, "lead", cast.leads[LEAD]))) == (1, 1)


def test_one_bad_row_of_many_refuses_the_whole_statement(db, cast):
    with pytest.raises(DBAPIError, match="changed without its version"):
        owner_runs(db, "update crm.leads set next_step = 'x', version = version + case when id = :id then 0 else 1 end", id=cast.leads[LEAD])
    assert db.value("select count(*) from crm.leads where next_step = 'x'") == 0


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_field_of_every_kind_of_record_is_in_the_history(db, cast, kind):
    """Each registered field, changed behind the app's back, must leave its trace; a field forgotten by the trigger fails here."""
    import crm.records  # noqa: F401 - registers every kind

    call = {"kind": "call", "lead_id": cast.leads[LEAD]}
    save(
        cast,
        "ana",
        Edit("company", None, {"name": "C"}),
        Edit("company", None, {"name": "D"}),
        Edit("contact", None, {"name": "C"}),
        Edit("activity", None, call),
    )
    table = KINDS[kind]
    (found,) = db.rows(f"select * from crm.{table} order by id limit 1")
    other = {
        "text": "'zz'",
        "long_text": "'zz'",
        "int": "77",
        "share": "0.77",
        "date": "'2031-01-01'",
        "moment": "'2019-01-01T00:00:00Z'",
        "json": "'{\"a\": 1}'",
    }
    for field in type_of(kind).fields.values():
        if field.kind == "id":
            target = {"company_id": "companies", "lead_id": "leads", "team_id": "teams", "parent_id": "teams", "pipeline_id": "pipelines", "stage_id": "stages",
                      "owner_id": "people", "person_id": "people", "came_from_lead_id": "leads", "merged_into_id": table}[field.name]  # fmt: skip
            others = db.rows(f"select id from crm.{target} where id is distinct from :now order by id desc limit 1", now=found[field.name])
            value = str(others[0]["id"]) if others else "null"
        elif field.kind == "money":
            value = ""
        else:
            value = {"kind": "'won'" if kind == "stage" else "'meeting'", "email": "'zz@demo.example'", "colour": "'deep'", "market": "'OM'"}.get(
                field.name, other[field.kind]
            )
        change = "value_amount = 77, value_currency = 'AED'" if field.kind == "money" else f"{field.name} = {value}"
        with db.owner().connect() as connection:  # rolled back
            for obstacle in (
                "table crm.leads drop constraint fk_leads_pipeline_id_stage_id",
                "index crm.uq_stages_pipeline_id_name",
                "index crm.uq_pipelines_team_id_name",
            ):
                connection.execute(text(f"alter {obstacle}" if obstacle.startswith("table") else f"drop {obstacle}"))
            connection.execute(text(f"update crm.{table} set {change}, version = version + 1 where id = :id"), {"id": found["id"]})
            fields = connection.scalar(
                text("select fields from crm.changes where record_type = :k and record_id = :i order by version desc limit 1"), {"k": kind, "i": found["id"]}
            )
        assert list(fields) == [field.name]


def test_history_rebuilds_every_version_of_a_record(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit", value={"amount": "5", "currency": "AED"}, custom__size=3))
    save(cast, "bruno", edit(cast, LEAD, 2, stage_id=cast.stages["Gulf"]["Won"], custom__size=4, custom__color="red"))
    save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 3))
    state: dict[str, object] = {}
    for change in history(db, "lead", cast.leads[LEAD]):
        for name, (old, new) in change["fields"].items():
            assert state.get(name) == old
            state[name] = new
    after = row(db, cast, LEAD)
    assert {key: state[f"custom.{key}"] for key in after["custom"]} == after["custom"]
    assert (state["next_step"], state["stage_id"], state["value"]) == ("visit", after["stage_id"], {"amount": "5.00", "currency": "AED"})
    assert [c["version"] for c in history(db, "lead", cast.leads[LEAD])] == [1, 2, 3, 4]


def test_a_change_says_who_from_where_and_in_which_set(db, cast):
    outcome = save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    with acting_as(cast.who("bruno")) as session:
        newest = changes_of(session, "lead", cast.leads[LEAD])[0]
    assert (newest["person_name"], newest["source"], newest["change_set_id"], newest["effective_at"]) == ("Ana", "test", outcome.change_set_id, None)


def test_a_write_past_the_write_path_still_leaves_its_trace_and_its_person(db, cast):
    with acting_as(cast.who("ana")) as session, writing(session, "lead", "edit"):
        session.execute(text("update crm.leads set next_step = 'raw', version = version + 1 where id = :id"), {"id": cast.leads[LEAD]})
    newest = history(db, "lead", cast.leads[LEAD])[-1]
    assert (newest["fields"], newest["person_id"], newest["source"]) == ({"next_step": [None, "raw"]}, cast.people["ana"], "database")


def test_a_second_call_of_a_transaction_has_its_own_set_and_source(db, cast):
    from crm.changes import apply

    with acting_as(cast.who("ana")) as session:
        one = apply(session, [edit(cast, LEAD, 1, next_step="a")], source="grid")
        two = apply(session, [edit(cast, LEAD, 2, next_step="b")], source="api")
    changes = history(db, "lead", cast.leads[LEAD])[1:]
    assert [(c["change_set_id"], c["source"]) for c in changes] == [(one.change_set_id, "grid"), (two.change_set_id, "api")]


def test_a_record_can_be_read_as_of_a_past_moment(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    middle = datetime.now(UTC)
    save(cast, "ana", edit(cast, LEAD, 2, next_step="call", phone="1"))
    with acting_as(cast.who("ana")) as session:
        current = {"next_step": "call", "phone": "1", "name": LEAD}
        then = values_before(session, "lead", cast.leads[LEAD], current, middle)
        before_it_was = values_before(session, "lead", cast.leads[LEAD], current, middle - timedelta(days=400))
    assert (then, before_it_was) == ({"next_step": "visit", "phone": None, "name": LEAD}, None)


def test_history_follows_its_record_behind_the_wall(db, cast):
    save(cast, "mona", edit(cast, LEAD, 1, team_id=cast.teams["Levant"]))
    with acting_as(cast.who("ana")) as session:
        assert changes_of(session, "lead", cast.leads[LEAD]) == []
    with acting_as(cast.who("carla")) as session:
        assert len(changes_of(session, "lead", cast.leads[LEAD])) == 2


def test_what_people_write_into_history_is_only_what_they_changed(db, cast):
    """The change row of a twin: nothing of one record may land in another's history when many are written at once."""
    ids = [r.record_id for r in save(cast, "ana", *(Edit("lead", None, {"name": f"L{i}", "team_id": cast.teams["Gulf"]}) for i in range(200))).results]
    save(cast, "ana", *(Edit("lead", i, {"next_step": f"for {i}"}, 1) for i in reversed(ids)))
    assert db.value(
        "select count(*) from crm.changes where record_type = 'lead' and version = 2 and fields = jsonb_build_object('next_step',"
        " jsonb_build_array(null, 'for ' || record_id))"
    ) == len(ids)
    assert record(db, "leads", ids[7])["next_step"] == f"for {ids[7]}"
