"""Dice that a million leads can afford: `random.choice` and `choices` cost several times as much."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Weighted(tuple[Sequence[T], Sequence[float]]):
    """Options with cumulated weights, made once and drawn from often."""

    __slots__ = ()

    def __new__(cls, pairs: Iterable[tuple[T, float]]) -> Weighted[T]:
        options, weights = zip(*pairs, strict=True)
        return super().__new__(cls, (options, tuple(accumulate(weights))))


class Dice(Random):
    """Seeded chance; a demo needs no secrets."""

    def one(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def draw(self, weighted: Weighted[T]) -> T:
        options, cumulated = weighted
        return options[bisect(cumulated, self.random() * cumulated[-1], 0, len(options) - 1)]
