"""An import says what became of every row, writes through the one path, and can be taken back."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import time_machine
from sqlalchemy import text

from crm.__main__ import main
from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, open_conflicts, undo
from crm.errors import Invalid, NotFound, Refused
from crm.imports.files import open_table
from crm.imports.use_cases import Wishes, import_tables
from tests.unit.test_import_files import text as cell
from tests.unit.test_import_files import workbook


def bring_in(content, *, person=OPERATOR, name="leads.csv", team="Gulf", **wishes):
    table = open_table(name, content if isinstance(content, bytes) else content.encode())
    with acting_as(person) as session:
        done = import_tables(session, [table], Wishes(team, **wishes))
    assert done.adds_up
    return done


def counts(done):
    return done.created, done.updated, done.unchanged, done.skipped, done.failed


def reasons(done):
    return [(remark.line, remark.reason) for remark in done.failures]


def lead(db, external_id):
    return db.rows("select * from crm.leads where external_id = :id and deleted_at is null", id=external_id)[0]


def change_as(cast, who, db, external_id, **wanted):
    found = lead(db, external_id)
    with acting_as(cast.who(who)) as session:
        assert apply(session, [Edit("lead", found["id"], wanted, found["version"])], source="grid").results[0].is_kept


FILE = """id,name,company,contact,email,phone,owner,stage,value,currency,source,created_on,closed_on,expected_close_on,next step,Colour
A1,Oasis Hotels,Oasis,Joy Santos,joy@oasis.example,+971 4 555 0101,Ana,Contacted,"1,250.50",AED,Referral,2026-01-10,,2026-12-01,send samples,red
A2,Palm Grill,Palm,,,,Bruno,Won,900,,Website,2026-01-10,2026-02-20,,,blue
A3,,Palm,,,,,Lead,,,,,,,,
"""


def test_what_nobody_sees_in_a_file_makes_no_second_lead_team_company_or_person(db, cast):
    plain = "name,company,owner,stage\nPetra North,Petra Group,Ana,Contacted\n"
    marked = "\ufeffname,company,owner,stage\n\u200ePetra\u200b North,\u202aPetra Group\u202c,An\u200ca,Contacted\u200f\n"
    assert counts(bring_in(plain, key="name"))[0] == 1
    done = bring_in(marked, team="Gulf\u200b", key="name", may_make=True)
    assert counts(done) == (0, 0, 1, 0, 0) and not done.made


def test_a_file_comes_in_whole(db, cast):
    done = bring_in(FILE)
    assert counts(done) == (3, 0, 0, 0, 0)
    assert (done.companies, done.contacts, done.key, done.files[0].ignored) == (2, 1, "external_id", ("Colour",))
    first = lead(db, "A1")
    assert (first["name"], first["owner_id"], first["stage_id"]) == ("Oasis Hotels", cast.people["ana"], cast.stages["Gulf"]["Contacted"])
    assert (float(first["value_amount"]), first["value_currency"], first["email"], first["next_step"]) == (1250.5, "AED", "joy@oasis.example", "send samples")
    assert str(first["expected_close_on"]) == "2026-12-01" and first["created_at"].date().isoformat() == "2026-01-10"
    assert lead(db, "A3")["name"] == "Palm" and lead(db, "A3")["owner_id"] is None
    assert lead(db, "A2")["company_id"] == lead(db, "A3")["company_id"]
    linked = db.rows("select c.name from crm.lead_contacts as l join crm.contacts as c on c.id = l.contact_id where l.lead_id = :id", id=first["id"])
    assert [row["name"] for row in linked] == ["Joy Santos"]


def test_a_closed_lead_begins_in_the_first_stage_on_its_day_and_moves_on_the_day_it_closed(db, cast):
    bring_in(FILE)
    found = lead(db, "A2")
    postings = db.rows("select kind, stage_id, leads, effective_at from crm.postings where lead_id = :id order by id", id=found["id"])
    stages = cast.stages["Gulf"]
    assert [(p["kind"], p["stage_id"], p["leads"], p["effective_at"].date().isoformat()) for p in postings] == [
        ("created", stages["Lead"], 1, "2026-01-10"), ("moved", stages["Lead"], -1, "2026-02-20"), ("moved", stages["Won"], 1, "2026-02-20"),
    ]  # fmt: skip


def test_a_lead_that_was_not_closed_lands_in_its_stage_on_its_day(db, cast):
    bring_in(FILE)
    postings = db.rows("select kind, stage_id, effective_at from crm.postings where lead_id = :id", id=lead(db, "A1")["id"])
    assert [(p["kind"], p["stage_id"], p["effective_at"].date().isoformat()) for p in postings] == [("created", cast.stages["Gulf"]["Contacted"], "2026-01-10")]


def test_a_value_becomes_dollars_at_the_rate_of_the_day_it_was_created(db, cast):
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.exchange_rates values ('AED', '2026-01-05', 0.5), ('AED', '2026-02-01', 0.9)"))
    bring_in(FILE)
    assert float(lead(db, "A1")["value_usd"]) == 625.25


def test_the_same_file_again_changes_nothing(db, cast):
    bring_in(FILE)
    before = db.value("select count(*) from crm.changes")
    done = bring_in(FILE)
    assert counts(done) == (0, 0, 3, 0, 0) and done.change_set_id is None
    assert db.value("select count(*) from crm.changes") == before


def test_a_dry_run_says_the_same_and_writes_nothing(db, cast):
    before = [db.value(f"select count(*) from crm.{table}") for table in ("leads", "companies", "contacts", "changes", "change_sets", "people", "stages")]
    done = bring_in(FILE.replace("Bruno", "Somebody New").replace("Contacted", "Called"), is_dry_run=True, may_make=True)
    assert counts(done) == (3, 0, 0, 0, 0) and done.made == {"stages": ["Called"], "people": ["Somebody New"]} and done.change_set_id is None
    after = [db.value(f"select count(*) from crm.{table}") for table in ("leads", "companies", "contacts", "changes", "change_sets", "people", "stages")]
    assert after == before


def test_a_run_is_one_change_set_and_undo_takes_all_of_it_back(db, cast):
    before = db.value("select count(*) from crm.leads where deleted_at is null")
    done = bring_in(FILE)
    assert db.value("select count(distinct change_set_id) from crm.changes where source = 'import'") == 1
    with acting_as(OPERATOR) as session:
        undone = undo(session, done.change_set_id)
    assert not undone.left_alone
    assert db.value("select count(*) from crm.leads where deleted_at is null") == before
    assert (
        db.value("select count(*) from crm.companies where deleted_at is null") == db.value("select count(*) from crm.contacts where deleted_at is null") == 0
    )
    of_import = "lead_id in (select id from crm.leads where external_id is not null)"
    sums = db.rows(f"select count(*) > 0 as any, coalesce(sum(leads), 0) as leads, coalesce(sum(value_usd), 0) as usd from crm.postings where {of_import}")[0]
    assert tuple(sums.values()) == (True, 0, 0)
    assert counts(bring_in(FILE)) == (3, 0, 0, 0, 0)


# Updating by key


def test_a_known_lead_is_updated_where_the_file_says_something_new_and_blank_cells_say_nothing(db, cast):
    bring_in(FILE)
    done = bring_in("external_id,value,currency,next_step,email\nA1,2000,AED,,\nA2,900,,call,\n")
    assert counts(done) == (0, 2, 0, 0, 0)
    assert (float(lead(db, "A1")["value_amount"]), lead(db, "A1")["next_step"], lead(db, "A1")["email"]) == (2000, "send samples", "joy@oasis.example")
    assert lead(db, "A2")["next_step"] == "call"


def test_an_old_file_does_not_take_back_what_a_person_changed_since(db, cast):
    bring_in(FILE)
    change_as(cast, "ana", db, "A1", next_step="visit", stage_id=cast.stages["Gulf"]["Negotiation"])
    assert counts(bring_in(FILE)) == (0, 0, 3, 0, 0)
    assert (lead(db, "A1")["next_step"], lead(db, "A1")["stage_id"]) == ("visit", cast.stages["Gulf"]["Negotiation"])


def test_news_in_another_field_is_merged_with_what_a_person_changed_since(db, cast):
    bring_in(FILE)
    change_as(cast, "ana", db, "A1", next_step="visit")
    done = bring_in(FILE.replace('"1,250.50"', "3000"))
    assert counts(done) == (0, 1, 2, 0, 0)
    assert (lead(db, "A1")["next_step"], float(lead(db, "A1")["value_amount"])) == ("visit", 3000)


def test_news_in_the_same_field_is_a_failure_that_names_both_and_the_rest_is_saved(db, cast):
    bring_in(FILE)
    change_as(cast, "ana", db, "A1", next_step="visit")
    done = bring_in(FILE.replace("send samples", "send prices").replace('"1,250.50"', "3000"))
    assert counts(done) == (0, 0, 2, 0, 1)
    assert reasons(done)[0][0] == 2 and "“send prices”" in reasons(done)[0][1] and "“visit”" in reasons(done)[0][1]
    assert (lead(db, "A1")["next_step"], float(lead(db, "A1")["value_amount"])) == ("visit", 3000)


def test_for_a_person_such_a_row_waits_under_conflicts(db, cast):
    mona = cast.who("mona")
    bring_in(FILE, person=mona)
    change_as(cast, "ana", db, "A1", next_step="visit")
    done = bring_in(FILE.replace("send samples", "send prices"), person=mona)
    assert done.failed == 1 and "Conflicts" in reasons(done)[0][1]
    with acting_as(mona) as session:
        assert [(kept["field"], kept["theirs"], kept["mine"]) for kept in open_conflicts(session)] == [("next_step", "visit", "send prices")]


def test_a_move_before_the_last_recorded_change_is_refused_with_words(db, cast):
    bring_in(FILE)
    done = bring_in("external_id,stage,closed_on\nA2,Lost,2026-02-01\n")
    assert counts(done) == (0, 0, 0, 0, 1) and "before this lead's last recorded change (20 Feb 2026)" in reasons(done)[0][1]


def test_a_later_move_is_posted_on_its_day(db, cast):
    bring_in(FILE)
    assert counts(bring_in("external_id,stage,closed_on\nA1,Won,2026-03-03\n")) == (0, 1, 0, 0, 0)
    assert db.value("select max(effective_at)::date::text from crm.postings where lead_id = :id", id=lead(db, "A1")["id"]) == "2026-03-03"


def test_an_undone_update_can_be_imported_again(db, cast):
    bring_in(FILE)
    news = "external_id,next_step\nA1,visit\n"
    with acting_as(OPERATOR) as session:
        undo(session, bring_in(news).change_set_id)
    assert lead(db, "A1")["next_step"] == "send samples"
    assert counts(bring_in(news)) == (0, 1, 0, 0, 0)


def test_another_key_finds_leads_too_and_one_that_finds_several_is_a_failure(db, cast):
    bring_in("name,email\nOne,a@x.example\nTwo,b@x.example\nThree,B@x.example\n")
    done = bring_in("name,email,next_step\nOne,A@X.example,call\nTwo,b@x.example,call\n", key="email")
    assert counts(done) == (0, 1, 0, 0, 1) and "2 leads" in reasons(done)[0][1]


def test_a_custom_field_can_be_the_key(db, cast):
    pairs = ["ref=custom.ref"]
    with pytest.raises(Invalid, match=r"Leads of Gulf have no field “custom\.ref”\. Fields are: custom\.size, custom\.color\. Or add --create-missing"):
        bring_in("name,ref\nOne,r1\nTwo,r2\n", pairs=pairs, key="custom.ref")
    assert bring_in("name,ref\nOne,r1\nTwo,r2\n", pairs=pairs, key="custom.ref", may_make=True).made == {"fields": ["ref"]}
    assert db.rows("select label, kind, team_id from crm.custom_fields where key = 'ref'") == [{"label": "Ref", "kind": "text", "team_id": cast.teams["Gulf"]}]
    assert counts(bring_in("name,ref,phone\nOne,r1,123\nNew,r3,\n", pairs=pairs, key="custom.ref")) == (1, 1, 0, 0, 0)


def test_without_a_key_every_row_is_a_new_lead(db, cast):
    bring_in("name\nOne\n")
    assert counts(bring_in("name\nOne\n")) == (1, 0, 0, 0, 0)


def test_doubles_within_a_file_are_told_apart_from_contradictions(db, cast):
    done = bring_in("external_id,name\nA1,One\nA1,One\nA1,Other\n,Nameless\n")
    assert counts(done) == (1, 0, 0, 1, 2)
    assert (done.skips[0].line, done.skips[0].reason) == (3, "It says the same as line 2.")
    assert "Line 2 has the same external_id “A1”" in reasons(done)[0][1] and "It has no external_id" in reasons(done)[1][1]


def test_what_is_written_out_and_brought_in_again_changes_nothing(db, cast):
    values = {"name": "Oasis, “Palm” & Sons", "team_id": cast.teams["Gulf"], "owner_id": cast.people["ana"], "value": {"amount": "1234.50", "currency": "AED"},
              "external_id": "A1", "expected_close_on": "2026-12-01", "next_step": "call\nthen visit", "custom.size": 12}  # fmt: skip
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("lead", None, values)], source="api", on_conflict="refuse")
    rows = db.rows("""
        select l.external_id, l.name, p.name as owner, s.name as stage, l.value_amount as value, l.value_currency as currency, l.expected_close_on, l.next_step
        from crm.leads as l join crm.people as p on p.id = l.owner_id join crm.stages as s on s.id = l.stage_id where l.external_id is not null
    """)
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    assert counts(bring_in(out.getvalue())) == (0, 0, 1, 0, 0)


def test_a_workbook_comes_in_like_any_file(db, cast):
    header = f'<row r="1">{cell("A1", "external_id")}{cell("B1", "name")}{cell("C1", "value")}{cell("D1", "created_on")}{cell("E1", "stage")}</row>'
    row = f'<row r="2"><c r="A2"><v>1042</v></c>{cell("B2", "Nile Mart")}<c r="C2"><v>1250.5</v></c><c r="D2" s="1"><v>46000</v></c>{cell("E2", "Won")}</row>'
    assert counts(bring_in(workbook(header + row), name="leads.xlsx")) == (1, 0, 0, 0, 0)
    found = lead(db, "1042")
    assert (float(found["value_usd"]), found["created_at"].date().isoformat(), found["stage_id"]) == (1250.5, "2025-12-09", cast.stages["Gulf"]["Won"])


# What is missing


def test_unknown_stages_and_people_are_failures_with_words(db, cast):
    done = bring_in("name,stage,owner\nOne,Dreaming,Ana\nTwo,Lead,Nobody Known\nThree,lead,ANA@demo.example\n")
    assert counts(done) == (1, 0, 0, 0, 2)
    assert reasons(done)[0] == (
        2,
        "There is no stage “Dreaming” in “Accounts”. Its stages are: Lead, Contacted, Negotiation, Won, Lost. Or add --create-missing.",
    )
    assert reasons(done)[1] == (3, "There is nobody called “Nobody Known”. Add them first, or add --create-missing.")


@pytest.mark.parametrize(("wishes", "words"), [({"team": "Mars"}, "no team “Mars”.*Gulf"), ({"pipeline": "Rockets"}, "no pipeline “Rockets”.*Accounts")])
def test_an_unknown_team_or_pipeline_is_refused_before_anything_is_written(db, cast, wishes, words):
    with pytest.raises(Invalid, match=words):
        bring_in("name\nOne\n", **wishes)


def test_create_missing_makes_team_pipeline_stages_and_people_who_cannot_sign_in_yet(db, cast):
    content = "name,stage,owner\nOne,Won,Joy Santos\nTwo,Talking,joy.two@x.example\nThree,Lost,Ana\n"
    done = bring_in(content, team="Mars", pipeline="Rockets", may_make=True)
    assert counts(done) == (3, 0, 0, 0, 0)
    assert done.made == {"teams": ["Mars"], "pipelines": ["Rockets"], "stages": ["Talking", "Won", "Lost"], "people": ["Joy Santos", "joy.two@x.example"]}
    stages = db.rows("select s.name, s.kind from crm.stages as s join crm.pipelines as p on p.id = s.pipeline_id where p.name = 'Rockets' order by s.position")
    assert [(s["name"], s["kind"]) for s in stages] == [("Talking", "open"), ("Won", "won"), ("Lost", "lost")]
    made = db.rows(
        "select p.name, p.email, c.person_id from crm.people as p left join crm.credentials as c on c.person_id = p.id where p.name like 'Joy%' order by p.id"
    )
    assert [(p["name"], p["email"], p["person_id"]) for p in made] == [
        ("Joy Santos", "joy.santos@not-invited.example", None), ("Joy Two", "joy.two@x.example", None),
    ]  # fmt: skip
    assert bring_in(content, team="Mars", pipeline="Rockets", may_make=True).made == {}


def test_a_new_pipeline_without_any_open_stage_in_the_file_gets_a_first_one(db, cast):
    done = bring_in("name,stage,created_on,closed_on\nOne,Won,2026-01-01,2026-01-05\n", team="Mars", may_make=True)
    assert done.made["stages"] == ["Lead", "Won"] and done.created == 1


def test_a_stage_that_needs_a_field_refuses_the_row_whole(db, cast):
    with db.owner().begin() as connection:
        connection.execute(
            text("""update crm.stages set version = version + 1, requirements = '{"fields": ["expected_close_on"]}' where id = :id"""),
            {"id": cast.stages["Gulf"]["Won"]},
        )
    done = bring_in("external_id,name,stage,created_on,closed_on\nA1,One,Won,2026-01-01,2026-01-05\nA2,Two,Lead,,\n")
    assert counts(done) == (1, 0, 0, 0, 1) and reasons(done)[0][1].startswith("Won needs an expected close date")
    assert db.value("select count(*) from crm.leads where external_id = 'A1'") == 0


# Who may


def test_a_rep_imports_for_their_own_team_only(db, cast):
    assert bring_in("name\nOne\n", person=cast.who("ana")).created == 1
    with pytest.raises((Refused, NotFound, Invalid)):
        bring_in("name\nOne\n", person=cast.who("ana"), team="Levant")
    with pytest.raises(Refused):
        bring_in("name\nOne\n", person=cast.who("vera"))


def test_what_a_person_imports_is_recorded_as_theirs(db, cast):
    done = bring_in("external_id,name\nA1,One\n", person=cast.who("mona"))
    assert db.value("select person_id from crm.change_sets where id = :id", id=done.change_set_id) == cast.people["mona"]


# Dates, money and hostile cells


def test_dates_of_several_readings_are_asked_about_before_anything_is_written(db, cast):
    with pytest.raises(Invalid, match="--date-order"):
        bring_in("name,created_on\nOne,03-04-2016\n")
    assert bring_in("name,created_on\nOne,03-04-2016\n", date_order="dmy").date_order == "dmy"


def test_todays_rows_are_effective_now_and_not_later(db, cast):
    with time_machine.travel(datetime(2026, 5, 4, 6, 0, tzinfo=UTC), tick=False):
        done = bring_in("external_id,name,stage,created_on,closed_on\nA1,One,Won,2026-05-04,2026-05-04\nA2,Two,Won,2026-05-05,\n")
    assert counts(done) == (1, 0, 0, 0, 1) and "in the future" in reasons(done)[0][1]


def test_bad_cells_fail_their_rows_by_line_and_the_others_come_in(db, cast):
    lines = [
        "name,value,created_on,phone",
        "Good,1,2026-01-01,1",
        "Bad money,lots,,",
        "Bad date,,2026-13-01,",
        f"Long,,,{'9' * 400}",
        "Ragged,1,,,,x",
        ",,,",
        "=cmd|' /C calc'!A0,,,",
    ]
    done = bring_in("\n".join(lines))
    assert counts(done) == (2, 0, 0, 1, 4)
    assert [line for line, _ in reasons(done)] == [3, 4, 5, 6] and all(reason for _, reason in reasons(done))
    assert db.value("select count(*) from crm.leads where name = '=cmd|'' /C calc''!A0'") == 1


def test_a_currency_without_a_rate_is_noted(db, cast):
    done = bring_in("name,value\nOne,5 GBP\n")
    assert done.created == 1 and "GBP, which has no exchange rate" in done.notes[0]


def test_several_files_are_one_run(db, cast):
    tables = [open_table("a.csv", b"external_id,name\nA1,One\n"), open_table("b.csv", b"id;company;value\nA2;Two;1,5\nA1;Other;\n")]
    with acting_as(OPERATOR) as session:
        done = import_tables(session, tables, Wishes("Gulf"))
    assert counts(done) == (2, 0, 0, 0, 1) and (done.failures[0].file, done.failures[0].line) == ("b.csv", 3)


# The command


def test_the_command_reconciles_as_json_and_undo_takes_its_change_set(db, cast, tmp_path, capsys):
    path = tmp_path / "leads.csv"
    path.write_text(FILE)
    assert main(["import", str(path), "--team", "Gulf", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["rows_in"] == 3 == sum(done[what] for what in ("created", "updated", "unchanged", "skipped", "failed"))
    assert done["files"][0]["columns"]["next step"] == "next_step"
    assert main(["undo", str(done["change_set"]), "--json"]) == 0
    assert db.value("select count(*) from crm.leads where external_id is not null and deleted_at is null") == 0


@pytest.mark.parametrize(("arguments", "words"), [
    (["missing.csv", "--team", "Gulf"], "cannot be read"), (["leads.csv", "--team", "Nowhere"], "no team"),
    (["leads.csv", "--team", "Gulf", "--map", "x=y"], "no field"),
    (["leads.csv", "--team", "Gulf", "--date-order", "ydm"], "dmy, mdy or ymd"), (["leads.csv", "--team", "Gulf", "--key", "stage"], "cannot find a lead"),
    (["leads.csv"], "team"), (["empty.csv", "--team", "Gulf"], "is empty"), (["odd.csv", "--team", "Gulf"], "no column says what a lead is called"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2_and_changes_nothing(db, cast, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leads.csv").write_text(FILE)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "odd.csv").write_text("colour,shape\nred,round\n")
    before = db.value("select count(*) from crm.changes")
    assert main(["import", *arguments]) == 2
    complaint = capsys.readouterr().err.strip().splitlines()
    assert len(complaint) == 1 and words in complaint[0]
    assert db.value("select count(*) from crm.changes") == before
