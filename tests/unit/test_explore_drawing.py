"""Explore's table, chart and links, from plain figures: what is called alike stays apart, names are text, links say just what they count."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crm.charts import explored
from crm.charts.parts import shortened
from crm.explore.use_cases import Exploration, Group
from crm.fields.kinds import Definition
from crm.pipelines.reads import PipelineRow, StageRow
from crm.reports import exploring
from crm.reports.exploring import DIMENSIONS, MEASURES, NO_SPLIT, custom_dimension
from crm.ui import lead_behind
from crm.ui.explore import table
from crm.ui.explore.asks import Question
from crm.ui.explore.behind import behind
from crm.ui.explore.draw import headline
from crm.ui.lookups import Lookups
from crm.ui.reports.asked import Asked
from crm.ui.words import Names

HOSTILE = "<img src=x onerror=alert(1)>'\""
PERIOD = (date(2026, 1, 10), date(2026, 3, 31))
FIELDS = [Definition(number, 1, None, "lead", key, key.capitalize(), kind) for number, (key, kind) in enumerate(
    {"size": "number", "tasted": "date", "buys": "choices", "vip": "flag", "remark": "text"}.items())]  # fmt: skip


class Result:
    columns = ("leads", "value_usd", "won", "lost", "win_rate")


def row(leads: int, value: int = 0) -> dict[str, Any]:
    return {"leads": leads, "value_usd": Decimal(value), "won": leads, "lost": 0, "win_rate": Decimal(1), "orders": leads}


def found(measure: str = "leads", *, names: tuple[str, ...] = ("Ana", "Bruno"), splits: tuple[str, ...] = ()) -> Exploration:
    groups = [Group(str(number), name, row=row(number + 1, 100)) for number, name in enumerate(names)]
    beside = [Group(name, name, row=row(1, 50)) for name in splits]
    cells = {(group.place, split.place): row(2, 50) for group in groups for split in beside[:1]}
    by, split = DIMENSIONS["owner"], DIMENSIONS["kind"] if splits else NO_SPLIT
    return Exploration(Result(), MEASURES[measure], by, split, "open", groups, beside, cells, row(3, 200))  # type: ignore[arg-type]


@pytest.fixture
def lookups() -> Lookups:
    stage = StageRow(**dict.fromkeys(StageRow.__dataclass_fields__) | {"id": 7, "pipeline_id": 3, "name": "Lead", "kind": "open"})
    pipeline = PipelineRow(**dict.fromkeys(PipelineRow.__dataclass_fields__) | {"id": 3, "team_id": 1, "name": "Accounts", "stages": [stage]})
    names = Names(1, "UTC", {5: "Ana"}, {1: "Gulf"}, {3: "Accounts"}, {7: stage}, {}, {})
    return Lookups(names, [pipeline], [5], ("USD",), {"AE": "Emirates"}, lead_fields=FIELDS)


def question(which: str = "all", measure: str = "leads") -> Question:
    begins, ends = PERIOD if which not in exploring.STANDING else (PERIOD[1], PERIOD[1])
    return Question(MEASURES[measure], which, "owner", "", "bars", Asked(begins, ends, source="Fair"))


def address(lookups: Lookups, dimension: Any, key: str | None, which: str = "all", measure: str = "leads") -> dict[str, Any] | None:
    got = behind(question(which, measure), lookups, (dimension, Group(key, "x")))
    return None if got is None else {name: value for name, value in got.items() if name not in ("view", "source")}


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("stage", "7", {"stage": "Lead", "pipeline": "Accounts"}), ("stage", "8", None), ("owner", "5", {"owner": "Ana"}), ("owner", None, {"owner": "Nobody"}),
        ("owner", "6", None), ("team", "1", {"team": "Gulf"}), ("pipeline", "9", None), ("kind", "won", {"kind": "won"}),
        ("market", "AE", {"market": "Emirates"}),
        ("market", None, {"missing": "market"}), ("lost_reason", "Price", {"reason": "Price"}),
        ("began_month", "2026-02", {"created": "2026-02-01..2026-02-28"}),
        ("closes_quarter", "2026-01", {"closes": "2026-01-01..2026-03-31"}), ("closes_month", None, {"closes": "none"}),
        ("ended_month", None, {"kind": "standing"}),
    ],
)  # fmt: skip
def test_each_group_has_its_own_address(lookups: Lookups, name: str, key: str | None, expected: dict[str, Any] | None) -> None:
    got = address(lookups, DIMENSIONS[name], key)
    assert got == (None if expected is None else {"pipeline": "All pipelines", **expected})


@pytest.mark.parametrize(
    ("field", "kind", "key", "own"),
    [
        ("size", "number", "2", "size=10..100"), ("size", "number", "0", "size=0..1"), ("size", "number", None, "size="),
        ("tasted", "date", "2026-02", "tasted=2026-02-01..2026-02-28"), ("buys", "choices", '["Oil"]', 'buys=["Oil"]'), ("vip", "flag", "true", "vip=true"),
        ("remark", "text", "a=b", 'remark="a=b"'),
    ],
)  # fmt: skip
def test_a_custom_field_is_asked_for_by_its_very_value(lookups: Lookups, field: str, kind: str, key: str | None, own: str) -> None:
    got = address(lookups, custom_dimension(field, field, kind), key)
    assert got is not None and got["own"] == own
    (said, changes) = lead_behind.parts(lookups, {"own": own})["own"]
    assert said and (changes["custom_is"] or changes["custom"])


@pytest.mark.parametrize("own", ["", "=", "nothing=1", "size=x", "size=9..1", "size=1e99..2e99", "size=nan..nan", "tasted=2026-02-30..x", "remark={", "vip"])
def test_a_part_of_an_address_that_means_nothing_is_left_out(lookups: Lookups, own: str) -> None:
    assert "own" not in lead_behind.parts(lookups, {"own": own})


def test_the_period_bounds_what_is_opened(lookups: Lookups) -> None:
    assert address(lookups, DIMENSIONS["began_month"], "2026-01", "began") == {"pipeline": "All pipelines", "created": "2026-01-10..2026-01-31"}
    assert address(lookups, DIMENSIONS["began_month"], "2027-01", "began") is None
    assert address(lookups, DIMENSIONS["owner"], "5", "began", "win_rate") == {
        "pipeline": "All pipelines", "owner": "Ana", "kind": "ended", "created": "2026-01-10..2026-03-31",
    }  # fmt: skip
    assert address(lookups, DIMENSIONS["owner"], "5", "won") == {
        "pipeline": "All pipelines", "owner": "Ana", "kind": "won", "entered": "2026-01-10..2026-03-31",
    }  # fmt: skip


def test_months_of_close_are_of_what_ended_and_kinds_narrow_them(lookups: Lookups) -> None:
    month, kind = (DIMENSIONS["ended_month"], Group("2026-02", "x")), (DIMENSIONS["kind"], Group("won", "x"))
    for groups in ((month, kind), (kind, month)):
        got = behind(question(), lookups, *groups)
        assert got is not None and (got["kind"], got["entered"]) == ("won", "2026-02-01..2026-02-28")
    got = behind(question(), lookups, month)
    assert got is not None and got["kind"] == "ended"


def test_two_custom_fields_are_asked_for_together(lookups: Lookups) -> None:
    got = behind(
        question(), lookups, (custom_dimension("remark", "Remark", "text"), Group("Oil", "x")), (custom_dimension("size", "Size", "number"), Group("2", "x"))
    )
    assert got is not None and (got["own"], got["own2"]) == ('remark="Oil"', "size=10..100")
    (said, changes) = lead_behind.parts(lookups, got)["own"]
    assert said == "Remark: Oil, Size 10 to 100" and changes["custom_is"] == (("remark", "Oil"),) and len(changes["custom"]) == 1


def test_the_rest_opens_nothing(lookups: Lookups) -> None:
    assert behind(question(), lookups, (DIMENSIONS["source"], Group(None, "The rest", is_rest=True))) is None


def test_names_in_the_table_are_text(lookups: Lookups) -> None:
    drawn = table.html(found(names=(HOSTILE, "Bruno"), splits=(HOSTILE,)), lambda *groups: {"owner": HOSTILE}, "leads")
    assert "<img" not in drawn and "onerror=alert(1)>'" not in drawn
    assert "href='leads?owner=%3Cimg" in drawn


def test_what_is_called_alike_stays_apart_in_a_chart() -> None:
    traces = [explored._trace(found(names=("Acme", "Acme", "Acme")), "bars", 0, None, is_lying=True)]
    assert len(set(traces[0]["y"])) == 3 and traces[0]["x"] == [1, 2, 3]
    long = shortened("x" * 500, 30)
    assert len(long) == 30 and long.endswith("…")


def test_every_measure_and_chart_is_drawn(lookups: Lookups) -> None:
    for measure in ("leads", "value", "win_rate"):
        for splits in ((), ("open", "won")):
            whole = found(measure, splits=splits)
            drawn = table.html(whole, lambda *groups: None, "leads")
            assert drawn.count("<tr>") == 4 and "<a " not in drawn
            for kind in ("bars", "lines", "stacked"):
                for number, split in enumerate(whole.splits or [None]):
                    assert len(explored._trace(whole, kind, number, split, is_lying=False)["y"]) == 2
    assert headline(found(), question("open")) == "3 open leads. Bruno holds most: 67%."
    assert headline(found("value"), question("all", "value")) == "$200, from 3 leads. Ana holds most: 50%."
    assert headline(found("win_rate"), question("won", "win_rate")) == "100% of 3 leads that ended were won. Highest: Ana, 100%."
