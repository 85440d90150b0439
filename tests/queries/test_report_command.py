"""`report` and `undo` on the command line."""

import csv
import json

import pytest
from sqlalchemy import text

from crm.__main__ import main
from tests.db.acts import edit, row, save


@pytest.fixture
def call(capsys):
    """Runs a command; answers (exit code, standard output, standard error)."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_table_for_people(db, cast, call):
    code, out, _ = call("report", "pipeline_by_stage", "--param", "team=Gulf")
    lines = out.splitlines()
    assert code == 0
    assert "only team Gulf" in lines[2]
    assert lines[5].split() == ["pipeline", "stage", "kind", "leads", "value_usd"]
    assert lines[7].split() == ["Accounts", "Lead", "open", "3", "21900.00"]


def test_csv_holds_every_column(db, cast, call):
    code, out, _ = call("report", "pipeline_by_stage", "--format", "csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert code == 0
    assert sum(int(found["leads"]) for found in rows) == 4
    assert sum(float(found["value_usd"]) for found in rows) == 30800


def test_csv_is_the_file_that_an_export_makes_by_the_same_grants(db, cast, call):
    save(cast, "ana", edit(cast, "Petra Supplies", 1, source="=HYPERLINK(1)"))
    for arguments in (("explore", "leads", "--by", "source"), ("report", "explore", "--param", "by=source")):
        code, out, _ = call(*arguments, "--format", "csv", "--as", "mona@demo.example")
        assert code == 0 and "'=HYPERLINK(1)" in out and ",=HYPERLINK" not in out
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.grants where resource = 'report' and action = 'export'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    code, out, error = call("report", "pipeline_by_stage", "--format", "csv", "--as", "mona@demo.example")
    assert code == 2 and out == "" and "report: export" in error
    assert call("report", "pipeline_by_stage", "--as", "mona@demo.example")[0] == 0
    assert db.rows("select person_id, facts ->> 'door' as door from crm.audit_events where kind = 'exported'") == [
        {"person_id": cast.people["mona"], "door": "command line"}, {"person_id": cast.people["mona"], "door": "command line"}
    ]  # fmt: skip


HOSTILE = ("no_such", "owner; drop table crm.leads", "custom.", "' or true --", "stage_id", "x" * 500)


@pytest.mark.parametrize("given", HOSTILE)
def test_what_is_on_no_list_of_explore_is_one_line_and_exit_code_2(db, cast, call, given):
    for arguments in (("explore", given), ("explore", "--by", given), ("explore", "--split", given), ("explore", "--which", given)):
        code, out, error = call(*arguments)
        assert (code, out, error.count("\n")) == (2, "", 1), arguments


@pytest.mark.parametrize("how", [["--json"], ["--format", "json"]])
def test_json_is_one_object(db, cast, call, how):
    code, out, _ = call("report", "pipeline_by_stage", "--as-of", "2020-01-31", *how)
    found = json.loads(out)
    assert code == 0
    assert (found["as_of"], sum(found_row["leads"] for found_row in found["rows"])) == ("2020-01-31", 0)


def test_an_exploration_is_a_report_of_its_own_shape(db, cast, call):
    code, out, _ = call("explore", "value", "--by", "owner", "--as", "mona@demo.example")
    assert code == 0
    assert [line.split() for line in out.splitlines()[5:]][2:] == [["cell", "Ana", "2", "12400.00", "0", "0"], ["cell", "Bruno", "1", "9500.00", "0", "0"]]
    _, out, _ = call("explore", "revenue", "--json")
    assert json.loads(out)["name"] == "explore_orders"
    code, _, error = call("explore", "leads", "--by", "owner; drop table crm.leads")
    assert code == 2 and "tells no groups apart" in error


def test_what_was_known_on_a_day(db, cast, call):
    _, out, _ = call("report", "pipeline_by_stage", "--as-of", "2020-01-30", "--known-on", "2020-01-31")
    assert "As it was known at the end of 31 Jan 2020" in out
    _, out, _ = call("explore", "leads", "--known-on", "2020-01-31")
    assert "As it was known at the end of 31 Jan 2020" in out
    code, _, err = call("report", "revenue_by_market", "--known-on", "2020-01-31")
    assert code == 2 and "revenue_by_market tells of orders" in err


def test_as_somebody_shows_what_they_may_see(db, cast, call):
    _, out, _ = call("report", "pipeline_by_stage", "--as", "carla@demo.example", "--json")
    found = json.loads(out)
    assert found["scope"] == "team"
    assert [found_row["leads"] for found_row in found["rows"]] == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no_such"], "Reports are: pipeline_by_stage"),
        (["pipeline_by_stage", "--param", "team"], "--param name=value"),
        (["pipeline_by_stage", "--as", "nobody@demo.example"], "no active person"),
        (["pipeline_by_stage", "--as-of", "31.3.2026"], "31.3.2026"),
        (["pipeline_by_stage", "--as-of", "2999-01-01"], "has not come yet"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(db, cast, call, arguments, says):
    code, out, err = call("report", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_undo_takes_a_change_set_back_and_lists_what_it_left_alone(db, cast, call):
    made = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit", expected_close_on="2026-12-20"))
    save(cast, "bruno", edit(cast, "Petra Supplies", 2, next_step="call"))
    code, out, _ = call("undo", made.change_set_id, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["undoes"], found["records"]) == (made.change_set_id, 1)
    assert [(left["record_type"], left["record_id"], left["field"]) for left in found["left_alone"]] == [("lead", cast.leads["Petra Supplies"], "next_step")]
    after = row(db, cast, "Petra Supplies")
    assert (after["next_step"], after["expected_close_on"]) == ("call", None)


def test_undo_says_it_in_words(db, cast, call):
    made = save(cast, "ana", edit(cast, "Petra Supplies", 1, next_step="visit"))
    _, out, _ = call("undo", made.change_set_id)
    assert out.startswith(f"1 record of change set {made.change_set_id} taken back, as change set ")
    save(cast, "bruno", edit(cast, "Delta Foods", 1, next_step="call"))
    later = save(cast, "bruno", edit(cast, "Delta Foods", 2, next_step="visit"))
    save(cast, "ana", edit(cast, "Delta Foods", 3, next_step="wait"))
    _, out, _ = call("undo", later.change_set_id)
    assert out.splitlines()[0] == "Nothing was taken back."
    assert f"left alone: lead {cast.leads['Delta Foods']}: Next step was changed since" in out


def test_undo_of_no_change_set_is_bad_input(db, cast, call):
    code, _, err = call("undo", 999_999)
    assert code == 2
    assert "no such change set" in err
