"""Configuration as a reviewed change: a draft of one's own, its impact in numbers, one transaction, undone like anything else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.changes import Edit, apply, undo
from crm.configuration import drafts, moving, use_cases
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.impact import preview
from crm.errors import Invalid, NotFound, Refused, Stale
from tests.cast import Cast
from tests.db.test_apply_locks import until_it_waits
from tests.jobs.waiting import on_queue

SUBJECT = "pipeline:1"


def stage_edit(cast: Cast, stage: str, version: int = 1, team: str = "Gulf", **wanted: Any) -> DraftEdit:
    return DraftEdit("stage", cast.stages[team][stage], wanted, version)


def removal(cast: Cast, stage: str, to: str | int | None, team: str = "Gulf") -> Draft:
    places = {} if to is None else {cast.stages[team][stage]: cast.stages[team].get(to, to) if isinstance(to, str) else to}
    return Draft(SUBJECT, "Accounts", (stage_edit(cast, stage, team=team, deleted_at=True),), places)


def applied(cast: Cast, who: str, draft: Draft) -> use_cases.Applied:
    with acting_as(cast.who(who)) as session:
        return use_cases.apply_draft(session, draft, source="configuration")


def said(cast: Cast, who: str, draft: Draft) -> Any:
    with acting_as(cast.who(who)) as session:
        return preview(session, draft)


def stages_of(db: Any, cast: Cast, *leads: str) -> list[str]:
    rows = db.rows("select l.name, s.name as stage from crm.leads as l join crm.stages as s on s.id = l.stage_id where l.id = any(:ids) order by l.id",
                   ids=[cast.leads[name] for name in leads])  # fmt: skip
    return [row["stage"] for row in rows]


def fill(db: Any, cast: Cast, number: int, stage: str = "Lead") -> None:
    with db.owner().begin() as connection:
        connection.execute(
            text("""
                insert into crm.leads (name, team_id, pipeline_id, stage_id, owner_id)
                select 'Lead ' || n, :team, :pipeline, :stage, :owner from generate_series(1, :number) as n
            """),
            {"team": cast.teams["Gulf"], "pipeline": cast.pipelines["Gulf"], "stage": cast.stages["Gulf"][stage], "owner": cast.people["ana"],
             "number": number},
        )  # fmt: skip


def test_a_draft_is_kept_for_its_person_and_seen_by_nobody_else(db: Any, cast: Cast) -> None:
    with acting_as(cast.who("mona")) as session:
        drafts.keep_draft(session, SUBJECT, "Accounts", [stage_edit(cast, "Lead", target_days=9)], {5: 6, 7: "new"})
        drafts.keep_draft(session, SUBJECT, "Accounts", [stage_edit(cast, "Lead", target_days=10)], {5: 6, 7: "new"})
        found = drafts.open_draft(session, SUBJECT)
    assert found is not None and found.edits == (stage_edit(cast, "Lead", target_days=10),) and found.places == {5: 6, 7: "new"}
    with acting_as(cast.who("alma")) as session:
        assert drafts.open_draft(session, SUBJECT) is None
        drafts.discard_draft(session, SUBJECT)
    assert db.value("select count(*) from crm.configuration_drafts") == 1


def test_keeping_a_draft_writes_no_history_and_discarding_leaves_nothing(db: Any, cast: Cast) -> None:
    before = db.value("select count(*) from crm.changes")
    with acting_as(cast.who("mona")) as session:
        drafts.keep_draft(session, SUBJECT, "Accounts", [stage_edit(cast, "Lead", target_days=9)])
        drafts.discard_draft(session, SUBJECT)
        assert drafts.open_draft(session, SUBJECT) is None
    assert db.value("select count(*) from crm.changes") == before


@pytest.mark.parametrize("edit", [DraftEdit("rocket", 1, {"name": "x"}), DraftEdit("stage", 1, {"nonsense": 1}), DraftEdit("stage", None, {"id": 1})])
def test_a_draft_of_what_there_is_not_is_refused(db: Any, cast: Cast, edit: DraftEdit) -> None:
    with acting_as(cast.who("alma")) as session, pytest.raises(Invalid):
        drafts.keep_draft(session, SUBJECT, "Accounts", [edit])


def test_impact_is_said_in_numbers(db: Any, cast: Cast) -> None:
    found = said(cast, "mona", removal(cast, "Lead", "Contacted"))
    assert found.is_ready
    assert found.lines[0] == "3 leads move from “Lead” to “Contacted”."
    assert any("reports change: pipeline by stage, funnel, movement, stage velocity" in line for line in found.lines)
    assert found.lines[-1] == "Nobody loses sight of anything."


def test_a_removed_stage_asks_where_its_leads_go_and_nothing_is_written_before_that(db: Any, cast: Cast) -> None:
    draft = removal(cast, "Lead", None)
    assert [question.text for question in said(cast, "mona", draft).questions] == ["3 leads sit in “Lead”: where to?"]
    with pytest.raises(Invalid, match="where to"):
        applied(cast, "mona", draft)
    assert db.value("select deleted_at from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) is None


@pytest.mark.parametrize("to", ["itself", "Levant"])
def test_leads_go_only_to_a_stage_of_the_pipeline_that_stays(db: Any, cast: Cast, to: str) -> None:
    target = cast.stages["Gulf"]["Lead"] if to == "itself" else cast.stages["Levant"]["Lead"]
    assert said(cast, "alma", removal(cast, "Lead", target)).blockers
    with pytest.raises(Invalid):
        applied(cast, "alma", removal(cast, "Lead", target))


def test_a_removed_stages_leads_move_by_the_same_change_set_and_come_back_with_it(db: Any, cast: Cast) -> None:
    leads = ("Al Noor Trading", "Petra Supplies", "Delta Foods")
    done = applied(cast, "mona", removal(cast, "Lead", "Contacted"))
    assert stages_of(db, cast, *leads) == ["Contacted"] * 3 and done.leads_moving == 0
    kinds = db.rows("select distinct record_type from crm.changes where change_set_id = :c order by 1", c=done.change_set_id)
    assert [row["record_type"] for row in kinds] == ["lead", "stage"]
    with acting_as(cast.who("mona")) as session:
        back = undo(session, done.change_set_id or 0)
    assert (back.records, back.left_alone) == (4, [])
    assert stages_of(db, cast, *leads) == ["Lead"] * 3
    assert db.value("select deleted_at from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) is None


def test_leads_may_go_to_a_stage_that_the_same_draft_makes_though_it_asks_for_something(db: Any, cast: Cast) -> None:
    new = DraftEdit("stage", None, {"pipeline_id": cast.pipelines["Gulf"], "name": "Fresh", "position": 0, "requirements": {"fields": ["next_step"]}}, ref="n1")
    draft = Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", deleted_at=True), new), {cast.stages["Gulf"]["Lead"]: "n1"})
    done = applied(cast, "mona", draft)
    made = (done.made or {})["n1"]
    assert db.value("select count(*) from crm.leads where stage_id = :id", id=made) == 3
    with acting_as(cast.who("mona")) as session:
        assert undo(session, done.change_set_id or 0).left_alone == []
    assert db.value("select deleted_at is not null from crm.stages where id = :id", id=made) is True


def test_a_new_pipeline_with_its_stages_is_one_change_set(db: Any, cast: Cast) -> None:
    pipeline = DraftEdit("pipeline", None, {"team_id": cast.teams["Gulf"], "name": "Deals"}, ref="p")
    stages = [DraftEdit("stage", None, {"pipeline_id": {"ref": "p"}, "name": name, "position": i}, ref=f"s{i}") for i, name in enumerate(("New", "Offer"))]
    done = applied(cast, "mona", Draft("pipeline:new", "Deals", (*stages, pipeline)))
    assert db.value("select count(*) from crm.changes where change_set_id = :c", c=done.change_set_id) == 3
    with acting_as(cast.who("mona")) as session:
        undo(session, done.change_set_id or 0)
    assert db.value("select count(*) from crm.pipelines where name = 'Deals' and deleted_at is null") == 0


@pytest.mark.parametrize("wanted", [{"pipeline_id": {"ref": "nobody"}}, {"pipeline_id": {"ref": "n1"}}])
def test_a_reference_to_nothing_is_refused(db: Any, cast: Cast, wanted: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        applied(cast, "alma", Draft(SUBJECT, "x", (DraftEdit("stage", None, {"name": "New", **wanted}, ref="n1"),)))


def test_two_admins_at_once_the_second_is_told_who_changed_what_and_keeps_the_draft(db: Any, cast: Cast) -> None:
    with acting_as(cast.who("mona")) as session:
        draft = drafts.keep_draft(session, SUBJECT, "Accounts", [stage_edit(cast, "Lead", target_days=9, probability=0.3)])
    applied(cast, "alma", Draft("other", "Accounts", (stage_edit(cast, "Lead", target_days=5),)))
    with pytest.raises(Stale, match=r"Alma changed the target days of “Lead” just now.*draft is kept"):
        applied(cast, "mona", draft)
    assert db.value("select probability::text from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == "0.100"
    with acting_as(cast.who("mona")) as session:
        theirs = use_cases.look_again(session, draft, keeps_mine=False)
        assert theirs.edits == (stage_edit(cast, "Lead", 2, probability=0.3),)
        mine = use_cases.look_again(session, draft, keeps_mine=True)
        use_cases.apply_draft(session, mine, source="configuration")
        assert drafts.open_draft(session, SUBJECT) is None
    assert db.value("select target_days from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == 9


def test_two_admins_who_change_different_values_meet_no_conflict(db: Any, cast: Cast) -> None:
    applied(cast, "alma", Draft("other", "Accounts", (stage_edit(cast, "Lead", target_days=5),)))
    applied(cast, "mona", Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", colour="deep"),)))
    row = db.rows("select target_days, colour from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"])[0]
    assert dict(row) == {"target_days": 5, "colour": "deep"}


def test_what_somebody_else_removed_is_left_out_when_one_looks_again(db: Any, cast: Cast) -> None:
    with acting_as(cast.who("mona")) as session:
        draft = drafts.keep_draft(session, SUBJECT, "Accounts", [stage_edit(cast, "Won", target_days=9)])
    applied(cast, "alma", removal(cast, "Won", None))
    with pytest.raises(NotFound):
        applied(cast, "mona", draft)
    with acting_as(cast.who("mona")) as session:
        assert use_cases.look_again(session, draft, keeps_mine=True).edits == ()
        assert drafts.open_draft(session, SUBJECT) is None


@pytest.mark.parametrize(("who", "grant"), [("ana", "pipeline: configure"), ("vera", "pipeline: configure")])
def test_a_draft_needs_the_grants_of_what_it_writes_and_names_the_missing_one(db: Any, cast: Cast, who: str, grant: str) -> None:
    with pytest.raises(Refused) as raised:
        applied(cast, who, Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", target_days=9),)))
    assert raised.value.facts["grant"] == grant


def test_a_manager_shapes_only_their_own_team(db: Any, cast: Cast) -> None:
    with pytest.raises((Refused, NotFound)):
        applied(cast, "mona", Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", team="Levant", target_days=9),)))


def test_who_may_not_edit_the_leads_may_not_remove_their_stage(db: Any, cast: Cast) -> None:
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "update crm.grants set scope = 'own', version = version + 1 where resource = 'lead' and action = 'edit'"
            " and role_id = (select id from crm.roles where name = 'manager')"
        )
    with pytest.raises(Invalid, match="lead: edit"):
        applied(cast, "mona", removal(cast, "Lead", "Contacted"))


def test_what_is_applied_is_audited(db: Any, cast: Cast) -> None:
    done = applied(cast, "mona", Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", target_days=9),)))
    row = db.rows("select person_id, subject, facts from crm.audit_events where kind = 'configuration.applied'")[0]
    assert (row["person_id"], row["subject"], row["facts"]["change_set_id"]) == (cast.people["mona"], SUBJECT, done.change_set_id)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"name": "contacted"}, "called"), ({"name": "  "}, "no name"),
    ],
)  # fmt: skip
def test_a_pipeline_that_would_not_be_sound_is_blocked(db: Any, cast: Cast, wanted: dict[str, Any], words: str) -> None:
    assert words in " ".join(said(cast, "mona", Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", **wanted),))).blockers)


def test_a_pipeline_keeps_an_open_stage(db: Any, cast: Cast) -> None:
    edits = tuple(stage_edit(cast, name, kind="won") for name in ("Lead", "Contacted", "Negotiation"))
    assert "needs an open stage" in " ".join(said(cast, "mona", Draft(SUBJECT, "Accounts", edits)).blockers)


@pytest.mark.parametrize(
    "wanted",
    [
        {"colour": "#ff0000"}, {"kind": "lost forever"}, {"probability": 2}, {"target_days": -1}, {"target_days": 10**6},
        {"requirements": {"fields": ["password"]}},
        {"requirements": {"fields": "value"}}, {"requirements": {"activity": "lunch"}}, {"requirements": {"lost_reasons": [1]}}, {"requirements": {"sql": "x"}},
        {"requirements": {"lost_reasons": ["x" * 81]}}, {"pipeline_id": 1_000_000},
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(db: Any, cast: Cast, wanted: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        applied(cast, "alma", Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lead", **wanted),)))
    assert db.value("select version from crm.stages where id = :id", id=cast.stages["Gulf"]["Lead"]) == 1


def test_a_pipeline_is_archived_only_without_open_leads(db: Any, cast: Cast) -> None:
    draft = Draft(SUBJECT, "Accounts", (DraftEdit("pipeline", cast.pipelines["Gulf"], {"deleted_at": True}, 1),))
    assert "3 open leads are in “Accounts”" in said(cast, "alma", draft).blockers[0]
    with acting_as(cast.who("alma")) as session, pytest.raises(Invalid, match="3 open leads"):
        apply(session, [Edit("pipeline", cast.pipelines["Gulf"], {"deleted_at": "2026-01-01T00:00:00Z"}, 1)], source="test", on_conflict="refuse")


def test_a_stage_with_leads_is_never_removed_by_itself(db: Any, cast: Cast) -> None:
    with acting_as(cast.who("alma")) as session, pytest.raises(Invalid, match="3 leads are in “Lead”"):
        apply(session, [Edit("stage", cast.stages["Gulf"]["Lead"], {"deleted_at": "2026-01-01T00:00:00Z"}, 1)], source="test", on_conflict="refuse")


def test_a_stages_name_is_free_again_once_it_is_removed(db: Any, cast: Cast) -> None:
    applied(cast, "mona", removal(cast, "Lost", None))
    new = DraftEdit("stage", None, {"pipeline_id": cast.pipelines["Gulf"], "name": "Lost", "kind": "lost", "position": 9})
    assert applied(cast, "mona", Draft(SUBJECT, "Accounts", (new,))).change_set_id


# Many leads


def test_many_leads_move_in_the_background_in_the_name_of_who_removed_the_stage(db: Any, cast: Cast) -> None:
    fill(db, cast, moving.FEW + 100)
    done = applied(cast, "mona", removal(cast, "Lead", "Contacted"))
    assert done.leads_moving == moving.FEW + 103
    move_id = db.value("select id from crm.stage_moves")
    assert db.value("select count(*) from jobs.procrastinate_jobs where task_name = :t", t=moving.TASK) == 1
    assert moving.go_on(move_id) == moving.FEW + 103 and moving.go_on(move_id) == 0
    with acting_as(cast.who("mona")) as session:
        (move,) = moving.moves_of(session, cast.pipelines["Gulf"])
    assert (move.state, move.moved, move.share, move.to) == ("done", moving.FEW + 103, 1.0, "Contacted")
    assert db.value("select count(distinct change_set_id) from crm.changes where record_type = 'lead' and fields ? 'stage_id' and version > 1") == 1
    with acting_as(cast.who("mona")) as session:
        back = undo(session, done.change_set_id or 0)
    assert back.left_alone == [] and db.value("select count(*) from crm.leads where stage_id = :s", s=cast.stages["Gulf"]["Lead"]) == moving.FEW + 103


def test_a_change_that_was_taken_back_while_leads_were_on_their_way_stops_them(db: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(db, cast, moving.FEW + 100)
    done = applied(cast, "mona", removal(cast, "Lead", "Contacted"))
    with acting_as(cast.who("mona")) as session:
        undo(session, done.change_set_id or 0)
    assert moving.go_on(db.value("select id from crm.stage_moves")) == 0
    assert db.value("select state from crm.stage_moves") == "stopped"
    assert db.value("select count(*) from crm.leads where stage_id = :s", s=cast.stages["Gulf"]["Lead"]) == moving.FEW + 103


def test_leads_that_may_not_be_moved_any_more_stay_and_it_is_said(db: Any, cast: Cast) -> None:
    fill(db, cast, moving.FEW + 100)
    applied(cast, "mona", removal(cast, "Lead", "Contacted"))
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.people set disabled_at = now(), version = version + 1 where name = 'Mona'")
    move_id = db.value("select id from crm.stage_moves")
    assert moving.go_on(move_id) == 0
    assert db.rows("select state, problem from crm.stage_moves")[0]["state"] == "failed"


def test_a_job_that_is_interrupted_goes_on_where_it_was(db: Any, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(db, cast, moving.FEW + 100)
    applied(cast, "mona", removal(cast, "Lead", "Contacted"))
    move_id = db.value("select id from crm.stage_moves")
    monkeypatch.setattr(moving, "BATCH", 50)
    real, calls = moving._move, []

    def once(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 3:
            raise RuntimeError("the worker is gone")
        return real(*args, **options)

    monkeypatch.setattr(moving, "_move", once)
    with pytest.raises(RuntimeError):
        moving.go_on(move_id)
    assert db.value("select moved from crm.stage_moves") == 150
    monkeypatch.setattr(moving, "_move", real)
    assert moving.go_on(move_id) == moving.FEW + 103 - 150
    assert db.value("select moved from crm.stage_moves") == moving.FEW + 103


def test_a_move_that_stopped_short_goes_on_when_its_person_asks(db: Any, cast: Cast) -> None:
    fill(db, cast, moving.FEW + 100)
    applied(cast, "mona", removal(cast, "Lead", "Contacted"))
    move_id = db.value("select id from crm.stage_moves")
    with on_queue(db) as queue:
        queue.execute(text("delete from procrastinate_jobs"))
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.stage_moves set state = 'failed', problem = 'away'")
    with acting_as(cast.who("alma")) as session, pytest.raises(NotFound):
        moving.ask_again(session, move_id)
    with acting_as(cast.who("mona")) as session:
        assert not moving.is_asked(session)
        moving.ask_again(session, move_id)
        assert moving.is_asked(session)
    assert moving.go_on(move_id) == moving.FEW + 103


# A stage that goes while somebody saves


def moved_in(cast: Cast, who: Any, stage: str, lead: str, version: int = 1) -> Any:
    with acting_as(who) as session:
        edit = Edit("lead", cast.leads[lead], {"stage_id": cast.stages["Gulf"][stage]}, version)
        return apply(session, [edit], source="form").results[0]


def test_a_save_by_an_older_layout_does_not_land_in_a_removed_stage(db: Any, cast: Cast) -> None:
    ana = cast.who("ana")  # with the access stamp of before, and so with the layout of before
    assert moved_in(cast, ana, "Contacted", "Petra Supplies").status == "applied"
    applied(cast, "mona", removal(cast, "Lost", None))
    found = moved_in(cast, ana, "Lost", "Delta Foods")
    assert (found.status, found.error.detail) == ("invalid", "That stage was removed a moment ago. Reload and choose another one.")
    with acting_as(ana) as session:
        gone = {"name": "New", "team_id": cast.teams["Gulf"], "stage_id": cast.stages["Gulf"]["Lost"]}
        assert apply(session, [Edit("lead", None, gone)], source="form").results[0].status == "invalid"
    assert db.value("select count(*) from crm.leads where stage_id = :id", id=cast.stages["Gulf"]["Lost"]) == 0


def test_of_several_saves_by_an_older_layout_only_those_into_the_removed_stage_fail(db: Any, cast: Cast) -> None:
    ana = cast.who("ana")
    assert moved_in(cast, ana, "Contacted", "Petra Supplies").status == "applied"
    applied(cast, "mona", removal(cast, "Lost", None))
    stages = cast.stages["Gulf"]
    with acting_as(ana) as session:
        edits = [Edit("lead", cast.leads[name], {"stage_id": stages[to]}, 1) for name, to in (("Delta Foods", "Lost"), ("Al Noor Trading", "Contacted"))]
        assert [result.status for result in apply(session, edits, source="form").results] == ["invalid", "applied"]


def test_who_moves_a_lead_waits_for_the_removal_of_its_stage_that_is_under_way(db: Any, cast: Cast) -> None:
    ana = cast.who("ana")
    with ThreadPoolExecutor(1) as pool:
        with acting_as(cast.who("mona")) as session:
            use_cases.apply_draft(session, removal(cast, "Lost", None), source="configuration")
            saving = pool.submit(moved_in, cast, ana, "Lost", "Delta Foods")
            until_it_waits(db)
        assert saving.result().status == "invalid"


def test_who_removes_a_stage_waits_for_a_lead_that_is_on_its_way_into_it(db: Any, cast: Cast) -> None:
    with ThreadPoolExecutor(1) as pool:
        with acting_as(cast.who("ana")) as session:
            edit = Edit("lead", cast.leads["Delta Foods"], {"stage_id": cast.stages["Gulf"]["Lost"]}, 1)
            apply(session, [edit], source="form", on_conflict="refuse")
            removing = pool.submit(applied, cast, "mona", removal(cast, "Lost", "Contacted"))
            until_it_waits(db)
        removing.result()
    assert stages_of(db, cast, "Delta Foods") == ["Contacted"]


# A pipeline that goes while somebody saves


def begun(cast: Cast, who: Any) -> Any:
    """A new lead of Gulf's, where its first pipeline begins."""
    with acting_as(who) as session:
        return apply(session, [Edit("lead", None, {"name": "New", "team_id": cast.teams["Gulf"]})], source="form").results[0]


