"""An admin gives a new team all it needs, in the browser alone; its first rep comes in by the link, works its pipeline, and sees nobody else's leads."""

from __future__ import annotations

from typing import Any

from crm.access import acting_as
from crm.changes import Edit, apply
from tests.browser import pictures
from tests.browser.conftest import Site, wait_for
from tests.browser.grid import names
from tests.browser.parts import message, settle

PASSWORD = "four calm camels"
STAGES = ("New", "Visited", "Tasting", "Won", "Lost")
HEADER, ROW, TICK, PLACE, NAME, KIND = 37, 36, 44, 44, 150, 120


def picture(page: Any, name: str) -> None:
    settle(page)
    pictures.picture(page, f"own-team-{name}")


def choose(page: Any, label: str, option: str) -> None:
    """An option of a selectbox, by typing a part of it."""
    page.get_by_role("combobox", name=label).last.click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def add_the_team(page: Any) -> None:
    page.goto("/people?part=Teams")
    page.get_by_role("button", name="Add team").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Gulf retail")
    picture(page, "team")
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    message(page, "The team “Gulf retail” is added.")


def make_its_pipeline(page: Any) -> None:
    """From the empty one: two stages more make five."""
    page.goto("/pipelines")
    page.get_by_role("button", name="New pipeline").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Empty", exact=True).click()
    settle(page)
    dialog.get_by_label("Name").fill("Shops")
    picture(page, "pipeline")
    dialog.get_by_role("button", name="Make it").click()
    message(page, "“Shops” is ready.")
    named = page.get_by_placeholder("Name of the stage")
    for number, name in enumerate(STAGES[1:3], start=1):
        settle(page)
        page.get_by_role("button", name="Add a stage").click()
        wait_for(lambda number=number: named.count() == 3 + number, "a line for one more stage")
        settle(page)
        named.nth(number).fill(name)
        page.keyboard.press("Tab")
        settle(page)
    picture(page, "stages")
    page.locator(".st-key-pipelines-apply button").click()
    message(page, "“Shops” is changed.")


def add_its_fields(page: Any) -> None:
    page.goto("/fields?whose=Gulf+retail")
    page.get_by_text("No fields here yet.").wait_for()
    for row, (name, kind) in enumerate((("Shelf metres", "Number"), ("Delivery day", ""))):
        settle(page)
        page.mouse.click(*cell(page, row, PLACE))  # the line below the last one becomes a new field
        settle(page)
        type_cell(page, row, PLACE, name)
        if kind:
            type_cell(page, row, PLACE + NAME, kind)
    picture(page, "fields")
    page.get_by_role("button", name="Preview").click()
    settle(page)
    picture(page, "fields-preview")
    page.get_by_role("button", name="Apply", exact=True).last.click()
    message(page, "")
    page.goto("/fields?whose=Gulf+retail")
    page.locator(".st-key-fields_grid [role=gridcell]", has_text="delivery_day").wait_for(state="attached")


def cell(page: Any, row: int, left: int) -> tuple[float, float]:
    box = page.locator(".st-key-fields_grid [data-testid=data-grid-canvas]").bounding_box()
    return box["x"] + TICK + left + 30, box["y"] + HEADER + ROW * row + ROW / 2


def type_cell(page: Any, row: int, left: int, text: str) -> None:
    """Into a cell of the fields' grid."""
    page.mouse.click(*cell(page, row, left))
    page.wait_for_timeout(300)
    editor = page.locator("#portal input, #portal textarea").first
    if not editor.count():  # a click on the cell one is in has opened it already
        page.keyboard.press("Enter")
    editor.wait_for()
    page.keyboard.type(text)
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    settle(page)


def make_its_role(page: Any) -> None:
    page.goto("/roles")
    page.get_by_role("button", name="New role").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("shop rep")
    dialog.get_by_text("Only what they own").click()
    picture(page, "role")
    dialog.get_by_role("button", name="Add", exact=True).click()
    message(page, "The role “shop rep” is added.")
    picture(page, "role-added")


def invite_its_rep(page: Any) -> str:
    """The link that the page shows, this once."""
    page.goto("/people")
    page.get_by_role("button", name="Add person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Dina")
    dialog.get_by_label("Mail address").fill("dina@demo.example")
    choose(page, "Team", "Gulf retail")
    choose(page, "Role", "shop rep")
    picture(page, "invite")
    dialog.get_by_role("button", name="Add and invite").click()
    dialog.get_by_text("Send them this invitation").wait_for()
    picture(page, "invited")
    return str(dialog.locator("code").inner_text())


def come_in(site: Site, link: str) -> Any:
    page = site.visit(link[link.index("/?") :])
    page.get_by_text("Welcome to Throughline").wait_for()
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    picture(page, "welcome")
    page.get_by_role("button", name="Save and sign in").click()
    page.get_by_role("button", name="Sign out").wait_for(state="attached")
    return page


def make_a_lead(page: Any) -> int:
    page.goto("/board")
    page.locator(".st-key-board-new button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder("Petra Supplies").fill("Corner shop")
    dialog.get_by_text("More fields").click()
    dialog.get_by_label("Shelf metres").fill("12")
    dialog.get_by_label("Delivery day").fill("Sunday")
    picture(page, "lead")
    dialog.get_by_role("button", name="Add lead").click()
    message(page, "Corner shop is added.")
    return int(page.url.partition("id=")[2].partition("&")[0])


def test_an_admin_makes_a_team_of_its_own_and_its_rep_works_there(site: Site) -> None:
    alma = site.open("alma", "/")
    add_the_team(alma)
    make_its_pipeline(alma)
    add_its_fields(alma)
    make_its_role(alma)
    dina = come_in(site, invite_its_rep(alma))
    work(site, dina)


def work(site: Site, dina: Any) -> None:
    """She makes a lead, fills in its fields and moves it; a colleague's lead of the same team is nowhere to be found."""
    team = site.db.value("select id from crm.teams where name = 'Gulf retail'")
    found = "select s.id, s.name from crm.stages as s join crm.pipelines as p on p.id = s.pipeline_id where p.team_id = :t order by s.position"
    stages = {row["name"]: row["id"] for row in site.db.rows(found, t=team)}
    assert tuple(stages) == STAGES
    with acting_as(site.cast.who("alma")) as session:
        values = {"name": "Big market", "team_id": team, "owner_id": site.cast.people["alma"]}
        others = apply(session, [Edit("lead", None, values)], source="test", on_conflict="refuse").results[0].record_id
    lead = make_a_lead(dina)
    assert site.db.rows("select stage_id, custom from crm.leads where id = :id", id=lead) == [
        {"stage_id": stages["New"], "custom": {"shelf_metres": 12, "delivery_day": "Sunday"}}
    ]
    dina.goto("/board")
    card = dina.locator(f".card[data-lead='{lead}']")
    card.wait_for()
    settle(dina)
    card.drag_to(dina.locator(f".column[data-stage='{stages['Visited']}']"))
    message(dina, "Corner shop → Visited.")
    wait_for(lambda: site.db.value("select stage_id from crm.leads where id = :id", id=lead) == stages["Visited"], "the lead to move")
    picture(dina, "board")
    assert dina.locator(f".card[data-lead='{others}']").count() == 0
    dina.goto("/leads?view=Team")
    wait_for(lambda: names(dina) == ["Corner shop"], "her own lead, and no other")
    for hidden in (others, site.cast.leads["Petra Supplies"]):
        dina.goto(f"/lead?id={hidden}")
        dina.get_by_text("no such lead").wait_for()
