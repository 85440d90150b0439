"""One lead, its facts and its story, as people use the page."""

from __future__ import annotations

from typing import Any

from tests.browser import grid
from tests.browser.conftest import Site
from tests.browser.parts import change, days_ago, message, new_leads, settle, stands, until, wait_until_stands


def open_lead(site: Site, who: str, lead: int, query: str = "") -> Any:
    page = site.open(who, f"/lead?id={lead}{query}")
    page.locator(".st-key-lead_story .tl-entry").first.wait_for()
    settle(page)
    return page


def test_facts_are_edited_in_place_and_the_save_can_be_taken_back(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Birch One")
    page = open_lead(shared_site, "ana", lead)
    page.get_by_label("Next step").fill("send the price list")
    page.get_by_label("Value", exact=True).fill("12,400.50")
    page.keyboard.press("Control+s")
    left = message(page, "Saved: next step, value.")
    assert stands(shared_site, [lead], "next_step") == ["send the price list"]
    assert [str(amount) for amount in stands(shared_site, [lead], "value_amount")] == ["12400.50"]
    page.get_by_text("Next step: – → send the price list").wait_for()
    left.get_by_role("button", name="Undo").click()
    message(page, "Taken back: 1 record.")
    assert stands(shared_site, [lead], "next_step") == [None]
    settle(page)
    assert page.get_by_label("Next step").input_value() == ""


def test_a_change_is_taken_back_later_from_the_story(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Cedar One", next_step="before", at=days_ago(3))
    change(shared_site, "bruno", lead, next_step="after")
    page = open_lead(shared_site, "ana", lead)
    page.get_by_text("Next step: before → after").wait_for()
    page.get_by_role("button", name="undo", exact=True).click()
    message(page, "Taken back.")
    assert stands(shared_site, [lead], "next_step") == ["before"]


def test_notes_calls_and_meetings_join_the_story_and_the_call_counts_as_contact(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Willow One", at=days_ago(3))
    page = open_lead(shared_site, "ana", lead)
    for kind, words in (("Note", "Met at the fair."), ("Call", "Wants samples."), ("Meeting", "Walked through the store.")):
        page.get_by_placeholder("Write a note").fill(words)
        page.get_by_role("radio", name=kind, exact=True).first.click()
        page.get_by_role("button", name="Add").click()
        page.locator(".st-key-lead_story .tl-entry", has_text=words).wait_for()
    assert stands(shared_site, [lead], "last_contacted_at") != [None]
    page.get_by_role("radio", name="Calls").click()
    page.locator(".tl-entry", has_text="Met at the fair.").wait_for(state="detached")
    assert page.locator(".tl-entry").all_inner_texts() and "Wants samples." in page.locator(".tl-entry").first.inner_text()
    page.reload()
    page.locator(".tl-entry", has_text="Wants samples.").wait_for()
    assert page.locator(".tl-entry").count() == 1  # the filter of the story lives in the address


def test_a_past_day_shows_the_lead_as_it_was(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Poplar One", next_step="long ago", at=days_ago(10))
    change(shared_site, "ana", lead, next_step="today's")
    page = open_lead(shared_site, "ana", lead, f"&as_of={days_ago(5):%Y-%m-%d}")
    page.get_by_text("This is the page as it was at the end of").wait_for()
    settle(page)
    facts = page.locator(".st-key-lead_facts").inner_text()
    assert "long ago" in facts and "today's" not in facts
    assert page.get_by_text("→ today's").count() == 0 and page.get_by_role("button", name="Save").count() == 0
    page.get_by_role("button", name="Back to now").click()
    page.get_by_text("Next step: long ago → today's").wait_for()
    settle(page)
    assert page.get_by_label("Next step").input_value() == "today's"


def test_two_people_on_one_lead_meet_in_a_dialog_and_lose_nothing(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Maple One", next_step="not yet", at=days_ago(2))
    bruno = open_lead(shared_site, "bruno", lead)
    change(shared_site, "ana", lead, next_step="hers")
    bruno.get_by_label("Next step").fill("his")
    bruno.get_by_label("Phone").fill("+971 4 555 0100")
    bruno.keyboard.press("Control+s")
    dialog = bruno.get_by_role("dialog")
    dialog.get_by_text("was changed by Ana").wait_for()
    assert stands(shared_site, [lead], "phone") == ["+971 4 555 0100"]  # the field that nobody else touched
    assert stands(shared_site, [lead], "next_step") == ["hers"]
    dialog.get_by_role("radio", name="Mine").click()
    settle(bruno)
    dialog.get_by_role("button", name="Apply").click()
    message(bruno, "Settled your way.").get_by_role("button", name="Undo").click()
    message(bruno, "Taken back: 1 record.")
    assert stands(shared_site, [lead], "next_step") == ["hers"]


def test_what_one_types_stays_while_a_colleague_changes_the_lead(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Rowan One", at=days_ago(2))
    page = open_lead(shared_site, "ana", lead)
    page.get_by_label("Next step").fill("half a thou")
    change(shared_site, "bruno", lead, phone="+971 4 555 0101")
    page.get_by_placeholder("Write a note").fill("and a note")
    page.get_by_role("button", name="Add").click()
    page.locator(".tl-entry", has_text="and a note").wait_for()
    assert page.get_by_label("Next step").input_value() == "half a thou"


def test_leaving_a_page_with_something_typed_asks_first(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Aspen One", at=days_ago(2))
    page = open_lead(shared_site, "ana", lead)
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_placeholder("Write a note").fill("a long call, half written down")
    page.get_by_role("link", name="Conflicts").click()
    page.close(run_before_unload=True)
    until(page, lambda: len(asked) == 2, "the browser to ask twice")
    assert asked == ["confirm", "beforeunload"] and "/lead?" in page.url
    page.get_by_role("button", name="Add").click()
    page.locator(".tl-entry", has_text="half written down").wait_for()
    settle(page)
    page.get_by_role("link", name="Conflicts").click()  # nothing is left unsaved
    page.get_by_role("heading", name="Conflicts").wait_for()
    assert len(asked) == 2
    page.remove_listener("dialog", stay)


def test_a_new_lead_begins_in_a_dialog_and_opens_at_once(shared_site: Site) -> None:
    page = shared_site.open("ana", "/leads")
    grid.wait_for_rows(page)
    page.get_by_role("button", name="Lead", exact=False).and_(page.locator(".st-key-leads-new button")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Juniper One")
    dialog.get_by_label("Company").fill("Juniper Group")
    dialog.get_by_label("Value", exact=True).fill("4200")
    dialog.get_by_label("Next step").fill("first call")
    dialog.get_by_role("button", name="Add lead").click()
    page.get_by_role("heading", name="Juniper One").wait_for()
    message(page, "Juniper One is added.").get_by_role("button", name="Undo").click()
    page.get_by_text("This lead was deleted by you").wait_for()
    page.get_by_role("button", name="Undo the deletion").click()
    page.get_by_label("Next step").wait_for()
    (row,) = shared_site.db.rows(
        "select l.*, c.name as company from crm.leads as l left join crm.companies as c on c.id = l.company_id where l.name = 'Juniper One'"
    )
    assert (row["deleted_at"], row["owner_id"], str(row["value_amount"]), row["next_step"]) == (None, shared_site.cast.people["ana"], "4200.00", "first call")


def test_a_lead_is_given_to_a_colleague_and_taken_back(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Hazel One", at=days_ago(2))
    page = open_lead(shared_site, "ana", lead)
    page.locator(".st-key-lead_facts [data-testid=stSelectbox]", has_text="Owner").locator("input").click()
    page.get_by_role("option", name="Bruno").click()
    page.keyboard.press("Control+s")
    left = message(page, "Saved: owner.")
    assert stands(shared_site, [lead], "owner_id") == [shared_site.cast.people["bruno"]]
    left.get_by_role("button", name="Undo").click()
    wait_until_stands(shared_site, {lead: shared_site.cast.people["ana"]}, "owner_id")


def test_a_manager_hands_a_lead_to_another_team_and_takes_it_back(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Alder One", at=days_ago(2))
    page = open_lead(shared_site, "mona", lead)
    page.locator(".st-key-lead-menu button").first.click()
    page.get_by_text("Hand over to another team…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Hand over").click()
    left = message(page, "Alder One now belongs to Levant.") if page.locator(".st-key-message").count() else None
    grid.bar(page, "Alder One now belongs to Levant.") if left is None else None
    assert stands(shared_site, [lead], "team_id") == [shared_site.cast.teams["Levant"]]
    page.get_by_role("button", name="Undo").click()
    wait_until_stands(shared_site, {lead: shared_site.cast.teams["Gulf"]}, "team_id")


def test_the_company_is_exchanged_for_a_new_one_and_renamed(shared_site: Site) -> None:
    (lead,) = new_leads(shared_site, "ana", "Larch One", at=days_ago(2))
    page = open_lead(shared_site, "ana", lead)
    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder("Petra Supplies").fill("Larch Group")
    dialog.get_by_text("New company “Larch Group”").click()
    dialog.get_by_role("button", name="Save").click()
    message(page, "Larch One belongs to Larch Group now.")
    page.get_by_text("Company: – → Larch Group").wait_for()
    settle(page)

    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("What we know of it").wait_for()
    settle(page)
    dialog.get_by_text("What we know of it").click()
    dialog.get_by_label("Website").wait_for()
    settle(page)
    dialog.get_by_label("Name").fill("Larch & Sons")
    dialog.get_by_role("button", name="Save").click()
    left = message(page, "Larch Group is called Larch & Sons now.")
    page.locator(".st-key-lead_company", has_text="Larch & Sons").wait_for()
    left.get_by_role("button", name="Undo").click()
    page.locator(".st-key-lead_company", has_text="Larch Group").wait_for()
