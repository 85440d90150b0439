"""Files in the background: with the roles of whoever asked as the job runs, for them alone, once, and noted as they leave."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import OPERATOR, acting_as, as_system, sessions, viewing, writing
from crm.audit import export as audit_export
from crm.audit.reads import AuditFilter
from crm.errors import Busy, CrmError, Invalid, NotFound, Refused, TooMany
from crm.exports import asking, handing, kinds, making
from crm.exports.handing import FileGone
from crm.exports.reads import export, exports_by_id
from crm.people.use_cases import disable_person, place_person, role_id
from crm.reports.export import CSV, XLSX, Wanted
from tests.db.test_report_export import set_scope

STAGES = Wanted("pipeline_by_stage", {}).as_json()


def ask(cast: Any, who: str, kind: str = CSV, wanted: Any = STAGES) -> int:
    with acting_as(cast.who(who)) as session:
        return asking.ask(session, kind, wanted)


def fetched(cast: Any, who: str, export_id: int) -> bytes:
    with handing.hand_out(cast.who(who), export_id, door="test").content as content:
        return content.read()


def stands(db: Any, export_id: int) -> dict[str, Any]:
    (row,) = db.rows("select state, problem, rows, size_bytes, fetched_at is not null as is_fetched, wanted from crm.exports where id = :id", id=export_id)
    return dict(row)


def parts(db: Any) -> int:
    return int(db.value("select count(*) from crm.export_parts"))


def noted(db: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in db.rows("select person_id, subject, facts from crm.audit_events where kind = 'exported' order by id")]


def test_a_file_is_made_by_its_job_and_leaves_once_and_is_noted_as_it_leaves(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    assert db.rows("select task_name, args, priority from jobs.procrastinate_jobs") == [
        {"task_name": "make_export", "args": {"export_id": export_id}, "priority": asking.URGENT}
    ]
    with pytest.raises(Busy):
        fetched(cast, "mona", export_id)
    assert making.make(export_id) == "ready" and noted(db) == []
    standing = stands(db, export_id)
    assert (standing["state"], standing["rows"]) == ("ready", 5) and standing["size_bytes"] > 100
    content = fetched(cast, "mona", export_id)
    assert len(content) == standing["size_bytes"]
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [(row["stage"], row["leads"]) for row in rows][:2] == [("Lead", "3"), ("Contacted", "0")]
    (event,) = noted(db)
    assert (event["person_id"], event["subject"]) == (cast.people["mona"], "report pipeline_by_stage")
    assert (event["facts"]["rows"], event["facts"]["format"], event["facts"]["door"]) == (5, "CSV", "test")
    with pytest.raises(FileGone, match="leaves once"):
        fetched(cast, "mona", export_id)
    assert parts(db) == 0 and stands(db, export_id)["wanted"] == {} and len(noted(db)) == 1


def test_a_spreadsheet_comes_through_whole_in_pieces(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PART_BYTES", 1000)
    export_id = ask(cast, "mona", XLSX)
    making.make(export_id)
    assert parts(db) > 3
    book = CalamineWorkbook.from_filelike(io.BytesIO(fetched(cast, "mona", export_id)))
    assert book.sheet_names == ["Report", "About"]


def test_the_audit_leaves_by_the_same_road_and_says_how_far_it_is(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(audit_export, "BATCH", 1)
    monkeypatch.setattr(making, "_teller", lambda _: told.append)
    with as_system() as session:
        sessions.start(session, cast.people["ana"], address="", device="")
    export_id = ask(cast, "alma", "audit", AuditFilter().as_json())
    making.make(export_id)
    assert told and told[-1] == stands(db, export_id)["rows"]
    assert fetched(cast, "alma", export_id).decode().startswith("at,who,what,kind,from,door,details")
    assert noted(db)[-1]["subject"] == "audit"


def test_progress_is_seen_while_a_file_is_made(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    export_id = ask(cast, "mona")
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.exports set state = 'making'")
    monkeypatch.setattr(making, "TOLD_EVERY", asking.LASTS * 0)
    making._teller(export_id)(1234)
    with acting_as(cast.who("mona")) as session:
        assert (export(session, export_id).state, export(session, export_id).rows) == ("making", 1234)


# Whose it is


@pytest.mark.parametrize("who", ["ana", "bruno", "carla", "alma", "vera"])
def test_nobody_else_sees_or_gets_a_file(cast: Any, db: Any, who: str) -> None:
    export_id = ask(cast, "mona")
    making.make(export_id)
    with acting_as(cast.who(who)) as session:
        assert exports_by_id(session, [export_id]) == [] and session.scalar(text("select count(*) from crm.exports")) == 0
        with pytest.raises(NotFound):
            export(session, export_id)
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text("select content from crm.export_parts"))
    for reach in (handing.address_of, fetch_of):
        with pytest.raises(NotFound):
            reach(cast.who(who), export_id)
    assert stands(db, export_id)["state"] == "ready" and fetched(cast, "mona", export_id)


def fetch_of(person: Any, export_id: int) -> None:
    handing.hand_out(person, export_id, door="test")


def test_a_forged_row_waits_like_any_other_and_is_ones_own(cast: Any, db: Any) -> None:
    """Whatever a writer's role could be made to insert."""
    columns = "person_id, kind, wanted, name, standing, expires_at"
    with acting_as(cast.who("ana")) as session, writing(session, "account", "export"):
        for statement in (
            f"insert into crm.exports ({columns}) values ({cast.people['mona']}, 'report.csv', '{{}}', 'x', 'x', now())",
            f"insert into crm.exports ({columns}, state) values ({cast.people['ana']}, 'report.csv', '{{}}', 'x', 'x', now(), 'ready')",
            "update crm.exports set person_id = person_id", "delete from crm.exports",
            "insert into crm.export_parts (export_id, number, content) values (1, 1, '')",
        ):  # fmt: skip
            with pytest.raises(DBAPIError, match=r"denied|violates row-level security"), session.begin_nested():
                session.execute(text(statement))


