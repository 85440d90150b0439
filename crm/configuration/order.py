"""In which order things stand, as positions that change only where the order does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Key = int | str
"""A record's id, or the ref of a new one."""


def positions(order: Sequence[Key], standing: Mapping[Key, int]) -> dict[Key, int]:
    """A position for each of `order`. `standing`: those that have one, in the order that holds now; gaps and ties in it are no difference."""
    known = [key for key in order if key in standing]
    begins_new = next((i for i, key in enumerate(order) if key not in standing), len(order))
    if known == [key for key in standing if key in set(known)] and begins_new == len(known):
        last = max(standing.values(), default=-1)
        return {key: standing[key] if key in standing else last + 1 + i - begins_new for i, key in enumerate(order)}
    return {key: i for i, key in enumerate(order)}
