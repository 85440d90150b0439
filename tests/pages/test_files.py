"""Files that one waits for: in a corner of every page, until they came or it is said why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm.access import acting_as
from crm.exports import asking, handing, making, picture
from crm.ui import files
from tests.db.test_report_export import set_scope
from tests.pages.parts import press, said

WINS = "pages/win_loss.py"
EXCEL, PICTURE = "reports.report.xlsx.0", "reports.report.png.0"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE", timedelta(hours=1))  # however slow the machine is


def the_export(db: Any) -> dict[str, Any]:
    (row,) = db.rows("select id, kind, state from crm.exports")
    return dict(row)


def asked(visit: Any, cast: Any) -> AppTest:
    from tests.pages.test_reports import end_two

    end_two(cast)
    return press(visit("mona", WINS), EXCEL)


def addresses(db: Any) -> int:
    return int(db.value("select count(*) from crm.downloads where used_at is null"))


def test_a_file_is_asked_for_waits_and_comes_by_itself(visit: Any, cast: Any, db: Any) -> None:
    page = asked(visit, cast)
    assert not page.exception and "win_rate-" in said(page) and "Is about to be made." in said(page)
    assert the_export(db)["kind"] == "report.xlsx" and addresses(db) == 0
    page = page.run()
    assert "Is about to be made." in said(page)
    making.make(the_export(db)["id"])
    page = page.run()
    assert "Went to your downloads: 1 row." in said(page) and addresses(db) == 1
    page = press(page, f"files.close.{the_export(db)['id']}")
    assert "win_rate-" not in said(page)


def test_it_says_how_far_it_is_and_when_no_worker_takes_it(visit: Any, cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = asked(visit, cast)
    monkeypatch.setattr(files, "PATIENCE", timedelta(seconds=-1))
    assert "as soon as a worker is free" in said(page.run())
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.exports set state = 'making', rows = 12000")
    assert "12,000 rows so far. Go on meanwhile" in said(page.run())


def test_what_could_not_be_made_says_why(visit: Any, cast: Any, db: Any) -> None:
    page = asked(visit, cast)
    set_scope(db, "report", "export", "none")
    making.make(the_export(db)["id"])
    page = page.run()
    assert "An admin can grant “report: export”." in said(page) and addresses(db) == 0


def test_what_is_gone_is_said(visit: Any, cast: Any, db: Any) -> None:
    page = asked(visit, cast)
    with db.owner().begin() as connection:
        connection.exec_driver_sql("delete from crm.exports")
    assert "It is gone. Ask for it again." in said(page.run())


def test_a_page_that_is_loaded_anew_goes_on_waiting(visit: Any, cast: Any, db: Any) -> None:
    asked(visit, cast)
    page = visit("mona", WINS)
    assert "win_rate-" in said(page) and "Is about to be made." in said(page)
    making.make(the_export(db)["id"])
    assert "Went to your downloads: 1 row." in said(page.run()) and addresses(db) == 1


def test_a_file_that_was_made_meanwhile_comes_as_one_is_back(visit: Any, cast: Any, db: Any) -> None:
    asked(visit, cast)
    making.make(the_export(db)["id"])
    assert "Went to your downloads: 1 row." in said(visit("mona", WINS)) and addresses(db) == 1


def test_a_file_that_another_window_fetched_is_said(visit: Any, cast: Any, db: Any) -> None:
    page = asked(visit, cast)
    making.make(the_export(db)["id"])
    handing.hand_out(cast.who("mona"), the_export(db)["id"], door="page").content.close()
    assert "Went to your downloads, from another window." in said(page.run())


def test_what_a_program_asked_for_is_left_to_it(visit: Any, cast: Any, db: Any) -> None:
    with acting_as(cast.who("mona")) as session:
        asking.ask(session, "report.csv", {"name": "win_rate", "params": {}, "as_of": None})
    assert "win_rate-" not in said(visit("mona", WINS))


def test_nobody_waits_for_somebody_elses_files(visit: Any, cast: Any, db: Any) -> None:
    asked(visit, cast)
    assert "win_rate-" not in said(visit("alma", WINS))


def test_what_is_exported_is_as_it_was_known_on_the_day_that_is_looked_at(visit: Any, cast: Any, db: Any) -> None:
    press(visit("mona", "pages/pipeline_report.py", as_of="2026-01-31", known_on="2026-02-28"), EXCEL)
    wanted = db.value("select wanted from crm.exports")
    assert (wanted["name"], wanted["as_of"], wanted["known_on"]) == ("pipeline_by_stage", "2026-01-31", "2026-02-28")


def test_somebody_elses_files_are_not_shown_where_they_sign_in(visit: Any, cast: Any, db: Any) -> None:
    page = asked(visit, cast)
    making.make(the_export(db)["id"])
    other = visit("alma", WINS)
    other.session_state[files.LINES] = page.session_state[files.LINES]
    other = other.run()
    assert "win_rate-" not in said(other) and "It is gone." in said(other) and addresses(db) == 0


def test_a_refusal_is_said_where_one_asked(visit: Any, cast: Any, db: Any) -> None:
    page = visit("mona", WINS)
    set_scope(db, "report", "export", "all")
    set_scope(db, "report", "view", "own")
    page = press(visit("mona", WINS), EXCEL)
    assert not page.exception


def test_a_picture_is_a_file_like_any_other_made_of_the_question(visit: Any, cast: Any, db: Any) -> None:
    from tests.pages.test_reports import end_two

    end_two(cast)
    page = press(visit("mona", WINS), PICTURE)
    assert not page.exception and the_export(db)["kind"] == picture.KIND
    wanted = db.value("select wanted from crm.exports")
    assert (wanted["name"], wanted["chart"], wanted["params"]["by"]) == ("win_rate", "", "month") and "figure" not in wanted
    making.make(the_export(db)["id"])
    page = page.run()
    assert "Went to your downloads." in said(page) and addresses(db) == 1


def test_two_files_that_are_ready_at_once_both_come(visit: Any, cast: Any, db: Any) -> None:
    page = press(asked(visit, cast), "reports.report.csv.0")
    for row in db.rows("select id from crm.exports order by id"):
        making.make(row["id"])
    page = page.run()
    assert said(page).count("Went to your downloads") == 2 and addresses(db) == 2 and len(page.session_state[files.ADDRESSES]) == 2


def test_whoever_may_not_export_is_offered_no_chart(visit: Any, cast: Any) -> None:
    assert not [button.key for button in visit("ana", WINS).button if (button.key or "").startswith("reports.report.png")]
