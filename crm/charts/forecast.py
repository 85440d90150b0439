"""What open leads may bring, month by month and by whose they are."""

from __future__ import annotations

from datetime import date
from typing import Any

from crm.charts.parts import Drawing, bars, drawing, height_of, labels, line, lying
from crm.charts.seen import Seen
from crm.reports.use_cases import ReportResult

MOST_OWNERS = 10


def months(seen: Seen) -> Drawing | None:
    """Won and expected value by month, and what was said before; a click stands for the month. None where values are hidden."""
    if not seen.shows("weighted_usd"):
        return None
    rows = [row for row in seen.rows if row["month"]]
    x, stand_for = [f"{row['month']:%b %Y}" for row in rows], [f"{row['month']:%Y-%m}" for row in rows]
    said = seen.result.filters.get("said_on", "").rpartition(" ")[0]
    return drawing(
        bars(x, [row["won_value_usd"] for row in rows], name="Won", tone="won", is_money=True, stands_for=stand_for),
        bars(x, [row["weighted_usd"] for row in rows], name="Expected, weighted", tone="soft", is_money=True, stands_for=stand_for),
        line(x, [row["said_usd"] for row in rows], name=f"As said on {said}" if said else "As said", tone="muted", is_dotted=True, is_money=True),
        y_title="USD", is_stacked=True, height=300, says="Won and expected value by month, and what the forecast said before",
    )  # fmt: skip


def owners(seen: Seen) -> Drawing | None:
    """Whose leads the open value is in; a click stands for the owner."""
    if not seen.shows("weighted_usd"):
        return None
    rows = in_order([dict(row) for row in seen.rows if row["open"]])[:MOST_OWNERS]
    open_ = lying(labels([row["owner"] for row in rows]), [row["weighted_usd"] for row in rows], name="Weighted open value", tone="accent", is_money=True,
                  stands_for=[row["owner_id"] for row in rows])  # fmt: skip
    return drawing(open_, x_title="USD, weighted", height=height_of(rows), says="Weighted open value by owner")


def owners_of_month(seen: Seen) -> Drawing | None:
    """The same of what is expected in one month and was won in it."""
    if not seen.shows("weighted_usd"):
        return None
    rows = of_month(seen.result, seen.beside, date.fromisoformat(f"{seen.of}-01"))[:MOST_OWNERS]
    names, ids = labels([row["owner"] for row in rows]), [row["owner_id"] for row in rows]
    return drawing(
        lying(names, [row["won_value_usd"] for row in rows], name="Won", tone="won", is_money=True, stands_for=ids),
        lying(names, [row["weighted_usd"] for row in rows], name="Expected, weighted", tone="soft", is_money=True, stands_for=ids),
        x_title="USD", height=height_of(rows), is_stacked=True, says="Won and expected value of the month by owner",
    )  # fmt: skip


def of_month(expected: ReportResult, won: ReportResult | None, month: date) -> list[dict[str, Any]]:
    """Who has anything of the month, the most first: owner_id, owner, open, weighted_usd, won and won_value_usd."""
    found: dict[int | None, dict[str, Any]] = {}
    for row in expected.rows:
        if row["split_key"] == f"{month:%Y-%m}" and not row["group_is_rest"]:
            owner_id = int(row["group_key"]) if row["group_key"] else None
            found[owner_id] = _row(owner_id, row["group"], open_=row["leads"], weighted_usd=row["weighted_usd"])
    for row in won.rows if won else ():
        if row["won"]:
            each = found.setdefault(row["group_id"], _row(row["group_id"], row["group"]))
            each |= {"won": row["won"], "won_value_usd": row["won_value_usd"]}
    return in_order(list(found.values()))


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whoever has most of it first; of a month, what was won counts too."""
    is_of_month = bool(rows) and "open_value_usd" not in rows[0]
    return sorted(rows, key=lambda row: -((row["weighted_usd"] or 0) + ((row["won_value_usd"] or 0) if is_of_month else 0)))


def _row(owner_id: int | None, owner: str | None, *, open_: int = 0, weighted_usd: Any = 0) -> dict[str, Any]:
    return {"owner_id": owner_id, "owner": owner, "open": open_, "weighted_usd": weighted_usd, "won": 0, "won_value_usd": 0}
