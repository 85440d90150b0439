"""Saved views on Leads, Board and Customers: kept, opened, sent as a link, shared by grant; sums by group."""

from __future__ import annotations

from typing import Any

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.ui import saved_view_dialogs, saved_views
from crm.views import reads, use_cases
from tests.pages.parts import press, said

PAGE = "pages/leads.py"


def keep(cast: Any, who: str, name: str, *, page: str = "leads", **values: Any) -> int:
    with acting_as(cast.who(who)) as session:
        outcome = use_cases.save_view(session, {"page": page, "name": name, "address": {}, **values}, source="test")
    return outcome.results[0].record_id or 0


def names(page: Any) -> set[str]:
    return set(page.data_editor[0].value["name"]) if page.data_editor else set()


def keys(page: Any) -> set[str]:
    return {button.key for button in page.button}


BRUNOS = {"view": ["Team"], "owner": ["Bruno"]}


def test_a_link_to_a_view_asks_for_what_it_keeps_and_is_not_asked_again(visit: Any, cast: Any) -> None:
    view = keep(cast, "ana", "Of Bruno", address={**BRUNOS, "sort": ["Highest value"], "columns": ["Lead", "Stage"]})
    page = visit("ana", PAGE, saved=str(view))
    assert not page.exception
    assert names(page) == {"Petra Supplies"}
    assert list(page.data_editor[0].value.columns) == ["open", "name", "stage"]
    assert page.selectbox(key="sort").value == "-value_usd"
    assert "saved" not in page.query_params


