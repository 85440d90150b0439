"""The configuration as one file: written and read again it changes nothing; what comes from outside is read with suspicion."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, undo
from crm.configuration import as_file
from crm.configuration.impact import preview
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
    with acting_as(cast.who("alma")) as session:
        choice = {"record_type": "lead", "team_id": cast.teams["Gulf"], "label": "Tier: “A”", "kind": "choice", "options": ["no", "2026-01-01"], "help": "yes"}
        money = {"record_type": "company", "label": "Limit", "kind": "money", "default_value": "AED 1250"}
        day = {"record_type": "contact", "label": "Since", "kind": "date", "is_required": True, "default_value": "2026-01-31", "key": "1.5"}
        apply(session, [Edit("custom_field", None, values) for values in (choice, money, day)], source="test", on_conflict="refuse")
        role = session.connection().exec_driver_sql("select id from crm.roles where name = 'rep'").scalar_one()
        closed = {"role_id": role, "record_type": "lead", "field": "custom.color", "rule": "hidden"}
        apply(session, [Edit("field_rule", None, closed)], source="test", on_conflict="refuse")
    told = written(cast)
    assert "custom.color: hidden" in told and "Tier: “A”" in told and "'2026-01-31'" in told
    assert drafted(cast, told).edits == ()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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
    with pytest.raises(CrmError), acting_as(cast.who("mona")) as session:
        apply_draft(session, as_file.read_file(session, levant), source="test")
    assert db.value("select count(*) from crm.stages where target_days = 8") == 0


@pytest.mark.leaves_no_trace
def test_who_configures_nothing_writes_an_empty_file(db: Any, cast: Cast) -> None:
    assert "teams" not in written(cast, "ana").replace(as_file.HEAD, "")
    with pytest.raises(Refused, match="pipeline: configure"):
        drafted(cast, written(cast, "mona").replace("target_days: 7", "target_days: 8"), "ana")


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


def test_a_stage_that_says_what_it_was_gets_another_name_and_keeps_its_leads(db: Any, cast: Cast) -> None:
    lead = cast.stages["Gulf"]["Lead"]
    content = stages(
        "[{stage: First call, was: lead}, {stage: Lead, was: Contacted}, {stage: Negotiation}, {stage: Won, kind: won}, {stage: Lost, kind: lost}]"
    )
    draft = drafted(cast, content)
    assert not any(edit.removes or edit.record_id is None for edit in draft.edits)
    with acting_as(cast.who("alma")) as session:
        apply_draft(session, draft, source="test")
    assert db.value("select name from crm.stages where id = :id", id=lead) == "First call"
    assert db.value("select name from crm.stages where id = :id", id=cast.stages["Gulf"]["Contacted"]) == "Lead"
    assert db.value("select count(*) from crm.leads where stage_id = :id", id=lead) == 3


def test_a_file_that_gave_another_name_can_be_read_again(db: Any, cast: Cast) -> None:
    content = stages("[{stage: First call, was: Lead}, {stage: Contacted}, {stage: Negotiation}, {stage: Won, kind: won}, {stage: Lost, kind: lost}]")
    with acting_as(cast.who("alma")) as session:
        apply_draft(session, as_file.read_file(session, content), source="test")
    assert drafted(cast, content).edits == ()


def test_one_stage_becomes_no_two(db: Any, cast: Cast) -> None:
    with pytest.raises(Invalid, match="another one was it already"):
        drafted(cast, stages("[{stage: One, was: Lead}, {stage: Two, was: Lead}]"))


def test_what_a_file_leaves_out_stays(db: Any, cast: Cast) -> None:
    assert drafted(cast, HEAD + "teams:\n  Gulf: {pipelines: {}}\n").edits == ()
    assert drafted(cast, HEAD + "teams: {}\n").edits == ()
    assert drafted(cast, HEAD + "fields: {everybody: {contacts: []}, teams: {Gulf: {leads: []}}}\nroles: {rep: {}}\n").edits == ()


def test_fields_of_a_place_that_is_named_become_what_the_file_says(db: Any, cast: Cast) -> None:
    content = (
        HEAD
        + """
