"""Custom fields as a reviewed change: what values become is told first, written with the change, and undone with it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, undo
from crm.configuration import use_cases
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.impact import preview
from crm.errors import Invalid, Refused, Stale
from tests.cast import Cast

PLACE = {"record_type": "lead", "team_id": None}


def field_id(db: Any, key: str) -> int:
    found: int = db.value("select id from crm.custom_fields where key = :key and record_type = 'lead'", key=key)
    return found


def change(db: Any, key: str, version: int = 1, **wanted: Any) -> DraftEdit:
    return DraftEdit("custom_field", field_id(db, key), wanted, version)


def new(label: str, **wanted: Any) -> DraftEdit:
    return DraftEdit("custom_field", None, {**PLACE, "label": label, "kind": "text", **wanted}, ref="new1")


def drafted(*edits: DraftEdit) -> Draft:
    return Draft("fields:lead:everybody", "Fields of leads", edits)


def said(cast: Cast, draft: Draft, who: str = "alma") -> Any:
    with acting_as(cast.who(who)) as session:
        return preview(session, draft)


def applied(cast: Cast, draft: Draft, who: str = "alma") -> use_cases.Applied:
    with acting_as(cast.who(who)) as session:
        return use_cases.apply_draft(session, draft, source="configuration")


def give(cast: Cast, lead: str, version: int = 1, **custom: Any) -> None:
    with acting_as(OPERATOR) as session:
        edit = Edit("lead", cast.leads[lead], {f"custom.{key}": value for key, value in custom.items()}, version)
        apply(session, [edit], source="test", on_conflict="refuse")


def custom(db: Any, cast: Cast, lead: str) -> dict[str, Any]:
    found: dict[str, Any] = db.value("select custom from crm.leads where id = :id", id=cast.leads[lead])
    return found


def test_impact_is_said_in_numbers(db: Any, cast: Cast) -> None:
    give(cast, "Delta Foods", color="12")
    give(cast, "Nile Mart", color="dark red")
    found = said(cast, drafted(change(db, "color", kind="number"), change(db, "size", deleted_at=True), new("Tier", kind="choice", options=["Gold"])))
    assert found.is_ready and found.lines == (
        "“Color” becomes number. 1 of 2 values convert. 1 does not and is emptied: Nile Mart: “dark red”. Undo brings it back.",
        "“Size” is removed from lists and pages; it holds no value.",
        "“Tier” is new on leads of every team: choice out of Gold.",
    )


def test_looking_at_the_impact_writes_nothing(db: Any, cast: Cast) -> None:
    give(cast, "Delta Foods", color="12")
    before = db.value("select count(*) from crm.changes")
    said(cast, drafted(change(db, "color", kind="number"), new("Tier")))
    assert db.value("select count(*) from crm.changes") == before and custom(db, cast, "Delta Foods") == {"color": "12"}


def test_fields_and_what_becomes_of_their_values_are_one_change_set_that_undo_takes_back(db: Any, cast: Cast) -> None:
    give(cast, "Delta Foods", color="12")
    give(cast, "Nile Mart", color="dark red")
    done = applied(cast, drafted(change(db, "color", kind="number", label="Shade"), new("Tier")))
    assert (custom(db, cast, "Delta Foods"), custom(db, cast, "Nile Mart")) == ({"color": 12}, {})
    kinds = db.rows("select record_type, count(*) as n from crm.changes where change_set_id = :c group by 1 order by 1", c=done.change_set_id)
    assert [(row["record_type"], row["n"]) for row in kinds] == [("custom_field", 2), ("lead", 2)]
    with acting_as(cast.who("alma")) as session:
        assert undo(session, done.change_set_id or 0).left_alone == []
    assert (custom(db, cast, "Delta Foods"), custom(db, cast, "Nile Mart")) == ({"color": "12"}, {"color": "dark red"})
    assert db.rows("select label, kind from crm.custom_fields where id = :id", id=field_id(db, "color")) == [{"label": "Color", "kind": "text"}]


def test_a_required_field_does_not_lose_values(db: Any, cast: Cast) -> None:
    give(cast, "Nile Mart", color="dark red")
    draft = drafted(change(db, "color", kind="number", is_required=True))
    assert said(cast, draft).blockers == ("“Color” is required, and 1 values would be lost: make it optional first, or mend those.",)
    with pytest.raises(Invalid, match="would be lost"):
        applied(cast, draft)
    assert custom(db, cast, "Nile Mart") == {"color": "dark red"}


def shaper(db: Any, cast: Cast) -> None:
    """Mona shapes everybody's fields, and edits the leads of Gulf only."""
    with acting_as(OPERATOR) as session:
        grant = session.execute(
            text("""
                select g.id, g.version from crm.grants as g join crm.roles as r on r.id = g.role_id
                where r.name = 'manager' and g.resource = 'field' and g.action = 'configure'
            """)
        ).one()
        apply(session, [Edit("grant", grant.id, {"scope": "all"}, grant.version)], source="test", on_conflict="refuse")


def test_values_in_records_that_are_not_ones_own_are_not_left_behind_in_another_kind(db: Any, cast: Cast) -> None:
    shaper(db, cast)
    give(cast, "Nile Mart", color="7")  # of Levant
    draft = drafted(change(db, "color", kind="number"))
    assert [line for line in said(cast, draft, "mona").blockers if "lead: edit" in line] == [
        "1 of the values of “Color” stand in records that are not yours to edit. An admin can grant “lead: edit”."
    ]
    with pytest.raises(Invalid, match="lead: edit"):
        applied(cast, draft, "mona")
    assert custom(db, cast, "Nile Mart") == {"color": "7"}