def emptied(db: Any, cast: Cast) -> Draft:
    """What archives Gulf's pipeline, whose leads are all closed."""
    with db.owner().begin() as connection:
        moved = "update crm.leads set stage_id = :to, version = version + 1 where team_id = :team"
        connection.execute(text(moved), {"to": cast.stages["Gulf"]["Won"], "team": cast.teams["Gulf"]})
    edit = DraftEdit("pipeline", cast.pipelines["Gulf"], {"deleted_at": True}, 1)
    return Draft(SUBJECT, "Accounts", (edit,))


def test_a_save_by_an_older_layout_does_not_land_in_an_archived_pipeline(db: Any, cast: Cast) -> None:
    draft, ana = emptied(db, cast), cast.who("ana")
    assert moved_in(cast, ana, "Lost", "Petra Supplies", 2).status == "applied"
    applied(cast, "mona", draft)
    found = begun(cast, ana)
    assert (found.status, found.error.detail) == ("invalid", "“Accounts” was archived a moment ago. Reload and choose another pipeline.")
    assert moved_in(cast, ana, "Lead", "Delta Foods", 2).status == "invalid"


def test_who_makes_a_lead_waits_for_the_archiving_of_its_pipeline_that_is_under_way(db: Any, cast: Cast) -> None:
    draft, ana = emptied(db, cast), cast.who("ana")
    with ThreadPoolExecutor(1) as pool:
        with acting_as(cast.who("mona")) as session:
            use_cases.apply_draft(session, draft, source="configuration")
            saving = pool.submit(begun, cast, ana)
            until_it_waits(db)
        assert saving.result().status == "invalid"


