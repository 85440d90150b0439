"""Texts with merge fields, such as `Hello {{ contact.name | default("there") }}`: read once, filled in for one lead.

What can be written is a small part of Jinja and means the same there: names of fields, each with a default where one is given. Nothing is
run, so a text takes as long as it is, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from crm.errors import Invalid
from crm.letters import legible

MOST_MERGES = 100
"""In one text: what people write has a dozen."""
_OPENS = re.compile(r"\{\{|\{%|\{#|\}\}|%\}|#\}")
_CLOSED = re.compile(r"""\{\{((?:[^{}"'\n]|"[^"\n]*"|'[^'\n]*')*)\}\}""")
_INSIDE = re.compile(
    r"""\s*(?P<name>\w[\w ]*?(?:\.\w+)*)(?:\[(?P<key>"[^"]*"|'[^']*')\])?\s*"""
    r"""(?:\|\s*default\(\s*(?P<default>"[^"\\]*"|'[^'\\]*')\s*\)\s*)?\Z"""
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_EXAMPLE = '{{ lead.name }}, or {{ contact.name | default("there") }}'
LONGEST_SHOWN, LONGEST_INSIDE = 40, 300


@dataclass(frozen=True, slots=True)
class Merge:
    """A place in a text where a field comes in; without a value, its default stands there."""

    name: str
    default: str | None
    line: int


Piece = str | Merge


def custom_name(record_type: str, key: str) -> str:
    """What a custom field is called in a text: `lead.custom.vat_number`, or `lead.custom["vat no."]` where the key is several words."""
    return f"{record_type}.custom.{key}" if _IDENTIFIER.match(key) else f'{record_type}.custom["{key}"]'


def parse(text: str, *, field: str) -> list[Piece]:
    """The text in pieces. Raises `Invalid` with the line for whatever is not a name of a field; `field`: the record field it stands in."""
    found: list[Piece] = []
    at, line = 0, 1
    while opened := _OPENS.search(text, at):
        line += text.count("\n", at, opened.start())
        closed = _CLOSED.match(text, opened.start()) if opened[0] == "{{" else None
        if closed is None:
            raise _refuse(line, _why(opened[0]), field)
        if len(found) >= 2 * MOST_MERGES:
            raise Invalid(f"A text takes up to {MOST_MERGES} fields; this one has more.", field=field)
        found += [text[at : opened.start()], _merge(closed[1], line, field)]
        at = closed.end()
    return [piece for piece in (*found, text[at:]) if piece != ""]


def _merge(inside: str, line: int, field: str) -> Merge:
    met = _INSIDE.match(inside) if len(inside) <= LONGEST_INSIDE else None
    if met is None:
        shown = _short(inside.strip())
        if re.search("[“”„‘’]", shown):
            raise _refuse(line, f"“{shown}” has curly quotes. Write straight ones: {_EXAMPLE}.", field)
        said = f"“{shown}” is more than the name of a field" if shown else "there is no name between the braces"
        raise _refuse(line, f"{said}. Write {_EXAMPLE}.", field)
    name = met["name"] + (f'["{met["key"][1:-1]}"]' if met["key"] else "")
    return Merge(_plain(name), met["default"][1:-1] if met["default"] else None, line)


def _plain(name: str) -> str:
    """`lead.custom["size"]` is `lead.custom.size`."""
    before, bracket, key = name.partition(".custom[")
    return custom_name(before, key[1:-2]) if bracket else name


def _why(mark: str) -> str:
    if mark == "{{":
        return f"the braces are not closed, or something else than a name stands between them. Write {_EXAMPLE}."
    if mark == "}}":
        return f"these braces close nothing. Write {_EXAMPLE}."
    return f"“{mark}” is not offered here: a text takes fields, and no conditions, loops or remarks. Write {_EXAMPLE}."


def _refuse(line: int, words: str, field: str) -> Invalid:
    return Invalid(f"In line {line} of the {'text' if field == 'body' else field}, {words}", field=field)


def _short(given: str) -> str:
    return given if len(given) <= LONGEST_SHOWN else given[:LONGEST_SHOWN] + "…"


def merges(pieces: Iterable[Piece]) -> list[Merge]:
    return [piece for piece in pieces if isinstance(piece, Merge)]


def check_known(pieces: Sequence[Piece], known: Mapping[str, str], *, field: str) -> None:
    """Raises `Invalid` for a field that there is not, with the one that was perhaps meant; `known`: labels by name."""
    for merge in merges(pieces):
        if merge.name not in known:
            meant = _meant(merge.name, known)
            hint = f"Did you mean {{{{ {meant} }}}}?" if meant else "Take one of those under “Insert a field”."
            raise _refuse(merge.line, f"there is no field “{_short(merge.name)}” for this team. {hint}", field)


def _meant(name: str, known: Mapping[str, str]) -> str | None:
    """By its name, its last word, or its label."""
    sought = name[:100].casefold()
    by_word = {known_name.rpartition(".")[2].casefold(): known_name for known_name in reversed(list(known))}
    by_label = {label.casefold().replace(" ", "_"): known_name for known_name, label in known.items()}
    for among in ({each.casefold(): each for each in known}, by_word, by_label):
        for words in (sought, sought.rpartition(".")[2]):
            if close := get_close_matches(words, among, n=1, cutoff=0.75):
                return among[close[0]]
    return None


@dataclass(frozen=True, slots=True)
class Value:
    """What a field comes to: its words, or "" and why there are none. `is_kept_back`: there may be some, and they are not for this person."""

    label: str
    words: str = ""
    why: str = ""
    is_kept_back: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that had nothing to say: which, in words why, and how the gap looks in the text ("" where a default stands there)."""

    name: str
    label: str
    why: str
    mark: str


def fill(pieces: Sequence[Piece], values: Mapping[str, Value], *, has_lines: bool) -> tuple[str, list[Gap]]:
    """The text with its values, each as it is: what looks like a field in a value stays as it was typed. Without `has_lines`, on one line."""
    gaps: list[Gap] = []
    words = [piece if isinstance(piece, str) else _word(piece, values, gaps) for piece in pieces]
    return legible("".join(words), has_lines=has_lines), gaps


def _word(merge: Merge, values: Mapping[str, Value], gaps: list[Gap]) -> str:
    value = values.get(merge.name) or Value(_short(merge.name), why=f"There is no field “{_short(merge.name)}” any more.")
    if value.words:
        return value.words
    mark = f"[{value.label}]" if merge.default is None else ""
    if mark or value.is_kept_back:
        gaps.append(Gap(merge.name, value.label, value.why, mark))
    return mark or merge.default or ""
