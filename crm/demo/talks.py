"""The calls, mails, meetings and notes of a lead, as believable as its stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crm.demo import texts
from crm.demo.chance import Dice, Weighted
from crm.demo.organisation import Shape

DAY = 86_400
MOST = 14
NUMBERS, OUTLETS = (15, 20, 30, 40, 45, 60, 80), range(2, 10)
CALL_MINUTES, MEETING_MINUTES = range(2, 19), (20, 30, 45, 60)
# By the talk of the stage: how many talks a stay usually sees, and which kinds.
HABITS: dict[str, tuple[float, Weighted[str]]] = {
    "early": (0.65, Weighted((("call", 45), ("mail_out", 30), ("note", 12), ("message", 6), ("mail_in", 7)))),
    "talking": (0.95, Weighted((("call", 32), ("mail_out", 26), ("mail_in", 14), ("meeting", 12), ("note", 8), ("message", 8)))),
    "terms": (1.2, Weighted((("call", 28), ("mail_out", 26), ("mail_in", 18), ("meeting", 14), ("note", 7), ("message", 7)))),
    "trial": (1.0, Weighted((("call", 42), ("meeting", 18), ("mail_in", 14), ("message", 16), ("note", 10)))),
    "won": (1.1, Weighted((("call", 34), ("meeting", 20), ("mail_in", 14), ("mail_out", 12), ("message", 12), ("note", 8)))),
    "over": (0.1, Weighted((("note", 70), ("call", 30)))),
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
    def __init__(self, rng: Dice) -> None:
        self.rng = rng

    def talks(self, stays: Sequence[tuple[int, float, float]], shape: Shape, given: str, person_id: int, now: float) -> list[Talk]:
        """The talks of all stays, oldest first. A lead that nobody moves for long was talked to at the start of its stay only."""
        rng = self.rng
        found: list[Talk] = []
        for place, since, until in stays:
            stage = shape.stages[place]
            usual, kinds = HABITS[stage.talk]
            is_steady = stage.kind == "won" or until - since < 45 * DAY
            span = until - since if is_steady else min(until - since, 50 * DAY)
            times = min(3.0, span / ((75 if stage.kind == "won" else 14) * DAY)) + 0.25
            count = min(8, int(rng.expovariate(1 / (usual * times)) + 0.35))
            for _ in range(count):
                at = since + span * rng.random() ** (1.0 if is_steady else 1.6)
                at = at // DAY * DAY + rng.uniform(5, 14.5) * 3600
                if at < since or at > now - 120:
                    at = since + rng.random() * max(0.0, min(span, now - 120 - since))
                found.append(self._talk(rng.draw(kinds), at, given, person_id))
            if len(found) >= MOST:
                break
        found.sort(key=lambda talk: talk.at)
        return found[:MOST]

    def _talk(self, kind: str, at: float, given: str, person_id: int) -> Talk:
        rng = self.rng
        body = rng.one(texts.ACTIVITIES[kind]).format(given=given, n=rng.one(NUMBERS), m=rng.one(OUTLETS))
        minutes = rng.one(CALL_MINUTES) if kind == "call" else rng.one(MEETING_MINUTES) if kind == "meeting" else None
        return Talk(datetime.fromtimestamp(int(at), UTC), person_id, kind, body, minutes)
