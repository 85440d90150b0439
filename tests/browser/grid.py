"""The editable grid, as people use it: it is a canvas, so cells are found by their place."""

from __future__ import annotations

from typing import Any

from crm.ui import grid_columns
from tests.browser.parts import settle

ROW, HEADER, OPEN_WIDTH = 34, 34, 40


def wait_for_rows(page: Any, *leads: str) -> None:
    """Until these leads are in the grid and nothing runs any more."""
    page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
    for lead in leads:
        page.locator("[data-testid=stDataFrame] [role=gridcell]", has_text=lead).first.wait_for(state="attached")
    settle(page)


def names(page: Any) -> list[str]:
    """The leads' names from top to bottom, as a screen reader finds them (those in view)."""
    return cells(page, "name")


def cells(page: Any, column: str) -> list[str]:
    """What stands in a column, from top to bottom."""
    position = 2 + grid_columns.USUAL.index(column)
    found: list[str] = page.evaluate(
        f"() => [...document.querySelectorAll('[data-testid=stDataFrame] [role=row]')].slice(1)"
        f".map(row => row.querySelector('[aria-colindex=\"{position}\"]')?.innerText ?? '')"
    )
    return found


def place_of(page: Any, lead: str, column: str) -> tuple[float, float]:
    """The middle of a cell of the usual columns, on the page."""
    box = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    before = grid_columns.USUAL[: grid_columns.USUAL.index(column)] if column != grid_columns.OPEN else ()
    left = 0 if column == grid_columns.OPEN else OPEN_WIDTH + sum(grid_columns.WIDTHS[name] for name in before)
    width = OPEN_WIDTH if column == grid_columns.OPEN else grid_columns.WIDTHS[column]
    return box["x"] + left + width / 2, box["y"] + HEADER + ROW * names(page).index(lead) + ROW / 2


def click(page: Any, lead: str, column: str) -> None:
    page.mouse.click(*place_of(page, lead, column))
    page.wait_for_timeout(300)


def select(page: Any, first: str, last: str, column: str) -> None:
    """The cells of a column from one lead to another."""
    page.mouse.move(*place_of(page, first, column))
    page.mouse.down()
    page.mouse.move(*place_of(page, last, column), steps=4)
    page.mouse.up()
    page.wait_for_timeout(300)


def type_over(page: Any, lead: str, column: str, text: str, *, leave: str = "Enter") -> None:
    """Open the cell, replace what is in it, and leave it with a key ("" leaves it open)."""
    click(page, lead, column)
    editor = page.locator("#portal textarea, #portal input").first
    if not editor.count():  # a click on the cell one is in has opened it already
        page.keyboard.press("Enter")
    editor.wait_for()
    editor.fill(text)
    page.wait_for_timeout(150)
    if leave:
        page.keyboard.press(leave)


def paste(page: Any, lead: str, column: str, block: str) -> None:
    """A block as a spreadsheet copies it (tabs and line breaks), with its corner in that cell."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", block)
    click(page, lead, column)
    page.keyboard.press("Control+v")


def bar(page: Any, words: str) -> Any:
    """The bar under the grid, once it says `words`."""
    found = page.locator(".tl-bar", has_text=words)
    found.wait_for()
    return found


def save(page: Any) -> None:
    page.get_by_role("button", name="Save", exact=False).and_(page.locator(".st-key-leads-save button")).click()
