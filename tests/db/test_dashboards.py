"""Dashboards: whose they are, who sees and shares them, what stands in them, and how two people's changes meet."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as, as_system
from crm.changes import Edit, apply, undo
from crm.dashboards import reads, use_cases
from crm.dashboards.rules import FIGURES, MOST_BLOCKS, moved, ordered, read_filters, read_parameters
from crm.errors import CrmError, Invalid, NotFound, Refused, Stale
from crm.reports import news

TWO = ({"what": "wins.months"}, {"what": "stale.leads", "width": "full", "title": "Who waits", "parameters": {"source": "Fair"}})


def make(cast: Any, who: str, blocks: Any = TWO, **values: Any) -> int:
    with acting_as(cast.who(who)) as session:
        return use_cases.make_dashboard(session, {"name": "Mine", **values}, blocks, source="test").results[0].record_id or 0


def seen(cast: Any, who: str) -> set[str]:
    with acting_as(cast.who(who)) as session:
        return {found.name for found in reads.dashboards(session)}


def standing(session: Any, dashboard: int) -> tuple[reads.Dashboard, list[reads.Block]]:
    found = reads.dashboard(session, dashboard)
    assert found
    return found, list(reads.blocks_of(session, [dashboard])[dashboard])


def shared(cast: Any) -> int:
    return make(cast, "mona", name="Gulf's", audience="team", for_team_id=cast.teams["Gulf"])


def test_private_is_its_makers_team_its_members_everyone_everyones(db: Any, cast: Any) -> None:
    make(cast, "ana", name="Ana's")
    shared(cast)
    make(cast, "alma", name="All's", audience="everyone")
    assert seen(cast, "ana") == {"Ana's", "Gulf's", "All's"}
    assert seen(cast, "vera") == seen(cast, "mona") == seen(cast, "alma") == {"Gulf's", "All's"}
    assert seen(cast, "carla") == {"All's"}


def test_sharing_further_than_one_may_is_refused_and_names_the_grant(db: Any, cast: Any) -> None:
    for who, values in (
        ("ana", {"audience": "team", "for_team_id": cast.teams["Gulf"]}), ("ana", {"audience": "everyone"}), ("mona", {"audience": "everyone"}),
        ("mona", {"audience": "team", "for_team_id": cast.teams["Levant"]}),
    ):  # fmt: skip
        with pytest.raises(Refused, match="view: share"):
            make(cast, who, **values)
    assert db.value("select count(*) from crm.dashboards") == 0


def test_blocks_are_changed_only_by_whoever_may_change_their_dashboard(db: Any, cast: Any) -> None:
    dashboard = shared(cast)
    for who in ("ana", "vera", "carla"):
        with acting_as(cast.who(who)) as session:
            blocks = db.rows("select id, version from crm.dashboard_blocks")
            edits = [Edit("dashboard_block", None, {"dashboard_id": dashboard, "what": "wins.owners"})]
            edits += [Edit("dashboard_block", block["id"], {"title": "Taken"}, block["version"]) for block in blocks]
            results = apply(session, edits, source="test").results
        assert {result.status for result in results} <= {"denied", "not_found"}, who
    with pytest.raises(NotFound):
        make_block(cast, "bruno", make(cast, "ana"))
    assert db.value("select count(*) from crm.dashboard_blocks where title = 'Taken'") == 0


def make_block(cast: Any, who: str, dashboard: int, **values: Any) -> None:
    with acting_as(cast.who(who)) as session:
        apply(session, [Edit("dashboard_block", None, {"dashboard_id": dashboard, "what": "wins.owners", **values})], source="test", on_conflict="refuse")


def test_a_removed_dashboard_comes_back_with_its_blocks(db: Any, cast: Any) -> None:
    dashboard = make(cast, "ana")
    with acting_as(cast.who("ana")) as session:
        found, _ = standing(session, dashboard)
        gone = use_cases.remove_dashboard(session, found, found.version, source="test")
        assert reads.dashboard(session, dashboard) is None
        with pytest.raises(NotFound):
            use_cases.add_block(session, found, {"what": "wins.owners"}, source="test")
    with acting_as(cast.who("ana")) as session:
        undo(session, gone.change_set_id or 0)
        assert [block.what for block in standing(session, dashboard)[1]] == ["wins.months", "stale.leads"]


def test_a_removed_block_comes_back_in_its_place(db: Any, cast: Any) -> None:
    dashboard = make(cast, "ana")
    with acting_as(cast.who("ana")) as session:
        found, blocks = standing(session, dashboard)
        gone = use_cases.remove_block(session, found, blocks[0], 1, source="test")
        assert [block.what for block in standing(session, dashboard)[1]] == ["stale.leads"]
        undo(session, gone.change_set_id or 0)
        assert [block.what for block in standing(session, dashboard)[1]] == ["wins.months", "stale.leads"]


def test_two_people_who_change_different_blocks_meet_no_conflict_and_the_same_title_does(db: Any, cast: Any) -> None:
    dashboard = shared(cast)
    with acting_as(cast.who("mona")) as session:
        found, (one, two) = standing(session, dashboard)
        use_cases.change_block(session, found, one, one.version, {"title": "Mona's"}, source="test")
    with acting_as(cast.who("alma")) as session:
        use_cases.change_block(session, found, two, two.version, {"title": "Alma's"}, source="test")
        use_cases.change_block(session, found, one, one.version, {"width": "full"}, source="test")
        use_cases.change_dashboard(session, found, found.version, {"name": "Renamed"}, source="test")
        with pytest.raises(Stale):
            use_cases.change_block(session, found, one, one.version, {"title": "Alma's too"}, source="test")
    with acting_as(cast.who("mona")) as session:
        assert [(block.title, block.width) for block in standing(session, dashboard)[1]] == [("Mona's", "full"), ("Alma's", "full")]


def test_blocks_are_put_in_order_and_what_a_colleague_added_stays(db: Any, cast: Any) -> None:
    dashboard = make(cast, "ana")
    with acting_as(cast.who("ana")) as session:
        found, (one, _) = standing(session, dashboard)
        use_cases.add_block(session, found, {"what": "team.lines"}, source="test")
        use_cases.move_block(session, found, one.id, 1, source="test")
        assert [block.what for block in standing(session, dashboard)[1]] == ["stale.leads", "wins.months", "team.lines"]
        first, second, third = (block.id for block in standing(session, dashboard)[1])
        use_cases.order_blocks(session, found, [third, first], source="test")  # somebody did not see the second one yet
        assert [block.id for block in standing(session, dashboard)[1]] == [third, first, second]
    assert ordered([1, 2, 3], [3, 9, 3, 1]) == [3, 1, 2] and ordered([1, 2], []) == [1, 2]
    assert moved([1, 2, 3], 3, -5) == [3, 1, 2] and moved([1, 2, 3], 9, 1) == [1, 2, 3]


def test_a_copy_is_ones_own_with_the_same_blocks_and_undo_takes_all_of_it_away(db: Any, cast: Any) -> None:
    dashboard = shared(cast)
    with acting_as(cast.who("vera")) as session:
        found, _ = standing(session, dashboard)
        made = use_cases.copy_dashboard(session, found, source="test")
        copy, blocks = standing(session, made.results[0].record_id or 0)
        assert (copy.name, copy.audience, copy.owner_id) == ("Copy of Gulf's", "private", cast.people["vera"])
        assert [(block.what, block.title, block.width, block.parameters) for block in blocks] == [
            ("wins.months", None, "half", {}), ("stale.leads", "Who waits", "full", {"source": "Fair"}),
        ]  # fmt: skip
        assert reads.may(session, copy, "edit") and not reads.may(session, found, "edit")
        undo(session, made.change_set_id or 0)
        assert {each.id for each in reads.dashboards(session)} == {dashboard}


@pytest.mark.parametrize(
    "values",
    [{"what": "wins.everything"}, {"what": "wins.months'; drop table crm.leads"}, {"kind": "script"}, {"width": "huge"}, {"title": "x" * 81},
     {"kind": None, "what": None},
     {"parameters": {"sql": "select 1"}}, {"parameters": {"team": "Gulf"}}, {"parameters": {"team": True}}, {"parameters": {"owner": -1}},
     {"parameters": {"market": "Emirates"}}, {"parameters": {"source": "x" * 201}}, {"parameters": []}, {"parameters": {"source": ["x"]}}, {"rows": []}],
)  # fmt: skip
def test_a_block_is_nothing_but_a_figure_there_is(db: Any, cast: Any, values: dict[str, Any]) -> None:
    dashboard = make(cast, "ana", ())
    with pytest.raises(CrmError):
        make_block(cast, "ana", dashboard, **values)
    assert db.value("select count(*) from crm.dashboard_blocks") == 0


@pytest.mark.parametrize("given", [{"period": "forever"}, {"team": 0}, {"pipeline": 1}, {"market": "A1"}, "team", None, {"team": 2**80}, {"x" * 50: 1}])
def test_filters_that_make_no_sense_are_refused(given: Any) -> None:
    with pytest.raises(Invalid):
        read_filters(given)


def test_filters_are_kept_in_one_form() -> None:
    assert read_filters({"market": "ae", "team": 3, "owner": None, "period": "quarter"}) == {"market": "AE", "team": 3, "period": "quarter"}
    assert read_parameters("report", {"source": "", "pipeline": 2}) == {"pipeline": 2}


def test_a_dashboard_takes_so_many_blocks(db: Any, cast: Any) -> None:
    dashboard = make(cast, "ana", [{"what": what} for what in FIGURES][:MOST_BLOCKS])
    with pytest.raises(Invalid, match="up to 24 blocks"):
        make_block(cast, "ana", dashboard)


def test_names_are_needed_and_may_be_so_long(db: Any, cast: Any) -> None:
    for name in ("", " ", None, "x" * 61):
        with pytest.raises(Invalid):
            make(cast, "ana", name=name)
    assert db.value("select count(*) from crm.dashboards") == 0


def test_the_stamp_moves_with_every_change_and_reading_of_orders_and_stands_still_between(db: Any, cast: Any) -> None:
    def stamp(who: str) -> str:
        with acting_as(cast.who(who)) as session:
            return news.stamp(session)

    found = [stamp("mona")]
    make(cast, "carla")  # whatever it was, and whoever may see it
    found.append(stamp("mona"))
    with as_system() as session:
        session.execute(text("insert into crm.sync_runs (kind, state, finished_at) values ('full', 'done', now())"))
    found += [stamp("mona"), stamp("ana")]
    assert len(set(found)) == 4
    assert any(stamp("mona") == stamp("mona") for _ in range(200))


def test_a_change_that_is_not_over_moves_the_stamp_when_it_is(db: Any, cast: Any) -> None:
    """It has its number already; another one, that came later, is over before it."""
    slow = acting_as(cast.who("ana"))
    first = slow.__enter__()
    use_cases.make_dashboard(first, {"name": "Slow"}, source="test")
    make(cast, "bruno", name="Quick")
    with acting_as(cast.who("mona")) as session:
        before = news.stamp(session)
    slow.__exit__(None, None, None)
    with acting_as(cast.who("mona")) as session:
        assert news.stamp(session) != before


def test_an_exploration_is_kept_by_its_address_and_nothing_else(db: Any, cast: Any) -> None:
    dashboard = make(cast, "ana", ())
    kept = {"kind": "exploration", "what": "explore", "parameters": {"address": {"measure": "Leads", "by": ["Stage"], "of_team": []}}}
    make_block(cast, "ana", dashboard, **kept)
    with acting_as(cast.who("ana")) as session:
        (block,) = standing(session, dashboard)[1]
    assert block.parameters == {"address": {"measure": ["Leads"], "by": ["Stage"]}}
    for parameters in ({}, {"address": {"sql": ["select 1"]}}, {"address": "x"}, {"address": {"by": [1]}}, {"address": {"by": "x"}, "team": 1}, {"team": 1}):
        with pytest.raises(CrmError):
            make_block(cast, "ana", dashboard, **{**kept, "parameters": parameters})
    with pytest.raises(CrmError):
        make_block(cast, "ana", dashboard, **{**kept, "what": "wins.months"})
    with pytest.raises(CrmError):
        make_block(cast, "ana", dashboard, what="explore")
    assert db.value("select count(*) from crm.dashboard_blocks") == 1
