"""Of those who began in each month: how many had come so far, month by month after."""

from __future__ import annotations

from functools import partial

from crm.charts.parts import Drawing, drawing, heat, height_of
from crm.charts.seen import Seen

MOST_COHORTS = 12


def _cohorts(seen: Seen, *, size: str, share_of: str, says: str) -> Drawing | None:
    """A line for each month of beginning, a column for each month after."""
    starts = sorted({row["cohort"] for row in seen.rows})[-MOST_COHORTS:]
    if not starts:
        return None
    shares = {(row["cohort"], row["months_since"]): row[share_of] for row in seen.rows}
    sizes = {row["cohort"]: row[size] for row in seen.rows}
    most = max((since for start, since in shares if start in starts), default=0)
    trace = heat([str(since) for since in range(most + 1)], [f"{start:%b %Y} · {sizes[start]:,}" for start in starts],
                 [[shares.get((start, since)) for since in range(most + 1)] for start in starts], says=says)  # fmt: skip
    return drawing(
        trace, x_title=f"Months after the first:<br>of each hundred,<br>how many {says}", height=height_of(starts, each=26),
        says=f"By month of beginning: who {says}, month by month after",
    )  # fmt: skip


customers = partial(_cohorts, size="customers", share_of="ordering_share", says="ordered again")
leads = partial(_cohorts, size="leads", share_of="won_share", says="were won")
