"""How the impact of a draft is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """What must be answered before a draft can be applied. `stage_id`: the removed stage whose leads need a place."""

    text: str
    stage_id: int | None = None


@dataclass(frozen=True, slots=True)
class Impact:
    """`lines` say what happens; `questions` wait for an answer; `blockers` say why it cannot be applied as it is.

    `is_losing`: values would be emptied, so nobody applies it without having looked.
    """

    lines: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    blockers: tuple[str, ...] = ()
    is_losing: bool = False

    def __add__(self, other: Impact) -> Impact:
        return Impact(self.lines + other.lines, self.questions + other.questions, self.blockers + other.blockers, self.is_losing or other.is_losing)

    @property
    def is_ready(self) -> bool:
        return not (self.questions or self.blockers)


def count(number: int, word: str, words: str = "") -> str:
    """ "1 lead", "412 leads"."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"
