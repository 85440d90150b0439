"""Random acts of several people leave records, history, conflicts, postings and stays as the plain model says."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.db.write_machine import ROLES, WriteMachine


def test_random_acts_leave_what_the_model_says(module_db, module_cast):
    """The same examples each time, so that nobody else's change fails by chance; `make stress` looks for new ones."""
    persons = {name: module_cast.who(name) for name in ROLES}
    machine = type("WriteMachineHere", (WriteMachine,), {"db": module_db, "cast": module_cast, "persons": persons})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=30, derandomize=True, suppress_health_check=list(HealthCheck)))