def test_while_looking_as_somebody_nothing_is_asked_for_seen_or_fetched(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    making.make(export_id)
    with as_system() as session:
        token = sessions.start(session, cast.people["alma"], address="", device="")
    viewing.start(token, cast.people["mona"])
    found = sessions.find(token)
    assert found and found.person.id == cast.people["mona"]
    with acting_as(found.person) as session, pytest.raises(Refused):
        asking.ask(session, CSV, STAGES)
    with acting_as(found.person) as session:
        assert session.scalar(text("select count(*) from crm.exports")) == 0
    for reach in (handing.address_of, fetch_of):
        with pytest.raises((Refused, NotFound)):
            reach(found.person, export_id)
    assert stands(db, export_id)["state"] == "ready"


# Grants that change on the way


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_without_the_grant_nothing_is_asked_for(cast: Any, db: Any, who: str) -> None:
    with pytest.raises(Refused, match="report: export"):
        ask(cast, who)
    assert db.value("select count(*) from crm.exports") == 0 and db.value("select count(*) from jobs.procrastinate_jobs") == 0


def test_a_grant_lost_before_it_is_made_leaves_nothing_but_words(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    set_scope(db, "report", "export", "none")
    assert making.make(export_id) == "failed"
    standing = stands(db, export_id)
    assert standing["state"] == "failed" and "report: export" in standing["problem"] and parts(db) == 0 and noted(db) == []
    set_scope(db, "report", "export", "team")
    with pytest.raises(FileGone, match="report: export"):
        fetched(cast, "mona", export_id)


def test_a_file_holds_what_one_may_see_as_it_is_made(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    with acting_as(OPERATOR) as session:
        place_person(session, cast.people["mona"], [(cast.teams["Levant"], role_id(session, "manager"))])
    making.make(export_id)
    rows = list(csv.DictReader(io.StringIO(fetched(cast, "mona", export_id).decode())))
    assert {row["pipeline_id"] for row in rows if row["leads"] != "0"} == {str(cast.pipelines["Levant"])}


def test_a_disabled_person_gets_nothing(cast: Any, db: Any) -> None:
    before, after = ask(cast, "mona"), ask(cast, "mona")
    making.make(before)
    mona = cast.who("mona")
    with acting_as(OPERATOR) as session:
        disable_person(session, cast.people["mona"], 1, source="test")
    assert making.make(after) == "failed" and "disabled" in stands(db, after)["problem"]
    with pytest.raises(CrmError):
        fetched(cast, "mona", before)
    assert mona.may("report", "export")  # who still holds an old answer to who they are is stopped at the door: their session ended


def test_a_grant_lost_before_it_is_fetched_counts(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    making.make(export_id)
    set_scope(db, "report", "export", "none")
    with pytest.raises(Refused, match="report: export"):
        fetched(cast, "mona", export_id)
    assert noted(db) == []


@pytest.mark.parametrize("change", ["narrower", "team", "hidden"])
def test_whoever_may_see_less_since_it_was_made_does_not_get_it(cast: Any, db: Any, change: str) -> None:
    export_id = ask(cast, "mona")
    making.make(export_id)
    if change == "narrower":
        set_scope(db, "report", "view", "own")
        set_scope(db, "report", "export", "own")
    elif change == "team":
        with acting_as(OPERATOR) as session:
            place_person(session, cast.people["mona"], [(cast.teams["Levant"], role_id(session, "manager"))])
    else:
        with db.owner().begin() as connection:
            connection.exec_driver_sql(
                "insert into crm.field_rules (role_id, record_type, field, rule) select id, 'lead', 'value', 'hidden' from crm.roles where name = 'manager'"
            )
    with pytest.raises(FileGone, match="has changed since"):
        fetched(cast, "mona", export_id)
    assert parts(db) == 0 and noted(db) == [] and stands(db, export_id)["state"] == "failed"


def test_a_colleagues_new_role_keeps_nobody_from_their_file(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    making.make(export_id)
    with acting_as(OPERATOR) as session:
        place_person(session, cast.people["bruno"], [(cast.teams["Gulf"], role_id(session, "viewer"))])
    assert fetched(cast, "mona", export_id)


# Too late, too often, too much


def test_what_nobody_fetched_in_time_is_gone(cast: Any, db: Any) -> None:
    made, waiting = ask(cast, "mona"), ask(cast, "mona")
    making.make(made)
    address = handing.address_of(cast.who("mona"), made)
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.exports set expires_at = now()")
    assert making.make(waiting) == "left" and stands(db, waiting)["state"] == "waiting"
    for export_id in (made, waiting):
        with pytest.raises(FileGone, match="in time"):
            fetched(cast, "mona", export_id)
        with acting_as(cast.who("mona")) as session:
            assert export(session, export_id).state == "expired"
    with pytest.raises(FileGone):
        handing.fetch(address.rpartition("/")[2], cast.who("mona"))


def test_an_address_works_once_and_for_one_person(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    making.make(export_id)
    token = handing.address_of(cast.who("mona"), export_id).rpartition("/")[2]
    with pytest.raises(NotFound):
        handing.fetch(token, cast.who("alma"))
    handing.fetch(token, cast.who("mona")).content.close()
    with pytest.raises(NotFound):
        handing.fetch(token, cast.who("mona"))
    with pytest.raises(NotFound):
        handing.fetch("forged", cast.who("mona"))


def test_a_job_that_runs_twice_leaves_one_file(cast: Any, db: Any) -> None:
    export_id = ask(cast, "mona")
    assert (making.make(export_id), making.make(export_id)) == ("ready", "left")
    fetched(cast, "mona", export_id)
    assert making.make(export_id) == "left" and parts(db) == 0


def test_of_two_runs_at_once_the_later_one_leaves_nothing(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    export_id = ask(cast, "mona")
    inner = making._write

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(making, "_write", inner)
        assert making.make(export_id) == "ready"
        return inner(*given)

    monkeypatch.setattr(making, "_write", overtaken)
    assert making.make(export_id) == "left"
    assert parts(db) == 1 and fetched(cast, "mona", export_id)


def test_many_that_nobody_fetches_are_enough(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_AT_ONCE", 2)
    first, _ = ask(cast, "mona"), ask(cast, "mona")
    with pytest.raises(TooMany, match="wait already"):
        ask(cast, "mona")
    ask(cast, "alma")
    making.make(first)
    fetched(cast, "mona", first)
    ask(cast, "mona")


def test_a_file_that_is_too_large_is_words(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "LARGEST_BYTES", 10)
    export_id = ask(cast, "mona")
    assert making.make(export_id) == "failed" and "Narrow it" in stands(db, export_id)["problem"] and parts(db) == 0


def test_a_mistake_of_ours_says_so_without_its_insides(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("secret value")

    export_id = ask(cast, "mona")
    monkeypatch.setattr(making, "_write", broken)
    with pytest.raises(ZeroDivisionError):
        making.make(export_id)
    assert stands(db, export_id)["problem"] == making.MISTAKE


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("kind", "wanted", "error"),
    [
        ("lead.csv", STAGES, NotFound), ("../../etc/passwd", STAGES, NotFound), (CSV, Wanted("passwords", {}).as_json(), NotFound),
        (CSV, Wanted("funnel", {"team": "' or 1=1"}).as_json(), Invalid), (CSV, Wanted("funnel", {"x": "1"}).as_json(), Invalid),
        (CSV, Wanted("funnel", {"source": "x" * 600_000}).as_json(), Invalid),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_as_it_is_asked_for(cast: Any, db: Any, kind: str, wanted: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(cast, "mona", kind, wanted)
    assert db.value("select count(*) from crm.exports") == 0


def test_a_kind_of_an_older_release_is_words(cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    export_id = ask(cast, "mona")
    monkeypatch.setattr("crm.exports.kinds.KINDS", {})
    assert making.make(export_id) == "failed" and "This release" in stands(db, export_id)["problem"]


@pytest.fixture(autouse=True)
def every_kind_is_checked() -> Iterator[None]:
    yield
    assert all(callable(kind.check) and callable(kind.write) for kind in kinds.KINDS.values())