def test_whose_a_view_is_is_text_and_never_markup(visit: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        apply(session, [Edit("team", cast.teams["Gulf"], {"name": "<img src=x onerror=alert(1)>"}, 1)], source="test", on_conflict="refuse")
    keep(cast, "mona", "Hers", audience="team", for_team_id=cast.teams["Gulf"])
    page = visit("ana", PAGE)
    assert "for &lt;img" in said(page) and "<img" not in said(page)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("asked", ["99999", "-1", "x", "1; drop table crm.views", "9" * 40, "", "²"])
def test_a_link_to_no_view_opens_the_page_with_a_kind_line(visit: Any, asked: str) -> None:
    page = visit("ana", PAGE, saved=asked)
    assert not page.exception
    assert names(page) == {"Al Noor Trading", "Delta Foods"}
    assert saved_views.GONE in said(page)


def test_what_a_colleague_keeps_to_herself_is_as_if_it_were_not_there(visit: Any, cast: Any) -> None:
    view = keep(cast, "ana", "Only mine", address=BRUNOS)
    page = visit("bruno", PAGE, saved=str(view))
    assert saved_views.GONE in said(page)
    assert "Only mine" not in said(page) and not [key for key in keys(page) if str(key).startswith("leads.saved.open")]


def test_a_pinned_view_of_the_team_is_a_button_for_its_members_alone(visit: Any, cast: Any) -> None:
    view = keep(cast, "mona", "Gulf's hottest", audience="team", for_team_id=cast.teams["Gulf"], is_pinned=True, address={"view": ["Team"], "q": ["noor"]})
    assert f"leads.saved.pinned.{view}" not in keys(visit("carla", PAGE))
    page = visit("vera", PAGE)
    page = press(page, f"leads.saved.pinned.{view}")
    assert names(page) == {"Al Noor Trading"}


def test_what_of_a_view_means_nothing_here_is_left_out_and_said(visit: Any, cast: Any) -> None:
    view = keep(cast, "mona", "Old", audience="team", for_team_id=cast.teams["Gulf"], address={"view": ["Team"], "stage": ["Abolished"], "owner": ["Bruno"]})
    page = visit("ana", PAGE, saved=str(view))
    assert names(page) == {"Petra Supplies"}
    assert "asks for something that is not here any more" in said(page)


def test_the_page_opens_with_the_view_of_ones_role_but_not_over_an_address(visit: Any, cast: Any, db: Any) -> None:
    rep = db.value("select id from crm.roles where name = 'rep'")
    keep(cast, "mona", "Start", audience="team", for_team_id=cast.teams["Gulf"], address=BRUNOS, default_for_role_id=rep)
    assert names(visit("ana", PAGE)) == {"Petra Supplies"}
    assert names(visit("ana", PAGE, q="noor")) == {"Al Noor Trading"}
    assert names(visit("mona", PAGE)) == {"Al Noor Trading", "Delta Foods", "Petra Supplies"}
    assert names(visit("carla", PAGE)) == {"Nile Mart"}


def test_reps_keep_views_to_themselves_managers_share_with_their_team_admins_with_everyone(look: Any, cast: Any) -> None:
    from crm.ui.lookups import look_up

    gulf = cast.teams["Gulf"]
    for who, expected in (
        ("ana", [("private", None)]), ("mona", [("private", None), ("team", gulf)]),
        ("alma", [("private", None), ("team", gulf), ("team", cast.teams["Levant"]), ("everyone", None)]),
    ):  # fmt: skip
        person = cast.who(who)
        assert saved_view_dialogs.audiences(person, look_up(person)) == expected


def test_what_is_shown_is_kept_from_the_dialog(look: Any, visit: Any, cast: Any, db: Any) -> None:
    page = look("""
from crm.ui import lead_params, saved_view_dialogs
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer
person = viewer("lead")
screen = lead_params.screen(person, look_up(person), begins_with_own=True)
saved_view_dialogs.draw_save(person, look_up(person), screen, {"view": ["Team"], "q": ["petra"]})
""", "ana").run()  # fmt: skip
    page.text_input(key="leads.saved.name").set_value("Petras")
    press(page, "leads.saved.save")
    assert not page.exception
    assert db.rows("select name, audience, is_pinned, address from crm.views") == [
        {"name": "Petras", "audience": "private", "is_pinned": True, "address": {"q": ["petra"], "view": ["Team"]}}
    ]
    assert db.value("select count(*) from crm.changes where record_type = 'view'") == 1


def test_a_view_keeps_what_a_number_asked_for_and_another_view_lets_it_go(visit: Any, cast: Any, db: Any) -> None:
    shown = {"view": "Team", "kind": "open", "created": "2020-01-01..2090-12-31"}
    behind, bare = keep(cast, "ana", "Behind", is_pinned=True), keep(cast, "ana", "Bare", is_pinned=True, address={"view": ["Team"]})
    page = visit("ana", PAGE, **shown)
    found = names(page)
    with acting_as(cast.who("ana")) as session:
        (view,) = [view for view in reads.views_of(session, "leads") if view.id == behind]
        assert use_cases.change_view(session, view.id, view.version, {"address": {name: [text] for name, text in shown.items()}}, name="x", source="test")
    page = press(visit("ana", PAGE, view="Team", kind="won"), f"leads.saved.pinned.{behind}")
    assert not page.exception
    assert names(page) == found and {"leads.behind.kind", "leads.behind.created"} <= keys(page)
    assert (page.query_params["kind"], page.query_params["created"]) == ("open", "2020-01-01..2090-12-31")
    page = press(page, f"leads.saved.pinned.{bare}")
    assert not {"kind", "created"} & set(page.query_params) and not [key for key in keys(page) if str(key).startswith("leads.behind")]


def test_what_a_number_asked_for_is_kept_in_its_words(look: Any, visit: Any, db: Any) -> None:
    page = look("""
import streamlit as st
from crm.ui import lead_params, saved_view_dialogs, saved_views
from crm.ui.lookups import look_up
from crm.ui.viewer import viewer
person = viewer("lead")
screen = lead_params.screen(person, look_up(person), begins_with_own=True)
for name, text in {"kind": "won", "own": "nothing=1", "closes": "none"}.items():
    st.query_params[name] = text
saved_view_dialogs.draw_save(person, look_up(person), screen, saved_views.now(screen))
""", "ana").run()  # fmt: skip
    words = page.caption[0].value
    assert "Won leads" in words and "Without a close date" in words
    page.text_input(key="leads.saved.name").set_value("Won, no date")
    press(page, "leads.saved.save")
    assert not page.exception
    kept = db.value("select address from crm.views")
    assert (kept["kind"], kept["closes"], "own" in kept) == (["won"], ["none"], False)


def test_a_colleague_offers_no_acts_on_a_view_that_is_not_ones_own(cast: Any) -> None:
    view = keep(cast, "mona", "Shared", audience="team", for_team_id=cast.teams["Gulf"])
    with acting_as(cast.who("ana")) as session:
        (found,) = reads.views_of(session, "leads")
    assert found.id == view
    assert saved_views.acts_of(found, cast.who("ana")) == []
    assert saved_views.acts_of(found, cast.who("mona")) == ["update", "rename", "pin", "delete"]
    assert saved_views.acts_of(found, cast.who("alma")) == ["update", "rename", "pin", "delete"]


def test_names_of_views_are_text(visit: Any, cast: Any) -> None:
    keep(cast, "ana", "<img src=x onerror=alert(1)>", is_pinned=True)
    page = visit("ana", PAGE)
    assert not page.exception
    assert "<img" not in said(page)


def test_groups_sum_up_and_narrow_to_one_of_them(visit: Any) -> None:
    page = visit("mona", PAGE, group="By owner")
    labels = [button.label for button in page.button if str(button.key).startswith("leads.group.")]
    assert labels == ["Ana **2** · \\$12.4k", "Bruno **1** · \\$9,500"]
    page = press(page, "leads.group.1")
    assert names(page) == {"Petra Supplies"}
    assert len([button for button in page.button if str(button.key).startswith("leads.group.")]) == 2
    page = press(page, "leads.group.1")
    assert names(page) == {"Al Noor Trading", "Delta Foods", "Petra Supplies"}


def test_groups_by_stage_hold_what_the_filter_finds(visit: Any) -> None:
    page = visit("ana", PAGE, group="By stage", view="Team", owner="Bruno")
    assert [button.label for button in page.button if str(button.key).startswith("leads.group.")] == ["Lead **1** · \\$9,500"]


SIZES = {"Al Noor Trading": 3, "Petra Supplies": 12, "Delta Foods": 5}


@pytest.fixture
def sized(cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        edits = [Edit("lead", cast.leads[name], {"custom.size": size}, 1) for name, size in SIZES.items()]
        apply(session, edits, source="test", on_conflict="refuse")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ({"custom.size.from": ["4"]}, {"Petra Supplies", "Delta Foods"}), ({"custom.size.from": ["4"], "custom.size.to": ["5"]}, {"Delta Foods"}),
        ({"custom.color": ["blue"]}, set()),
    ],
)  # fmt: skip
def test_a_view_keeps_filters_by_custom_fields(visit: Any, cast: Any, sized: None, address: Any, found: set[str]) -> None:
    view = keep(cast, "ana", "By size", address={"view": ["Team"], **address}, is_pinned=True)
    page = visit("ana", PAGE, saved=str(view))
    assert not page.exception
    assert names(page) == found
    assert "asks for something" not in said(page)
    assert {name: page.query_params[name] for name in address} == {name: texts[0] for name, texts in address.items()}
    page = press(page, f"leads.saved.pinned.{view}")
    assert names(page) == found


