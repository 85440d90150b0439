"""Dashboards: whose they are, what stands in them for whom, how they are chosen, put together and removed; live without a full run."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import acting_as
from crm.dashboards import reads, use_cases
from crm.dashboards.ready_made import READY_MADE
from crm.dashboards.rules import FIGURES
from crm.leads.use_cases import edit_leads
from crm.ui.dashboards import catalogue, wall
from tests.pages.parts import said
from tests.pages.test_reports import end_two, links, tiles

DASHBOARDS = "pages/dashboards.py"


def make(cast: Any, who: str, *blocks: Any, **values: Any) -> int:
    given = [{"what": block} if isinstance(block, str) else block for block in blocks]
    with acting_as(cast.who(who)) as session:
        return use_cases.make_dashboard(session, {"name": "Mine", **values}, given, source="test").results[0].record_id or 0


def shared(cast: Any, *blocks: Any, **values: Any) -> int:
    return make(cast, "mona", *blocks, **{"name": "Gulf's", "audience": "team", "for_team_id": cast.teams["Gulf"], **values})


def blocks_of(cast: Any, who: str, dashboard: int) -> list[reads.Block]:
    with acting_as(cast.who(who)) as session:
        return list(reads.blocks_of(session, [dashboard])[dashboard])


def button(page: Any, label: str) -> Any:
    return next(each for each in page.button if each.label == label)


def test_every_figure_there_is_comes_from_a_report_page() -> None:
    assert {f"{name}.{figure}" for name, family in catalogue.FAMILIES.items() for figure in family.figures} == set(FIGURES)
    assert {block["what"] for ready in READY_MADE.values() for block in ready.blocks} <= set(FIGURES)


@pytest.mark.parametrize("who", ["mona", "ana", "vera", "alma", "carla"])
def test_every_figure_is_drawn_for_whoever_sees_reports(visit: Any, cast: Any, who: str) -> None:
    end_two(cast)
    make(cast, who, *FIGURES)
    page = visit(who, DASHBOARDS)
    assert not page.exception
    assert [title for title in FIGURES.values() if title.split(",")[0] not in said(page)] == []
    assert links(page).count("Open") == len(FIGURES)


def test_each_sees_in_a_shared_one_only_what_is_theirs(visit: Any, cast: Any) -> None:
    end_two(cast)
    make(cast, "alma", "wins.summary", "wins.owners", name="All's", audience="everyone")
    for who, won, named in (("mona", "$12.4k", True), ("carla", None, False)):
        page = visit(who, DASHBOARDS)
        assert not page.exception
        assert tiles(page).get("Won", (None, ""))[0] == won
        assert ("Ana" in links(page)) == named


def test_a_dashboard_that_is_not_shared_with_one_is_not_there(visit: Any, cast: Any) -> None:
    hidden = make(cast, "ana", "wins.months", name="Ana's own")
    for who in ("bruno", "mona", "alma", "carla"):
        page = visit(who, DASHBOARDS, dashboard=str(hidden))
        assert not page.exception
        assert "Ana's own" not in said(page) and "is not there any more, or it is not shared with you" in said(page)


@pytest.mark.parametrize("given", ["x", "-1", "9" * 30, "1' or 1=1", "٣", ""])
def test_an_address_that_makes_no_sense_shows_what_there_is(visit: Any, cast: Any, given: str) -> None:
    shared(cast, "wins.months")
    page = visit("mona", DASHBOARDS, dashboard=given, of_team="x", period="-1", as_of="9999-99-99")
    assert not page.exception
    assert "Gulf&#x27;s" in said(page) or "Gulf's" in said(page)


def test_nobody_without_reports_comes_in(visit: Any, cast: Any, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("update crm.grants set scope = 'none', version = version + 1 where resource = 'report' and scope <> 'none'"))
    page = visit("vera", DASHBOARDS)
    assert "This page is not for your role" in [title.value for title in page.title]


PART = """
from crm.access import acting_as
from crm.dashboards import reads
from crm.ui import messages
from crm.ui.dashboards import dialogs, pin
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer
person = viewer("report")
lookups = look_up(person)
messages.draw(person)
with acting_as(person) as session:
    found = next(iter(reads.dashboards(session)), None)
