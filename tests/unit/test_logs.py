"""A log says what failed and where, never what somebody had typed."""

import json
import subprocess
import sys

import pytest
import structlog

from crm import logs

SECRET = "Al Noor Trading, ana@alnoor.example"


def told(**facts):
    return logs.without_data(None, "error", {"event": "failed", **facts})


def fail():
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"cannot take {SECRET}") from error


def test_an_error_is_told_by_its_kinds_and_places():
    try:
        fail()
    except ValueError as error:
        found = told(exc_info=error)
    assert found["errors"] == ["ValueError", "KeyError"]
    assert "test_logs.py" in found["at"][-1] and found["at"][-1].endswith(" fail")
    assert SECRET not in json.dumps(found) and "exc_info" not in found


def test_the_error_being_caught_is_meant_by_true():
    try:
        fail()
    except ValueError:
        assert told(exc_info=True)["errors"] == ["ValueError", "KeyError"]


@pytest.mark.parametrize("nothing", [None, False, True])
def test_without_an_error_nothing_is_added(nothing):
    assert told(exc_info=nothing) == {"event": "failed"}


def test_errors_that_lead_to_one_another_end():
    one, other = ValueError("a"), KeyError("b")
    one.__cause__, other.__cause__ = other, one
    assert told(exc_info=one)["errors"] == ["ValueError", "KeyError"]


def test_the_processes_log_that_way(capsys):
    before = structlog.get_config()
    try:
        logs.set_up()
        try:
            fail()
        except ValueError as error:
            structlog.get_logger().error("failed", exc_info=error)
    finally:
        structlog.configure(**before)
    line = capsys.readouterr().err
    assert json.loads(line)["errors"] == ["ValueError", "KeyError"] and SECRET not in line


def test_a_command_that_sets_up_no_log_tells_warnings_alone_and_leaves_its_answer_alone():
    code = "from crm.logs import log; log.info('child_started'); log.warning('child_ended'); print('{}')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n" and [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["child_ended"]
