"""Reports as files: by grant, as far as both grants reach, typed, defused, and noted."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from crm.access import as_system
from crm.access.person import Membership
from crm.errors import Invalid, NotFound, Refused
from crm.reports import export
from crm.reports.export import Wanted
from crm.reports.registry import REPORTS, report_named

STAGES = Wanted("pipeline_by_stage", {})
HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", '=HYPERLINK("http://evil")')


def rows_of(cast: Any, who: str, wanted: Wanted = STAGES) -> list[dict[str, str]]:
    file = io.StringIO()
    export.write_csv(cast.who(who), wanted.as_json(), file)
    file.seek(0)
    return list(csv.DictReader(file))


def book_of(cast: Any, who: str, wanted: Wanted = STAGES) -> CalamineWorkbook:
    file = io.BytesIO()
    export.write_xlsx(cast.who(who), wanted.as_json(), file)
    return CalamineWorkbook.from_filelike(io.BytesIO(file.getvalue()))


def rename_stage(db: Any, name: str) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("update crm.stages set name = :n, version = version + 1 where name = 'Contacted'"), {"n": name})


def set_scope(db: Any, resource: str, action: str, scope: str, role: str = "manager") -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text("""
                update crm.grants set scope = :s, version = version + 1
                where resource = :r and action = :a and role_id = (select id from crm.roles where name = :role)
            """),
            {"s": scope, "r": resource, "a": action, "role": role},
        )


def test_the_file_holds_what_the_report_shows_and_says_what_to_note(cast: Any, db: Any) -> None:
    rows = rows_of(cast, "mona")
    assert [(row["stage"], row["leads"], row["value_usd"]) for row in rows][:2] == [("Lead", "3", "21900.00"), ("Contacted", "0", "0")]
    count, facts = export.write_csv(cast.who("mona"), STAGES.as_json(), io.StringIO())
    assert count == 5 and (facts["subject"], facts["format"], facts["filters"]) == ("report pipeline_by_stage", "CSV", {})


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["ana", "vera"])
def test_without_the_grant_nothing_leaves(cast: Any, db: Any, who: str) -> None:
    with pytest.raises(Refused, match="report: export"):
        export.check(cast.who(who), STAGES.as_json())
    for kind in (rows_of, book_of):
        with pytest.raises(Refused, match="report: export"):
            kind(cast, who)


def test_who_exports_gets_no_more_than_they_see_and_no_more_than_they_may_export(cast: Any, db: Any) -> None:
    set_scope(db, "report", "export", "all")
    assert {row["pipeline_id"] for row in rows_of(cast, "mona") if row["leads"] != "0"} == {str(cast.pipelines["Gulf"])}
    set_scope(db, "report", "view", "all")
    set_scope(db, "report", "export", "team")
    assert {row["pipeline_id"] for row in rows_of(cast, "mona") if row["leads"] != "0"} == {str(cast.pipelines["Gulf"])}
    set_scope(db, "report", "export", "own")
    assert sum(int(row["leads"]) for row in rows_of(cast, "mona")) == 0


def test_own_leads_that_one_does_not_see_in_the_report_do_not_leave_by_a_file(cast: Any, db: Any) -> None:
    set_scope(db, "report", "export", "own")
    with pytest.raises(Refused, match="in both"):
        rows_of(cast, "mona")


def test_orders_leave_only_by_the_grant_for_customers_too(cast: Any, db: Any) -> None:
    wanted = Wanted("revenue_by_market", {})
    assert rows_of(cast, "mona", wanted) == []
    set_scope(db, "customer", "export", "own")
    with pytest.raises(Refused, match="customer: export"):
        rows_of(cast, "mona", wanted)
    set_scope(db, "customer", "export", "none")
    with pytest.raises(Refused, match="customer: export"):
        rows_of(cast, "mona", wanted)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("view", "exported", "action"),
    [("team", "team", "view"), ("team", "all", "view"), ("all", "team", "export"), ("team", "own", ""), ("own", "team", ""), ("own", "own", "view")],
)
def test_the_narrower_reach_counts_and_two_that_differ_are_refused(cast: Any, view: str, exported: str, action: str) -> None:
    grants = {("report", "view"): view, ("report", "export"): exported}
    person = replace(cast.who("mona"), memberships=(Membership(1, "Gulf", 1, "x", frozenset({1}), grants),), views={}, _reaches={})
    if action:
        assert export.reach_of_export(person, report_named("pipeline_by_stage")) == action
    else:
        with pytest.raises(Refused, match="report: export"):
            export.reach_of_export(person, report_named("pipeline_by_stage"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cell_that_looks_like_a_formula_is_text(cast: Any, db: Any, name: str) -> None:
    rename_stage(db, name)
    assert f"'{name}" in [row["stage"] for row in rows_of(cast, "mona")]
    sheet = book_of(cast, "mona").get_sheet_by_name("Report").to_python()
    assert name.strip() in [str(row[3]).strip() for row in sheet]
    file = io.BytesIO()
    export.write_xlsx(cast.who("mona"), STAGES.as_json(), file)
    with zipfile.ZipFile(file) as parts:
        body = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in body and "<hyperlink" not in body


def test_a_spreadsheet_is_typed_and_says_what_was_asked(cast: Any, db: Any) -> None:
    book = book_of(cast, "mona", Wanted("movement", {"pipeline": "Accounts", "from": "2026-01-01"}))
    assert book.sheet_names == ["Report", "About"]
    head, first, *_ = book.get_sheet_by_name("Report").to_python()
    row = dict(zip(head, first, strict=True))
    assert (row["stage"], row["end"], row["end_usd"]) == ("Lead", 3, 21900)
    about = dict(line[:2] for line in book.get_sheet_by_name("About").to_python() if line[0] != "States")
    assert (about["Report"], about["Scope"], about["Currency"], about["From"], about["Exported by"]) == ("movement", "team", "USD", "2026-01-01", "Mona")
    assert "pipeline: Accounts" in str(about["Filters"])


def test_days_and_moments_are_dates(cast: Any, db: Any) -> None:
    with as_system() as session:
        session.execute(
            text("insert into crm.customers (external_id, name, team_id, orders, lifetime_usd, last_order_at) values ('c1', '=Sahara', :t, 3, 4120, now())"),
            {"t": cast.teams["Gulf"]},
        )
    head, first = book_of(cast, "mona", Wanted("neglected_customers", {})).get_sheet_by_name("Report").to_python()
    row = dict(zip(head, first, strict=True))
    assert row["customer"] == "=Sahara" and isinstance(row["last_order_on"], (date, datetime)) and row["lifetime_usd"] == 4120


@pytest.mark.leaves_no_trace
def test_a_file_holds_what_was_known_on_the_day_and_says_so(cast: Any, db: Any) -> None:
    wanted = Wanted("pipeline_by_stage", {}, date(2026, 1, 30), date(2026, 1, 31))
    assert Wanted.read(wanted.as_json()) == wanted
    about = dict(line[:2] for line in book_of(cast, "mona", wanted).get_sheet_by_name("About").to_python() if line[0] != "States")
    assert (about["As of"], about["Known on"]) == ("2026-01-30", "2026-01-31")


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("name", list(REPORTS))
def test_every_report_can_leave_in_both_forms_also_empty(cast: Any, db: Any, name: str) -> None:
    wanted = Wanted(name, {}, date(2020, 1, 1))
    rows_of(cast, "alma", wanted)
    assert book_of(cast, "alma", wanted).sheet_names == ["Report", "About"]


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("wanted", "error"), [(Wanted("passwords", {}), NotFound), (Wanted("funnel", {"team": "' or 1=1"}), Invalid), (Wanted("funnel", {"x": "1"}), Invalid)]
)
def test_what_makes_no_sense_is_refused(cast: Any, db: Any, wanted: Wanted, error: type[Exception]) -> None:
    with pytest.raises(error):
        rows_of(cast, "mona", wanted)
