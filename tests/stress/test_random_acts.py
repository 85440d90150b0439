"""The write machine of `make test` with many more, and longer, random histories."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.db.write_machine import ROLES, WriteMachine

pytestmark = pytest.mark.stress


def test_many_long_random_histories_leave_what_the_model_says(module_db, module_cast):
    persons = {name: module_cast.who(name) for name in ROLES}
    machine = type("WriteMachineHere", (WriteMachine,), {"db": module_db, "cast": module_cast, "persons": persons})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=150, stateful_step_count=50, print_blob=True, deadline=None, suppress_health_check=list(HealthCheck))
    )
