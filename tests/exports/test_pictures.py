"""Charts as pictures: made of the question by a job, as far as both grants reach, and handed out once."""

from __future__ import annotations

import gc
import io
from typing import Any

import pytest

from crm.access import acting_as
from crm.charts import painting
from crm.charts.catalogue import names_of
from crm.charts.parts import Drawing
from crm.errors import CrmError, Invalid, NotFound, Refused
from crm.exports import asking, handing, making, picture
from crm.exports.handing import FileGone
from crm.leads.use_cases import edit_leads
from crm.reports.export import Wanted
from crm.reports.registry import REPORTS
from tests.db.test_report_export import set_scope
from tests.unit.test_charts import size_of

STAGES = Wanted("pipeline_by_stage", {})
MONTH = {"measure": "weighted", "which": "open", "by": "owner", "split": "closes_month", "top": "200"}
CHARTED = [(report.name, chart) for report in REPORTS.values() for chart in names_of(report)]


def ask(cast: Any, who: str = "mona", wanted: Wanted = STAGES, chart: str = "", **more: Any) -> int:
    with acting_as(cast.who(who)) as session:
        return asking.ask(session, picture.KIND, picture.wanted_of(wanted, chart, **more))


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Drawing | None, str, list[str]]]:
    """What was painted: the drawing, its title and its footer."""
    found: list[tuple[Drawing | None, str, list[str]]] = []
    monkeypatch.setattr(painting, "paint", lambda drawing, title, footer, file: found.append((drawing, title, footer)))
    return found


def stages(painted: list[tuple[Drawing | None, str, list[str]]]) -> float:
    """The value that the last picture shows."""
    drawing = painted[-1][0]
    return sum(drawing.traces[0]["x"]) if drawing else 0


def test_a_chart_is_made_by_the_job_and_leaves_once_and_is_noted(cast: Any, db: Any) -> None:
    export_id = ask(cast)
    assert making.make(export_id) == "ready"
    file = handing.hand_out(cast.who("mona"), export_id, door="test")
    with file.content as content:
        width, height = size_of(content.read())
    assert width == 2 * painting.WIDTH and height > 2 * painting.LEAST_HEIGHT
    assert file.name.startswith("pipeline_by_stage-2") and file.name.endswith(".png") and file.media_type == "image/png"
    with pytest.raises(FileGone):
        handing.hand_out(cast.who("mona"), export_id, door="test")
    (event,) = db.rows("select subject, facts from crm.audit_events where kind = 'exported'")
    assert event["subject"] == "report pipeline_by_stage" and (event["facts"]["format"], event["facts"]["chart"]) == ("PNG", "Where leads stand")


def test_a_picture_says_below_what_its_figures_are(cast: Any, db: Any, painted: list[Any]) -> None:
    making.make(ask(cast, wanted=Wanted("pipeline_by_stage", {"team": "Gulf"})))
    _, title, footer = painted[0]
    said = " ".join(footer)
    assert title == "Where leads stand" and said.endswith("UTC, from Throughline.")
    for part in ("days begin at midnight in", "Leads of the teams in reach; only team Gulf.", "Amounts are USD at the rate", "Now, exact to the last change"):
        assert part in said


def test_a_picture_that_was_made_leaves_nothing_in_memory(cast: Any, db: Any) -> None:
    gc.disable()
    try:
        before = sum(isinstance(each, painting.Sheet) for each in gc.get_objects())
        picture.write_png(cast.who("mona"), picture.wanted_of(STAGES), io.BytesIO())
        assert sum(isinstance(each, painting.Sheet) for each in gc.get_objects()) <= before
    finally:
        gc.enable()


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(("report", "chart"), CHARTED)
def test_every_report_with_a_chart_is_painted_also_where_it_is_empty(cast: Any, db: Any, report: str, chart: str) -> None:
    file = io.BytesIO()
    picture.write_png(cast.who("alma"), picture.wanted_of(Wanted(report, {}), chart), file)
    assert size_of(file.getvalue())[0] == 2 * painting.WIDTH


def test_whose_a_month_of_the_forecast_is_shows_two_reports(cast: Any, db: Any, painted: list[Any]) -> None:
    won = Wanted("win_rate", {"by": "owner", "from": "2026-01-01", "to": "2026-01-31"})
    making.make(ask(cast, wanted=Wanted("explore", MONTH), chart="of_month", beside=won, of="2026-01"))
    assert painted[0][1] == "Whose leads is January 2026 in?"