@pytest.mark.parametrize("text", ["many", "nan", "inf", "1e400", "", "9" * 290])
def test_a_number_that_is_none_in_a_view_is_left_out_and_said(visit: Any, cast: Any, sized: None, text: str) -> None:
    view = keep(cast, "ana", "By size", address={"view": ["Team"], "custom.size.from": [text]})
    page = visit("ana", PAGE, saved=str(view))
    assert not page.exception
    assert names(page) == set(SIZES)
    assert "asks for something that is not here any more" in said(page)


def test_a_field_that_a_role_hides_is_no_part_of_a_colleagues_view(visit: Any, cast: Any, db: Any, sized: None) -> None:
    view = keep(cast, "mona", "Big", audience="team", for_team_id=cast.teams["Gulf"], address={"view": ["Team"], "custom.size.from": ["4"]})
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "insert into crm.field_rules (role_id, record_type, field, rule) select id, 'lead', 'custom.size', 'hidden' from crm.roles where name = 'rep'"
        )
        connection.exec_driver_sql("update crm.access_stamps set version = version + 1")
    page = visit("ana", PAGE, saved=str(view))
    assert not page.exception
    assert names(page) == set(SIZES)
    assert "not in your sight" in said(page)


BOARD, CUSTOMERS = "pages/board.py", "pages/customers.py"


