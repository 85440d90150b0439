"""Custom fields over the API: typed in and out, filters, refusals in words."""

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply


@pytest.fixture
def leads(cast, api):
    with acting_as(cast.who("alma")) as session:
        fields = [{"label": "Tier", "kind": "choices", "options": ["Gold", "Silver"]}, {"label": "Since", "kind": "date"}, {"label": "Ref", "kind": "text"}]
        apply(session, [Edit("custom_field", None, {"record_type": "lead", **field}) for field in fields], source="test", on_conflict="refuse")
    for name, custom in (
        ("Petra Supplies", {"tier": ["Gold"], "size": 5, "ref": "a,b"}),
        ("Delta Foods", {"tier": "silver, gold", "size": "12", "since": "2026-05-01"}),
    ):
        assert api("ana").patch(f"/leads/{cast.leads[name]}", {"custom": custom}, version=1).status_code == 200
    return cast.leads


def test_values_come_out_as_their_kind(api, leads):
    assert api("ana").get(f"/leads/{leads['Delta Foods']}").json()["custom"] == {"tier": ["Gold", "Silver"], "size": 12, "since": "2026-05-01"}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"custom.size": 5}, {"Petra Supplies"}), ({"custom.size": [5, "12.0"]}, {"Petra Supplies", "Delta Foods"}),
        ({"custom.tier": "silver"}, {"Delta Foods"}),
        ({"custom.tier": "Gold", "custom.size.from": 6}, {"Delta Foods"}), ({"custom.size.from": 5, "custom.size.to": 5}, {"Petra Supplies"}),
        ({"custom.since.to": "2026-05-01"}, {"Delta Foods"}), ({"custom.since.from": "2026-05-02"}, set()), ({"custom.ref": "a,b"}, {"Petra Supplies"}),
        ({"custom.ref": "a"}, set()), ({"custom.color": "'; drop table leads; --"}, set()),
    ],
)  # fmt: skip
def test_filters_find_exactly_those(api, leads, asked, found):
    assert {row["name"] for row in api("ana").rows("/leads", limit=1, **asked)} == found
    assert api("carla").rows("/leads", **asked) == []


def test_a_filter_looks_at_a_past_day_too(api, leads):
    assert {row["name"] for row in api("ana").rows("/leads", as_of="2999-12-30", **{"custom.size": 5})} == {"Petra Supplies"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"custom.shoe": "x"}, "no field"), ({"custom.size": "many"}, "takes a number"), ({"custom.tier.from": "Gold"}, "only numbers, money and dates"),
        ({"custom.tier": "Bronze"}, "takes one of"), ({"custom.since.to": "soon"}, "not a date"), ({"custom.": "x"}, "no field"),
        ({"customs": "x"}, "no such field"),
        ({"custom.size": ""}, "say which value"), ({"custom.size": "NaN"}, "takes a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_words(api, leads, asked, words):
    answer = api("ana").get("/leads", **asked)
    assert answer.status_code == 422 and words in answer.json()["detail"] and answer.json()["field"] == next(iter(asked))


@pytest.mark.parametrize("custom", [{"shoe": 1}, {"size": "many"}, {"size": True}, {"tier": "Bronze"}, {"since": 5}, {"ref": {"a": 1}}, {"ref": "x" * 10_000}])
def test_a_value_that_does_not_fit_is_a_422_that_names_the_field(api, db, leads, custom):
    before = db.value("select count(*) from crm.changes")
    answer = api("ana").patch(f"/leads/{leads['Petra Supplies']}", {"custom": custom, "next_step": "x"}, version=2)
    assert (answer.status_code, answer.json()["field"]) == (422, f"custom.{next(iter(custom))}")
    assert db.value("select count(*) from crm.changes") == before
