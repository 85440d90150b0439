"""Wherever a change can come from, people read a word for it."""

import re
from pathlib import Path

from crm.ui.words import DOORS, door

CODE = Path(__file__).parents[2]
NOBODYS = {"bench"}  # its database is thrown away


def sources():
    files = [path for folder in ("crm", "pages") for path in (CODE / folder).rglob("*.py")]
    return {name for path in files for name in re.findall(r'\bsource="(\w+)"', path.read_text())} - NOBODYS


def test_every_door_has_its_words():
    assert {"form", "command", "undo", "conflict"} <= sources(), "the search must find them"
    assert sources() <= DOORS.keys()


def test_a_door_reads_as_part_of_a_sentence():
    assert all(re.match(r"(in|on|by|over|at) ", words) for words in DOORS.values())


def test_an_unknown_door_keeps_its_name_and_none_says_nothing():
    assert (door("lighthouse"), door(None), door("command")) == ("by lighthouse", "", "on the command line")
