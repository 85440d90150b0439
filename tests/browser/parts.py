"""What the browser tests of pages share: leads of a test's own, the message on top, waiting until a page is still."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.clock import now
from tests.browser.conftest import Site, wait_for


def new_leads(site: Site, owner: str, *names: str, at: datetime | None = None, **values: Any) -> list[int]:
    """Leads of somebody of the cast, made by themselves; `at`: when they were made. Answers the ids."""
    given = [{"name": name, "team_id": site.cast.teams["Levant" if owner == "carla" else "Gulf"], **values} for name in names]
    with acting_as(site.cast.who(owner)) as session:
        done = apply(session, [Edit("lead", None, each, effective_at=at) for each in given], source="test", on_conflict="refuse")
    return [result.record_id or 0 for result in done.results]


def change(site: Site, who: str, lead_id: int, **values: Any) -> None:
    """Somebody edits a lead elsewhere, over what stands now."""
    with acting_as(site.cast.who(who)) as session:
        version = site.db.value("select version from crm.leads where id = :id", id=lead_id)
        apply(session, [Edit("lead", lead_id, values, version)], source="grid", on_conflict="refuse")


def stands(site: Site, ids: Sequence[int], column: str) -> list[Any]:
    """The column of these leads as the database has it, in the order of the ids."""
    rows = {row["id"]: row[column] for row in site.db.rows(f"select id, {column} from crm.leads where id = any(:ids)", ids=list(ids))}
    return [rows[lead_id] for lead_id in ids]


def wait_until_stands(site: Site, expected: Mapping[int, Any], column: str) -> None:
    wanted = list(expected.values())
    wait_for(lambda: stands(site, list(expected), column) == wanted, f"{column} to be {wanted}")


def settle(page: Any) -> None:
    """Until no script runs and none is asked for; the browser has a moment to ask before, and to draw afterwards."""
    page.wait_for_timeout(200)
    page.wait_for_function("() => !window.awaitedRun && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'")
    page.wait_for_timeout(300)


def until(page: Any, condition: Callable[[], Any], what: str) -> None:
    """Until `condition` holds of what the browser told this test, such as a dialog: that is told only while Playwright is asked something."""

    def holds() -> Any:
        page.wait_for_timeout(50)
        return condition()

    wait_for(holds, what)


def message(page: Any, words: str) -> Any:
    """The message that the last action left, once it says `words`."""
    found = page.locator(".st-key-message", has_text=words)
    found.wait_for()
    return found


def days_ago(days: int) -> datetime:
    return now() - timedelta(days=days)