@pytest.mark.parametrize("by", ["owner", "ended_month"])
@pytest.mark.parametrize("reason", ["Price", "<b>$x</b>", "x" * 300])
def test_what_was_lost_for_a_reason_is_a_picture_too(cast: Any, db: Any, by: str, reason: str) -> None:
    stage = cast.stages["Gulf"]["Lost"]
    with acting_as(cast.who("mona")) as session:
        edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"stage_id": stage, "lost_reason": reason[:200]})], source="form")
    lost = Wanted("explore", {"measure": "leads", "which": "lost", "by": by, "split": "lost_reason"})
    assert making.make(ask(cast, wanted=lost, chart="lost_for", of=reason)) == "ready"
    for wanted, of in ((lost, ""), (Wanted("explore", {"measure": "leads", "which": "lost", "by": by}), reason)):
        with pytest.raises(Invalid, match="of one reason"):
            ask(cast, wanted=wanted, chart="lost_for", of=of)


def test_a_picture_of_two_thousand_years_shows_the_months_that_there_is_something_of(cast: Any, db: Any, painted: list[Any]) -> None:
    stage = cast.stages["Gulf"]["Lost"]
    with acting_as(cast.who("mona")) as session:
        edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"stage_id": stage, "lost_reason": "Price"})], source="form")
    lost = {"measure": "leads", "which": "lost", "by": "ended_month", "split": "lost_reason", "from": "0001-01-01"}
    making.make(ask(cast, wanted=Wanted("explore", lost), chart="lost_for", of="Price"))
    making.make(ask(cast, wanted=Wanted("win_rate", {"by": "month", "from": "0001-01-01"})))
    assert [len(drawing.traces[0]["x"]) for drawing, *_ in painted] == [1, 1]


@pytest.mark.parametrize("of", ["", "2026", "2026-13", "x", "2026-01-01", "' or 1=1"])
def test_a_month_that_is_none_is_refused(cast: Any, db: Any, of: str) -> None:
    with pytest.raises(Invalid):
        ask(cast, wanted=Wanted("explore", MONTH), chart="of_month", of=of)
    assert db.value("select count(*) from crm.exports") == 0


def test_no_other_report_comes_in_beside_a_chart(cast: Any, db: Any) -> None:
    for wanted, chart in ((STAGES, ""), (Wanted("explore", MONTH), "of_month")):
        with pytest.raises(CrmError):
            ask(cast, wanted=wanted, chart=chart, beside=Wanted("revenue_by_market", {}), of="2026-01")


@pytest.mark.parametrize(("report", "chart", "error"), [
    ("stale_leads", "", Invalid), ("owners", "months", Invalid), ("owners", "../../etc/passwd", Invalid), ("passwords", "", NotFound), ("audit", "", NotFound),
])  # fmt: skip
def test_what_is_no_chart_is_not_painted(cast: Any, db: Any, report: str, chart: str, error: type[CrmError]) -> None:
    with pytest.raises(error):
        ask(cast, wanted=Wanted(report, {}), chart=chart)


@pytest.mark.parametrize("chart", ["../../etc/passwd", 'a"; filename="b', "\r\nX: y", "محمد", "x" * 500])
def test_a_picture_is_called_by_our_own_names(chart: str) -> None:
    name = picture.file_name(picture.wanted_of(Wanted("owners", {}), chart))
    assert name.startswith("owners-2") and name.endswith(".png") and len(name) < 40
    assert picture.file_name(picture.wanted_of(Wanted("owners", {}), "weighted")).startswith("owners-weighted-2")


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_without_the_grant_no_picture_leaves(cast: Any, db: Any, who: str) -> None:
    with pytest.raises(Refused, match="report: export"):
        ask(cast, who)
    assert db.value("select count(*) from crm.exports") == 0


def test_a_picture_of_orders_asks_for_the_grant_to_export_customers(cast: Any, db: Any) -> None:
    set_scope(db, "customer", "export", "none")
    with pytest.raises(Refused, match="customer: export"):
        ask(cast, wanted=Wanted("revenue_by_market", {}))


def test_a_picture_shows_the_narrower_of_what_one_sees_and_may_export(cast: Any, db: Any, painted: list[Any]) -> None:
    set_scope(db, "report", "view", "all")
    making.make(ask(cast))
    narrow = stages(painted)
    set_scope(db, "report", "export", "all")
    making.make(ask(cast))
    assert stages(painted) > narrow > 0


def test_whose_roles_change_before_the_job_gets_what_they_may_see_then(cast: Any, db: Any, painted: list[Any]) -> None:
    export_id = ask(cast)
    set_scope(db, "report", "export", "none")
    assert making.make(export_id) == "failed" and painted == []
    assert "report: export" in db.value("select problem from crm.exports") and db.value("select wanted::text from crm.exports") == "{}"
