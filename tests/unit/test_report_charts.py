"""Charts of reports: what stands on their axes, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from crm.ui.reports import charts

MONTHS = ["Nov 2025", "Dec 2025", "Jan 2026", "Feb 2026"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The figures that a page was given."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(charts.st, "plotly_chart", lambda figure, **_: found.append(figure))
    return found


def axis(drawn: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found: dict[str, Any] = drawn[0]["layout"][f"{name}axis"]
    return found


def test_a_year_stands_once_below_its_months_and_no_label_is_turned(drawn: list[dict[str, Any]]) -> None:
    charts.draw("x", charts.bars(MONTHS, [1, 2, 3, 4], name="Won", tone="won"))
    assert axis(drawn, "x")["ticktext"] == ["Nov<br>2025", "Dec", "Jan<br>2026", "Feb"]
    assert axis(drawn, "x")["tickangle"] == 0


@pytest.mark.parametrize(("months", "shown"), [(8, 8), (9, 5), (13, 7), (24, 8), (25, 7)])
def test_of_many_months_so_many_have_their_names(drawn: list[dict[str, Any]], months: int, shown: int) -> None:
    names = [f"{2020 + number // 12} {number}" for number in range(months)]
    charts.draw("x", charts.line(names, list(range(months)), name="Won", tone="won"))
    assert axis(drawn, "x")["tickvals"] == names[:: -(-months // 8)]
    assert len(axis(drawn, "x")["ticktext"]) == shown


def test_a_name_that_ends_in_a_word_stays_whole(drawn: list[dict[str, Any]]) -> None:
    charts.draw("x", charts.bars(["No date", "Won"], [1, 2], name="Won", tone="won"))
    assert axis(drawn, "x")["ticktext"] == ["No date", "Won"]


@pytest.mark.parametrize(("values", "step"), [([1, 2], 1), ([3, 4], None), ([0.5, 1], None)])
def test_few_leads_are_not_counted_in_halves(drawn: list[dict[str, Any]], values: list[float], step: int | None) -> None:
    charts.draw("x", charts.lying(["Ana", "Bruno"], values, name="Won", tone="won"))
    assert axis(drawn, "x").get("dtick") == step


def test_what_has_nothing_to_show_is_not_in_the_legend(drawn: list[dict[str, Any]]) -> None:
    won, dormant = (charts.lying(["Ana"], [value], name=name, tone="won") for name, value in (("Won", 2), ("Dormant", 0)))
    charts.draw("x", won, dormant)
    assert [trace["name"] for trace in drawn[0]["data"]] == ["Won"]
    assert drawn[0]["layout"]["showlegend"]


def test_nothing_at_all_is_no_chart(drawn: list[dict[str, Any]]) -> None:
    charts.draw("x", charts.bars(MONTHS, [0, 0, None, 0], name="Won", tone="won"))
    assert drawn == []


def test_shares_of_a_cohort_fit_their_cells(drawn: list[dict[str, Any]]) -> None:
    charts.draw("x", charts.heat(["0", "1"], ["Nov 2025 · 3"], [[1, None]], says="ordered again"))
    assert drawn[0]["data"][0]["text"] == [["100", ""]]
