"""A malformed variable stops the start with one sentence that names it; what it held is not repeated."""

import stat
import threading

import pytest

from crm import settings
from crm.errors import BadSetting

KEY = "k" * 32


def refused(**environment):
    with pytest.raises(BadSetting) as raised:
        settings.read(environment)
    said = str(raised.value)
    assert "\n" not in said and said.endswith(".")
    return said


def test_without_anything_it_listens_at_home_on_an_embedded_demo():
    found = settings.read({})
    assert (found.host, found.port, found.database_url, found.is_demo) == ("127.0.0.1", 8501, None, True)
    assert found.address == "http://127.0.0.1:8501"


def test_with_a_database_of_ones_own_there_is_no_demo_unless_asked_for():
    own = {"DATABASE_URL": "postgresql://owner@db/crm"}
    assert not settings.read(own).is_demo
    assert settings.read({**own, "CRM_DEMO": "1"}).is_demo
    assert not settings.read({"CRM_DEMO": "0"}).is_demo


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db/crm"), ("DATABASE_URL", "db.example"), ("DATABASE_URL", "postgresql//db"), ("DATABASE_URL", "postgresql://db:port/crm"),
        ("DATABASE_URL", "postgresql+asyncpg://db/crm"), ("DATABASE_URL", "sqlite:///crm.db"), ("DATABASE_URL", "\x00"),
        ("REPORTS_DATABASE_URL", "http://db/crm"), ("CRM_SECRET_KEY", "short"), ("CRM_SECRET_KEY", "k" * 31),
        ("CRM_BASE_URL", "crm.example.com"), ("CRM_BASE_URL", "ftp://crm.example.com"), ("CRM_BASE_URL", "https://"), ("CRM_BASE_URL", "http://[::1"),
        ("METABASE_URL", "javascript:alert(1)"), ("CRM_PORT", "0"), ("CRM_PORT", "65536"), ("CRM_PORT", "-1"), ("CRM_PORT", "8501.5"), ("CRM_PORT", "http"),
        ("CRM_PORT", "NaN"), ("CRM_DEMO", "maybe"), ("CRM_DEMO", "2"), ("CRM_INSTALLATION", "My CRM"), ("CRM_INSTALLATION", "x" * 31),
        ("CRM_INSTALLATION", "5x"), ("CRM_INSTALLATION", 'x"; drop role postgres'), ("CRM_INSTALLATION", "sales\n"), ("CRM_INSTALLATION", "säles"),
    ],
)  # fmt: skip
def test_a_malformed_value_is_told_in_one_sentence(name, value):
    said = refused(**{name: value})
    assert said.startswith(f"{name} is malformed: it takes ")


@pytest.mark.parametrize(("name", "value"), [("DATABASE_URL", "mysql://o:hidden-pass@db/crm"), ("CRM_SECRET_KEY", "hidden-pass")])
def test_a_secret_is_not_repeated(name, value):
    assert "hidden-pass" not in refused(**{name: value})


@pytest.mark.parametrize("name", ["CRM_PORT", "CRM_DEMO", "DATABASE_URL", "CRM_BASE_URL", "CRM_INSTALLATION"])
def test_an_empty_variable_is_as_good_as_none(name):
    assert settings.read({name: ""}) == settings.read({})


def test_secrets_do_not_show_when_settings_are_printed():
    found = settings.read({"CRM_SECRET_KEY": "hidden-" + KEY, "DATABASE_URL": "postgresql://o:hidden-pass@db/crm", "SMTP_URL": "smtp://u:hidden-pass@m"})
    assert "hidden" not in repr(found) and "hidden" not in found.model_dump_json()


def test_the_address_is_what_people_type():
    assert settings.read({"CRM_HOST": "0.0.0.0", "CRM_PORT": "80"}).address == "http://localhost:80"
    assert settings.read({"CRM_BASE_URL": "https://crm.example.com/"}).address == "https://crm.example.com"


def test_the_processes_own_environment_is_read_once(monkeypatch):
    settings.current.cache_clear()
    monkeypatch.setenv("CRM_PORT", "8600")
    assert settings.current().port == 8600
    monkeypatch.setenv("CRM_PORT", "8700")
    assert settings.current().port == 8600
    settings.current.cache_clear()


# Secrets from files


def test_a_secret_comes_from_a_file(tmp_path):
    (tmp_path / "url").write_text("postgresql://owner@db/crm\n")
    assert settings.read({"DATABASE_URL_FILE": str(tmp_path / "url")}).database_url.get_secret_value() == "postgresql://owner@db/crm"


def test_the_variable_itself_wins_over_the_file(tmp_path):
    (tmp_path / "key").write_text("f" * 40)
    assert settings.read({"CRM_SECRET_KEY": KEY, "CRM_SECRET_KEY_FILE": str(tmp_path / "key")}).secret() == KEY.encode()


def test_what_a_file_holds_is_checked_like_the_variable(tmp_path):
    (tmp_path / "key").write_text("hidden")
    said = refused(CRM_SECRET_KEY_FILE=str(tmp_path / "key"))
    assert "CRM_SECRET_KEY" in said and "hidden" not in said


def test_a_file_that_cannot_be_used_stops_the_start(tmp_path):
    """An empty one too: without its database an installation would begin an empty one beside it."""
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path, words in (("missing", "cannot be read"), ("", "cannot be read"), ("empty", "empty"), ("binary", "not text")):
        said = refused(DATABASE_URL_FILE=str(tmp_path / path))
        assert said.startswith("DATABASE_URL_FILE names a file that") and words in said


def test_only_secrets_come_from_files(tmp_path):
    (tmp_path / "port").write_text("9999")
    assert settings.read({"CRM_PORT_FILE": str(tmp_path / "port")}).port == 8501


# The installation's key


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    made = settings.read({"CRM_DATA_DIR": str(tmp_path / "new")}).secret()
    assert len(made) >= 32 and settings.read({"CRM_DATA_DIR": str(tmp_path / "new")}).secret() == made
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    found, together = [], threading.Barrier(8)

    def start():
        together.wait()
        found.append(settings.read({"CRM_DATA_DIR": str(tmp_path)}).secret())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_a_data_folder_that_cannot_be_made_is_told_by_its_variable(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadSetting, match="CRM_DATA_DIR names a folder that cannot be made"):
            settings.read({"CRM_DATA_DIR": str(folder)}).secret()


@pytest.mark.parametrize("left", ["", "short\n"])
def test_a_key_file_that_lost_its_content_is_not_taken_for_a_key(tmp_path, left):
    (tmp_path / "secret_key").write_text(left)
    with pytest.raises(BadSetting, match="CRM_SECRET_KEY"):
        settings.read({"CRM_DATA_DIR": str(tmp_path)}).secret()


def test_each_purpose_has_a_secret_of_its_own():
    found = settings.read({"CRM_SECRET_KEY": KEY})
    other = settings.read({"CRM_SECRET_KEY": KEY + "x"})
    assert found.derive("a") == found.derive("a")
    assert len({found.derive("a"), found.derive("b"), other.derive("a")}) == 3