def test_a_view_of_the_board_keeps_whose_leads_and_words(visit: Any, cast: Any) -> None:
    view = keep(cast, "ana", "Of Bruno", page="board", address={"whose": ["Bruno"], "q": ["petra"]})
    page = visit("ana", BOARD, saved=str(view))
    assert not page.exception
    assert (page.selectbox(key="whose").value, page.text_input(key="q").value) == (cast.people["bruno"], "petra")
    assert "leads of Bruno" in said(page) and "saved" not in page.query_params


def test_a_pinned_view_of_the_board_is_a_button_for_its_team_alone(visit: Any, cast: Any) -> None:
    view = keep(cast, "mona", "Nobody's", page="board", audience="team", for_team_id=cast.teams["Gulf"], is_pinned=True, address={"whose": ["Nobody yet"]})
    assert f"board.saved.pinned.{view}" not in keys(visit("carla", BOARD))
    page = press(visit("vera", BOARD), f"board.saved.pinned.{view}")
    assert not page.exception
    assert page.selectbox(key="whose").value == 0


def test_a_view_of_one_page_opens_no_other(visit: Any, cast: Any) -> None:
    view = keep(cast, "ana", "Of Bruno", page="board", address={"whose": ["Bruno"]})
    page = visit("ana", PAGE, saved=str(view))
    assert saved_views.GONE in said(page)


def test_the_board_opens_with_the_view_of_ones_role(visit: Any, cast: Any, db: Any) -> None:
    rep = db.value("select id from crm.roles where name = 'rep'")
    keep(cast, "alma", "Start", page="board", audience="everyone", address={"whose": ["Everybody"]}, default_for_role_id=rep)
    assert visit("ana", BOARD).selectbox(key="whose").value == -2
    assert visit("ana", BOARD, whose="Mine").selectbox(key="whose").value == -1


def test_a_view_of_customers_keeps_its_filters_and_order(visit: Any, cast: Any) -> None:
    address = {"view": ["Without a lead"], "ordered": ["Last 30 d"], "contact": ["Not for 14 d"], "sort": ["Highest lifetime"], "q": ["sahara"]}
    view = keep(cast, "ana", "Fresh", page="customers", address=address, is_pinned=True)
    page = visit("ana", CUSTOMERS, saved=str(view))
    assert not page.exception
    assert {name: page.selectbox(key=name).value for name in ("ordered", "contact", "sort")} == {
        "ordered": "Last 30 d", "contact": "Not for 14 d", "sort": "-lifetime_usd",
    }  # fmt: skip
    assert page.text_input(key="q").value == "sahara"
    page.selectbox(key="ordered").set_value("Last 365 d").run()
    page = press(page, f"customers.saved.pinned.{view}")
    assert page.selectbox(key="ordered").value == "Last 30 d"


@pytest.mark.parametrize("page", ["leads", "board", "customers"])
def test_the_label_on_a_phone_counts_what_narrows_the_list(visit: Any, page: str) -> None:
    bare = visit("ana", f"pages/{page}.py")
    assert bare.checkbox(key=f"{page}.fold").label.endswith("Filters")
    narrow = {"leads": {"stage": "Lead", "owner": "Bruno", "view": "Team"}, "board": {"whose": "Bruno"}, "customers": {"ordered": "Last 30 d", "q": "x"}}[page]
    count = {"leads": 2, "board": 1, "customers": 1}[page]
    assert visit("ana", f"pages/{page}.py", **narrow).checkbox(key=f"{page}.fold").label.endswith(f"Filters ({count})")
