"""Reports over the route of one-time files: signed in, one's own, once, in both forms."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from crm.access import acting_as, as_system, sessions, viewing
from crm.exports import asking, handing, making
from crm.reports.export import CSV, XLSX, Wanted
from crm.web import cookie
from tests.db.test_report_export import set_scope

STAGES = Wanted("pipeline_by_stage", {})


def made(cast: Any, who: str, kind: str) -> str:
    """The address of a file that is ready."""
    with acting_as(cast.who(who)) as session:
        export_id = asking.ask(session, kind, STAGES.as_json())
    making.make(export_id)
    return handing.address_of(cast.who(who), export_id)


def sign_in(web: TestClient, cast: Any, name: str) -> str:
    with as_system() as session:
        token = sessions.start(session, cast.people[name], address="192.0.2.10", device="Firefox on Linux")
    web.cookies.set(cookie.name(), token)
    return token


@pytest.mark.parametrize(("kind", "media"), [(CSV, "text/csv"), (XLSX, "application/vnd.openxmlformats")])
def test_it_is_fetched_once_by_the_one_who_asked(web: TestClient, cast: Any, kind: str, media: str) -> None:
    address = made(cast, "mona", kind)
    assert web.get(address).status_code == 401
    sign_in(web, cast, "alma")
    assert web.get(address).status_code == 404
    token = sign_in(web, cast, "mona")
    answer = web.get(address)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith(media)
    assert answer.headers["content-disposition"].startswith('attachment; filename="pipeline_by_stage-2') and answer.headers["cache-control"] == "no-store"
    assert web.get(address).status_code == 404
    again = made(cast, "mona", kind)
    viewing_token = sign_in(web, cast, "alma")
    viewing.start(viewing_token, cast.people["mona"])
    assert web.get(again).status_code == 403
    sessions.end(token)


def test_a_grant_lost_between_asking_and_fetching_counts(web: TestClient, cast: Any, db: Any) -> None:
    address = made(cast, "mona", CSV)
    sign_in(web, cast, "mona")
    set_scope(db, "report", "export", "none")
    answer = web.get(address)
    assert answer.status_code == 403 and "report: export" in answer.text
