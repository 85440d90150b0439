"""The CDNOW sample (6,919 purchases of 2,357 customers, made by nobody here) as saved questions of the stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from crm.demo.metabase import QUESTIONS, Question

SAMPLE = Path(__file__).parents[3] / "shared" / "samples" / "cdnow" / "CDNOW_sample.txt"


def frame() -> pd.DataFrame:
    """Purchases as they stand in the file: customer, day, cds, dollars (text, so that nothing is rounded)."""
    names = ["full_id", "customer", "day", "cds", "dollars"]
    found = pd.read_csv(SAMPLE, sep=r"\s+", names=names, dtype={"customer": str, "day": str, "dollars": str})
    found["at"] = pd.to_datetime(found["day"], format="%Y%m%d", utc=True)
    return found


def questions(*, market: str = "US", segment: str = "B2C") -> Mapping[int, Question]:
    """The sample as customers and orders in USD, with a rate for nothing: USD needs none. An order's number is its line."""
    found = frame()

    def customers(since: datetime) -> Iterator[dict[str, Any]]:
        for customer, at in found.groupby("customer")["at"].min().items():
            if at >= since:
                yield {
                    "ID": int(str(customer)), "Name": f"CDNOW customer {customer}", "Market": market, "Segment": segment, "Email": None, "Phone": None,
                    "Updated At": at.isoformat(),
                }  # fmt: skip

    def orders(since: datetime) -> Iterator[dict[str, Any]]:
        for line, row in enumerate(found.itertuples(), 1):
            if row.at >= since:
                yield {
                    "ID": line, "Customer ID": int(str(row.customer)), "Ordered At": row.at.isoformat(), "Amount": row.dollars, "Currency": "USD",
                    "Status": "delivered", "Updated At": row.at.isoformat(),
                }  # fmt: skip

    return {QUESTIONS["customers"]: customers, QUESTIONS["orders"]: orders, QUESTIONS["rates"]: lambda since: iter(())}
