"""Charts of reports: what stands on their axes, what is left out, and that each can be painted."""

from __future__ import annotations

import io
import struct
from datetime import date
from typing import Any

import pytest

from crm.charts import painting, parts
from crm.charts.catalogue import CHARTS, check, names_of
from crm.charts.months import months_shown
from crm.charts.parts import Drawing, bars, drawing, heat, labels, line, lying, marks, waterfall
from crm.reports.registry import REPORTS, report_named

MONTHS = ["Nov 2025", "Dec 2025", "Jan 2026", "Feb 2026"]
YEAR = [f"{name} 2026" for name in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")]
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "$\\frac{1}{0}$ & $x",
    "$",
    "\x00\x1b[31m",
    "a\nb\r\nc",
    "{%s}",
    "&lt;b&gt;",
    "محمد",
    "李雷",
    "🙂",
    "x" * 5000,
    "",
    None,
)


def axis(found: Drawing | None, name: str) -> dict[str, Any]:
    assert found is not None
    of: dict[str, Any] = found.layout[f"{name}axis"]
    return of


def size_of(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def painted(found: Drawing | None, title: str = "Who wins?", footer: tuple[str, ...] = ("Leads of the teams in reach.",)) -> bytes:
    file = io.BytesIO()
    painting.paint(found, title, footer, file)
    return file.getvalue()


def test_a_year_stands_once_below_its_months_and_no_label_is_turned() -> None:
    found = drawing(bars(MONTHS, [1, 2, 3, 4], name="Won", tone="won"))
    assert axis(found, "x")["ticktext"] == ["Nov<br>2025", "Dec", "Jan<br>2026", "Feb"]
    assert axis(found, "x")["tickangle"] == 0


@pytest.mark.parametrize(("months", "shown"), [(8, 8), (9, 5), (13, 7), (24, 8), (25, 7)])
def test_of_many_months_so_many_have_their_names(months: int, shown: int) -> None:
    names = [f"{2020 + number // 12} {number}" for number in range(months)]
    found = drawing(line(names, list(range(months)), name="Won", tone="won"))
    assert axis(found, "x")["tickvals"] == names[:: -(-months // 8)]
    assert len(axis(found, "x")["ticktext"]) == shown


def test_a_name_that_ends_in_a_word_stays_whole() -> None:
    found = drawing(bars(["No date", "Won"], [1, 2], name="Won", tone="won"))
    assert axis(found, "x")["ticktext"] == ["No date", "Won"]


@pytest.mark.parametrize(("values", "step"), [([1, 2], 1), ([3, 4], None), ([0.5, 1], None)])
def test_few_leads_are_not_counted_in_halves(values: list[float], step: int | None) -> None:
    assert axis(drawing(lying(["Ana", "Bruno"], values, name="Won", tone="won")), "x").get("dtick") == step


def test_what_has_nothing_to_show_is_not_in_the_legend() -> None:
    won, dormant = (lying(["Ana"], [value], name=name, tone="won") for name, value in (("Won", 2), ("Dormant", 0)))
    found = drawing(won, dormant)
    assert found and [trace["name"] for trace in found.traces] == ["Won"] and found.layout["showlegend"]


def test_nothing_at_all_is_no_chart() -> None:
    assert drawing(bars(MONTHS, [0, 0, None, 0], name="Won", tone="won")) is None


def test_shares_of_a_cohort_fit_their_cells() -> None:
    found = drawing(heat(["0", "1"], ["Nov 2025 · 3"], [[1, None]], says="ordered again"))
    assert found and found.traces[0]["text"] == [["100", ""]]


def test_names_are_text_and_two_that_are_called_alike_stay_two() -> None:
    found = labels(["<b>Ana</b>", "Ana", "Ana", None])
    assert found[0] == "&lt;b&gt;Ana&lt;/b&gt;" and len(set(found)) == 4 and found[3] == "Nobody"
    ticks = axis(drawing(lying(labels(["<i>" + "x" * 40]), [1], name="Won", tone="won")), "y")["ticktext"]
    assert ticks == ["&lt;i&gt;" + "x" * 20 + "…"]


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_people_are_called_they_can_be_painted(name: Any) -> None:
    names = labels([name, name, "Ana"])
    found = drawing(lying(names, [3, None, 1e12], name=str(name), tone="won"), lying(names, [1, 0, 2], name="Lost", tone="lost"), x_title="USD")
    assert size_of(painted(found, str(name), (str(name),)))[0] == 2 * painting.WIDTH


@pytest.mark.parametrize(
    "found",
    [
        drawing(bars(["Nov 2026"], [1], name="Won", tone="won")),
        drawing(bars(YEAR, range(12), name="Won", tone="won"), bars(YEAR, [None] * 11 + [3], name="Lost", tone="lost")),
        drawing(bars(YEAR, range(12), name="Won", tone="won"), line(YEAR, [None, 1] * 6, name="Said", tone="muted", is_dotted=True), is_stacked=True),
        drawing(lying(["Lead", "Trial"], [3, 4], name="Median", tone="accent"), marks(["Lead", "Trial"], [None, 7], name="Target"), height=2000),
        drawing(waterfall(["Start", "Began", "Lost", "End"], [0, 5, -9, -4], is_money=True)),
        drawing(heat([str(number) for number in range(12)], YEAR, [[0.5] * 12] * 12, says="ordered again")),
    ],
    ids=["one row", "twelve months", "stacked with a line", "marks", "steps below nothing", "cohorts"],
)  # fmt: skip
def test_every_kind_of_chart_is_painted(found: Drawing | None) -> None:
    assert found is not None and size_of(painted(found))[1] > 2 * painting.LEAST_HEIGHT


def test_an_empty_report_is_a_picture_that_says_so_and_a_longer_footer_a_taller_one() -> None:
    """So the texts are in it."""
    short, tall = painted(None), painted(None, footer=("Leads of the teams in reach. " * 40,))
    assert size_of(tall)[1] > size_of(short)[1]


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was put on paper, instead of the paper."""
    found: list[Any] = []
    monkeypatch.setattr(painting.FigureCanvasAgg, "print_png", lambda canvas, file: found.append(canvas.figure))
    return found


@pytest.mark.parametrize("is_stacked", [True, False])
def test_thousands_of_bars_are_not_painted_one_by_one(sheets: list[Any], is_stacked: bool) -> None:
    names = [f"Owner {number}" for number in range(100)]
    traces = [lying(names, range(1, 101), name=f"Source {number}", tone="won") for number in range(100)]
    painting.paint(drawing(*traces, is_stacked=is_stacked), "Leads by owner and source", (), io.BytesIO())
    (axes,) = sheets[0].axes
    assert len(axes.collections) == 100 and sum(len(each.get_paths()) for each in axes.collections) == 100 * 100
    assert len(sheets[0].findobj(painting.Patch)) < 2 * painting.MOST_IN_LEGEND
    assert axes.get_xlim()[1] >= (100 * 100 if is_stacked else 100)


def test_a_legend_that_finds_no_room_says_how_many_more_there_are(sheets: list[Any]) -> None:
    traces = [lying(["Ana"], [1], name=f"Source {number}", tone="won") for number in range(painting.MOST_IN_LEGEND + 9)]
    painting.paint(drawing(*traces), "Leads", (), io.BytesIO())
    said = [text.get_text() for text in sheets[0].axes[0].get_legend().get_texts()]
    assert said[-2:] == [f"Source {painting.MOST_IN_LEGEND - 1}", "and 9 more"]


@pytest.mark.parametrize("typed", ["&lt;b&gt;", "R&amp;D", "<b>x</b>", "$x^2$"])
def test_titles_and_footers_stand_as_they_were_typed(sheets: list[Any], typed: str) -> None:
    painting.paint(None, f"Lost for “{typed}”", (f"only source “{typed}”",), io.BytesIO())
    assert {f"Lost for “{typed}”", f"only source “{typed}”"} <= {text.get_text() for text in sheets[0].texts}


@pytest.mark.parametrize(
    ("begins", "known", "first", "shown"),
    [
        (date(2026, 1, 5), ["2026-03"], date(2026, 1, 1), 11),
        (date(1, 1, 1), ["2026-03", "2025-12"], date(2025, 12, 1), 12),
        (date(1, 1, 1), [], date(2021, 12, 1), 60),
        (date(2010, 1, 1), ["2010-02"], date(2010, 2, 1), 202),
    ],
)
def test_a_long_period_begins_with_the_first_month_that_there_is_something_of(begins: date, known: list[str], first: date, shown: int) -> None:
    found = months_shown((begins, date(2026, 11, 26)), known)
    assert (found[0], found[-1], len(found)) == (first, date(2026, 11, 1), shown)


def test_the_same_chart_is_the_same_picture() -> None:
    found = drawing(bars(MONTHS, [1, 2, 3, 4], name="Won", tone="won"))
    assert painted(found) == painted(found)


@pytest.mark.parametrize(("value", "said"), [(0, "0"), (12, "12"), (3500, "3.5k"), (-1.25e6, "-1.25M"), (2e9, "2B"), (0.5, "0.5")])
def test_figures_on_axes_are_short(value: float, said: str) -> None:
    assert painting.short(value) == said


def test_every_report_has_a_chart_or_is_a_list() -> None:
    assert {name for name, report in REPORTS.items() if not names_of(report)} == {"stale_leads", "neglected_customers"}
    assert set(CHARTS) <= set(REPORTS)
    assert check(report_named("owners"), "") == "owners" and parts.HEIGHT < painting.MOST_HEIGHT
