"""Saved views: whose they are, who sees and shares them, what they may hold."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.changes import undo
from crm.errors import Invalid, NotFound, Refused, Stale
from crm.views import reads, use_cases
from crm.views.rules import read_address


def keep(cast: Any, who: str, **values: Any) -> int:
    with acting_as(cast.who(who)) as session:
        given = {"page": "leads", "name": "Mine", "address": {"q": "noor"}, **values}
        return use_cases.save_view(session, given, source="test").results[0].record_id or 0


def seen(cast: Any, who: str) -> set[str]:
    with acting_as(cast.who(who)) as session:
        return {view.name for view in reads.views_of(session, "leads")}


def test_private_is_its_makers_team_its_members_everyone_everyones(db: Any, cast: Any) -> None:
    keep(cast, "ana", name="Ana's")
    keep(cast, "mona", name="Gulf's", audience="team", for_team_id=cast.teams["Gulf"])
    keep(cast, "alma", name="All's", audience="everyone")
    assert seen(cast, "ana") == {"Ana's", "Gulf's", "All's"}
    assert seen(cast, "vera") == seen(cast, "mona") == seen(cast, "alma") == {"Gulf's", "All's"}
    assert seen(cast, "carla") == {"All's"}


def test_sharing_further_than_one_may_is_refused_and_names_the_grant(db: Any, cast: Any) -> None:
    for who, values in (
        ("ana", {"audience": "team", "for_team_id": cast.teams["Gulf"]}), ("ana", {"audience": "everyone"}), ("mona", {"audience": "everyone"}),
        ("mona", {"audience": "team", "for_team_id": cast.teams["Levant"]}),
    ):  # fmt: skip
        with pytest.raises(Refused, match="view: share"):
            keep(cast, who, **values)
    view = keep(cast, "ana")
    with pytest.raises(Refused, match="view: share"), acting_as(cast.who("ana")) as session:
        use_cases.change_view(session, view, 1, {"audience": "everyone"}, name="Mine", source="test")
    assert seen(cast, "bruno") == set()


def test_anothers_private_view_is_not_there_to_be_changed(db: Any, cast: Any) -> None:
    view = keep(cast, "ana")
    for who in ("bruno", "mona", "alma"):
        with pytest.raises(NotFound), acting_as(cast.who(who)) as session:
            use_cases.change_view(session, view, 1, {"name": "Taken"}, name="Mine", source="test")
        with pytest.raises(NotFound), acting_as(cast.who(who)) as session:
            use_cases.remove_view(session, view, 1, name="Mine", source="test")


def test_a_deleted_view_comes_back_by_undo_and_two_tabs_meet_version_rules(db: Any, cast: Any) -> None:
    view = keep(cast, "ana")
    with acting_as(cast.who("ana")) as session:
        use_cases.change_view(session, view, 1, {"name": "Renamed"}, name="Mine", source="test")
        with pytest.raises(Stale):
            use_cases.change_view(session, view, 1, {"name": "Otherwise"}, name="Mine", source="test")
        removed = use_cases.remove_view(session, view, 2, name="Renamed", source="test")
    assert seen(cast, "ana") == set()
    with acting_as(cast.who("ana")) as session:
        undo(session, removed.change_set_id or 0)
    assert seen(cast, "ana") == {"Renamed"}


def test_nobody_saves_a_view_in_anothers_name_or_gives_one_away(db: Any, cast: Any) -> None:
    view = keep(cast, "ana", owner_id=cast.people["bruno"])
    assert db.value("select owner_id from crm.views where id = :id", id=view) == cast.people["ana"]
    with pytest.raises(Refused), acting_as(cast.who("ana")) as session:
        use_cases.change_view(session, view, 1, {"owner_id": cast.people["bruno"]}, name="Mine", source="test")


def test_a_page_opens_with_one_view_for_a_role(db: Any, cast: Any) -> None:
    rep = db.value("select id from crm.roles where name = 'rep'")
    of_gulf = {"audience": "team", "for_team_id": cast.teams["Gulf"], "default_for_role_id": rep}
    keep(cast, "mona", name="First", **of_gulf)
    with pytest.raises(Invalid, match="“First” opens the page for this role already"):
        keep(cast, "mona", name="Second", **of_gulf)
    with pytest.raises(Invalid, match="Share it first"):
        keep(cast, "ana", default_for_role_id=rep)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "values",
    [
        {"name": ""}, {"name": "x" * 61}, {"page": "admin"}, {"page": None}, {"audience": "world"}, {"audience": "team"}, {"address": {"saved": "1"}},
        {"address": {"q": {"$ne": 1}}}, {"address": {"q": ["x" * 301]}}, {"address": {"stage": ["s"] * 61}}, {"address": {"q": 7}}, {"address": ["q"]},
        {"address": {"custom.": "x"}}, {"address": {"__proto__": "x"}}, {"is_pinned": "yes"}, {"position": "first"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_a_view_may_not_hold_is_refused(db: Any, cast: Any, values: Any) -> None:
    with pytest.raises(Invalid):
        keep(cast, "ana", **values)
    assert db.value("select count(*) from crm.views") == 0


def test_an_address_is_kept_in_one_form() -> None:
    once = read_address("leads", {"view": "Team", "stage": ["Won", "Lost"], "q": "", "owner": [], "custom.segment": "Horeca"})
    assert once == {"custom.segment": ["Horeca"], "q": [""], "stage": ["Won", "Lost"], "view": ["Team"]} == read_address("leads", once)
    assert read_address("board", {"custom.segment": "Horeca"}) == {"custom.segment": ["Horeca"]}
    with pytest.raises(Invalid):
        read_address("customers", {"custom.segment": "Horeca"})
