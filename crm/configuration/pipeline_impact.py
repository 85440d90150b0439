"""What changing pipelines and stages comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of, writing
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.saying import Impact, Question, count
from crm.leads.reads import names_of_teams
from crm.letters import legible
from crm.pipelines.reads import PipelineRow, StageRow, pipelines
from crm.pipelines.rules import ACTIVITY_WORDS, FIELD_WORDS, read_requirements
from crm.reports.registry import REPORTS

# The write role sees every lead: numbers of what is hidden are told, nothing else of it.
_COUNTS = text("""
    select l.stage_id, count(*) as leads, count(*) filter (where
        (cast(:edit_all as boolean) or l.team_id = any(cast(:edit_teams as bigint[])) or (:edit_own and l.owner_id = :me))
        and (cast(:view_all as boolean) or l.team_id = any(cast(:view_teams as bigint[])) or (:view_own and l.owner_id = :me))) as mine
    from crm.leads as l
    where l.stage_id = any(cast(:ids as bigint[])) and l.deleted_at is null
    group by l.stage_id
""")
_LABELS = {"name": "name", "kind": "kind", "probability": "probability", "target_days": "target days", "requirements": "what it asks for", "colour": "colour"}


@dataclass(frozen=True, slots=True)
class Counted:
    """Leads in a stage, and how many of them the person may edit."""

    leads: int = 0
    mine: int = 0


def leads_in(session: Session, stage_ids: Sequence[int]) -> dict[int, Counted]:
    """How many leads each stage holds, those included that the person does not see."""
    person = person_of(session)
    given: dict[str, Any] = {"ids": list(stage_ids), "me": person.id}
    for action in ("edit", "view"):
        reach = person.reach("lead", action)
        given |= {f"{action}_all": reach.everywhere, f"{action}_teams": sorted(reach.teams), f"{action}_own": reach.own}
    with writing(session, "account", "preview"):
        return {row.stage_id: Counted(row.leads, row.mine) for row in session.execute(_COUNTS, given)}


def say(session: Session, draft: Draft, edits: Sequence[DraftEdit]) -> Impact:
    """The sentences, questions and blockers of a draft's pipelines and stages."""
    standing = pipelines(session)
    stages = {stage.id: stage for pipeline in standing for stage in pipeline.stages}
    touched = {edit.record_id for edit in edits if edit.record_type == "stage"}
    ended = {edit.record_id for edit in edits if edit.record_type == "pipeline" and edit.removes}
    held = leads_in(session, [stage.id for stage in stages.values() if stage.id in touched or stage.pipeline_id in ended])
    work = _Work(draft, {p.id: p for p in standing}, stages, held, names_of_teams(session))
    lines = [*work.of_pipelines(), *work.of_stages(), *work.of_reports()]
    if lines and len(edits) == len(draft.edits):  # roles say for themselves who loses sight of what
        lines.append("Nobody loses sight of anything.")
    return Impact(tuple(lines), tuple(work.questions()), tuple(work.blockers()))


