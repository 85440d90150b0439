"""Reads what people call "the spreadsheet": CSV in any dress, and XLSX. Bytes in, lines of cells out; nothing in a file is ever run."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from crm.errors import Invalid
from crm.imports import workbook
from crm.letters import legible

Cell = str | int | float | bool | date | None
Line = tuple[int, Sequence[Cell]]
"""(number as an editor shows it, cells)"""

MOST_BYTES = 200 * 2**20
MOST_UNPACKED_BYTES = 250 * 2**20
READING_SECONDS = 180
ROOT = Path(__file__).parents[2]
MOST_COLUMNS = 500
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE_BYTES = 2**16
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_KNOWN = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "a packed file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)"),
)


@dataclass(frozen=True)
class Table:
    """One file: its header and, each time it is asked, its lines from the start."""

    name: str
    form: str
    header: tuple[str, ...]
    lines: Callable[[], Iterator[Line]]


def open_table(name: str, content: bytes) -> Table:
    """The file's table. Raises `Invalid` with words for what cannot be read as one."""
    if len(content) > MOST_BYTES:
        raise Invalid(f"{name} has {len(content) / 2**20:,.0f} MB; {MOST_BYTES // 2**20} MB is the most. Split it into several files.")
    if not content.strip():
        raise Invalid(f"{name} is empty.")
    form, lines = _open_xlsx(name, content) if content.startswith(b"PK\x03\x04") else _open_csv(name, content)
    first = next((cells for _, cells in lines() if _is_filled(cells)), None)
    if first is None:
        raise Invalid(f"{name} holds no rows.")
    if len(first) > MOST_COLUMNS:
        raise Invalid(f"{name} has {len(first):,} columns; {MOST_COLUMNS} is the most.")
    return Table(name, form, tuple(as_text(cell) for cell in first), lambda: _below_header(lines()))


def _below_header(lines: Iterator[Line]) -> Iterator[Line]:
    for _, cells in lines:
        if _is_filled(cells):
            break
    yield from lines


def _is_filled(cells: Sequence[Cell]) -> bool:
    return any(cell not in (None, "") and as_text(cell) for cell in cells)


def as_text(cell: Cell) -> str:
    """The cell as text, as it would be kept in a field of several lines; whole numbers without ".0"."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return legible(cell, has_lines=True)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def as_line(cell: Cell) -> str:
    """The cell as a name is kept, so that the next file finds it again."""
    return legible(as_text(cell))


# CSV


def _open_csv(name: str, content: bytes) -> tuple[str, Callable[[], Iterator[Line]]]:
    _refuse_binary(name, content)
    encoding = _encoding(content)
    delimiter, skipped = _delimiter(content, encoding)
    return f"CSV, {encoding}, {DELIMITER_WORDS[delimiter]}", lambda: _csv_lines(name, content, encoding, delimiter, skipped)


def _refuse_binary(name: str, content: bytes) -> None:
    for magic, what in _KNOWN:
        if content.startswith(magic):
            raise Invalid(f"{name} is {what}. Save it as .xlsx or .csv and try again.")
    sample = content[:_SAMPLE_BYTES]
    if not sample.startswith((b"\xff\xfe", b"\xfe\xff")) and len(_CONTROLS.findall(sample)) > max(8, len(sample) * 0.02):
        raise Invalid(f"{name} is not a table of text. Save it as .xlsx or .csv and try again.")


def _encoding(content: bytes) -> str:
    """UTF-16 where it says so, UTF-8 where the whole file is, else the Windows one, whose few gaps Latin-1 fills."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding.removesuffix("-sig")
    return "latin-1"


