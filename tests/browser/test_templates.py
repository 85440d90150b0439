"""A manager writes a template with a field of her team; a rep writes with it from a lead, hands it to the mail program, and notes it down."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import Site
from tests.browser.parts import message, settle, until
from tests.browser.test_screenshots import complaints, look, watched
from tests.db.test_templates import add_field, change, edit, give_company, make

__all__ = ["complaints"]
TEXT = 'Dear {{ contact.name | default("friend") }},\n\nthank you for your time. We have your VAT number as'


@pytest.fixture(scope="module")
def shaped(_shared: Site) -> Site:
    add_field(_shared.cast)
    give_company(_shared.cast, ("Maha Saleh", "maha@alnoor.example"))
    change("lead", _shared.cast.leads["Al Noor Trading"], {"custom.vat_number": "AE-77 & 78"}, 2)
    make(_shared.cast, name="Price list", subject="Our prices", body="Hello,\n\nhere are our prices.")
    make(_shared.cast, "alma", name="Thank you", team_id=None, body="Thank you, {{ contact.name }}.\n\nYours,\n{{ me.name }}")
    return _shared


def write_one(site: Site, complaints: list[str]) -> None:
    page = watched(site.open("mona", "/templates"), complaints)
    page.get_by_role("button", name="New template").click()
    settle(page)
    page.get_by_role("textbox", name="Name").fill("After the fair")
    page.get_by_role("textbox", name="Subject").fill("{{ lead.company }} and us")
    page.get_by_role("textbox", name="Text").fill(TEXT)
    page.get_by_role("combobox", name="Insert a field").fill("VAT")
    page.get_by_role("option", name="VAT number").click()
    page.locator(".tl-letter").get_by_text("We have your VAT number as").wait_for()
    settle(page)
    look(page, "templates-new")
    page.locator(".st-key-templates-save button").click()
    message(page, "“After the fair” is saved.")
    settle(page)
    look(page, "templates")


def test_a_manager_writes_and_a_rep_uses_it(shaped: Site, shared_site: Site, complaints: list[str]) -> None:
    write_one(shared_site, complaints)
    lead = shared_site.cast.leads["Al Noor Trading"]
    page = watched(shared_site.open("ana", f"/lead?id={lead}"), complaints)
    page.get_by_role("button", name="Write", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Template").click()
    page.get_by_role("option", name="After the fair").click()
    text = dialog.get_by_role("textbox", name="Text")
    until(page, lambda: text.input_value().startswith("Dear Maha Saleh,"), "the text to be filled in")
    assert text.input_value().endswith("We have your VAT number as {{ x }}".replace("{{ x }}", "AE-77 & 78"))
    settle(page)
    look(page, "lead-write")
    # What was typed last goes along, and nothing in it becomes a header or another part of the address.
    text.press("End")
    text.press("Control+End")
    text.press_sequentially("\n100% sure? &bcc=x@demo.example")
    dialog.get_by_role("textbox", name="Subject").fill("Us & you? #1")
    page.evaluate("HTMLAnchorElement.prototype.click = function () { window.__opened = this.href }")
    dialog.get_by_role("button", name="Open in mail").click()
    until(page, lambda: page.evaluate("window.__opened"), "the mail program to be called")
    opened = urlsplit(page.evaluate("window.__opened"))
    asked = parse_qs(opened.query, strict_parsing=True)
    assert (opened.scheme, opened.path, sorted(asked)) == ("mailto", "maha@alnoor.example", ["body", "subject"])
    assert asked["subject"] == ["Us & you? #1"] and asked["body"][0].endswith("AE-77 & 78\r\n100% sure? &bcc=x@demo.example")
    dialog.get_by_role("button", name="Log as sent").click()
    message(page, "Noted down as sent.")
    page.get_by_text("100% sure? &bcc=x@demo.example").wait_for()
    assert shared_site.db.value("select kind from crm.activities where lead_id = :id", id=lead) == "mail_out"


def test_a_long_text_is_copied_instead(shaped: Site, shared_site: Site) -> None:
    page: Any = shared_site.open("ana", f"/lead?id={shared_site.cast.leads['Delta Foods']}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Write", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Text").fill("long " * 600)
    dialog.get_by_role("button", name="Open in mail").click()
    dialog.get_by_text("Too long to hand over. Copied: paste it into your mail.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "long " * 600


def test_two_who_write_at_once_are_shown_what_the_other_wrote(shaped: Site, shared_site: Site, complaints: list[str]) -> None:
    template = shared_site.db.value("select id from crm.templates where name = 'Price list'")
    page = watched(shared_site.open("mona", f"/templates?template={template}"), complaints)
    page.get_by_role("textbox", name="Text").fill("Hello,\n\nhere are our new prices, mine.")
    edit(shared_site.cast, template, who="alma", body="Hello,\n\nhere are our prices of December.")
    page.locator(".st-key-templates-save button").click()
    page.get_by_text("Alma changed the same while you wrote.").wait_for()
    settle(page)
    look(page, "templates-met")
    page.get_by_role("button", name="Save mine over it").click()
    message(page, "“Price list” is saved.")
    assert shared_site.db.value("select body from crm.templates where id = :id", id=template).endswith("mine.")


def test_ctrl_s_saves_the_text_that_one_is_still_typing_in(shaped: Site, shared_site: Site) -> None:
    page = shared_site.open("mona", "/templates")
    page.get_by_role("button", name="New template").click()
    settle(page)
    page.get_by_role("textbox", name="Name").fill("By a key")
    text = page.get_by_role("textbox", name="Text")
    text.fill("Hello {{ lead.nmae }}")
    text.press("Control+s")
    page.get_by_text("Did you mean {{ lead.name }}?").first.wait_for()
    settle(page)
    text.fill("Hello {{ lead.name }}")
    text.press("Control+s")
    message(page, "“By a key” is saved.")
    assert shared_site.db.value("select body from crm.templates where name = 'By a key'") == "Hello {{ lead.name }}"


def test_an_empty_page_says_what_to_do_next(site: Site, complaints: list[str]) -> None:
    page = watched(site.open("mona", "/templates"), complaints)
    page.get_by_text("No templates yet.").wait_for()
    settle(page)
    look(page, "templates-none")