@dataclass(frozen=True, slots=True)
class _Work:
    draft: Draft
    pipelines: Mapping[int, PipelineRow]
    stages: Mapping[int, StageRow]
    held: Mapping[int, Counted]
    teams: Mapping[int, str]

    @property
    def removed(self) -> list[StageRow]:
        return [stage for edit, stage in self.standing_stages() if edit.removes]

    def standing_stages(self) -> list[tuple[DraftEdit, StageRow]]:
        """The edits of stages that stand, with the stages."""
        return [(edit, self.stages[edit.record_id]) for edit in self.draft.of("stage") if edit.record_id is not None and edit.record_id in self.stages]

    def new_stages(self) -> list[DraftEdit]:
        """The new stages of pipelines that stand already."""
        return [edit for edit in self.draft.of("stage") if edit.record_id is None and isinstance(edit.wanted.get("pipeline_id"), int)]

    def count(self, stage_id: int) -> int:
        return self.held.get(stage_id, Counted()).leads

    def of_pipelines(self) -> list[str]:
        lines = []
        for edit in self.draft.of("pipeline"):
            pipeline = self.pipelines.get(edit.record_id or 0)
            if edit.record_id is None:
                number = sum(each.wanted.get("pipeline_id") == {"ref": edit.ref} for each in self.draft.of("stage"))
                team = self.teams.get(edit.wanted.get("team_id") or 0, "its team")
                lines.append(f"“{edit.wanted.get('name')}” is new in {team}, with {count(number, 'stage')}.")
            elif pipeline and edit.removes:
                number = sum(self.count(stage.id) for stage in pipeline.stages)
                lines.append(f"“{pipeline.name}” is archived. Its {count(number, 'lead')} stay as they are and can still be found.")
            elif pipeline and "name" in edit.wanted:
                lines.append(f"“{pipeline.name}” is called “{edit.wanted['name']}” from now on.")
        return lines

    def of_stages(self) -> list[str]:
        lines = [f"“{edit.wanted['name']}” is new." for edit in self.new_stages() if edit.wanted.get("name")]
        for edit, stage in self.standing_stages():
            lines += self._removal(stage) if edit.removes else self._change(stage, edit)
        if any("position" in edit.wanted for edit, _ in self.standing_stages()):
            lines.append("The order of the stages changes.")
        return lines

    def _removal(self, stage: StageRow) -> list[str]:
        number, to = self.count(stage.id), self.draft.places.get(stage.id)
        if not number:
            return [f"“{stage.name}” is removed. No lead is in it."]
        if to is None:
            return [f"“{stage.name}” is removed."]
        move = f"{count(number, 'lead')} {'moves' if number == 1 else 'move'} from “{stage.name}” to “{self._name(to)}”."
        return [move, *([f"“{self._name(to)}” does not ask these leads for what it asks others."] if self._asks(to) else [])]

    def _change(self, stage: StageRow, edit: DraftEdit) -> list[str]:
        parts = [_difference(stage, name, value) for name, value in edit.wanted.items() if name in _LABELS]
        lines = [f"“{stage.name}”: {', '.join(parts)}."] if parts else []
        if edit.wanted.get("kind", stage.kind) != stage.kind and (number := self.count(stage.id)):
            lines.append(f"{count(number, 'lead')} in “{stage.name}” {'counts' if number == 1 else 'count'} as {edit.wanted['kind']} from now on.")
        return lines

    def _asks(self, to: int | str) -> bool:
        edit = self.draft.edit_of("stage", to) if isinstance(to, int) else self._new(to)
        if edit and "requirements" in edit.wanted:
            return bool(edit.wanted["requirements"])
        stage = self.stages.get(to) if isinstance(to, int) else None
        return bool(stage and (stage.required_fields or stage.required_activity or stage.lost_reasons))

    def _new(self, ref: str) -> DraftEdit | None:
        return next((edit for edit in self.draft.of("stage") if edit.ref == ref), None)

    def _name(self, to: int | str) -> str:
        edit = self.draft.edit_of("stage", to) if isinstance(to, int) else self._new(to)
        if edit and edit.wanted.get("name"):
            return str(edit.wanted["name"])
        return self.stages[to].name if isinstance(to, int) and to in self.stages else "a stage that is gone"

    def of_reports(self) -> list[str]:
        """Reports read stages by what their queries name: so do we."""
        touched: set[str] = set()
        for edit in self.draft.of("stage"):
            touched |= {"stage"} if edit.record_id is None or edit.removes else edit.wanted.keys() & {"name", "kind", "probability", "target_days"}
        if any(edit.record_id and ("name" in edit.wanted or edit.removes) for edit in self.draft.of("pipeline")):
            touched.add("pipeline")
        wanted = {"stage" if word == "name" else word for word in touched}
        names = [name for name, report in REPORTS.items() if any(re.search(rf"\b{word}\b", report.query.sql) for word in wanted)]
        said = ", ".join(name.replace("_", " ") for name in names)
        return [f"{count(len(names), 'report')} {'changes' if len(names) == 1 else 'change'}: {said}."] if names else []

    def questions(self) -> list[Question]:
        return [
            Question(f"{count(self.count(stage.id), 'lead')} {'sits' if self.count(stage.id) == 1 else 'sit'} in “{stage.name}”: where to?", stage.id)
            for stage in self.removed
            if self.count(stage.id) and stage.id not in self.draft.places
        ]

    def blockers(self) -> list[str]:
        found = []
        for stage in self.removed:
            held = self.held.get(stage.id, Counted())
            if held.leads > held.mine:
                found.append(f"{held.leads - held.mine:,} of the leads in “{stage.name}” are not yours to edit. An admin can grant “lead: edit”.")
            to = self.draft.places.get(stage.id)
            if held.leads and to is not None and not self._stays(to, stage.pipeline_id):
                found.append(f"The leads of “{stage.name}” would go to a stage that is removed, or of another pipeline. Choose another one.")
        for edit in self.draft.of("pipeline"):
            pipeline = self.pipelines.get(edit.record_id or 0)
            number = sum(self.count(stage.id) for stage in pipeline.stages if stage.kind == "open") if pipeline and edit.removes else 0
            if pipeline and number:
                found.append(f"{count(number, 'open lead')} {'is' if number == 1 else 'are'} in “{pipeline.name}”. Hand over or close first.")
        return found + [line for pipeline in self._touched() for line in self._unsound(pipeline)]

    def _stays(self, to: int | str, pipeline_id: int) -> bool:
        if isinstance(to, str):
            new = self._new(to)
            return new is not None and new.wanted.get("pipeline_id") == pipeline_id
        edit = self.draft.edit_of("stage", to)
        return to in self.stages and self.stages[to].pipeline_id == pipeline_id and not (edit and edit.removes)

    def _touched(self) -> list[PipelineRow]:
        ids = {stage.pipeline_id for _, stage in self.standing_stages()} | {edit.wanted["pipeline_id"] for edit in self.new_stages()}
        return [self.pipelines[each] for each in sorted(ids) if each in self.pipelines]

    def _unsound(self, pipeline: PipelineRow) -> list[str]:
        """A pipeline keeps an open stage, where leads begin; no two of its stages are called the same."""
        after: list[tuple[str, str]] = []
        for stage in pipeline.stages:
            edit = self.draft.edit_of("stage", stage.id)
            if not (edit and edit.removes):
                wanted = edit.wanted if edit else {}
                after.append((str(wanted.get("name", stage.name)), str(wanted.get("kind", stage.kind))))
        new = [edit.wanted for edit in self.new_stages() if edit.wanted["pipeline_id"] == pipeline.id]
        after += [(str(wanted.get("name") or ""), str(wanted.get("kind", "open"))) for wanted in new]
        names = [legible(name).lower() for name, _ in after]
        twice = sorted({name for name, lower in zip((n for n, _ in after), names, strict=True) if lower and names.count(lower) > 1})
        gone = {legible(stage.name).lower(): stage.name for stage in self.removed if stage.pipeline_id == pipeline.id}
        found = [f"“{gone[name]}” is removed while another stage takes its name, which could not be taken back. Keep “{gone[name]}” and change it instead."
                 for name in names if name in gone][:1]  # fmt: skip
        found += [f"Two stages of “{pipeline.name}” are called “{name}”. Give one another name." for name in twice[:1]]
        if any(not name for name in names):
            found.append(f"A stage of “{pipeline.name}” has no name yet.")
        if not any(kind == "open" for _, kind in after):
            found.append(f"“{pipeline.name}” needs an open stage, where its leads begin.")
        return found


def _difference(stage: StageRow, name: str, value: Any) -> str:
    if name == "requirements":
        return f"asks for {asked(value)}"
    before = getattr(stage, name)
    return f"{_LABELS[name]} {_plain(name, before)} → {_plain(name, value)}"


def _plain(name: str, value: Any) -> str:
    if name == "probability":
        return f"{float(value or 0) * 100:g}%"
    if name == "name":
        return f"“{value}”"
    return "none" if value is None else str(value)


def asked(requirements: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> str:
    """ "an expected close date and a call"; "nothing". `labels`: what `custom.<key>` is called."""
    known = {**FIELD_WORDS, **(labels or {})}
    found = read_requirements(requirements)
    parts = [known.get(name, name.removeprefix("custom.").replace("_", " ")) for name in found.get("fields", ())]
    parts += [ACTIVITY_WORDS[found["activity"]]] if "activity" in found else []
    parts += [f"one of {len(found['lost_reasons'])} lost reasons"] if "lost_reasons" in found else []
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"