def test_a_value_that_went_to_another_team_with_its_lead_stops_nobody(db: Any, cast: Cast) -> None:
    gulf = DraftEdit("custom_field", None, {"record_type": "lead", "team_id": cast.teams["Gulf"], "label": "Rank", "kind": "text"}, ref="r")
    applied(cast, drafted(gulf))
    give(cast, "Delta Foods", rank="1")
    give(cast, "Al Noor Trading", rank="2")
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("lead", cast.leads["Al Noor Trading"], {"team_id": cast.teams["Levant"]}, 2)], source="test", on_conflict="refuse")
    applied(cast, drafted(change(db, "rank", kind="number")))
    assert custom(db, cast, "Delta Foods")["rank"] == 1


def test_a_field_that_a_stage_asks_for_is_not_removed_under_it(db: Any, cast: Cast) -> None:
    asks = DraftEdit("stage", cast.stages["Gulf"]["Won"], {"requirements": {"fields": ["custom.size"]}}, 1)
    applied(cast, Draft("pipeline:1", "Accounts", (asks,)))
    removal = change(db, "size", deleted_at=True)
    assert said(cast, drafted(removal)).blockers == ("“Won” asks for “Size” before a lead may enter. Take it out there first.",)
    asks_no_more = DraftEdit("stage", cast.stages["Gulf"]["Won"], {"requirements": {}}, 2)
    assert said(cast, drafted(removal, asks_no_more)).is_ready


def test_options_that_go_are_counted(db: Any, cast: Cast) -> None:
    done = applied(cast, drafted(new("Tier", kind="choice", options=["Gold", "Silver"])))
    give(cast, "Delta Foods", tier="Silver")
    lines = said(cast, drafted(DraftEdit("custom_field", (done.made or {})["new1"], {"options": ["Gold", "Tin"]}, 1))).lines
    assert lines == ("“Tier” also offers Tin.", "“Tier” no longer offers Silver. 1 record says so and keeps it until somebody edits it.")


def test_two_admins_at_once_the_second_is_told_who_changed_what(db: Any, cast: Cast) -> None:
    draft = drafted(change(db, "color", label="Hue"))
    applied(cast, drafted(change(db, "color", label="Shade")))
    with pytest.raises(Stale, match="changed the name of “Shade”"):
        applied(cast, draft)


@pytest.mark.parametrize("who", ["ana", "vera", "mona"])
def test_who_does_not_shape_everybodys_fields_is_told_the_grant(db: Any, cast: Cast, who: str) -> None:
    with acting_as(cast.who(who)) as session, pytest.raises((Refused, Invalid), match="field: configure"):
        use_cases.apply_draft(session, drafted(new("Tier")), source="configuration")


@pytest.mark.parametrize(
    "wanted",
    [
        {"label": ""}, {"label": "x" * 81}, {"kind": "blob"}, {"kind": ["text"]}, {"kind": "choice", "options": []}, {"options": "Gold"},
        {"record_type": "team"}, {"team_id": 10**6}, {"is_unique": True, "default_value": "x"}, {"default_value": {"ref": "new1"}},
        {"help": "x" * 301}, {"position": "first"},
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused_in_words_and_nothing_is_written(db: Any, cast: Cast, wanted: dict[str, Any]) -> None:
    before = db.value("select count(*) from crm.changes")
    with pytest.raises(Invalid) as raised:
        applied(cast, drafted(new(**{"label": "Tier", **wanted})))
    assert raised.value.detail.endswith(".") and "crm." not in raised.value.detail
    assert db.value("select count(*) from crm.changes") == before


@pytest.mark.parametrize("wanted", [{"kind": "blob"}, {"kind": 7}, {"options": 7, "kind": "choice"}, {"label": ["x"], "kind": "number"}])
def test_a_change_of_kind_that_cannot_be_is_refused_in_words(db: Any, cast: Cast, wanted: dict[str, Any]) -> None:
    assert said(cast, drafted(change(db, "color", **wanted))).blockers
    with pytest.raises(Invalid):
        applied(cast, drafted(change(db, "color", **wanted)))


def test_two_fields_of_one_place_are_never_called_alike(db: Any, cast: Cast) -> None:
    label = db.value("select label from crm.custom_fields where id = :id", id=field_id(db, "color"))
    for draft in (
        drafted(new(label.upper())),
        drafted(change(db, "size", label=f" {label}\u200b ")),
        drafted(change(db, "color", deleted_at=True), new(label)),
    ):
        assert any(f"is called “{label}”".lower() in blocker.lower() for blocker in said(cast, draft).blockers)
        with pytest.raises(Invalid, match="Another field here"):
            applied(cast, draft)
    assert applied(cast, drafted(new(label, team_id=cast.teams["Gulf"]))).change_set_id  # another place
    assert applied(cast, drafted(new(label, record_type="company"))).change_set_id


def test_a_field_comes_back_only_where_its_name_is_still_free(db: Any, cast: Cast) -> None:
    label = db.value("select label from crm.custom_fields where id = :id", id=field_id(db, "color"))
    removed = applied(cast, drafted(change(db, "color", deleted_at=True)))
    taken = applied(cast, drafted(new(label)))
    with acting_as(cast.who("alma")) as session:
        assert [left.reason for left in undo(session, removed.change_set_id).left_alone] == [
            f"Another field here is called “{label}”. Give one of them another name first."
        ]
    for change_set in (taken.change_set_id, removed.change_set_id):
        with acting_as(cast.who("alma")) as session:
            assert not undo(session, change_set).left_alone
