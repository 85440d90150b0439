"""Explore: what is chosen lives in the URL and in saved views, every number opens just its leads, and nothing hidden can be chosen."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply
from crm.ui.explore import choices
from crm.ui.lookups import look_up
from tests.db.ledgers import add_lead, at
from tests.pages.parts import press, said
from tests.pages.test_reports import end_two
from tests.pages.test_saved_views import keep
from tests.roles import hide_from

PAGE = "pages/explore.py"
HREF = re.compile(r"<a href='(\w+)\?([^']*)' target='_self'>([^<]*)</a>")


def numbers(page: Any) -> dict[str, str]:
    """The links of the table: address -> the number that it stands under."""
    return {unescape(address): number for _, address, number in HREF.findall(said(page))}


def opened(visit: Any, who: str, address: str) -> set[str]:
    """The leads that a link opens."""
    asked = {name: values[0] for name, values in parse_qs(address).items()}
    page = visit(who, "pages/leads.py", **asked)
    assert not page.exception
    return {row["name"] for row in page.session_state["leads.sheet"].rows}


def table(page: Any) -> str:
    return next(element.proto.body for element in page.get("html") if "tl-pivot" in element.proto.body)


def cells(page: Any) -> list[list[str]]:
    """The table's texts, line by line."""
    return [[re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", line)] for line in re.findall(r"<tr>.*?</tr>", table(page))]


@pytest.mark.parametrize("who", ["mona", "ana", "vera", "alma", "carla"])
def test_everybody_with_reports_explores_their_own_figures(visit: Any, cast: Any, who: str) -> None:
    end_two(cast)
    page = visit(who, PAGE, measure="Value", which="All leads", by="Owner", split="Kind of stage")
    assert not page.exception
    assert "tl-headline" in said(page)
    if who == "carla":
        assert not any(secret in said(page) for secret in ("Ana", "Bruno", "12.4k", "9,500"))
    elif who == "mona":
        assert cells(page) == [
            ["Owner", "Open", "Won", "Lost", "All"], ["Ana", "$0", "$12.4k", "–", "$12.4k"], ["Bruno", "–", "–", "$9,500", "$9,500"],
            ["All", "$0", "$12.4k", "$9,500", "$21.9k"],
        ]  # fmt: skip
        assert "$21.9k, from 3 leads. Ana holds most: 57%." in said(page)


def test_without_the_grant_the_page_says_so(visit: Any, db: Any) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.grants where resource = 'report'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    assert "This page is not for your role" in [title.value for title in visit("vera", PAGE).title]


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    "query",
    [
        {"measure": "x", "by": "'; drop table crm.leads", "split": "<script>"},
        {"which": "Open leads", "measure": "Win rate"}, {"by": "Owner", "split": "Owner"},
        {"chart": "Pie", "period": "-1", "as_of": "9999-99-99"}, {"measure": "Revenue", "by": "Owner", "which": "Open leads"},
        {"of_source": "\x00' or 1=1", "of_market": "??", "of_team": "x"}, {"as_of": "2001-01-01", "by": "Month of creation", "which": "Leads that began"},
        {"chart": "Lines", "by": "Owner"}, {"chart": "Stacked", "measure": "Win rate", "split": "Source"}, {"saved": "999999"}, {"saved": "x"},
    ],
)  # fmt: skip
def test_an_address_that_makes_no_sense_shows_what_it_can(visit: Any, cast: Any, query: dict[str, str]) -> None:
    page = visit("mona", PAGE, **query)
    assert not page.exception
    assert "<script" not in said(page)
    assert "both included" in said(page) or "Now, exact" in said(page)


def test_every_choice_draws(visit: Any, cast: Any) -> None:
    end_two(cast)
    page = visit("mona", PAGE)
    person = cast.who("mona")
    lookups = look_up(person)
    for name in choices.measures(person):
        page = page.selectbox(key="measure").set_value(name).run()
        known = list(choices.dimensions(person, lookups, name))
        for by in known if name in ("leads", "revenue") else known[-1:]:
            page = page.selectbox(key="by").set_value(by).run()
            assert not page.exception, (name, by)


def test_names_are_text_and_never_markup(visit: Any, db: Any, cast: Any) -> None:
    end_two(cast)
    with db.owner().begin() as connection:
        for name in ("stages", "people", "teams"):
            connection.execute(text(f"update crm.{name} set name = '<img src=x onerror=alert(1)>''\"' || id, version = version + 1"))
        connection.execute(text("update crm.leads set source = '<script>y', lost_reason = '<script>z''', version = version + 1"))
    for by, split in (("Stage", "Owner"), ("Source", "Team"), ("Lost reason", "Nothing more")):
        page = visit("mona", PAGE, which="All leads", by=by, split=split)
        assert not page.exception
        assert "<img" not in said(page) and "<script" not in said(page)


def test_what_is_hidden_cannot_be_chosen(visit: Any, cast: Any) -> None:
    bruno = hide_from(cast, "bruno", "value", "source", "expected_close_on")
    assert not {"value", "weighted"} & choices.measures(bruno).keys()
    assert not {"source", "closes_month", "closes_quarter"} & choices.dimensions(bruno, look_up(bruno), "leads").keys()
    page = visit("bruno", PAGE, measure="Value", by="Source")
    assert not page.exception
    assert "9,500" not in said(page) and "$" not in table(page)


def test_nothing_at_all_says_what_to_do_next(visit: Any, cast: Any) -> None:
    page = visit("mona", PAGE, measure="Win rate")
    assert not page.exception
    assert "Nothing to count here yet." in said(page) and "Choose a longer time" in said(page)


FIELDS = {
    "Product": "choice", "Crates": "number", "Buys": "choices", "Remark": "text", "Vip": "flag", "Buyer": "person", "Tasted": "date", "Budget": "money",
}  # fmt: skip


@pytest.fixture
def wide(db: Any, cast: Any) -> None:
    """Leads with custom fields, sources, close dates; some with nothing."""
    end_two(cast)
    with acting_as(OPERATOR) as session:
        for label, kind in FIELDS.items():
            more = {"options": ["Oil", "Rice"]} if kind.startswith("choice") else {}
            apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": label, "kind": kind, **more})], source="test")
    own = {
        "product": "Oil", "crates": "15", "buys": "Oil, Rice", "remark": "a=b & c", "vip": "yes", "buyer": "Bruno", "tasted": "2026-02-28",
        "budget": "USD 99.99",
    }  # fmt: skip
    add_lead(
        cast, "Gulf", "ana", name="Full", value="100", source="Fair", expected_close_on="2027-01-15", **{f"custom.{key}": value for key, value in own.items()}
    )
    other = {"product": "Oil", "crates": "100", "buys": "Oil", "remark": "a=b & c d", "tasted": "2026-03-01"}
    add_lead(
        cast, "Gulf", "bruno", name="Other", value="50", source="Fair & Sons", when=at("2026-02-03 10:00"),
        **{f"custom.{key}": value for key, value in other.items()},
    )  # fmt: skip
    add_lead(cast, "Gulf", None, name="Nobody's", stage="Won")


def count_of(number: str) -> int:
    return int(number.replace(",", ""))


@pytest.mark.parametrize("which", ["Open leads", "All leads", "Leads that began", "Leads that ended"])
def test_every_number_opens_as_many_leads_as_it_says(visit: Any, cast: Any, wide: None, which: str) -> None:
    lookups = look_up(cast.who("mona"))
    known = choices.dimensions(cast.who("mona"), lookups, "leads")
    every = [(label, "Nothing more") for label in known.values()] if which == "All leads" else [("Kind of stage", "Source")]
    for by, split in (("Stage", "Owner"), *every):
        page = visit("mona", PAGE, measure="Leads", which=which, by=by, split=split)
        assert not page.exception
        for address, number in numbers(page).items():
            assert len(opened(visit, "mona", address)) == count_of(number), (by, split, address)


def test_a_cell_opens_the_leads_of_both_its_groups(visit: Any, cast: Any, wide: None) -> None:
    page = visit("mona", PAGE, measure="Leads", which="All leads", by="Product", split="Crates", chart="Table")
    found = {address: number for address, number in numbers(page).items() if "own2" in address}
    assert sorted(tuple(sorted(opened(visit, "mona", address))) for address in found)[-2:] == [("Full",), ("Other",)], table(page)


def test_a_view_of_an_exploration_is_kept_and_opened_by_its_link(visit: Any, cast: Any) -> None:
    end_two(cast)
    page = visit("mona", PAGE, measure="Value", which="All leads", by="Owner", chart="Table", of_team="Gulf")
    assert page.selectbox(key="by").value == "owner"
    view = keep(
        cast, "mona", "Who holds what", page="explore", audience="team", for_team_id=cast.teams["Gulf"], is_pinned=True,
        address={"measure": ["Value"], "which": ["All leads"], "by": ["Owner"], "chart": ["Table"], "period": ["90 days"]},
    )  # fmt: skip
    page = visit("ana", PAGE, saved=str(view))
    assert not page.exception
    assert [page.selectbox(key=key).value for key in ("measure", "which", "by", "split")] == ["value", "all", "owner", ""]
    assert page.segmented_control(key="chart").value == "pivot" if hasattr(page, "segmented_control") else True
    page = press(visit("vera", PAGE), f"explore.saved.pinned.{view}")
    assert page.selectbox(key="measure").value == "value" and not page.exception
    assert f"explore.saved.pinned.{view}" not in {button.key for button in visit("carla", PAGE).button}


@pytest.mark.leaves_no_trace
def test_a_link_to_groups_that_are_not_there_any_more_says_that_it_shows_others(visit: Any) -> None:
    page = visit("mona", PAGE, by="VAT number", split="Owner", measure="Open value")
    assert not page.exception and "The link also asks for measure “Open value” and groups of “VAT number”" in said(page)
    assert "by" not in page.query_params and page.query_params["split"] == "Owner"