"""


def test_an_empty_page_says_what_to_do_and_offers_ready_made_ones(look: Any, visit: Any, cast: Any) -> None:
    page = visit("ana", DASHBOARDS)
    assert "No dashboards yet." in said(page)
    assert {ready.name for ready in READY_MADE.values()} < {each.label for each in page.button}
    page = look(f'{PART}dialogs.draw_new(person, lookups, "quarter")', "ana").run()
    page = button(page, "Make dashboard").click().run()
    assert not page.exception
    assert "“This quarter” is made." in said(page)
    with acting_as(cast.who("ana")) as session:
        (found,) = reads.dashboards(session)
    assert (found.audience, found.filters) == ("private", {"period": "quarter"})
    assert [block.what for block in blocks_of(cast, "ana", found.id)] == [block["what"] for block in READY_MADE["quarter"].blocks]


def test_it_is_renamed_and_shared_as_far_as_one_may(look: Any, cast: Any) -> None:
    dashboard = make(cast, "mona")
    page = look(f"{PART}dialogs.draw_change(found, person, lookups)", "mona").run()
    page = page.text_input("dashboards.change.name").set_value("Gulf's").run()
    page = page.selectbox("dashboards.change.audience").set_value(("team", cast.teams["Gulf"])).run()
    page = button(page, "Save").click().run()
    assert not page.exception
    with acting_as(cast.who("vera")) as session:
        assert [(found.id, found.name) for found in reads.dashboards(session)] == [(dashboard, "Gulf's")]
    page = look(f"{PART}dialogs.draw_new(person, lookups)", "ana").run()
    assert page.selectbox("dashboards.new.audience").options == ["Only me"]


def test_filters_narrow_every_block_and_a_dashboard_opens_with_its_own(visit: Any, cast: Any) -> None:
    end_two(cast)
    dashboard = make(cast, "alma", "wins.owners", name="Levant's", filters={"team": cast.teams["Levant"], "period": "year"})
    page = visit("alma", DASHBOARDS, dashboard=str(dashboard))
    assert not page.exception
    assert "Nothing was won or lost in this time." in said(page)
    assert "only team Levant" in said(page)
    page = visit("alma", DASHBOARDS, dashboard=str(dashboard), of_team="Gulf")
    assert "Ana" in links(page) and "only team Gulf" in said(page)


def test_a_block_of_its_own_narrowing_stands_beside_one_of_another(visit: Any, cast: Any) -> None:
    end_two(cast)
    own = [{"what": "wins.owners", "title": f"Of {team}", "parameters": {"team": cast.teams[team]}} for team in ("Gulf", "Levant")]
    page = visit("alma", DASHBOARDS, dashboard=str(make(cast, "alma", *own)))
    assert not page.exception
    assert "only team Gulf" in said(page) and "only team Levant" in said(page)
    assert "Of Gulf" in said(page) and "Of Levant" in said(page)
    page = visit("alma", DASHBOARDS, of_team="Levant")
    assert "only team Gulf" not in said(page)


def test_a_block_says_which_filter_does_not_narrow_it(visit: Any, cast: Any) -> None:
    make(cast, "mona", "revenue.markets")
    page = visit("mona", DASHBOARDS, of_owner="Bruno")
    assert "Not narrowed by owner: this figure is of all of them." in said(page)


def test_a_block_leads_to_its_whole_page_asked_the_same(visit: Any, cast: Any) -> None:
    make(cast, "mona", "wins.owners")
    page = visit("mona", DASHBOARDS, of_owner="Bruno", period="A year")
    (link,) = [link for link in page.page_link if link.label == "Open"]
    assert "win-loss" in link.proto.page or "win_loss" in link.proto.page
    assert "of_owner=Bruno" in link.proto.query_string and "period=A+year" in link.proto.query_string.replace("%20", "+")


def test_blocks_are_put_together_by_who_may_and_each_act_can_be_taken_back(visit: Any, cast: Any) -> None:
    dashboard = shared(cast, "wins.months", "wins.owners")
    page = button(visit("mona", DASHBOARDS), "Edit").click().run()
    assert not page.exception
    one, two = blocks_of(cast, "mona", dashboard)
    page = page.button(f"dashboards.down.{one.id}").click().run()
    assert [block.id for block in blocks_of(cast, "mona", dashboard)] == [two.id, one.id]
    page = page.button(f"dashboards.width.{one.id}").click().run()
    page = page.button(f"dashboards.remove.{two.id}").click().run()
    assert [(block.id, block.width) for block in blocks_of(cast, "mona", dashboard)] == [(one.id, "full")]
    page = page.button("message.undo").click().run()
    assert not page.exception
    assert [block.id for block in blocks_of(cast, "mona", dashboard)] == [two.id, one.id]


def test_a_block_is_added_by_choosing_a_figure(look: Any, cast: Any) -> None:
    dashboard = make(cast, "ana")
    page = look(f"{PART}dialogs.draw_add(found, person, lookups)", "ana").run()
    page = page.selectbox("dashboards.add.family").set_value("stale").run()
    page = page.selectbox("dashboards.add.what.stale").set_value("stale.leads").run()
    page = page.text_input("dashboards.add.stale.leads.title").set_value("Who waits").run()
    page = button(page, "Add block").click().run()
    assert not page.exception
    (block,) = blocks_of(cast, "ana", dashboard)
    assert (block.what, block.title, block.width, block.parameters) == ("stale.leads", "Who waits", "half", {})


def test_a_block_is_changed_and_keeps_what_is_out_of_sight(look: Any, cast: Any) -> None:
    dashboard = make(cast, "ana", {"what": "wins.owners", "parameters": {"team": cast.teams["Levant"]}})
    block = blocks_of(cast, "ana", dashboard)[0]
    show = "block = reads.blocks_of(session, [found.id])[found.id][0]\ndialogs.draw_block(found, block, person, lookups)"
    page = look(f"{PART}    {show}", "ana").run()
    page = page.text_input(f"dashboards.block.{block.id}.title").set_value("Winners").run()
    page = button(page, "Save").click().run()
    assert not page.exception
    after = blocks_of(cast, "ana", dashboard)[0]
    assert (after.title, after.parameters) == ("Winners", {"team": cast.teams["Levant"]})


def test_who_may_not_change_a_dashboard_looks_and_copies(visit: Any, cast: Any) -> None:
    shared(cast, "wins.months")
    page = visit("ana", DASHBOARDS)
    assert "Edit" not in [each.label for each in page.button]
    with acting_as(cast.who("ana")) as session:
        (found,) = reads.dashboards(session)
        assert not reads.may(session, found, "edit") and not reads.may(session, found, "delete")


def test_a_look_reads_reports_only_when_something_has_changed(visit: Any, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps, asked = ["then"], []
    real = wall._read
    monkeypatch.setattr(wall.news, "stamp", lambda session: stamps[-1])
    monkeypatch.setattr(wall, "_read", lambda *given: asked.append(given) or real(*given))
    make(cast, "mona", "wins.summary")
    page = visit("mona", DASHBOARDS)
    assert len(asked) == 1 and "Leads won" not in tiles(page)
    with acting_as(cast.who("bruno")) as session:
        edit_leads(session, [(cast.leads["Petra Supplies"], 1, {"stage_id": cast.stages["Gulf"]["Won"]})], source="form")
    page.run()
    assert len(asked) == 1
    stamps.append("now")
    page.run()
    assert len(asked) == 2 and tiles(page)["Leads won"][0] == "1"


def test_whose_role_was_narrowed_looks_at_nothing_older(visit: Any, cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall.news, "stamp", lambda session: "always the same")
    end_two(cast)
    make(cast, "mona", "wins.summary")
    page = visit("mona", DASHBOARDS)
    assert tiles(page)["Leads won"][0] == "1"
    with db.owner().begin() as connection:
        connection.execute(text("update crm.grants set scope = 'own', version = version + 1 where resource = 'report' and action = 'view' and scope = 'team'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    page.run()
    assert not page.exception and "Leads won" not in tiles(page)


def test_names_are_text_and_never_markup(visit: Any, cast: Any) -> None:
    evil = "<img src=x onerror=alert(1)>"
    make(cast, "mona", {"what": "wins.months", "title": evil}, name=evil)
    page = visit("mona", DASHBOARDS)
    assert not page.exception and "<img" not in said(page)
    page = button(page, "Edit").click().run()
    assert not page.exception and "<img" not in said(page)


def exploration(**address: str) -> dict[str, Any]:
    return {"kind": "exploration", "what": "explore", "title": "Counted", "parameters": {"address": {name: [text] for name, text in address.items()}}}


def test_a_pinned_exploration_follows_the_filters_and_leads_back_to_explore(visit: Any, cast: Any) -> None:
    block = exploration(measure="Leads", which="Open leads", by="Owner", chart="Table")
    make(cast, "alma", block, name="All's", audience="everyone")
    page = visit("alma", DASHBOARDS)
    assert not page.exception
    assert "Counted" in said(page) and "Carla" in said(page) and "Bruno" in said(page)
    page = visit("alma", DASHBOARDS, of_team="Gulf")
    assert "Bruno" in said(page) and "Carla" not in said(page) and "only open leads, team Gulf" in said(page)
    (link,) = [link for link in page.page_link if link.label == "Open"]
    assert "explore" in link.proto.page and "of_team=Gulf" in link.proto.query_string and "by=Owner" in link.proto.query_string
    assert "Carla" not in said(visit("mona", DASHBOARDS))


def test_a_pinned_exploration_that_makes_no_sense_any_more_shows_what_it_can(visit: Any, cast: Any) -> None:
    gone, of_orders = exploration(by="Gone", chart="x"), exploration(measure="Revenue", by="Market")
    make(cast, "mona", gone, of_orders, exploration(measure="Win rate", by="Owner", split="Stage", period="This quarter"))
    page = visit("mona", DASHBOARDS)
    assert not page.exception and said(page).count("both included") + said(page).count("Now, exact") == 3


def test_what_is_shown_on_explore_is_pinned(look: Any, visit: Any, cast: Any) -> None:
    dashboard = make(cast, "ana", name="Ana's")
    page = visit("ana", "pages/explore.py")
    assert not page.exception
    assert "Pin to a dashboard" in [each.label for each in page.button]
    show = 'pin.draw_pin(person, lookups, {"measure": ["Leads"], "by": ["Owner"]}, "Leads by owner")'
    page = look(f"{PART}{show}", "ana").run()
    page = button(page, "Pin it").click().run()
    assert not page.exception
    (block,) = blocks_of(cast, "ana", dashboard)
    assert (block.kind, block.title, block.parameters) == ("exploration", "Leads by owner", {"address": {"measure": ["Leads"], "by": ["Owner"]}})
