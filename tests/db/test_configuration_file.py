"""The configuration as one file: written and read again it changes nothing; what comes from outside is read with suspicion."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.access import acting_as
from crm.changes import Edit, apply, undo
from crm.configuration import as_file
from crm.configuration.use_cases import apply_draft
from crm.configuration.yaml_reading import LARGEST_BYTES, read
from crm.errors import CrmError, Invalid, Refused
from tests.cast import Cast

HEAD = "throughline: 1\n"


def written(cast: Cast, who: str = "alma") -> str:
    with acting_as(cast.who(who)) as session:
        return as_file.write_file(session)


def drafted(cast: Cast, content: str | bytes, who: str = "alma") -> Any:
    with acting_as(cast.who(who)) as session:
        return as_file.read_file(session, content)


def test_written_and_read_again_it_changes_nothing(db: Any, cast: Cast) -> None:
    asks = {"fields": ["value"], "activity": "call", "lost_reasons": ["no", "2026-01-01", "Price: too high"]}
    with acting_as(cast.who("alma")) as session:
        edits = [Edit("stage", cast.stages["Gulf"]["Lost"], {"name": "No", "requirements": asks, "colour": "deep"}, 1)]
        apply(session, edits, source="test", on_conflict="refuse")
    assert drafted(cast, written(cast)).edits == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=40), chance=st.integers(0, 1000), days=st.none() | st.integers(0, 3650))
def test_whatever_a_stage_is_called_comes_back(module_db: Any, module_cast: Cast, name: str, chance: int, days: int | None) -> None:
    with acting_as(module_cast.who("alma")) as session:
        edit = Edit("stage", module_cast.stages["Gulf"]["Lead"], {"name": name, "probability": chance / 1000, "target_days": days}, 1)
        try:
            apply(session, [edit], source="test", on_conflict="refuse")
        except Invalid:
            return
        assert as_file.read_file(session, as_file.write_file(session)).edits == ()
        session.rollback()


def test_a_manager_writes_and_reads_their_own_team_only(db: Any, cast: Cast) -> None:
    told = written(cast, "mona")
    assert "Gulf" in told and "Levant" not in told
    levant = written(cast).replace("target_days: 7", "target_days: 8")
    draft = drafted(cast, levant, "mona")
    with pytest.raises(CrmError), acting_as(cast.who("mona")) as session:
        apply_draft(session, draft, source="test")
    assert db.value("select count(*) from crm.stages where target_days = 8") == 0


def test_who_configures_nothing_writes_an_empty_file(db: Any, cast: Cast) -> None:
    assert "teams" not in written(cast, "ana").replace(as_file.HEAD, "")
    draft = drafted(cast, written(cast, "mona").replace("target_days: 7", "target_days: 8"), "ana")
    with pytest.raises(Refused), acting_as(cast.who("ana")) as session:
        apply_draft(session, draft, source="test")


def test_a_file_adds_changes_removes_and_reorders_as_one_change_set(db: Any, cast: Cast) -> None:
    content = (
        HEAD
        + """
teams:
  gulf:
    pipelines:
      Accounts:
        - {stage: Negotiation, kind: open, probability: 0.5, target_days: 14}
        - {stage: lead, kind: open, probability: 0.1, target_days: 7}
        - {stage: Won, kind: won, probability: 1}
        - {stage: Lost, kind: lost, probability: 0, lost_reasons: [Price]}
      Deals:
        - {stage: Offer}
