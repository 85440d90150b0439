"""One look at all rows before any is written: in which order dates are meant, which decimal mark, which stages and owners are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crm.errors import Invalid
from crm.imports.files import Cell, Table, as_line, as_text
from crm.imports.mapping import DATES, ColumnMap
from crm.imports.rules import Reading
from crm.imports.values import DateOrder, date_orders, decimal_mark, settle_order


@dataclass(frozen=True)
class Source:
    """One file with its mapping."""

    table: Table
    columns: ColumnMap
    reading: Reading = field(default_factory=Reading)

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        return self.table.lines()


@dataclass
class Survey:
    """Distinct names in the order in which the files name them."""

    rows: int = 0
    stages: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


def survey(sources: Sequence[Source], date_order: DateOrder | None) -> tuple[list[Source], Survey]:
    """The sources with their readings, and what they name. Raises `Invalid` where dates can be read in several ways."""
    found = Survey()
    return [Source(source.table, source.columns, _look_through(source, found, date_order)) for source in sources], found


def _look_through(source: Source, found: Survey, date_order: DateOrder | None) -> Reading:
    fields = source.columns.fields
    dates = [(name, fields[name]) for name in DATES if name in fields]
    orders: dict[tuple[str, frozenset[DateOrder]], str] = {}
    marks: set[str] = set()
    value, stage, owner = fields.get("value"), fields.get("stage"), fields.get("owner")
    for _, cells in source.rows():
        found.rows += 1
        if date_order is None:
            for name, position in dates:
                possible = date_orders(cells[position]) if position < len(cells) else None
                if possible:
                    orders.setdefault((name, possible), as_text(cells[position]))
        if value is not None and value < len(cells) and (mark := decimal_mark(cells[value])):
            marks.add(mark)
        for place, names in ((stage, found.stages), (owner, found.owners)):
            if place is not None and place < len(cells) and (text := as_line(cells[place])):
                names.setdefault(text.lower(), text)
    if len(marks) > 1:
        raise Invalid(f"Column “{source.columns.column('value')}” has both 1,234.50 and 1.234,50. Write all amounts in one way.", field="value")
    columns = [(source.columns.column(name), example, possible) for (name, possible), example in orders.items()]
    return Reading(date_order or settle_order(columns), marks.pop() if marks else None)  # type: ignore[arg-type]
