"""The audit: one list of what shaped the work and who came in, found by whom, kind, day and words, a page at a time."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm import clock
from crm.access import OPERATOR, acting_as, as_system, audit, downloads, sessions, sign_in, viewing
from crm.access.downloads import defused
from crm.audit import kinds, naming
from crm.audit.export import check, write_csv
from crm.audit.reads import CHANGE, EVENT, AuditFilter, label_of, list_audit
from crm.changes import Edit, apply, delete_edit
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.use_cases import apply_draft
from crm.errors import Invalid, NotFound, Refused
from crm.exports.asking import ask
from crm.people.use_cases import disable_person, place_person, role_id


@pytest.fixture
def history(cast):
    """A morning: a stage was changed, somebody signed in and out, somebody failed to, alma looked as ana."""
    with acting_as(cast.who("alma")) as session:
        stage = cast.stages["Gulf"]["Negotiation"]
        version = session.scalar(text("select version from crm.stages where id = :id"), {"id": stage})
        apply(session, [Edit("stage", stage, {"target_days": 21}, version)], source="page", on_conflict="refuse")
        apply(session, [Edit("lead", cast.leads["Petra Supplies"], {"next_step": "secret step"}, 1)], source="grid", on_conflict="refuse")
    with as_system() as session:
        token = sessions.start(session, cast.people["ana"], address="192.0.2.44", device="Firefox on Linux")
        alma = sessions.start(session, cast.people["alma"], address="192.0.2.1", device="Firefox on Linux")
    sessions.end(token, address="192.0.2.44")
    sign_in.settle(sign_in.claim("nobody@demo.example", address="198.51.100.9"), is_right=False)
    viewing.start(alma, cast.people["ana"], address="192.0.2.1")
    return alma


def whats(session, **wanted) -> list[str]:
    return [entry.what for entry in list_audit(session, AuditFilter(**wanted), most=500).entries]


def test_one_list_holds_changes_of_configuration_and_events_newest_first(cast, history):
    with acting_as(cast.who("alma")) as session:
        entries = list_audit(session, AuditFilter(), most=500).entries
    found = [entry.what for entry in entries if entry.at >= entries[0].at - timedelta(minutes=5)]
    wanted = ["Began to look as Ana", "Failed to sign in", "Signed out", "Signed in", "Signed in", "Stage Negotiation: changed"]
    assert [what for what in found if what in wanted][:6] == wanted
    assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)
    changed = next(entry for entry in entries if entry.what == "Stage Negotiation: changed")
    assert (changed.who, changed.source, changed.fields) == ("Alma", "page", {"target_days": [14, 21]}) and label_of(changed, "target_days")


def test_what_teams_work_with_is_not_in_it(cast, history):
    with acting_as(cast.who("alma")) as session:
        entries = list_audit(session, AuditFilter(), most=500).entries
    assert not any(entry.kind.startswith(("lead.", "activity.", "alert.")) for entry in entries)
    assert not any("secret step" in str(entry) for entry in entries)


@pytest.mark.parametrize(
    ("wanted", "expected", "never"),
    [
        ({"group": kinds.REFUSED}, "Failed to sign in", "Signed in"),
        ({"group": kinds.VIEWS}, "Began to look as Ana", "Signed in"),
        ({"group": kinds.SHAPING}, "Stage Negotiation: changed", "Signed in"),
        ({"words": "negotiation"}, "Stage Negotiation: changed", "Signed in"),
        ({"words": "192.0.2.44"}, "Signed out", "Began to look as Ana"),
        ({"words": "failed"}, "Failed to sign in", "Signed in"),
        ({"words": "ana@demo"}, "Began to look as Ana", "Failed to sign in"),
    ],
)
def test_filters_find_what_is_meant(cast, history, wanted, expected, never):
    with acting_as(cast.who("alma")) as session:
        found = whats(session, **wanted)
    assert expected in found and never not in found


@pytest.fixture
def nameless(cast):
    """One record of each kind that has no name of its own."""
    with acting_as(cast.who("alma")) as session:
        rep = role_id(session, "rep")
        made = [
            Edit("custom_field", None, {"record_type": "lead", "label": "Shelf metres", "kind": "number"}),
            Edit("goal", None, {"team_id": cast.teams["Gulf"], "person_id": cast.people["ana"], "starts_on": "2026-10-01", "amount_usd": "1000"}),
        ]
        setting = session.execute(text("select id, version from crm.organisation_settings where key = 'fiscal_year_starts_in_month'")).one()
        made.append(Edit("setting", setting.id, {"value": 4}, setting.version))
        apply(session, made, source="page", on_conflict="refuse")
        rule = {"role_id": rep, "record_type": "lead", "field": "custom.shelf_metres", "rule": "hidden"}
        apply(session, [Edit("field_rule", None, rule)], source="page", on_conflict="refuse")
        grant = session.execute(text("select id, version from crm.grants where role_id = :r and resource = 'lead' and action = 'export'"), {"r": rep}).one()
        apply(session, [Edit("grant", grant.id, {"scope": "own"}, grant.version)], source="page", on_conflict="refuse")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("shelf", {"Field Shelf metres: added", "Field rule rep, Shelf metres of lead: added"}),
        ("rep, lead: export", {"Grant rep, lead: export: changed"}),
        ("ana in gulf", {"Goal Ana in Gulf, quarter from 2026-10-01: added"}),
        ("fiscal year", {"Setting fiscal year starts in month: changed"}),
    ],
)
def test_what_has_no_name_is_told_and_found_by_what_people_know_it_by(cast, nameless, words, expected):
    with acting_as(cast.who("alma")) as session:
        assert expected <= set(whats(session, words=words))
        assert not [what for what in whats(session) if " no. " in what]


def test_a_draft_that_was_applied_is_told_by_its_title(cast, db):
    stage = DraftEdit("stage", cast.stages["Gulf"]["Lead"], {"target_days": 3}, 1)
    with acting_as(cast.who("alma")) as session:
        apply_draft(session, Draft(f"pipeline:{cast.pipelines['Gulf']}", "Accounts", (stage,)), source="configuration")
    with acting_as(cast.who("alma")) as session:
        assert "Applied a draft: Accounts" in whats(session)


def test_what_was_removed_keeps_its_name(cast, nameless):
    with acting_as(cast.who("alma")) as session:
        field = session.execute(text("select id, version from crm.custom_fields where label = 'Shelf metres'")).one()
        apply(session, [delete_edit("custom_field", field.id, field.version)], source="page", on_conflict="refuse")
        assert "Field Shelf metres: removed" in whats(session)


def test_a_person_is_found_by_what_they_did_and_what_was_done_to_them(cast, history):
    with acting_as(cast.who("alma")) as session:
        found = whats(session, person_id=cast.people["ana"])
        assert {"Signed in", "Signed out", "Began to look as Ana", "Person Ana: added"} <= set(found)
        assert whats(session, person_id=cast.people["ana"], group=kinds.SIGN_INS) == ["Signed out", "Signed in"]
        assert whats(session, person_id=10**9) == []


def test_days_bound_the_list_in_the_asked_time_zone(cast, history, db):
    with db.owner().begin() as connection:
        connection.exec_driver_sql("insert into crm.audit_events (kind, at) values ('exported', '2025-03-31 22:30+00'), ('imported', '2025-04-01 20:30+00')")
    day = clock.end_of(clock.today("UTC"), "UTC").date().replace(year=2025, month=4, day=1)
    with acting_as(cast.who("alma")) as session:
        assert whats(session, from_day=day, to_day=day, time_zone="UTC") == ["Imported"]
        assert whats(session, from_day=day, to_day=day, time_zone="Asia/Dubai") == ["Exported"]
        assert whats(session, to_day=day.replace(year=1), time_zone="Pacific/Auckland") == []


def test_pages_by_key_show_each_entry_once_also_where_moments_are_the_same(cast, history, db):
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.audit_events set at = '2026-01-01 10:00+00' where mod(id, 2) = 0")
        connection.exec_driver_sql("update crm.changes set at = '2026-01-01 10:00+00' where mod(id, 2) = 0")
    with acting_as(cast.who("alma")) as session:
        whole = [entry.cursor for entry in list_audit(session, AuditFilter(), most=1000).entries]
        found, after = [], None
        while True:
            page = list_audit(session, AuditFilter(), after=after, most=3)
            found += [entry.cursor for entry in page.entries]
            after = page.next_after
            if after is None:
                break
    assert found == whole and len(set(found)) == len(found)
    assert {stream for _, stream, _ in found} == {EVENT, CHANGE}


@pytest.mark.parametrize("who", ["ana", "mona", "vera", "carla"])
def test_only_auditors_read_it_and_only_exporters_take_it_out(cast, history, who):
    person = cast.who(who)
    with acting_as(person) as session, pytest.raises(Refused) as refused:
        list_audit(session, AuditFilter())
    assert refused.value.facts["grant"] == "audit: view"
    with pytest.raises(Refused):
        check(person, {})
    with pytest.raises(Refused):
        write_csv(person, AuditFilter().as_json(), io.StringIO())


def test_the_grant_to_look_is_not_the_grant_to_take_out(cast, db):
    with db.owner().begin() as connection:
        connection.exec_driver_sql("delete from crm.grants where resource = 'audit' and action = 'export'")
        connection.exec_driver_sql("update crm.access_stamps set version = version + 1")
    with pytest.raises(Refused) as refused:
        check(cast.who("alma"), {})
    assert refused.value.facts["grant"] == "audit: export"


@pytest.mark.parametrize("words", ["%", "_", "\\", "'; drop table crm.audit_events; --", "\x00", "x" * 5000, ":word", "person 1", "²"])
def test_hostile_words_break_nothing(cast, history, words):
    with acting_as(cast.who("alma")) as session:
        list_audit(session, AuditFilter(words=words))


def test_an_unknown_part_is_refused(cast):
    with acting_as(cast.who("alma")) as session, pytest.raises(Invalid):
        list_audit(session, AuditFilter(group="everything' or true"))


def test_the_file_holds_what_the_list_shows_defused_and_is_noted(cast, db, history):
    with acting_as(cast.who("alma")) as session:
        version = session.scalar(text("select version from crm.teams where id = :id"), {"id": cast.teams["Levant"]})
        apply(session, [Edit("team", cast.teams["Levant"], {"name": "=HYPERLINK(1)"}, version)], source="page", on_conflict="refuse")
        shown = [entry.what for entry in list_audit(session, AuditFilter(group=kinds.SHAPING), most=500).entries]
    with db.owner().begin() as connection:
        connection.exec_driver_sql("insert into crm.audit_events (kind, address) values ('session.refused', '@SUM(A1)')")
    file = io.StringIO()
    count, facts = write_csv(cast.who("alma"), AuditFilter(group=kinds.SHAPING).as_json(), file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["what"] for row in rows] == shown and count == len(shown)
    assert any("Name: Levant → =HYPERLINK(1)" in row["details"] for row in rows)
    write_csv(cast.who("alma"), AuditFilter(group=kinds.REFUSED).as_json(), file := io.StringIO())
    assert next(csv.DictReader(io.StringIO(file.getvalue())))["from"] == "'@SUM(A1)"
    assert facts["subject"] == "audit" and facts["filters"]["group"] == kinds.SHAPING


@pytest.mark.parametrize(("cell", "safe"), [("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\r=x", "'\r=x"), ("a=1", "a=1")])
def test_no_cell_begins_as_a_formula(cell, safe):
    assert defused(cell) == safe


def test_a_download_is_for_the_one_who_asked_once_and_soon(cast):
    token = downloads.issue(cast.who("alma"), "audit", AuditFilter(words="x").as_json())
    with pytest.raises(NotFound):
        downloads.redeem(token, cast.who("mona"))
    assert downloads.redeem(token, cast.who("alma")).filters["words"] == "x"
    with pytest.raises(NotFound):
        downloads.redeem(token, cast.who("alma"))


def test_an_old_download_is_gone(cast, db):
    token = downloads.issue(cast.who("alma"), "audit", {})
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.downloads set expires_at = now()")
    with pytest.raises(NotFound):
        downloads.redeem(token, cast.who("alma"))


def test_filters_come_back_from_a_download_as_they_were(cast):
    day = clock.today("UTC")
    wanted = AuditFilter(3, kinds.DATA, day, day, "words", "Asia/Dubai")
    assert AuditFilter.read(wanted.as_json()) == wanted and AuditFilter.read(AuditFilter().as_json()) == AuditFilter()


def test_while_looking_as_somebody_nothing_is_taken_out(cast, history, db):
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.sessions set viewing_as_id = null")
        connection.exec_driver_sql("insert into crm.memberships (person_id, role_id) select p.id, r.id from crm.people p, crm.roles r"
                                   " where p.name = 'Mona' and r.name = 'admin'")  # fmt: skip
    viewing.start(history, cast.people["mona"])
    found = sessions.find(history)
    assert found and found.person.may("audit", "export")
    with pytest.raises(Refused):
        downloads.issue(found.person, "audit", {})
    with acting_as(found.person) as session, pytest.raises(Refused):
        ask(session, "audit", AuditFilter().as_json())


def test_every_end_of_a_session_is_noted(cast, db):
    for _ in range(2):
        with as_system() as session:
            sessions.start(session, cast.people["bruno"], address="", device="")
    with acting_as(OPERATOR) as session:
        place_person(session, cast.people["bruno"], [(cast.teams["Gulf"], role_id(session, "viewer"))])
        disable_person(session, cast.people["bruno"], 1, source="test")
    rows = db.rows("select kind from crm.audit_events where person_id = :id order by id", id=cast.people["bruno"])
    assert [row["kind"] for row in rows] == ["session.started"] * 2 + ["session.ended"] * 2
    with acting_as(cast.who("alma")) as session:
        found = whats(session, person_id=cast.people["bruno"])
        placed = next(entry for entry in list_audit(session, AuditFilter(person_id=cast.people["bruno"])).entries if entry.kind == "person.placed")
    assert {"Changed teams and roles of Bruno", "Disabled Bruno"} <= set(found)
    assert placed.facts["places"] == ["viewer in Gulf"]


def test_a_removed_record_is_said_to_be_removed(cast):
    with acting_as(cast.who("alma")) as session:
        version = session.scalar(text("select version from crm.stages where id = :id"), {"id": cast.stages["Gulf"]["Contacted"]})
        apply(session, [delete_edit("stage", cast.stages["Gulf"]["Contacted"], version)], source="page", on_conflict="refuse")
        assert whats(session)[0] == "Stage Contacted: removed"


def test_a_failed_sign_in_names_whose_name_was_tried(cast, db):
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.credentials (person_id, password_hash) values (:p, 'x')"), {"p": cast.people["ana"]})
    sign_in.settle(sign_in.claim("ana@demo.example", address="198.51.100.9"), is_right=False)
    sign_in.make_reset_link(cast.people["ana"], by=cast.people["alma"])
    with acting_as(cast.who("alma")) as session:
        assert whats(session)[:2] == ["Made a link for Ana", "Failed to sign in as Ana"]


def test_kinds_that_are_written_have_words(cast, history, db):
    """Whatever the code notes is in a group that people can choose."""
    import re
    from pathlib import Path

    import crm

    noted = set()
    for file in Path(crm.__file__).parent.rglob("*.py"):
        noted |= set(re.findall(r'audit\.record\(\s*\w+,\s*"([\w.]+)"', file.read_text()))
    assert noted and noted <= set(kinds.KINDS)
    with as_system() as session:
        audit.record(session, "something.new_here", person_id=None)
    with acting_as(cast.who("alma")) as session:
        assert "Something: new here" in whats(session)


@pytest.mark.leaves_no_trace
def test_every_kind_of_record_that_shapes_the_work_has_something_to_be_called_by(cast):
    with acting_as(cast.who("alma")) as session:
        for kind in kinds.shaping_types():
            assert naming.names_of(session, kind, [0]) == {}
