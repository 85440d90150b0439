"""A pipeline as a draft would leave it, and the edits that make it so: what its page shows and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.order import Key, positions
from crm.pipelines.reads import PipelineRow, StageRow

FIELDS = ("name", "kind", "position", "probability", "target_days", "requirements", "colour")


@dataclass(frozen=True, slots=True)
class Planned:
    """One stage as it is meant to be. `was` is it as it stands; None for a new one."""

    key: Key
    name: str
    kind: str = "open"
    position: int = 0
    probability: float = 0.0
    target_days: int | None = None
    requirements: Mapping[str, Any] = field(default_factory=dict)
    colour: str | None = None
    is_removed: bool = False
    was: StageRow | None = None

    @property
    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FIELDS}


def requirements_of(stage: StageRow) -> dict[str, Any]:
    """What the stage asks for, as the record keeps it."""
    found = {"fields": list(stage.required_fields), "activity": stage.required_activity, "lost_reasons": list(stage.lost_reasons)}
    return {name: value for name, value in found.items() if value}


def standing(stage: StageRow) -> Planned:
    return Planned(
        stage.id, stage.name, stage.kind, stage.position, stage.probability, stage.target_days, requirements_of(stage), stage.colour, was=stage
    )  # fmt: skip


def plan(pipeline: PipelineRow | None, draft: Draft | None, *, pipeline_ref: str | None = None) -> list[Planned]:
    """The stages in their new order, removed ones too. A new pipeline has no row: its stages name it by `pipeline_ref`."""
    found: dict[Key, Planned] = {stage.id: standing(stage) for stage in pipeline.stages} if pipeline else {}
    for edit in draft.of("stage") if draft else ():
        if edit.record_id in found:
            base = found[edit.record_id]
            known = {name: value for name, value in edit.wanted.items() if name in FIELDS}
            found[edit.record_id] = replace(base, **known, is_removed=edit.removes)
        elif edit.record_id is None and edit.ref and _belongs(edit, pipeline, pipeline_ref):
            known = {name: value for name, value in edit.wanted.items() if name in FIELDS}
            found[edit.ref] = Planned(edit.ref, **{"name": "", **known})
    return sorted(found.values(), key=lambda stage: (stage.position, stage.was is None))


def _belongs(edit: DraftEdit, pipeline: PipelineRow | None, pipeline_ref: str | None) -> bool:
    of = edit.wanted.get("pipeline_id")
    return of == {"ref": pipeline_ref} if pipeline is None else of == pipeline.id


def edits_of(pipeline: PipelineRow, stages: Sequence[Planned], before: Draft | None) -> list[DraftEdit]:
    """What must be written so that the pipeline's stages become `stages`, in their order.

    A stage that the draft changes already keeps the version it was seen with: what somebody else changed since then is met as a conflict.
    """
    edits: list[DraftEdit] = []
    positions = _positions(stages)
    for stage in stages:
        if stage.was is None:
            if not stage.is_removed:
                wanted = {"pipeline_id": pipeline.id, **stage.values, "position": positions[stage.key]}
                edits.append(DraftEdit("stage", None, wanted, ref=str(stage.key)))
            continue
        kept = before.edit_of("stage", stage.was.id) if before else None
        seen = kept.seen_version if kept else stage.was.version
        if stage.is_removed:
            edits.append(DraftEdit("stage", stage.was.id, {"deleted_at": True}, seen))
        elif wanted := _differing(stage, positions[stage.key]):
            edits.append(DraftEdit("stage", stage.was.id, wanted, seen))
    return edits


def _positions(stages: Sequence[Planned]) -> dict[Key, int]:
    """Each staying stage's place."""
    staying = [stage for stage in stages if not stage.is_removed]
    known = sorted((stage.was for stage in staying if stage.was), key=lambda was: (was.position, was.id))
    return positions([stage.key for stage in staying], {was.id: was.position for was in known})


def _differing(stage: Planned, position: int) -> dict[str, Any]:
    assert stage.was is not None
    was = standing(stage.was)
    found = {name: value for name, value in stage.values.items() if name != "position" and value != getattr(was, name)}
    return found | ({"position": position} if position != was.position else {})


def moved(stages: Sequence[Planned], key: Key, by: int) -> list[Planned]:
    """The stages with one of them a place further up (-1) or down (+1), among those that stay."""
    staying = [stage for stage in stages if not stage.is_removed]
    place = next(i for i, stage in enumerate(staying) if stage.key == key)
    to = min(max(place + by, 0), len(staying) - 1)
    staying.insert(to, staying.pop(place))
    return [replace(stage, position=i) for i, stage in enumerate(staying)] + [stage for stage in stages if stage.is_removed]


def ordered(stages: Sequence[Planned], keys: Sequence[Key]) -> list[Planned]:
    """The stages in the order of `keys`, which names each that stays."""
    staying = {stage.key: stage for stage in stages if not stage.is_removed}
    return [replace(staying[key], position=i) for i, key in enumerate(keys)] + [stage for stage in stages if stage.is_removed]
