"""The Templates page and writing from a lead: who may open them, what is kept when two people write, and that texts are texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.db.test_templates import add_field, change, close, edit, give_company, make
from tests.pages.parts import press, said

PAGE = "pages/templates.py"


def field(page: Any, name: str) -> str:
    """The key of an input of the form that is open."""
    (found,) = {
        str(each.key) for each in (*page.text_input, *page.text_area, *page.selectbox) if str(each.key).endswith(f".{name}") and "templates." in str(each.key)
    }
    return found


def type_in(page: Any, **texts: str) -> Any:
    for name, text in texts.items():
        (page.text_area if name == "body" else page.text_input)(key=field(page, name)).set_value(text)
    return page.run()


def note_no_viewing(db: Any, *roles: str) -> None:
    """Take the grant to see templates from these roles."""
    with db.owner().begin() as connection:
        for role in roles:
            connection.exec_driver_sql(
                "update crm.grants set scope = 'none', version = version + 1 where resource = 'template' and action = 'view'"
                f" and role_id = (select id from crm.roles where name = '{role}')"
            )
        connection.exec_driver_sql("update crm.access_stamps set version = version + 1")


def test_it_is_shut_for_who_sees_no_templates_and_so_is_writing(visit: Callable[..., Any], db: Any, cast: Any) -> None:
    note_no_viewing(db, "rep")
    page = visit("ana", PAGE)
    assert "This page is not for your role" in [title.value for title in page.title]
    assert any("template: view" in text.value for text in page.markdown)
    lead = visit("ana", "pages/lead.py", id=str(cast.leads["Al Noor Trading"]))
    assert "lead.write" not in [button.key for button in lead.button]


def test_a_rep_reads_and_changes_nothing(visit: Callable[..., Any], cast: Any) -> None:
    make(cast, body="Hello {{ lead.name }}")
    page = visit("ana", PAGE)
    assert not page.exception
    assert "Hello {{ lead.name }}" in said(page) and "Hello Delta Foods" in said(page)
    assert not {"templates.save", "templates.new", "templates.remove"} & {button.key for button in page.button}


def test_an_empty_shelf_says_what_to_do_next(visit: Callable[..., Any], cast: Any) -> None:
    assert "Write the first one" in said(visit("mona", PAGE))
    assert "template: create" in said(visit("ana", PAGE))
    assert "no template" not in said(visit("mona", PAGE, template="new"))
    assert "not there any more" in said(visit("mona", PAGE, template="999"))


def test_a_manager_writes_one_with_a_custom_field_and_takes_it_back(visit: Callable[..., Any], db: Any, cast: Any) -> None:
    add_field(cast)
    change("lead", cast.leads["Al Noor Trading"], {"owner_id": cast.people["mona"], "custom.vat_number": "AE-77"}, 1)
    page = press(visit("mona", PAGE), "templates.new")
    page = type_in(page, name="VAT", subject="{{ lead.name }}", body="Your VAT number is")
    page.selectbox(key=field(page, "insert")).set_value("lead.custom.vat_number").run()
    assert "Your VAT number is AE-77" in said(page)
    page = press(page, "templates.save")
    assert not page.exception and "“VAT” is saved." in said(page)
    (row,) = db.rows("select team_id, subject, body from crm.templates where deleted_at is null")
    assert tuple(row.values()) == (cast.teams["Gulf"], "{{ lead.name }}", "Your VAT number is {{ lead.custom.vat_number }}")
    page = press(page, "templates.remove")
    assert "“VAT” is removed." in said(page)
    page = press(page, "message.undo")
    assert db.value("select count(*) from crm.templates where deleted_at is null") == 1


def test_what_cannot_be_saved_says_why_and_stays(visit: Callable[..., Any], db: Any, cast: Any) -> None:
    page = visit("mona", PAGE, template="new")
    page = type_in(page, name="Bad", body="One\n{{ lead.nmae }}")
    assert "In line 2 of the text, there is no field “lead.nmae” for this team. Did you mean {{ lead.name }}?" in said(page)
    page = press(page, "templates.save")
    assert any("What you typed is still here" in error.value for error in page.error)
    assert page.text_area(key=field(page, "body")).value == "One\n{{ lead.nmae }}"
    assert db.value("select count(*) from crm.templates") == 0


def test_what_is_typed_stays_while_one_looks_at_another(visit: Callable[..., Any], cast: Any) -> None:
    first, second = make(cast), make(cast, name="Second", body="Other")
    page = type_in(visit("mona", PAGE, template=str(first)), body="Typed")
    page = press(page, f"templates.open.{second}")
    assert page.text_area(key=field(page, "body")).value == "Other"
    page = press(page, f"templates.open.{first}")
    assert page.text_area(key=field(page, "body")).value == "Typed"


@pytest.mark.parametrize(("way", "body"), [("templates.mine", "Mine"), ("templates.theirs", "Hers")])
def test_two_who_change_the_same_are_shown_three_texts(visit: Callable[..., Any], db: Any, cast: Any, way: str, body: str) -> None:
    template = make(cast)
    page = visit("mona", PAGE, template=str(template))
    page.text_area(key=field(page, "body")).set_value("Mine")
    page.text_input(key=field(page, "subject")).set_value("My subject")
    edit(cast, template, who="alma", body="Hers", name="Renamed")
    page = press(page, "templates.save")  # the browser reports what was typed last with the click
    assert "Alma changed the same while you wrote." in said(page)
    for part in ("<small>you saw</small><p>Hello</p>", "<small>they made it</small><p>Hers</p>", "<small>you want</small><p>Mine</p>"):
        assert part in said(page)
    page = press(page, way)
    assert not page.exception
    (row,) = db.rows("select name, subject, body from crm.templates")
    assert tuple(row.values()) == ("Renamed", "My subject" if way == "templates.mine" else "", body)
    assert page.text_area(key=field(page, "body")).value == body


@pytest.mark.parametrize("value", ["<img src=x onerror=alert(1)>", "**bold** $x$ :smile: [a](javascript:1)", "=HYPERLINK(1)", "{{ me.email }}"])
def test_a_value_is_shown_as_it_was_typed(visit: Callable[..., Any], cast: Any, value: str) -> None:
    from html import escape

    change("lead", cast.leads["Al Noor Trading"], {"name": value}, 1)
    make(cast, name=value, body="About {{ lead.name }}")
    page = visit("ana", PAGE)
    assert f"About {escape(value)}" in said(page) and "<img" not in said(page)


# Writing from a lead


def write(visit: Callable[..., Any], cast: Any, who: str = "ana") -> Any:
    return press(visit(who, "pages/lead.py", id=str(cast.leads["Al Noor Trading"])), "lead.write")


def test_writing_from_a_lead_fills_in_says_the_gaps_and_logs(look: Callable[..., Any], db: Any, cast: Any) -> None:
    lead = cast.leads["Al Noor Trading"]
    add_field(cast)
    _, second = give_company(cast, ("Maha Saleh", None), ("Omar Aziz", "omar@alnoor.example"))
    make(cast, subject="{{ lead.company }} and us", body="Dear {{ contact.name }}, your VAT number is {{ lead.custom.vat_number }}.")
    page = look(f"from crm.ui.templates import write; write.draw_one({lead})", "ana").run()  # AppTest would close the dialog at the next run
    assert "Choose whom you write to." in said(page)
    page.selectbox(key=f"lead.write.to.{lead}").set_value(second).run()
    assert page.text_area[0].value == "Dear Omar Aziz, your VAT number is [VAT number]."
    assert "The lead has no value for “VAT number”." in said(page)
    page.text_area[0].set_value("Dear Omar Aziz, thank you.").run()
    assert "The lead has no value" not in said(page)
    page = press(page, "lead.write.log")
    assert not page.exception
    (row,) = db.rows("select kind, body, person_id from crm.activities")
    assert tuple(row.values()) == ("mail_out", "Al Noor LLC and us\n\nDear Omar Aziz, thank you.", cast.people["ana"])
    assert page.session_state["message"].text == "Noted down as sent."


def test_a_hidden_field_is_not_written_and_that_is_told(visit: Callable[..., Any], db: Any, cast: Any) -> None:
    add_field(cast)
    change("lead", cast.leads["Al Noor Trading"], {"custom.vat_number": "AE-77"}, 1)
    make(cast, body="VAT {{ lead.custom.vat_number }}")
    close(db, "lead", "custom.vat_number")
    page = write(visit, cast, "bruno")
    assert "VAT [VAT number]" in [each.value for each in page.text_area if "lead.write" in str(each.key)]
    assert "hidden from your role" in said(page) and "AE-77" not in said(page)


def test_a_viewer_writes_and_logs_nothing(visit: Callable[..., Any], cast: Any) -> None:
    make(cast)
    page = write(visit, cast, "vera")
    assert "lead.write.log" not in [button.key for button in page.button]


def test_a_lead_offers_its_teams_templates_and_everybodys(visit: Callable[..., Any], cast: Any) -> None:
    make(cast)
    make(cast, "alma", name="Everybody's one", team_id=None)
    make(cast, "alma", name="Levant's", team_id=cast.teams["Levant"])
    page = write(visit, cast, "alma")
    assert list(page.selectbox(key="lead.write.template").options) == ["Everybody's one · everybody's", "First contact · Gulf"]


def test_a_team_without_templates_says_who_writes_them(visit: Callable[..., Any], cast: Any) -> None:
    assert "A manager writes them under Templates." in said(write(visit, cast))
