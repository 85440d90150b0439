"""One command loads what it needs itself, and nothing of the others."""

import subprocess
import sys

import pytest

ALONE = "import sys; from crm.__main__ import gather; gather({asked!r}); print(*sorted(name for name in sys.modules if name.startswith('crm.commands.')))"
KNOWS = "import sys, crm.__main__ as door; door.gather({asked!r}); from crm.changes.records import registered; print(*(kind.name for kind in registered()))"


def said_by(program, asked):
    done = subprocess.run([sys.executable, "-c", program.format(asked=asked)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_command_does_not_load_the_others():
    assert said_by(ALONE, "sync") == ["crm.commands.output", "crm.commands.sync"]


def test_help_and_unknown_names_know_all_commands():
    assert {"crm.commands.sync", "crm.commands.import_", "crm.commands.doctor"} <= set(said_by(ALONE, "--help"))
    assert said_by(ALONE, "snyc") == said_by(ALONE, "--help")


@pytest.mark.parametrize("asked", ["import", "report", "undo"])
def test_a_command_that_meets_records_of_any_type_knows_them_all_by_itself(asked):
    assert {"lead", "activity", "alert", "person", "stage", "field_rule"} <= set(said_by(KNOWS, asked))
