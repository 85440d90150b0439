"""Custom fields where people work: the grid's columns, the filters of the address, the Lead page, a new lead."""

import json
from urllib.parse import parse_qs

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.ui.board import work
from tests.pages.parts import press, said

FIELDS = (
    ("Tier", "choice", {"options": ["Gold", "Silver"]}), ("Buyer", "person", {}), ("Since", "date", {}), ("Budget", "money", {}),
    ("Topics", "choices", {"options": ["Tea", "Oil"]}),
    ("Site", "link", {}), ("Imports", "flag", {}),
)  # fmt: skip
VALUES = {"tier": "Gold", "buyer": "Bruno", "since": "2026-05-01", "budget": "AED 1200", "topics": ["Oil"], "site": "acme.example", "imports": True, "size": 12}


@pytest.fixture
def delta(cast):
    """A lead with a value in a field of each kind."""
    with acting_as(cast.who("alma")) as session:
        fields = [{"record_type": "lead", "label": label, "kind": kind, **more} for label, kind, more in FIELDS]
        apply(session, [Edit("custom_field", None, field) for field in fields], source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        edit = Edit("lead", cast.leads["Delta Foods"], {f"custom.{key}": value for key, value in VALUES.items()}, 1)
        apply(session, [edit], source="test", on_conflict="refuse")
    return cast.leads["Delta Foods"]


def test_the_grid_shows_every_kind_in_its_column_and_saves_what_is_typed(visit, db, cast, delta):
    page = visit("ana", "pages/leads.py")
    every = ["name", *(f"custom.{key}" for key in VALUES)]
    page.button_group(key="columns").set_value(every).run()
    assert not page.exception
    frame = page.session_state["leads.sheet"].frame
    shown = {key: frame.loc[delta, f"custom.{key}"] for key in VALUES}
    assert (shown["tier"], shown["buyer"], shown["budget"], shown["topics"], shown["size"], bool(shown["imports"])) == (
        "Gold",
        "Bruno",
        "AED 1,200.00",
        ["Oil"],
        12,
        True,
    )
    position = list(frame.index).index(delta)
    cells = {"custom.tier": "Silver", "custom.buyer": "Ana", "custom.since": "2026-06-01T00:00:00.000", "custom.topics": ["Tea", "Oil"], "custom.size": 13.5}
    page.session_state[page.session_state["leads.sheet"].key] = {"edited_rows": {position: cells}, "added_rows": [], "deleted_rows": []}
    page.run()
    press(page, "leads.save")
    assert "1 saved" in said(page)
    kept = db.value("select custom from crm.leads where id = :id", id=delta)
    assert (kept["tier"], kept["buyer"], kept["since"], kept["topics"], kept["size"]) == ("Silver", cast.people["ana"], "2026-06-01", ["Tea", "Oil"], 13.5)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"custom.tier": "Gold"}, {"Delta Foods"}), ({"custom.tier": "Silver"}, set()), ({"custom.size.from": "10"}, {"Delta Foods"}),
        ({"custom.size.to": "10"}, set()), ({"custom.site": "ACME"}, {"Delta Foods"}),
    ],
)  # fmt: skip
def test_the_address_narrows_the_list(visit, delta, query, found):
    page = visit("ana", "pages/leads.py", view="Team", **query)
    assert not page.exception
    assert {row["name"] for row in page.session_state["leads.sheet"].rows} == found


@pytest.mark.parametrize(
    ("query", "found"), [({"custom.tier": "Gold"}, {"Delta Foods"}), ({"custom.tier": "Silver"}, set()), ({"custom.size.from": "10"}, {"Delta Foods"})]
)  # fmt: skip
def test_the_address_narrows_the_board_and_the_grid_beside_it_alike(visit, delta, query, found):
    page = visit("ana", "pages/board.py", whose="Everybody", **query)
    assert not page.exception
    (lead, *others) = json.loads(page.session_state[work.STATE].whole())["stages"]
    assert ({card["title"] for card in lead["cards"]}, lead["leads"]) == (found, len(found))
    assert not any(stage["cards"] for stage in others)
    grid = next(link for link in page.page_link if link.label == "Grid")
    assert {name: parse_qs(grid.proto.query_string)[name] for name in query} == {name: [text] for name, text in query.items()}


def test_the_lead_page_shows_the_fields_to_edit_and_says_what_was_saved(visit, db, delta):
    page = visit("ana", "pages/lead.py", id=str(delta))
    assert not page.exception
    next(box for box in page.selectbox if box.label == "Tier").set_value("Silver")
    next(box for box in page.text_input if box.label == "Budget").set_value("EUR 5")
    press(page, next(button.key for button in page.button if button.label == "Save"))
    assert "Saved: budget, tier." in said(page)
    kept = db.value("select custom from crm.leads where id = :id", id=delta)
    assert (kept["tier"], kept["budget"]) == ("Silver", {"amount": "5.00", "currency": "EUR"})


def test_whoever_reads_sees_names_and_words(visit, delta):
    page = visit("vera", "pages/lead.py", id=str(delta))
    text = said(page)
    assert all(
        part in text
        for part in ("<dt>Buyer</dt><dd>Bruno</dd>", "<dt>Imports</dt><dd>yes</dd>", "<dt>Budget</dt><dd>AED 1,200</dd>", "<dt>Topics</dt><dd>Oil</dd>")
    )
