"""A page that fails says so kindly, and the log learns where, not on whose data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

SCRIPT = """
import psycopg
from sqlalchemy import exc
from crm.errors import Invalid
from crm.ui import failure
try:
    raise {error}
except Exception as error:
    failure.tell(error)
"""


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    class Log:
        def error(self, event: str, **fields: Any) -> None:
            found.append({"event": event, **fields})

        warning = error

    monkeypatch.setattr("crm.ui.failure.log", Log())
    return found


def test_what_a_person_can_act_upon_is_shown_in_its_own_words(logged: list[dict[str, Any]]) -> None:
    page = AppTest.from_string(SCRIPT.format(error="Invalid('The close date is not a date.')")).run()
    assert [warning.value for warning in page.warning] == ["The close date is not a date."]
    assert logged == []


def test_anything_else_is_a_number_to_the_person_and_a_place_to_the_log(logged: list[dict[str, Any]]) -> None:
    page = AppTest.from_string(SCRIPT.format(error="ValueError('ana@demo.example already exists')")).run()
    (entry,) = logged
    assert entry["reference"] in page.error[0].value
    assert entry["error"] == "ValueError" and entry["at"]
    assert "ana@demo.example" not in page.error[0].value + json.dumps(entry)


@pytest.mark.parametrize(
    "error",
    [
        "exc.OperationalError('select', {}, psycopg.OperationalError('server closed'))",
        "psycopg.OperationalError('ana@demo.example')",
        "exc.TimeoutError('pool')",
    ],
)
def test_a_database_that_is_away_is_no_mistake_and_the_page_can_run_again(logged: list[dict[str, Any]], error: str) -> None:
    page = AppTest.from_string(SCRIPT.format(error=error)).run()
    assert "The database is away" in page.warning[0].value and "kept" in page.warning[0].value and not page.error
    assert [button.label for button in page.button] == ["Try again"]
    assert [entry["event"] for entry in logged] == ["page_without_database"]
    assert "ana@demo.example" not in page.warning[0].value + json.dumps(logged)
