"""Random acts of several people leave records, history, conflicts, postings and stays as the plain model says."""

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.db.write_machine import ROLES, WriteMachine

COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "verbosity": Verbosity.normal}


@pytest.fixture(scope="module")
def machine(module_db, module_cast):
    """The machine, at home in this module's database."""
    return type("WriteMachineHere", (WriteMachine,), {
        "db": module_db, "cast": module_cast, "persons": {name: module_cast.who(name) for name in ROLES},
    })  # fmt: skip


def test_random_acts_leave_what_the_model_says(machine):
    """The same examples each time, so that nobody else's change fails by chance; `make stress` looks for new ones."""
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=30, derandomize=True, **COMMON))


@pytest.mark.stress
def test_many_more_random_acts(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=600, stateful_step_count=60, print_blob=True, **COMMON))
