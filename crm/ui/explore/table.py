"""The numbers of an exploration as a table: each opens its leads. Shades help to find the large ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from crm.charts.explored import say
from crm.explore.use_cases import Exploration, Group

Link = Callable[..., Mapping[str, Any] | None]
"""(dimension, group)... -> the address behind; None for none."""
STRONGEST = 0.34


def html(found: Exploration, link: Link, page: str, *, most: int | None = None) -> str:
    """The table. `page`: where its numbers lead; `most`: of groups, those that come first."""
    groups, largest = found.groups[:most], _largest(found)
    lines = [_line(found, group, link, page, largest) for group in groups]
    left = len(found.groups) - len(groups)
    more = f"<tr><td colspan='99' class='tl-muted'>{left:,} more groups are on Explore.</td></tr>" if left else ""
    return (
        f"<div class='tl-pivot' tabindex='0' role='region' aria-label='{escape(found.measure.label)}'><table><thead>{_head(found)}</thead>"
        f"<tbody>{''.join(lines)}{more}</tbody>{_foot(found, link, page)}</table></div>"
    )


def _head(found: Exploration) -> str:
    cells = [(split.name, "") for split in found.splits] if found.splits else [(name, "") for name, _ in beside(found)]
    whole = "All" if found.splits else found.measure.label
    heads = [f"<th scope='col' title='{escape(name)}'>{escape(name)}</th>" for name, _ in cells]
    first = f"<th scope='col'>{escape(found.by.label)}</th>"
    own = f"<th scope='col' class='tl-whole'>{escape(whole)}</th>"
    return f"<tr>{first}{''.join(heads)}{own}</tr>" if found.splits else f"<tr>{first}{own}{''.join(heads)}</tr>"


def _line(found: Exploration, group: Group, link: Link, page: str, largest: float) -> str:
    name = f"<th scope='row' title='{escape(group.name)}'>{escape(group.name)}</th>"
    own = _number(found, group.row, link((found.by, group)), page, is_whole=True)
    if not found.splits:
        share = _bar(found, group.row, largest)
        figures = "".join(f"<td>{escape(figure(group.row))}</td>" for _, figure in beside(found))
        return f"<tr>{name}{own.replace('<td', f'<td{share}', 1)}{figures}</tr>"
    cells = "".join(
        _number(found, found.cells.get((group.place, split.place)), link((found.by, group), (found.split, split)), page, largest) for split in found.splits
    )  # fmt: skip
    return f"<tr>{name}{cells}{own}</tr>"


def _foot(found: Exploration, link: Link, page: str) -> str:
    if found.total is None or len(found.groups) < 2:
        return ""
    cells = "".join(_number(found, split.row, link((found.split, split)), page, is_whole=True) for split in found.splits)
    own = _number(found, found.total, link(), page, is_whole=True)
    figures = "" if found.splits else "".join(f"<td>{escape(figure(found.total))}</td>" for _, figure in beside(found))
    return f"<tfoot><tr><th scope='row'>All</th>{cells}{own}{figures}</tr></tfoot>"


def _number(
    found: Exploration, row: Mapping[str, Any] | None, address: Mapping[str, Any] | None, page: str, largest: float = 0, *, is_whole: bool = False
) -> str:
    value = found.value(row)
    said = escape(say(found.measure, value))
    if row is not None and value is not None and address is not None:
        said = f"<a href='{page}?{escape(urlencode(address))}' target='_self'>{said}</a>"
    kind = " class='tl-whole'" if is_whole else f" style='background: {_shade(value, largest)}'" if value else ""
    return f"<td{kind}>{said}</td>"


def _largest(found: Exploration) -> float:
    """Of the numbers in the table, once for all of them."""
    rows = found.cells.values() if found.splits else (group.row for group in found.groups)
    return max((float(found.value(row) or 0) for row in rows), default=0)


def _shade(value: Any, largest: float) -> str:
    return f"rgba(99, 102, 241, {STRONGEST * max(0.0, float(value)) / largest if largest > 0 else 0:.3f})"


def _bar(found: Exploration, row: Mapping[str, Any] | None, largest: float) -> str:
    """How much of the largest it is, as a ground under the number."""
    part = 100 * max(0.0, float(found.value(row) or 0)) / largest if largest > 0 else 0
    return f" style='background: linear-gradient(to left, rgba(99, 102, 241, .22) {part:.1f}%, transparent {part:.1f}%)'"


Figure = Callable[[Mapping[str, Any] | None], str]


def beside(found: Exploration) -> list[tuple[str, Figure]]:
    """What else is told of each group: of how many leads or orders, and which share of the whole."""

    def column(name: str) -> Figure:
        return lambda row: f"{(row or {}).get(name) or 0:,}"

    def of_whole(row: Mapping[str, Any] | None) -> str:
        value, whole = found.value(row), found.value(found.total)
        return f"{100 * float(value) / float(whole):.0f}%" if value is not None and whole else "–"

    if found.measure.unit == "share":
        return [("Won", column("won")), ("Lost", column("lost"))]
    counted = [("Orders", column("orders"))] if "orders" in found.result.columns and found.measure.name != "orders" else []
    counted += [("Leads", column("leads"))] if "leads" in found.result.columns and found.measure.name != "leads" else []
    return [*counted, *([("Share", of_whole)] if found.adds_up else [])]
