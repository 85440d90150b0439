"""A query's header is a promise: checked when it is loaded, and when it runs."""

from datetime import UTC, date, datetime

import pytest

from crm.access import OPERATOR, acting_as
from crm.db import queries
from crm.db.queries import BadQuery, Item, parse

GOOD = """-- name: open_leads
-- answers: how many leads are open?
-- grain: one row
-- params: team_id bigint or null (null for all; one otherwise);
--   since date
-- columns: leads bigint; share numeric (0..1, null if none)

select count(*) as leads, null::numeric as share
from crm.leads as l
where (:team_id is null or l.team_id = :team_id) and l.created_at >= :since;
"""


def test_the_header_is_read_with_its_types_and_notes():
    query = parse(GOOD, name="open_leads")
    assert query.params == (Item("team_id", "bigint", True, "null for all; one otherwise"), Item("since", "date"))
    assert query.columns == (Item("leads", "bigint"), Item("share", "numeric", False, "0..1, null if none"))
    assert query.answers == "how many leads are open?"
    assert query.sql.startswith("select count(*)")
    assert query.sql.endswith(":since")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("-- name: open_leads\n", "-- name: other\n", "calls it other"),
        ("-- grain: one row\n", "", "must have exactly"),
        ("-- grain: one row\n", "-- grain: one row\n-- grain: two rows\n", "twice"),
        ("since date", "since day", "with a type of"),
        (">= :since", ">= now()", "in the header or the SQL only: since"),
        (">= :since", ">= :since and :until", "in the header or the SQL only: until"),
        (">= :since", ">= :since -- as :told", "in the header or the SQL only: told"),
        ("leads bigint; share", "leads bigint; leads", "twice"),
        ("-- columns: leads bigint; share numeric (0..1, null if none)\n", "-- columns:\n", "names no columns"),
        (GOOD[GOOD.index("\nselect") :], "", "no SQL"),
    ],
)  # fmt: skip
def test_a_header_that_does_not_fit_is_refused_at_load(old, new, says):
    assert old in GOOD
    with pytest.raises(BadQuery, match=says):
        parse(GOOD.replace(old, new), name="open_leads")


def test_rows_come_by_column_name(db, cast):
    with acting_as(OPERATOR) as session:
        assert parse(GOOD, name="open_leads").run(session, team_id=None, since=date(2015, 1, 1)) == [{"leads": 4, "share": None}]


@pytest.mark.parametrize(
    "given",
    [
        {"team_id": None},
        {"team_id": None, "since": date(2026, 1, 1), "until": date(2026, 1, 1)},
        {"team_id": None, "since": None},
        {"team_id": "1", "since": date(2026, 1, 1)},
        {"team_id": True, "since": date(2026, 1, 1)},
        {"team_id": 1, "since": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_missing_unknown_and_wrong_parameters_are_refused(given):
    with pytest.raises(BadQuery):
        parse(GOOD, name="open_leads").run(None, **given)


def test_a_result_with_other_columns_than_promised_is_refused(db):
    query = parse(GOOD.replace("count(*) as leads", "count(*) as lead_count"), name="open_leads")
    with acting_as(OPERATOR) as session, pytest.raises(BadQuery, match="its header says"):
        query.run(session, team_id=None, since=date(2015, 1, 1))


SOMETHING = {
    "int": 1, "bigint": 1, "numeric": 1, "text": "UTC", "boolean": True, "date": date(2026, 1, 31), "timestamptz": datetime(2026, 1, 31, tzinfo=UTC),
}  # fmt: skip


@pytest.mark.parametrize("path", queries.paths())
@pytest.mark.parametrize("filled", [True, False], ids=["with every parameter", "with as few as may be"])
def test_every_query_answers_the_columns_and_types_of_its_header(module_db, path, filled):
    query = queries.load(path)
    params = {param.name: None if param.may_be_null and not filled else SOMETHING[param.type] for param in query.params}
    with acting_as(OPERATOR) as session:
        cursor = session.execute(query.statement, params).cursor
        names = {"int4": "int", "int8": "bigint", "bool": "boolean", "varchar": "text"}
        types = dict(module_db.rows("select array_agg(oid::int) as oids, array_agg(typname::text) as names from pg_type where typtype = 'b'")[0])
        type_of = dict(zip(types["oids"], types["names"], strict=True))
        answered = [(column.name, names.get(type_of[column.type_code], type_of[column.type_code])) for column in cursor.description]
    assert answered == [(column.name, column.type) for column in query.columns]


def test_there_are_queries_and_their_names_are_unique():
    names = [path.rsplit("/", 1)[1] for path in queries.paths()]
    assert "pipeline_by_stage" in names
    assert len(set(names)) == len(names)