def test_who_archives_a_pipeline_waits_for_a_lead_that_begins_in_it_and_is_told(db: Any, cast: Cast) -> None:
    draft, ana = emptied(db, cast), cast.who("ana")
    with ThreadPoolExecutor(1) as pool:
        with acting_as(ana) as session:
            apply(session, [Edit("lead", None, {"name": "New", "team_id": cast.teams["Gulf"]})], source="form", on_conflict="refuse")
            archiving = pool.submit(applied, cast, "mona", draft)
            until_it_waits(db)
        with pytest.raises(Invalid, match="1 open leads are in"):
            archiving.result()


@pytest.mark.parametrize("by", ["a new stage", "another name"])
def test_a_name_does_not_go_over_to_another_stage_in_one_draft_that_could_not_be_taken_back(db: Any, cast: Cast, by: str) -> None:
    new = DraftEdit("stage", None, {"pipeline_id": cast.pipelines["Gulf"], "name": "lost ", "kind": "lost", "position": 9}, ref="n")
    other = new if by == "a new stage" else stage_edit(cast, "Won", name="LOST")
    draft = Draft(SUBJECT, "Accounts", (stage_edit(cast, "Lost", deleted_at=True), other))
    with pytest.raises(Invalid, match="could not be taken back"):
        applied(cast, "mona", draft)
