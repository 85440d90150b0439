"""The Organisation page: only for those who configure; settings, markets and holidays through the write path, with history and undo."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from crm.access import acting_as
from crm.changes import undo
from crm.errors import CrmError, Invalid, Refused, Stale
from crm.ledger.fold import fold
from crm.organisation import configuring, reads
from tests.pages.parts import press, said

PAGE = "pages/settings.py"


def save(cast: Any, key: str, value: Any, who: str = "alma", **more: Any) -> int:
    with acting_as(cast.who(who)) as session:
        return configuring.save_setting(session, key, value, source="test", **more).change_set_id or 0


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_it_is_shut_for_everybody_else(visit: Any, who: str) -> None:
    page = visit(who, PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_nobody_else_settles_anything_and_the_grant_is_named(db: Any, cast: Any, who: str) -> None:
    for write in (
        lambda session: configuring.save_setting(session, "reporting_time_zone", "Asia/Dubai", source="test"),
        lambda session: configuring.save_market(session, None, None, {"code": "AE", "name": "Emirates", "currency": "AED"}, source="test"),
        lambda session: configuring.save_holiday(session, None, None, {"day": "2026-12-02", "name": "National day"}, source="test"),
    ):
        with pytest.raises(Refused, match="settings: configure"), acting_as(cast.who(who)) as session:
            write(session)
    assert db.value("select count(*) from crm.changes where record_type in ('setting', 'market', 'holiday')") == 0


def test_without_anything_it_says_what_to_do(visit: Any) -> None:
    page = visit("alma", PAGE)
    assert not page.exception
    assert "No markets yet." in said(page) and "No holidays yet." in said(page)
    assert page.text_input(key="settings.base").disabled


def test_the_calendar_is_saved_with_history_and_asks_for_new_days(visit: Any, db: Any) -> None:
    page = visit("alma", PAGE)
    page.selectbox(key="settings.zone.1").set_value("Asia/Dubai")
    page.selectbox(key="settings.month.1").set_value(4)
    page = press(page, "settings.calendar.save")
    assert not page.exception
    assert "Saved: reporting time zone, start of the fiscal year. Reports are being counted anew by its days." in said(page)
    changes = db.rows("select fields -> 'value' as value from crm.changes where record_type = 'setting' order by id")
    assert [row["value"] for row in changes] == [["UTC", "Asia/Dubai"], [1, 4]]
    assert db.value("select count(*) from jobs.procrastinate_jobs where task_name = 'fold_postings' and status = 'todo'") == 1


def test_days_follow_the_zone_and_its_undo(db: Any, cast: Any) -> None:
    fold()
    changed = save(cast, "reporting_time_zone", "Asia/Dubai")
    fold()
    assert db.value("select time_zone from crm.fold_stamps") == "Asia/Dubai"
    with acting_as(cast.who("alma")) as session:
        undo(session, changed)
    fold()
    assert db.value("select time_zone from crm.fold_stamps") == "UTC"


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reporting_time_zone", "Dubai"), ("reporting_time_zone", "../../etc/passwd"), ("reporting_time_zone", 7), ("reporting_time_zone", "x" * 5000),
        ("reporting_time_zone", ""), ("fiscal_year_starts_in_month", 13), ("fiscal_year_starts_in_month", True), ("fiscal_year_starts_in_month", "4"),
        ("base_currency", "EUR"), ("order_lens", {"customers": 0}), ("order_lens", "1"), ("made_up", 1), ("made_up'; drop table crm.leads", 1),
    ],
)  # fmt: skip
def test_what_means_nothing_is_no_setting(db: Any, cast: Any, key: str, value: Any) -> None:
    with pytest.raises(Invalid):
        save(cast, key, value)
    assert db.value("select count(*) from crm.changes where record_type = 'setting'") == 0


def test_the_second_of_two_admins_is_told_who_was_first(db: Any, cast: Any) -> None:
    save(cast, "reporting_time_zone", "Asia/Dubai", seen_version=1)
    with pytest.raises(Stale):
        save(cast, "reporting_time_zone", "Asia/Amman", seen_version=1)


def test_what_another_admin_set_meanwhile_stays_beside_what_is_typed_and_is_told_where_it_is_the_same(visit: Any, db: Any, cast: Any) -> None:
    page = visit("alma", PAGE)
    save(cast, "reporting_time_zone", "Asia/Dubai")
    page.selectbox(key="settings.month.1").set_value(4)
    page = press(page, "settings.calendar.save")
    assert settings_of(db) == {"reporting_time_zone": "Asia/Dubai", "fiscal_year_starts_in_month": 4, "base_currency": "USD"}
    page.selectbox(key="settings.zone.2").set_value("Asia/Kuwait")
    save(cast, "reporting_time_zone", "Asia/Qatar")
    page = press(page, "settings.calendar.save")
    assert "Somebody else" in page.error[0].value
    assert settings_of(db)["reporting_time_zone"] == "Asia/Qatar"


def settings_of(db: Any) -> dict[str, object]:
    return {row["key"]: row["value"] for row in db.rows("select key, value from crm.organisation_settings")}


def test_two_admins_who_set_the_same_at_once_leave_one_value_and_one_history(db: Any, cast: Any) -> None:
    alma, met = cast.who("alma"), list[CrmError]()

    def write(zone: str) -> None:
        try:
            with acting_as(alma) as session:
                configuring.save_setting(session, "reporting_time_zone", zone, seen_version=1, source="test")
        except CrmError as error:
            met.append(error)

    writers = [threading.Thread(target=write, args=(zone,)) for zone in ("Asia/Dubai", "Asia/Amman", "Asia/Kuwait", "Asia/Qatar")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(met) == 3 and all(isinstance(error, Stale) for error in met)
    assert db.value("select version from crm.organisation_settings where key = 'reporting_time_zone'") == 2


def test_a_market_is_added_renamed_and_given_another_currency(look: Any, db: Any, cast: Any) -> None:
    page = look("from crm.ui import organisation_settings as o\no.draw_market(None)", "alma").run()
    page.text_input(key="settings.market.code").set_value("om")
    page.text_input(key="settings.market.name").set_value("Oman")
    page.text_input(key="settings.market.currency").set_value("omr")
    page.selectbox(key="settings.market.team").set_value(cast.teams["Gulf"])
    press(page, "settings.market.save")
    assert not page.exception and not page.error
    with acting_as(cast.who("alma")) as session:
        (market,) = reads.market_rows(session)
        assert (market.code, market.currency, market.team_id) == ("OM", "OMR", cast.teams["Gulf"])
        done = configuring.save_market(session, market.id, market.version, {"name": "Sultanate", "currency": "USD"}, source="test")
    with acting_as(cast.who("alma")) as session:
        undo(session, done.change_set_id or 0)
        assert reads.market_rows(session)[0].name == "Oman"


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "values",
    [
        {"code": "Oman"}, {"code": ""}, {"code": "O1"}, {"currency": "rials"}, {"currency": ""}, {"name": ""}, {"team_id": 10**9}, {"colour": "red"},
        {"code": 7},
    ],
)  # fmt: skip
def test_a_market_that_makes_no_sense_is_refused(cast: Any, db: Any, values: Any) -> None:
    given = {"code": "OM", "name": "Oman", "currency": "OMR", **values}
    with pytest.raises(Invalid), acting_as(cast.who("alma")) as session:
        configuring.save_market(session, None, None, given, source="test")


def test_a_market_is_there_once_and_keeps_its_code(cast: Any, db: Any) -> None:
    given = {"code": "OM", "name": "Oman", "currency": "OMR"}
    with acting_as(cast.who("alma")) as session:
        made = configuring.save_market(session, None, None, given, source="test").results[0].record_id
        with pytest.raises(Invalid, match="OM is a market already"):
            configuring.save_market(session, None, None, given, source="test")
        with pytest.raises(Invalid, match="keeps its country code"):
            configuring.save_market(session, made, 1, {"code": "AE"}, source="test")


def test_holidays_are_added_removed_and_brought_back(visit: Any, cast: Any, db: Any) -> None:
    given = {"day": "2099-12-02", "name": "National day"}
    with acting_as(cast.who("alma")) as session:
        made = configuring.save_holiday(session, None, None, given, source="test").results[0].record_id
        with pytest.raises(Invalid, match="That day is “National day” already"):
            configuring.save_holiday(session, None, None, {**given, "name": "Other"}, source="test")
        with pytest.raises(Invalid, match="no market of yours"):
            configuring.save_holiday(session, None, None, {**given, "market": "AE"}, source="test")
    page = press(visit("alma", PAGE), f"settings.holiday.{made}")
    assert "“National day” is removed." in said(page) and "No holidays yet." in said(page)
    page = press(page, "message.undo")
    assert "2 Dec 2099" in said(page)


def test_rates_show_how_old_they_are(visit: Any) -> None:
    assert "AED" in said(visit("alma", PAGE)) and "days old" in said(visit("alma", PAGE))


def test_names_of_markets_and_holidays_are_text(visit: Any, cast: Any, db: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        configuring.save_market(session, None, None, {"code": "OM", "name": "<img src=x>", "currency": "OMR"}, source="test")
        configuring.save_holiday(session, None, None, {"day": "2099-01-02", "name": "<script>1</script>", "market": "OM"}, source="test")
    page = visit("alma", PAGE)
    assert not page.exception
    assert not any(word in said(page) for word in ("<img", "<script"))