"""
    )
    draft = drafted(cast, content)
    assert {(edit.record_type, edit.record_id is None, edit.removes) for edit in draft.edits} >= {
        ("stage", False, True),
        ("pipeline", True, False),
        ("stage", True, False),
    }
    with acting_as(cast.who("alma")) as session:
        done = apply_draft(session, draft, source="test")
    names = "select string_agg(name, ' ' order by position) from crm.stages where deleted_at is null and pipeline_id = :p"
    assert db.value(names, p=cast.pipelines["Gulf"]) == "Negotiation lead Won Lost"
    assert drafted(cast, content).edits == ()
    with acting_as(cast.who("alma")) as session:
        assert undo(session, done.change_set_id or 0).left_alone == []
    assert db.value(names, p=cast.pipelines["Gulf"]) == "Lead Contacted Negotiation Won Lost"


def test_what_a_file_leaves_out_stays(db: Any, cast: Cast) -> None:
    assert drafted(cast, HEAD + "teams:\n  Gulf: {pipelines: {}}\n").edits == ()
    assert drafted(cast, HEAD + "teams: {}\n").edits == ()


BOMB = "a: &a [x, x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *{'a' if not n else f'b{n - 1}'}]\n" for n in range(40))


def stages(given: str) -> str:
    return HEAD + "teams: {Gulf: {pipelines: {Accounts: " + given + "}}}"


OF_A_STAGE = (
    "x", "{stage: no}", "{stage: 2026-01-01}", "{stage: x, probability: lots}", "{stage: x, probability: .nan}", "{stage: x, probability: .inf}",
    "{stage: x, target_days: 1e400}", "{stage: x, id: 1}", "{kind: open}", "{stage: [x]}",
)  # fmt: skip
OF_A_FILE = (
    "", "just words", "[1, 2]", "throughline: 2", "teams: {}", HEAD + "teams: []", HEAD + "teams: {Gulf: 3}", HEAD + "rockets: {}",
    HEAD + "teams: {Atlantis: {}}", stages("[]"), stages("{stage: x}"), HEAD + "teams: {1: {}}", HEAD + "teams: {Gulf: {pipelines: {true: [{stage: x}]}}}",
    HEAD + "teams: {Gulf: {}, Gulf: {}}", HEAD + "teams: {Gulf: {people: {}}}", HEAD + BOMB, HEAD + "a: &a {b: *a}", HEAD + "<<: {teams: {}}",
    "[" * 5000, "{a: " * 5000, HEAD + "x: !!python/object/apply:os.system ['id']", HEAD + "x: !!binary '////'", "\tthroughline: 1",
    "throughline: 1\n...\n---\nteams: {}", b"\xff\xfe\x00", b"throughline: \xc3\x28", "throughline: 1 \ud800", "x" * (LARGEST_BYTES + 1),
    HEAD + "? [a, b]\n: c",
)  # fmt: skip


@pytest.mark.parametrize("content", [*OF_A_FILE, *(stages(f"[{stage}]") for stage in OF_A_STAGE)], ids=lambda content: repr(content)[:40])
def test_a_file_that_is_none_is_refused_with_words_and_changes_nothing(db: Any, cast: Cast, content: str | bytes) -> None:
    before = db.value("select count(*) from crm.changes")
    with pytest.raises(Invalid) as raised:
        drafted(cast, content)
    assert raised.value.detail and "Traceback" not in raised.value.detail
    assert db.value("select count(*) from crm.changes") == before


@pytest.mark.parametrize("stage", ["{stage: x, kind: rocket}", "{stage: x, colour: red}", "{stage: x, probability: 7}", "{stage: x, fields: [password]}",
                                   "{stage: x, lost_reasons: {a: b}}", "{stage: x, target_days: -3}", "{stage: x, activity: [call]}"])  # fmt: skip
def test_values_of_a_stage_are_checked_when_the_draft_is_applied(db: Any, cast: Cast, stage: str) -> None:
    draft = drafted(cast, HEAD + f"teams: {{Gulf: {{pipelines: {{Deals: [{stage}]}}}}}}")
    with pytest.raises(Invalid), acting_as(cast.who("alma")) as session:
        apply_draft(session, draft, source="test")
    assert db.value("select count(*) from crm.pipelines where name = 'Deals'") == 0


@given(content=st.text(max_size=300) | st.binary(max_size=300))
def test_no_text_whatever_ends_in_anything_but_words(content: str | bytes) -> None:
    with suppress(Invalid):
        read(content)
