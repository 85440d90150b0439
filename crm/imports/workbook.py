"""Reads one workbook from standard input in a process of its own (`python -m crm.imports.workbook`): lines of JSON out, a sheet's name first.

The reader unpacks into memory whatever the file says, so its memory and time are bounded here.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
from datetime import date, datetime
from typing import Any

MEMORY_BYTES = 3 * 2**30
CPU_SECONDS = 170
MOST_OUTPUT_BYTES = 300 * 2**20
UNREADABLE, TOO_LARGE = 3, 4


def bound() -> None:
    """Limits for this process; where the system has none, the parent's timeout remains."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue


def plain(cell: Any) -> Any:
    """The cell for JSON: dates under a name of their own, times and the like as text."""
    if isinstance(cell, datetime):
        return {"date": cell.date().isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    return cell if isinstance(cell, (str, int, float, bool)) or cell is None else str(cell)


def main() -> int:
    from python_calamine import CalamineWorkbook

    content = sys.stdin.buffer.read()
    bound()
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [(title, workbook.get_sheet_by_name(title)) for title in workbook.sheet_names]
        title, sheet = next(((title, sheet) for title, sheet in sheets if sheet.total_height), sheets[0])
        rows = sheet.to_python(skip_empty_area=False)
    except Exception as error:  # the reader's errors have no common base; each means that this is no workbook
        sys.stderr.write(type(error).__name__)
        return UNREADABLE
    written = 0
    for line in itertools.chain([json.dumps(title)], (json.dumps([plain(cell) for cell in row]) for row in rows)):
        written += len(line)
        if written > MOST_OUTPUT_BYTES:
            return TOO_LARGE
        sys.stdout.buffer.write(line.encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
