"""What a draft would do, in plain sentences with numbers, before anybody applies it.

Each kind of record has a function of its own, in a file of its own, in `IMPACTS`: given the draft's edits of that kind it says
what changes, what must be answered first and what stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from crm.configuration import field_impact, pipeline_impact, role_impact
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.saying import Impact, Question

__all__ = ["IMPACTS", "Impact", "Question", "preview"]

Preview = Callable[[Session, Draft, Sequence[DraftEdit]], Impact]


@dataclass(frozen=True, slots=True)
class Part:
    """The kinds of record that one function looks at together."""

    kinds: frozenset[str]
    say: Preview


IMPACTS: Mapping[str, Part] = {
    "pipelines": Part(frozenset({"pipeline", "stage"}), pipeline_impact.say),
    "fields": Part(field_impact.FIELD_KINDS, field_impact.say),
    "roles": Part(role_impact.KINDS, role_impact.say),
}


def preview(session: Session, draft: Draft) -> Impact:
    """Everything the draft comes to. It writes nothing."""
    found = Impact()
    for part in IMPACTS.values():
        edits = [edit for edit in draft.edits if edit.record_type in part.kinds]
        if edits:
            found = found + part.say(session, draft, edits)
    return found
