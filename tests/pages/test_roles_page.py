"""The Roles page: only for those who configure roles; cells are looked at again before they are written; an impact before anything holds."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm.access import RESOURCES, acting_as
from crm.changes import Edit, apply
from crm.roles.reads import list_roles
from crm.roles.use_cases import role_edits, save_role
from crm.ui.role_grid import STATE
from tests.pages.parts import press, said

PAGE = "pages/roles.py"


def open_role(visit: Any, name: str = "rep") -> Any:
    page = visit("alma", PAGE, role=name)
    assert not page.exception
    return page


def type_grants(page: Any, **cells: str) -> Any:
    """`type_grants(page, lead__view="own")`."""
    sheet = page.session_state[STATE]
    rows: dict[int, dict[str, str]] = {}
    for cell, value in cells.items():
        resource, action = cell.split("__")
        rows.setdefault(list(RESOURCES).index(resource), {})[action] = value
    page.session_state[f"roles.grants.{sheet.role.id}.{sheet.generation}"] = {"edited_rows": rows, "added_rows": [], "deleted_rows": []}
    return page.run()


def type_field(page: Any, label: str, rule: str) -> Any:
    sheet = page.session_state[STATE]
    row = list(page.data_editor[1].value["what"]).index(label)
    page.session_state[f"roles.fields.{sheet.role.id}.{sheet.generation}"] = {"edited_rows": {row: {"rule": rule}}, "added_rows": [], "deleted_rows": []}
    return page.run()


def scope(db: Any, role: str, resource: str, action: str) -> object:
    return db.value(
        "select g.scope from crm.grants g join crm.roles r on r.id = g.role_id where (r.name, g.resource, g.action) = (:n, :r, :a)",
        n=role,
        r=resource,
        a=action,
    )


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_it_is_shut_for_everybody_else(visit: Any, who: str) -> None:
    page = visit(who, PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]
    assert not page.data_editor


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("script", ["draw_add()", "draw_one(1)"])
def test_its_dialogs_ask_for_the_grant_themselves(look: Any, script: str) -> None:
    page = look(f"from crm.ui import role_dialogs\nrole_dialogs.{script}", "mona").run()
    assert "role: configure" in page.markdown[0].value
    assert not page.button


def test_it_shows_what_a_role_grants_and_who_holds_it(visit: Any) -> None:
    page = open_role(visit)
    grid = page.data_editor[0].value
    assert (grid.loc["lead", "view"], grid.loc["lead", "delete"], grid.loc["lead", "export"]) == ("team", "own", "–")
    assert not grid.loc["settings", "view"] or grid.loc["settings", "view"] != grid.loc["settings", "view"]
    assert "3 people hold it" in said(page)


def test_a_change_is_previewed_in_numbers_then_applied_and_can_be_undone(visit: Any, db: Any, cast: Any) -> None:
    page = type_grants(open_role(visit), lead__view="own", lead__export="own")
    assert "draft, 2 changes" in said(page)
    page = press(page, "roles.preview")
    # Ana loses Petra Supplies, Bruno the other two; Carla owns the only lead of Levant.
    assert "2 people lose sight of 3 leads." in said(page) and "3 people can now use “lead: export” (own)." in said(page)
    assert scope(db, "rep", "lead", "view") == "team"
    page = press(page, "roles.apply")
    assert scope(db, "rep", "lead", "view") == "own" and cast.who("ana").reach("lead", "view").own
    page = press(page, "message.undo")
    assert scope(db, "rep", "lead", "view") == "team"


def test_a_draft_waits_for_whoever_comes_back(visit: Any, db: Any) -> None:
    type_field(type_grants(open_role(visit), lead__view="own"), "Lead: Value", "hidden")
    page = open_role(visit)
    assert "draft, 2 changes" in said(page)
    assert page.data_editor[0].value.loc["lead", "view"] == "own" and page.data_editor[1].value["rule"][0] == "hidden"
    press(page, "roles.apply")
    assert scope(db, "rep", "lead", "view") == "own"
    assert db.value("select count(*) from crm.configuration_drafts") == 0


def test_what_is_discarded_leaves_everything_as_it_was(visit: Any, db: Any) -> None:
    page = press(type_grants(open_role(visit), lead__view="all"), "roles.discard")
    assert "nothing holds until you apply it" in said(page)
    assert scope(db, "rep", "lead", "view") == "team"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"settings__view": "all"}, "There is no “settings: view” to grant"), ({"role__view": "own"}, "“role: view” takes –, team, all"),
        ({"lead__view": "everything"}, "“lead: view” takes"), ({"lead__view": "<b>x"}, "“lead: view” takes"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_left_as_it_is_with_words(visit: Any, cells: dict[str, str], says: str) -> None:
    page = type_grants(open_role(visit), **cells)
    assert says in said(page) and "nothing holds until you apply it" in said(page)
    assert not page.exception


def test_a_hidden_field_is_previewed_and_applied(visit: Any, cast: Any) -> None:
    page = press(type_field(open_role(visit), "Lead: Value", "hidden"), "roles.preview")
    assert "3 people no longer see “Value” of leads." in said(page)
    press(page, "roles.apply")
    assert cast.who("ana").hidden_fields("lead") == {"value"}


@pytest.mark.parametrize(("label", "record_type"), [("Lead: Size", "lead"), ("Company: Size", "company")])
def test_custom_fields_of_every_kind_of_record_can_be_closed(visit: Any, cast: Any, label: str, record_type: str) -> None:
    press(press(type_field(open_role(visit), label, "hidden"), "roles.preview"), "roles.apply")
    assert cast.who("ana").hidden_fields(record_type) == {"custom.size"}


def test_a_custom_field_goes_by_its_name_of_now(visit: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        field = session.execute(text("select id, version from crm.custom_fields where record_type = 'lead' and key = 'size'")).one()
        apply(session, [Edit("custom_field", field.id, {"label": "Shelf LM"}, field.version)], source="test", on_conflict="refuse")
    page = press(type_field(open_role(visit), "Lead: Shelf LM", "hidden"), "roles.preview")
    assert "3 people no longer see “Shelf LM” of leads." in said(page)


def test_the_last_admin_is_kept_and_the_preview_says_so(visit: Any, db: Any) -> None:
    page = type_grants(open_role(visit, "admin"), person__configure="–")
    page = press(page, "roles.preview")
    assert "last admin" in said(page)
    page = press(page, "roles.apply")
    assert "last admin" in page.error[0].value and "still here" in page.error[0].value
    assert scope(db, "admin", "person", "configure") == "all"


def test_another_admins_change_is_met_not_overwritten(visit: Any, db: Any, cast: Any) -> None:
    page = type_grants(open_role(visit), lead__view="own")
    with acting_as(cast.who("alma")) as session:
        rep = next(role for role in list_roles(session) if role.name == "rep")
        save_role(session, role_edits(rep, grants={("lead", "view"): "all"}), name="rep", source="page")
    page = press(page, "roles.apply")
    assert "Alma changed the scope of “lead: view”" in page.error[0].value and "your draft is kept" in page.error[0].value
    assert scope(db, "rep", "lead", "view") == "all"
    page = press(page, "roles.mine")
    press(page, "roles.apply")
    assert scope(db, "rep", "lead", "view") == "own"


def test_a_new_role_begins_as_a_copy(look: Any, db: Any) -> None:
    page = look("from crm.ui import role_dialogs\nrole_dialogs.draw_add()", "alma").run()
    page.text_input(key="roles.add.name").set_value("Trainee")
    press(page, "roles.add.send")
    assert scope(db, "Trainee", "lead", "view") == "team" and scope(db, "Trainee", "lead", "export") == "none"


def test_names_of_roles_are_text(visit: Any, look: Any, db: Any) -> None:
    name = "<img src=x onerror=alert(1)>"
    page = look("from crm.ui import role_dialogs\nrole_dialogs.draw_add()", "alma").run()
    page.text_input(key="roles.add.name").set_value(name)
    press(page, "roles.add.send")
    page = open_role(visit, name)
    assert "<img" not in said(page) and "&lt;img" in said(page)


def test_a_new_role_can_begin_as_another_that_reaches_only_what_one_owns(look: Any, db: Any) -> None:
    page = look("from crm.ui import role_dialogs\nrole_dialogs.draw_add()", "alma").run()
    page.text_input(key="roles.add.name").set_value("shop rep")
    page.toggle(key="roles.add.own").set_value(True)
    page.button(key="roles.add.send").click().run()
    assert not page.exception
    assert {scope(db, "shop rep", "lead", action) for action in ("view", "edit", "create", "delete")} == {"own"}
    assert scope(db, "shop rep", "pipeline", "view") == "team"  # nobody owns a pipeline
    assert scope(db, "shop rep", "lead", "export") == "none"  # what the rep does not hold is not given either


def test_a_role_renamed_by_another_admin_keeps_that_name_beside_ones_own_description(look: Any, db: Any, cast: Any) -> None:
    with acting_as(cast.who("alma")) as session:
        rep = next(role for role in list_roles(session) if role.name == "rep")
    page = look(f"from crm.ui import role_dialogs; role_dialogs.draw_one({rep.id})", "alma").run()
    with acting_as(cast.who("alma")) as session:
        save_role(session, role_edits(rep, name="seller"), name="rep", source="test")
    page.text_input(key=f"roles.rename.description.{rep.id}").set_value("Sells in shops")
    press(page, "roles.rename.send")
    assert db.rows("select name, description from crm.roles where id = :id", id=rep.id) == [{"name": "seller", "description": "Sells in shops"}]