fields:
  everybody:
    leads:
      - {field: Hue, key: color, kind: choice, options: [Red, Blue], help: What they see}
      - {field: Since, kind: date, default: 2026-01-31}
  teams:
    gulf:
      companies:
        - {field: Rank, key: r.1, kind: number, unique: yes}
"""
    )
    draft = drafted(cast, content)
    with acting_as(cast.who("alma")) as session:
        assert preview(session, draft).is_ready
        done = apply_draft(session, draft, source="test")
    live = "select key, label, kind from crm.custom_fields where deleted_at is null and record_type = :of order by team_id nulls first, position, id"
    assert [tuple(row.values()) for row in db.rows(live, of="lead")] == [("color", "Hue", "choice"), ("since", "Since", "date")]
    assert [row["key"] for row in db.rows(live, of="company")] == ["size", "r.1"]
    assert drafted(cast, content).edits == ()
    with acting_as(cast.who("alma")) as session:
        assert undo(session, done.change_set_id or 0).left_alone == []
    assert [row["key"] for row in db.rows(live, of="lead")] == ["size", "color"]


def test_a_role_that_is_named_grants_what_the_file_says_and_a_new_one_begins(db: Any, cast: Cast) -> None:
    content = (
        HEAD
        + """
roles:
  VIEWER:
    description: Looks on
    grants: {lead: {view: own}}
    fields: {lead: {value: hidden, custom.color: read_only}}
  Scout:
    grants: {lead: {view: own, create: own}, report: {view: own}}
    fields: {lead: {phone: hidden, email: open}}
