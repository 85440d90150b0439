"""What postings and stays a lead's versions should have left, in plain Python. A version brings its act and the bucket it left the lead in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Bucket = tuple[Any, ...]
"""(team, pipeline, stage, owner, close month, USD); None stands for a deleted lead."""
USD_PER = {"USD": Decimal(1), "AED": Decimal("0.272294")}


def usd(value: Mapping[str, str] | None) -> Decimal | None:
    return None if value is None else (Decimal(value["amount"]) * USD_PER[value["currency"]]).quantize(Decimal("0.01"), ROUND_HALF_UP)


def postings(history: Sequence[Any]) -> Counter[tuple[Any, ...]]:
    """(kind, bucket without its value, other stage, leads, USD, change set) of every posting there should be."""
    found: Counter[tuple[Any, ...]] = Counter()
    before: Bucket | None = None
    for number, version in enumerate(history):
        after = version.bucket
        if after != before:
            kind = _kind(before, after) if number else "created"
            for side, other, sign in ((before, after, -1), (after, before, 1)):
                if side:
                    found[kind, side[:5], other[2] if other else None, sign, sign * side[5], version.act.id] += 1
        before = after
    return found


def stays(history: Sequence[Any]) -> list[tuple[str, Bucket, bool]]:
    """(entered by, bucket, whether the next stay begins where this one ends), in order; the last one of a live lead is open."""
    found: list[tuple[str, Bucket, bool]] = []
    before: Bucket | None = None
    for number, version in enumerate(history):
        after = version.bucket
        if after != before:
            if before and not after:
                found[-1] = (*found[-1][:2], False)
            if after:
                found.append((_kind(before, after) if number else "created", after, True))
        before = after
    return found


def _kind(before: Bucket | None, after: Bucket | None) -> str:
    if before is None or after is None:
        return "restored" if before is None else "deleted"
    return "moved" if before[2] != after[2] else "owner" if before[3] != after[3] else "revalued"
