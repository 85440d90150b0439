"""What the Pipelines page remembers within one run and between two: the generation of its widgets, and what was pressed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm.configuration.order import Key
from crm.configuration.pipeline_plan import Planned

GENERATION, ACT, AGAIN = "pipelines.generation", "pipelines.act", "pipelines.again"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pipeline as the page's widgets say it now."""

    name: str
    stages: Sequence[Planned]
    places: Mapping[int, Key]


def key(pipeline_id: int, stage: Key, name: str) -> str:
    """A widget's key. Another generation begins when the draft is made anew: then the widgets take their values from it."""
    return f"pipelines.{pipeline_id}.{st.session_state.get(GENERATION, 0)}.{stage}.{name}"


def begin_anew() -> None:
    """Fill the grid from what stands, or from the draft as it is then."""
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1


def slug(stage: Key) -> str:
    return re.sub(r"\W", "_", str(stage))


def act(pipeline_id: int, change: Callable[[Sequence[Planned]], list[Planned]]) -> None:
    """A button of one row changes all of them, once every row was read."""
    st.session_state[ACT] = (pipeline_id, change)


def acted(pipeline_id: int, stages: Sequence[Planned]) -> Sequence[Planned]:
    """The stages with what was pressed in this run."""
    pressed: Any = st.session_state.pop(ACT, None)
    if pressed is None or pressed[0] != pipeline_id:
        return stages
    ask_again()
    changed: list[Planned] = pressed[1](stages)
    return changed


def ask_again() -> None:
    """The page is drawn once more after the draft was kept."""
    st.session_state[AGAIN] = True


def is_asked_again() -> bool:
    return bool(st.session_state.pop(AGAIN, False))
