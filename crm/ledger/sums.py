"""The one statement of every fold: sums that are added to those that stand."""

from __future__ import annotations

from collections.abc import Iterable


def added_up(table: str, cell: str, counted: Iterable[str], source: str) -> str:
    """Add what `source` counts to the rows of `table`, one for each `cell`; a cell that did not change gets no row."""
    names = tuple(counted)
    sums = ", ".join(f"sum({name}) as {name}" for name in names)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in names)
    return f"""
        insert into crm.{table} ({cell}, {", ".join(names)})
        select {cell}, {sums}
        from {source}
        group by {cell}
        having {" or ".join(f"sum({name}) <> 0" for name in names)}
        on conflict ({cell}) do update
        set {added}
    """
