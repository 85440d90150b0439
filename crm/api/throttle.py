"""How fast one key may ask, and how often an address may try keys that do not exist. Kept in this process.

The limits are generous: they stop a runaway loop, not work. A valid key is never refused for what others do at its
address, so nobody can be locked out by a stranger behind the same proxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from time import monotonic

from crm.errors import TooMany

REQUESTS_A_SECOND = 1000
REQUESTS_AT_ONCE = 2000
WRONG_KEYS_A_SECOND = 0.5
WRONG_KEYS_AT_ONCE = 30
_MOST_NAMES = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Throttle:
    """A token bucket per name."""

    def __init__(self, a_second: float, at_once: float) -> None:
        self.a_second, self.at_once = a_second, at_once
        self._buckets: dict[str, _Bucket] = {}
        self._lock = Lock()

    def take(self, name: str) -> None:
        """Count one. Raises `TooMany` with the seconds to wait."""
        moment = monotonic()
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is None:
                if len(self._buckets) >= _MOST_NAMES:
                    self._forget_full(moment)
                bucket = self._buckets[name] = _Bucket(self.at_once, moment)
            bucket.tokens = min(self.at_once, bucket.tokens + (moment - bucket.filled_at) * self.a_second)
            bucket.filled_at = moment
            if bucket.tokens < 1:
                raise TooMany("Too many requests. Wait a moment, then go on.", retry_after_seconds=(1 - bucket.tokens) / self.a_second)
            bucket.tokens -= 1

    def _forget_full(self, moment: float) -> None:
        full = [name for name, b in self._buckets.items() if b.tokens + (moment - b.filled_at) * self.a_second >= self.at_once]
        for name in full or list(self._buckets):
            del self._buckets[name]


requests = Throttle(REQUESTS_A_SECOND, REQUESTS_AT_ONCE)
wrong_keys = Throttle(WRONG_KEYS_A_SECOND, WRONG_KEYS_AT_ONCE)
