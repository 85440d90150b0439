"""Medians and 95th percentiles of repeated work."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. `bar` is what the figure must not exceed (or reach, where more is better)."""

    area: str
    work: str
    unit: str
    median: float
    p95: float | None = None
    bar: float | None = None
    more_is_better: bool = False
    is_of_p95: bool = False
    """Whether the bar holds p95 instead of the median."""

    @property
    def holds(self) -> bool | None:
        if self.bar is None:
            return None
        held = self.p95 if self.is_of_p95 and self.p95 is not None else self.median
        return held >= self.bar if self.more_is_better else held <= self.bar

    def cells(self) -> list[Any]:
        sign = "≥" if self.more_is_better else "≤"
        verdict = {True: "holds", False: "MISSED", None: ""}[self.holds]
        return [
            self.area, self.work, f"{self.median:,.1f}", "" if self.p95 is None else f"{self.p95:,.1f}", self.unit,
            "" if self.bar is None else f"{sign} {self.bar:g}{' p95' if self.is_of_p95 else ''}", verdict,
        ]  # fmt: skip


COLUMNS = ("area", "work", "median", "p95", "unit", "bar", "")


def times_ms(work: Callable[[], object], *, runs: int = 30, warm_up: int = 3) -> list[float]:
    """Milliseconds of each counted run."""
    for _ in range(warm_up):
        work()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def figure(area: str, work: str, taken_ms: list[float], *, bar: float | None = None, is_of_p95: bool = False) -> Figure:
    """The median and p95 of measured milliseconds."""
    return Figure(area, work, "ms", statistics.median(taken_ms), percentile(taken_ms, 0.95), bar, is_of_p95=is_of_p95)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def yardstick() -> Figure:
    """How fast the machine is just now: the same small piece of work each time, in milliseconds of processor time.

    Shared machines change their speed within minutes; figures of two runs compare as far as their yardsticks do.
    """
    taken = []
    for _ in range(40):
        started, total = time.process_time(), 0
        for number in range(300_000):
            total += number * number % 7
        taken.append((time.process_time() - started) * 1000)
    return figure("machine", "a fixed loop, processor time", taken)
