"""The calls, mails, meetings and notes of a lead, as believable as its stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from crm.demo import texts
from crm.demo.organisation import Shape

DAY = 86_400
MOST = 14
# By the talk of the stage: how many talks a stay usually sees, and which kinds.
HABITS: dict[str, tuple[float, tuple[str, ...], tuple[int, ...]]] = {
    "early": (0.9, ("call", "mail_out", "note", "message", "mail_in"), (45, 30, 12, 6, 7)),
    "talking": (1.5, ("call", "mail_out", "mail_in", "meeting", "note", "message"), (32, 26, 14, 12, 8, 8)),
    "terms": (1.9, ("call", "mail_out", "mail_in", "meeting", "note", "message"), (28, 26, 18, 14, 7, 7)),
    "trial": (1.6, ("call", "meeting", "mail_in", "message", "note"), (42, 18, 14, 16, 10)),
    "won": (2.4, ("call", "meeting", "mail_in", "mail_out", "message", "note"), (34, 20, 14, 12, 12, 8)),
    "over": (0.1, ("note", "call"), (70, 30)),
}


@dataclass(slots=True)
class Talk:
    """One activity; `minutes` only where it took measured time."""

    at: datetime
    person_id: int
    kind: str
    body: str
    minutes: int | None


class Talker:
    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def talks(self, stays: Sequence[tuple[int, float, float]], shape: Shape, given: str, person_id: int, now: float) -> list[Talk]:
        """The talks of all stays, oldest first; a long stay is not talked about evenly but mostly at its start."""
        rng = self.rng
        found: list[Talk] = []
        for place, since, until in stays:
            stage = shape.stages[place]
            usual, kinds, weights = HABITS[stage.talk]
            months = max(1.0, (until - since) / (75 * DAY)) if stage.kind == "won" else 1.0
            count = min(8, int(rng.expovariate(1 / (usual * min(months, 3.0))) + 0.35))
            span = until - since if stage.kind == "won" else min(until - since, 50 * DAY)
            for _ in range(count):
                at = since + span * rng.random() ** (1.0 if stage.kind == "won" else 1.6)
                at = at // DAY * DAY + rng.uniform(5, 14.5) * 3600
                if at < since or at > now - 120:
                    at = since + rng.random() * max(0.0, min(span, now - 120 - since))
                found.append(self._talk(rng.choices(kinds, weights)[0], at, given, person_id))
            if len(found) >= MOST:
                break
        found.sort(key=lambda talk: talk.at)
        return found[:MOST]

    def _talk(self, kind: str, at: float, given: str, person_id: int) -> Talk:
        rng = self.rng
        body = rng.choice(texts.ACTIVITIES[kind]).format(given=given, n=rng.choice((15, 20, 30, 40, 45, 60, 80)), m=rng.randint(2, 9))
        minutes = rng.randint(2, 18) if kind == "call" else rng.choice((20, 30, 45, 60)) if kind == "meeting" else None
        return Talk(datetime.fromtimestamp(int(at), UTC), person_id, kind, body, minutes)
