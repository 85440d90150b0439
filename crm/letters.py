"""What people write, without the characters that nobody sees: two names that look alike are one name, and none turns round what stands beside it.

Taken out: controls, what overrides or marks the direction of writing, zero-width blanks and fillers. Kept is what real names need: the joiners inside
words of scripts that use them (Persian, Hindi, Sinhala...) and inside emoji, and the tags that make a flag.
"""

from __future__ import annotations

import re
import unicodedata

_LINES = re.compile(r"\r\n?|[\n\t\v\f\x1c-\x1f\x85\u2028\u2029]")
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # directions
    "\u00ad\u034f\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a"  # of no width
    "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]"  # fillers, which look like nothing
)
_JOINER = re.compile("[\u200c\u200d]")
_TAGS = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)|[\U000e0000-\U000e007f]")
_JOINED_SCRIPTS = frozenset({
    "ARABIC", "SYRIAC", "MANDAIC", "NKO", "MONGOLIAN", "PHAGS-PA", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA",
    "MALAYALAM", "SINHALA", "MYANMAR", "KHMER", "TIBETAN", "BALINESE", "JAVANESE", "SUNDANESE", "LIMBU", "LEPCHA", "THAANA", "CHAKMA", "NEWA", "KAITHI",
})  # fmt: skip


def legible(given: str, *, has_lines: bool = False) -> str:
    """The text as people read it, without outer blanks. A name is one line; with `has_lines`, line breaks and tabs stay."""
    if given.isascii() and given.isprintable():
        return given.strip()
    found = _LINES.sub(lambda met: _line(met[0]) if has_lines else " ", given)
    found = _TAGS.sub(lambda met: met[1] or "", _HIDDEN.sub("", found))
    return _JOINER.sub(_joiner, found).strip()


def _line(met: str) -> str:
    return met if met in "\n\t" else "\n"


def _joiner(met: re.Match[str]) -> str:
    before, after = met.string[: met.start()][-1:], met.string[met.end() :][:1]
    return met[0] if before and after and _is_joined(before) and _is_joined(after) else ""


def _is_joined(character: str) -> bool:
    """Whether joiners mean something beside it: a letter or sign of such a script, or a part of an emoji."""
    if unicodedata.category(character) in ("So", "Sk") or character == "\ufe0f":
        return True
    return unicodedata.name(character, "").partition(" ")[0] in _JOINED_SCRIPTS
