"""The Fields page: for whoever configures fields; what is typed is looked at first and applied as one change set."""

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from tests.pages.parts import press, said

PAGE = "pages/fields.py"


def typed(page, **state):
    """What the browser would report of the grid."""
    page.session_state[f"fields.grid.{page.session_state['fields.sheet'].generation}"] = {"edited_rows": {}, "added_rows": [], "deleted_rows": [], **state}
    return page.run()


def apply_all(page):
    return press(page, "fields.apply")


def field_of(db, key):
    return db.rows("select label, kind, team_id, position, deleted_at is null as is_live from crm.custom_fields where key = :key order by id", key=key)


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_it_is_shut_for_who_does_not_configure(visit, who):
    page = visit(who, PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]
    assert any("field: configure" in text.value for text in page.markdown)


def test_a_manager_sees_only_the_own_teams_fields_to_shape(visit, cast):
    page = visit("mona", PAGE)
    assert not page.exception
    assert list(page.selectbox(key="whose").options) == ["Gulf"]
    assert "No fields here yet." in said(page) and "From every team and the teams above" in said(page)


def test_a_new_field_is_previewed_applied_and_stands_on_the_leads_page(visit, db, cast):
    page = typed(visit("mona", PAGE), added_rows=[{"label": "Tier", "kind": "choice", "options": ["Gold", "Silver"]}])
    assert "Draft, 1 change" in said(page)
    press(page, "fields.preview")
    assert "“Tier” is new on leads of Gulf: choice out of Gold, Silver." in said(page)
    press(page, "fields.apply")
    assert "“Fields of leads, Gulf” is changed." in said(page)
    assert field_of(db, "tier") == [{"label": "Tier", "kind": "choice", "team_id": cast.teams["Gulf"], "position": 0, "is_live": True}]
    lead = visit("ana", "pages/lead.py", id=str(cast.leads["Delta Foods"]))
    assert [box.label for box in lead.selectbox if box.label == "Tier"] == ["Tier"]


def test_renaming_reordering_and_removing_go_in_one_change_set_that_undo_takes_back(visit, db, cast):
    page = typed(visit("alma", PAGE), edited_rows={0: {"label": "Staff"}, 1: {"place": 1}})
    apply_all(page)
    assert [(field["label"], field["position"]) for key in ("color", "size") for field in field_of(db, key) if field["label"] != "Size"] == [
        ("Color", 0),
        ("Staff", 1),
    ]
    press(page, "message.undo")
    assert [field["label"] for field in field_of(db, "size")] == ["Size", "Size"]
    page = typed(visit("alma", PAGE), deleted_rows=[0])
    apply_all(page)
    assert [field["is_live"] for field in field_of(db, "size")] == [False, True]


def colored(cast, *values):
    with acting_as(cast.who("ana")) as session:
        edits = [Edit("lead", cast.leads[name], {"custom.color": value}, 1) for name, value in zip(("Delta Foods", "Al Noor Trading"), values, strict=True)]
        apply(session, edits, source="test", on_conflict="refuse")


def custom_of_both(db):
    return [row["custom"] for row in db.rows("select custom from crm.leads where name in ('Delta Foods', 'Al Noor Trading') order by name desc")]


def test_a_change_of_kind_that_loses_values_is_looked_at_before_it_is_applied(visit, db, cast):
    colored(cast, "12", "dark red")
    page = typed(visit("alma", PAGE), edited_rows={1: {"kind": "number"}})
    for button in ("fields.preview", "fields.apply"):
        press(page, button)
        assert "1 of 2 values convert. 1 does not and is emptied: Al Noor Trading: “dark red”" in said(page)
    assert custom_of_both(db) == [{"color": "12"}, {"color": "dark red"}]


def test_a_change_of_kind_converts_the_values_and_undo_brings_them_back(visit, db, cast):
    colored(cast, "12", "7")
    page = typed(visit("alma", PAGE), edited_rows={1: {"kind": "number"}})
    press(page, "fields.apply")
    assert custom_of_both(db) == [{"color": 12}, {"color": 7}]
    press(page, "message.undo")
    assert custom_of_both(db) == [{"color": "12"}, {"color": "7"}]
    assert field_of(db, "color")[0]["kind"] == "text"


def test_a_draft_outlives_the_page_and_discarding_leaves_what_stands(visit, db, cast):
    typed(visit("alma", PAGE), edited_rows={0: {"label": "Staff"}}, added_rows=[{"label": "Tier"}])
    page = visit("alma", PAGE)
    assert "Draft, 2 changes" in said(page) and field_of(db, "tier") == []
    assert [line.label for line in page.session_state["fields.sheet"].lines] == ["Staff", "Color", "Tier"]
    press(page, "fields.discard")
    assert [line.label for line in page.session_state["fields.sheet"].lines] == ["Size", "Color"]
    assert db.value("select count(*) from crm.configuration_drafts") == 0


def test_looking_makes_no_draft_and_typing_it_back_leaves_none(visit, db, cast):
    page = visit("alma", PAGE)
    assert db.value("select count(*) from crm.configuration_drafts") == 0
    page = typed(page, edited_rows={0: {"label": "Staff"}})
    assert db.value("select count(*) from crm.configuration_drafts") == 1
    typed(page, edited_rows={0: {"label": "Size"}})
    assert db.value("select count(*) from crm.configuration_drafts") == 0


def test_what_was_taken_out_can_be_kept_after_all(visit, db, cast):
    page = typed(visit("alma", PAGE), deleted_rows=[0])
    assert "<s>Size</s> removed" in said(page)
    key = next(line.key for line in page.session_state["fields.sheet"].removed)
    press(page, f"fields.keep.{key}")
    assert "<s>" not in said(page) and db.value("select count(*) from crm.configuration_drafts") == 0


@pytest.mark.parametrize(("choice", "label"), [("mine", "Staff"), ("theirs", "Heads")])
def test_two_admins_at_once_the_second_decides_what_stands(visit, db, cast, choice, label):
    page = typed(visit("alma", PAGE), edited_rows={0: {"label": "Staff", "help": "How many"}})
    with acting_as(cast.who("alma")) as session:
        field = session.connection().exec_driver_sql("select id from crm.custom_fields where key = 'size' and record_type = 'lead'").scalar_one()
        apply(session, [Edit("custom_field", field, {"label": "Heads"}, 1)], source="test", on_conflict="refuse")
    apply_all(page)
    assert "changed the name of “Heads”" in said(page)
    assert field_of(db, "size")[0]["label"] == "Heads"
    press(page, f"fields.stale.{choice}")
    apply_all(page)
    assert field_of(db, "size")[0]["label"] == label
    assert db.value("select help from crm.custom_fields where id = :id", id=field) == "How many"


def test_a_line_without_a_name_is_told_and_cannot_be_applied(visit, db, cast):
    page = typed(visit("alma", PAGE), added_rows=[{"kind": "number"}])
    assert "Each field needs a name." in said(page)
    assert page.button(key="fields.preview").disabled and page.button(key="fields.apply").disabled