"""
    )
    draft = drafted(cast, content)
    with acting_as(cast.who("alma")) as session:
        lines = preview(session, draft).lines
        done = apply_draft(session, draft, source="test")
    assert lines[0] == "“Scout” is a new role with 3 grants. Nobody holds it yet."
    assert any(line.startswith("1 person loses sight of ") for line in lines)
    held = "select resource, action, scope from crm.grants as g join crm.roles as r on r.id = g.role_id where r.name = :role and scope <> 'none' order by 1, 2"
    assert [tuple(row.values()) for row in db.rows(held, role="VIEWER")] == [("lead", "view", "own")]
    assert [tuple(row.values()) for row in db.rows(held, role="Scout")] == [("lead", "create", "own"), ("lead", "view", "own"), ("report", "view", "own")]
    assert drafted(cast, content).edits == ()
    with acting_as(cast.who("alma")) as session:
        assert undo(session, done.change_set_id or 0).left_alone == []
    assert db.value("select count(*) from crm.roles where name = 'Scout' and deleted_at is null") == 0
    assert len(db.rows(held, role="viewer")) > 1


@pytest.mark.parametrize("role", ["Scout", "rep"])
def test_nobody_imports_a_grant_that_they_do_not_hold(db: Any, cast: Cast, role: str) -> None:
    """Vera shapes roles and sees them, and holds nothing else that she could give."""
    with acting_as(OPERATOR) as session:
        cells = session.connection().exec_driver_sql(
            "select g.id, g.version from crm.grants g join crm.roles r on r.id = g.role_id where r.name = 'viewer' and g.resource = 'role'"
        )
        apply(session, [Edit("grant", row.id, {"scope": "all"}, row.version) for row in cells.all()], source="test", on_conflict="refuse")
    before = db.value("select count(*) from crm.changes")
    grants = {"rep": "{lead: {view: all}, role: {view: all}}", "Scout": "{audit: {view: all}}"}[role]
    draft = drafted(cast, HEAD + f"roles: {{{role}: {{grants: {grants}}}}}", "vera")
    with acting_as(cast.who("vera")) as session:
        assert any("You cannot grant" in line for line in preview(session, draft).blockers)
    with acting_as(cast.who("vera")) as session, pytest.raises((Invalid, Refused), match="You cannot grant"):
        apply_draft(session, draft, source="test")
    assert db.value("select count(*) from crm.changes") == before


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(("who", "part", "grant"), [
    ("mona", "roles: {rep: {grants: {}}}", "role: view"), ("ana", "roles: {rep: {}}", "role: view"),
    ("ana", "fields: {everybody: {leads: []}}", "field: configure"), ("mona", "fields: {everybody: {leads: []}}", "field: configure"),
    ("mona", "fields: {teams: {Levant: {leads: []}}}", "field: configure"),
    ("mona", "teams: {Levant: {pipelines: {X: [{stage: a}]}}}", "pipeline: configure"), ("ana", "teams: {Gulf: {pipelines: {}}}", "pipeline: configure"),
])  # fmt: skip
def test_a_part_that_one_may_not_shape_is_refused_by_its_grant_as_it_is_read(db: Any, cast: Cast, who: str, part: str, grant: str) -> None:
    with acting_as(cast.who(who)) as session, pytest.raises(Refused, match=grant):
        as_file.read_file(session, HEAD + part)


BOMB = "a: &a [x, x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *{'a' if not n else f'b{n - 1}'}]\n" for n in range(40))


def stages(given: str) -> str:
    return HEAD + "teams: {Gulf: {pipelines: {Accounts: " + given + "}}}"


OF_A_STAGE = (
    "x", "{stage: no}", "{stage: 2026-01-01}", "{stage: x, probability: lots}", "{stage: x, probability: .nan}", "{stage: x, probability: .inf}",
    "{stage: x, target_days: 1e400}", "{stage: x, id: 1}", "{stage: x, was: Nothing}", "{stage: x, was: [Lead]}",
    "{kind: open}", "{stage: [x]}",
)  # fmt: skip
OF_A_FILE = (
    "", "just words", "[1, 2]", "throughline: 2", "teams: {}", HEAD + "teams: []", HEAD + "teams: {Gulf: 3}", HEAD + "rockets: {}",
    HEAD + "teams: {Atlantis: {}}", stages("[]"), stages("{stage: x}"), HEAD + "teams: {1: {}}", HEAD + "teams: {Gulf: {pipelines: {true: [{stage: x}]}}}",
    HEAD + "teams: {Gulf: {}, Gulf: {}}", HEAD + "teams: {Gulf: {people: {}}}", HEAD + BOMB, HEAD + "a: &a {b: *a}", HEAD + "<<: {teams: {}}",
    "[" * 5000, "{a: " * 5000, HEAD + "x: !!python/object/apply:os.system ['id']", HEAD + "x: !!binary '////'", "\tthroughline: 1",
    "throughline: 1\n...\n---\nteams: {}", b"\xff\xfe\x00", b"throughline: \xc3\x28", "throughline: 1 \ud800", "x" * (LARGEST_BYTES + 1),
    HEAD + "? [a, b]\n: c",
    HEAD + "fields: []", HEAD + "fields: {Gulf: {}}", HEAD + "fields: {everybody: []}", HEAD + "fields: {everybody: {rockets: []}}",
    HEAD + "fields: {teams: {Atlantis: {}}}", HEAD + "fields: {teams: [Gulf]}", HEAD + "fields: {everybody: {leads: {}}}",
    HEAD + "roles: []", HEAD + "roles: {rep: 3}", HEAD + "roles: {'': {}}", HEAD + "roles: {rep: {people: [ana]}}", HEAD + "roles: {rep: {}, REP: {}}",
    HEAD + "roles: {rep: {grants: [lead]}}", HEAD + "roles: {rep: {grants: {rocket: {view: all}}}}", HEAD + "roles: {rep: {grants: {lead: {fly: all}}}}",
    HEAD + "roles: {rep: {grants: {lead: {view: everything}}}}", HEAD + "roles: {rep: {grants: {lead: {view: [all]}}}}",
    HEAD + "roles: {rep: {grants: {audit: {view: own}}}}", HEAD + "roles: {rep: {organisation_wide: true}}", HEAD + "roles: {rep: {description: [x]}}",
    HEAD + "roles: {rep: {fields: {team: {name: hidden}}}}", HEAD + "roles: {rep: {fields: {lead: {value: secret}}}}",
    HEAD + "roles: {rep: {fields: {lead: hidden}}}", HEAD + "roles: {new: {organisation_wide: 1}}",
)  # fmt: skip
OF_A_FIELD = (
    "x", "{}", "{field: no}", "{field: x, kind: [text]}", "{field: x, options: Gold}", "{field: x, options: [1]}", "{field: x, required: 1}",
    "{field: x, default: .nan}", "{field: x, default: 1.0e+400}", "{field: x, key: 7}", "{field: x, id: 1}", "{field: x, default: {1: 2}}",
    "{field: x, help: {a: b}}", "{label: x}",
)  # fmt: skip


def fields(given: str) -> str:
    return HEAD + "fields: {everybody: {leads: " + given + "}}"


HOSTILE = [*OF_A_FILE, *(stages(f"[{stage}]") for stage in OF_A_STAGE), *(fields(f"[{field}]") for field in OF_A_FIELD)]


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: repr(content)[:40])
def test_a_file_that_is_none_is_refused_with_words_and_changes_nothing(db: Any, cast: Cast, content: str | bytes) -> None:
    before = db.value("select count(*) from crm.changes")
    with pytest.raises(Invalid) as raised:
        drafted(cast, content)
    assert raised.value.detail and "Traceback" not in raised.value.detail
    assert db.value("select count(*) from crm.changes") == before


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("stage", ["{stage: x, kind: rocket}", "{stage: x, colour: red}", "{stage: x, probability: 7}", "{stage: x, fields: [password]}",
                                   "{stage: x, lost_reasons: {a: b}}", "{stage: x, target_days: -3}", "{stage: x, activity: [call]}"])  # fmt: skip
def test_values_of_a_stage_are_checked_when_the_draft_is_applied(db: Any, cast: Cast, stage: str) -> None:
    draft = drafted(cast, HEAD + f"teams: {{Gulf: {{pipelines: {{Deals: [{stage}]}}}}}}")
    with pytest.raises(Invalid), acting_as(cast.who("alma")) as session:
        apply_draft(session, draft, source="test")
    assert db.value("select count(*) from crm.pipelines where name = 'Deals'") == 0


UNSOUND = (
    fields("[{field: x, kind: rocket}]"), fields("[{field: x, kind: choice}]"), fields("[{field: x, key: size}, {field: y, key: size}]"),
    fields("[{field: x, key: \"a'b\"}]"), fields("[{field: x, default: {ref: role.1}}]"), fields("[{field: x, unique: yes, default: 1}]"),
    HEAD + "roles: {rep: {fields: {lead: {id: hidden}}}}", HEAD + "roles: {new: {fields: {lead: {stage_id: hidden}}}}",
    HEAD + "roles: {admin: {grants: {}}}",
)  # fmt: skip


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("part", UNSOUND, ids=lambda part: repr(part)[17:60])
def test_what_cannot_be_is_refused_when_it_is_applied_and_nothing_is_written(db: Any, cast: Cast, part: str) -> None:
    before = db.value("select count(*) from crm.changes")
    draft = drafted(cast, part)
    with pytest.raises((Invalid, Refused)), acting_as(cast.who("alma")) as session:
        apply_draft(session, draft, source="test")
    assert db.value("select count(*) from crm.changes") == before


@given(content=st.text(max_size=300) | st.binary(max_size=300))
def test_no_text_whatever_ends_in_anything_but_words(content: str | bytes) -> None:
    with suppress(Invalid):
        read(content)
