"""A demo has a production of its own to read, for the server and all that it starts; nobody else has. Real processes throughout."""

import os
import signal

import psutil
import pytest

from crm import settings
from crm.commands import doctor
from crm.connectors.metabase import connected
from crm.demo.metabase import QUESTIONS
from crm.jobs.stand_in import stand_in_production
from crm.people import reads as people
from tests.jobs.waiting import eventually, is_gone


@pytest.fixture
def demo(db, cast, monkeypatch, tmp_path):
    """This database as a demo's, with a data folder of its own."""
    monkeypatch.setenv("CRM_DEMO", "1")
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("METABASE_URL", raising=False)
    monkeypatch.delenv("METABASE_API_KEY", raising=False)
    monkeypatch.setattr(people, "demo_cast", lambda: ["somebody"])
    settings.current.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.current.cache_clear()


def children():
    return [child.pid for child in psutil.Process().children(recursive=True) if "crm.demo.metabase" in _command(child)]


def _command(child):
    try:
        return " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # ended, or ended and not yet taken leave of
        return ""


def orders():
    return list(connected(QUESTIONS).orders(None))


def test_the_demos_production_is_read_by_the_settings_that_the_worker_inherits(demo):
    with stand_in_production():
        found = orders()
        command = " ".join(psutil.Process(children()[0]).cmdline())
        assert os.environ["METABASE_URL"].startswith("http://127.0.0.1:")
        assert os.environ["METABASE_API_KEY"] not in command
        assert connected(QUESTIONS).prove_read_only().is_proven
    assert found
    assert "METABASE_URL" not in os.environ and settings.current().metabase_url is None


def test_it_ends_with_the_server_and_is_started_again_before(demo):
    with stand_in_production():
        orders()
        first = children()[0]
        os.kill(first, signal.SIGKILL)
        second = eventually(lambda: next((pid for pid in children() if pid != first), None))
        assert orders()
    assert is_gone(first) and is_gone(second)


def test_a_demo_that_lost_its_production_gets_it_again_and_its_markets_teams(demo, db):
    with stand_in_production():
        pass
    assert (demo / "production" / "customers.jsonl").exists()
    assert db.value("select value from crm.organisation_settings where key = 'order_lens'") == dict(QUESTIONS)


@pytest.mark.parametrize("variables", [{"CRM_DEMO": "0"}, {"METABASE_URL": "http://metabase.example"}], ids=["no demo", "a Metabase of one's own"])
def test_without_need_there_is_none(demo, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.current.cache_clear()
    with stand_in_production():
        assert children() == []
        assert os.environ.get("METABASE_URL") == variables.get("METABASE_URL")


def test_a_database_of_ones_own_in_demo_mode_gets_no_made_up_orders(demo, monkeypatch):
    monkeypatch.setattr(people, "demo_cast", lambda: [])
    with stand_in_production():
        assert children() == []


def test_doctor_beside_a_demo_knows_that_it_has_a_production(demo):
    assert dict(doctor.examine())["mirror"].says == "orders were never read"


def test_doctor_of_an_installation_says_where_no_production_is_connected(demo, monkeypatch):
    monkeypatch.setenv("CRM_DEMO", "0")
    settings.current.cache_clear()
    assert dict(doctor.examine())["mirror"].says == "no production is connected (METABASE_URL)"