def _text(content: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace", newline="")


def _delimiter(content: bytes, encoding: str) -> tuple[str, int]:
    """(delimiter, lines to skip): what Excel's "sep=" line says, else whatever splits the first lines most evenly."""
    head = _text(content, encoding).read(_SAMPLE_BYTES)
    first = head.split("\n", 1)[0].strip().lower()
    if first.startswith("sep=") and first[4:5] in DELIMITERS:
        return first[4:5], 1
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        counts = Counter(len(row) for row in _sample_rows(head, delimiter))
        if not counts:
            continue
        columns, times = counts.most_common(1)[0]
        score = (times / counts.total() if columns > 1 else 0.0, columns)
        if score > best_score:
            best, best_score = delimiter, score
    return best, 0


def _sample_rows(head: str, delimiter: str) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)
    rows = []
    for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
        if row:
            rows.append(row)
        if len(rows) == 40:
            return rows
    return rows[:-1] or rows  # the sample may end in the middle of a line


class _Lines:
    """Lines of text that remember whether the last one has been asked for."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text, self.are_over = text, False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.text.readline()
        if not line:
            self.are_over = True
            raise StopIteration
        return line


def _csv_lines(name: str, content: bytes, encoding: str, delimiter: str, skipped: int) -> Iterator[Line]:
    csv.field_size_limit(2**31 - 1)  # a huge cell fails its own row, in words, instead of the whole file
    source = _Lines(_text(content, encoding))
    for _ in range(skipped):
        next(source)
    reader = csv.reader(source, delimiter=delimiter)
    begins = skipped + 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Invalid(f"{name}, line {begins}: this cannot be read as a table ({error}).") from None
        ends = skipped + reader.line_num
        if cells is not None and source.are_over:  # it was still looking for the closing quote
            raise Invalid(f"{name}: a quote that opens on line {begins} is never closed, so all after it would be one cell. Close it and try again.")
        if cells is None:
            return
        if cells:
            yield begins, cells
        begins = ends + 1


# XLSX


def _open_xlsx(name: str, content: bytes) -> tuple[str, Callable[[], Iterator[Line]]]:
    _refuse_bomb(name, content)
    title, rows = _in_a_room_of_its_own(name, content)
    return f"XLSX, sheet “{title}”", lambda: ((number, [_excel(cell) for cell in json.loads(row)]) for number, row in enumerate(rows, start=1))


def _in_a_room_of_its_own(name: str, content: bytes) -> tuple[str, list[bytes]]:
    """The sheet as lines of JSON, from a child process with bounded memory: a crafted workbook may end its reader, not this server."""
    try:
        done = subprocess.run(  # noqa: S603 -- our own module
            [sys.executable, "-m", workbook.__name__], input=content, capture_output=True, timeout=READING_SECONDS, check=False, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        raise Invalid(f"{name} takes too long to read. Split it, or save it as .csv.") from None
    if done.returncode == workbook.UNREADABLE:
        raise Invalid(f"{name} cannot be read as an Excel workbook ({done.stderr.decode(errors='replace').strip()[:60]}). Save it again, or as .csv.")
    if done.returncode != 0:
        raise Invalid(f"{name} needs more memory than a workbook may take. Copy what is filled into a new one, or save it as .csv.")
    title, *rows = done.stdout.splitlines()
    return json.loads(title), rows


def _excel(cell: Any) -> Cell:
    return date.fromisoformat(cell["date"]) if isinstance(cell, dict) else cell


def _refuse_bomb(name: str, content: bytes) -> None:
    """Unpack once, counting: the sizes that a zip states may lie."""
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if not any(entry.startswith("xl/") for entry in archive.namelist()):
                raise Invalid(f"{name} is a packed file, but no Excel workbook. Unpack it, or save it as .xlsx or .csv.")
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    while chunk := stream.read(2**20):
                        unpacked += len(chunk)
                        if unpacked > MOST_UNPACKED_BYTES:
                            raise Invalid(f"{name} unpacks to more than {MOST_UNPACKED_BYTES // 2**20} MB. Split it, or save it as .csv.")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise Invalid(f"{name} is damaged or locked with a password ({type(error).__name__}). Save it again, or as .csv.") from None
