"""What every command shares: one JSON object on standard output with `--json`, plain lines without."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def say(line: str) -> None:
    """A line for people, on standard output."""
    sys.stdout.write(line + "\n")


def progress(line: str) -> None:
    """How far long work has come, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def answer(facts: Mapping[str, Any], *, as_json: bool, lines: Iterable[str]) -> None:
    """`facts` as one JSON object, or `lines` for people."""
    if as_json:
        sys.stdout.write(json.dumps(facts, default=str) + "\n")
        return
    for line in lines:
        say(line)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A plain text table; numbers to the right."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in texts)) if texts else len(column) for i, column in enumerate(columns)]
    is_number = [bool(rows) and all(row[i] is None or isinstance(row[i], (int, float, Decimal)) for row in rows) for i in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(cells, widths, is_number, strict=True))
        return "  ".join(padded).rstrip()

    return [line(columns), line(["-" * w for w in widths]), *(line(row) for row in texts)]
