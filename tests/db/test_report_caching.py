"""Reports from memory: only where nothing was changed, only for who saw them, and never what another transaction has not committed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm.access import acting_as
from crm.leads.use_cases import edit_leads
from crm.reports import caching
from crm.reports.registry import report_named
from crm.reports.use_cases import run_report

STAGES = report_named("pipeline_by_stage")


@pytest.fixture(autouse=True)
def forgotten() -> None:
    caching._kept.clear()


def total(cast: Any, who: str, **params: str) -> Decimal | None:
    """What the report adds up to for somebody, in a transaction of its own."""
    with acting_as(cast.who(who), resource="report", action="view") as session:
        rows = caching.run_kept(session, STAGES, params).rows
    return None if any(row["value_usd"] is None for row in rows) else sum((row["value_usd"] for row in rows), Decimal(0))


def set_value(session: Any, cast: Any, amount: str) -> None:
    version = 1
    edit_leads(session, [(cast.leads["Delta Foods"], version, {"value": {"amount": amount, "currency": "USD"}})], source="test")


def test_the_same_question_is_answered_from_memory_while_nothing_changes(db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def counted(*given: Any) -> Any:
        runs.append("run")
        return run_report(*given)

    monkeypatch.setattr(caching, "run_report", counted)
    asked = 50  # another database of the same server may be written to in between; not fifty times in a row
    for _ in range(asked):
        assert total(cast, "mona") == 21900
    assert 1 <= len(runs) < asked


def test_a_change_is_in_the_next_read_whoever_made_it(db: Any, cast: Any) -> None:
    assert total(cast, "mona") == 21900
    with acting_as(cast.who("ana")) as session:
        set_value(session, cast, "100")
    assert total(cast, "mona") == 22000
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "update crm.grants set scope = 'own', version = version + 1 where resource = 'report' and action = 'view' and scope = 'team'"
        )
    assert total(cast, "mona") == 0


def test_nobody_sees_what_another_saw(db: Any, cast: Any) -> None:
    for _ in range(3):
        assert [total(cast, who) for who in ("mona", "carla", "alma", "ana")] == [21900, 8900, 30800, 21900]


def test_another_filter_is_another_figure(db: Any, cast: Any) -> None:
    assert [total(cast, "mona", owner=name) for name in ("Ana", "Bruno", "Ana")] == [12400, 9500, 12400]


def test_what_is_not_committed_is_read_by_its_writer_and_kept_for_nobody(db: Any, cast: Any) -> None:
    with acting_as(cast.who("ana"), resource="report", action="view") as writer:
        set_value(writer, cast, "100")
        rows = caching.run_kept(writer, STAGES, {}).rows
        assert sum(row["value_usd"] for row in rows) == 22000
        assert not caching._kept
        assert total(cast, "mona") == total(cast, "ana") == 21900
    assert total(cast, "mona") == total(cast, "ana") == 22000


def test_a_field_that_is_hidden_since_is_hidden_at_once(db: Any, cast: Any) -> None:
    assert total(cast, "ana") == 21900
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "insert into crm.field_rules (role_id, record_type, field, rule) select id, 'lead', 'value', 'hidden' from crm.roles where name = 'rep'"
        )
    assert total(cast, "ana") is None
    assert total(cast, "mona") == 21900


def test_the_reach_of_another_action_is_another_figure(db: Any, cast: Any) -> None:
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "update crm.grants set scope = 'own', version = version + 1 where resource = 'report' and action = 'export' and scope = 'team'"
        )
    person = cast.who("mona")
    with acting_as(person, resource="report", action="view") as wide:
        assert sum(row["leads"] for row in caching.run_kept(wide, STAGES, {}).rows) == 3
    with acting_as(person, resource="report", action="export") as narrow:
        assert sum(row["leads"] for row in caching.run_kept(narrow, STAGES, {}).rows) == 0


def test_what_a_page_does_with_its_rows_stays_its_own(db: Any, cast: Any) -> None:
    with acting_as(cast.who("mona"), resource="report", action="view") as session:
        for row in caching.run_kept(session, STAGES, {}).rows:
            row["value_usd"] = -1
        assert sum(row["value_usd"] for row in caching.run_kept(session, STAGES, {}).rows) == 21900


def test_memory_is_bounded(db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "MOST", 2)
    for name in ("Ana", "Bruno", "Mona", "Vera"):
        total(cast, "mona", owner=name)
    assert len(caching._kept) == 2
    monkeypatch.setattr(caching, "MOST_ROWS", 0)
    caching._kept.clear()
    total(cast, "mona")
    assert not caching._kept
