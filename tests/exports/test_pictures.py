"""Charts as pictures: what the reader looked at, with its title and what its figures are, drawn without reaching anything."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from crm.access import acting_as
from crm.errors import Refused
from crm.exports import asking, handing, making, picture
from tests.browser.conftest import find_chromium
from tests.db.test_report_export import set_scope
from tests.jobs.waiting import eventually, is_gone

HOSTILE = "</script><script>document.title = 1</script><img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def fresh() -> None:
    picture.chromium.cache_clear()


@pytest.fixture
def drawing() -> None:
    if not find_chromium():
        pytest.skip("No Chromium found: install one or name it in CRM_CHROMIUM to draw pictures.")


def wanted(title: str = "Who wins?") -> dict[str, Any]:
    bars = {"type": "bar", "x": [HOSTILE, "Won"], "y": [3, 5], "name": HOSTILE}
    return picture.wanted_of(
        "win_rate", title, ["1 Oct 2026 to 27 Nov 2026. Leads of the teams in reach.", HOSTILE], {"data": [bars], "layout": {"height": 260}}
    )


def size_of(content: bytes) -> tuple[int, int]:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def ask(cast: Any, who: str = "mona") -> int:
    with acting_as(cast.who(who)) as session:
        return asking.ask(session, picture.KIND, wanted())


def stub(folder: Path, script: str) -> str:
    """A program that stands where a Chromium should."""
    file = folder / "chromium"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_a_chart_is_drawn_by_the_worker_and_leaves_once(cast: Any, db: Any, drawing: None) -> None:
    export_id = ask(cast)
    assert making.make(export_id) == "ready"
    file = handing.hand_out(cast.who("mona"), export_id, door="test")
    with file.content as content:
        width, height = size_of(content.read())
    assert width == 2 * picture.WIDTH and height > 2 * picture.LEAST_HEIGHT
    assert file.name.startswith("win_rate-who-wins-2") and file.name.endswith(".png") and file.media_type == "image/png"
    (event,) = db.rows("select subject, facts from crm.audit_events where kind = 'exported'")
    assert event["subject"] == "report win_rate" and (event["facts"]["format"], event["facts"]["chart"]) == ("PNG", "Who wins?")


def test_a_longer_footer_makes_a_taller_picture(drawing: None) -> None:
    """So the texts are in it."""
    short, tall = wanted(), wanted()
    tall["footer"] = ["Leads of the teams in reach. " * 40]
    assert size_of(picture._drawn(picture.picture_of(tall)))[1] > size_of(picture._drawn(picture.picture_of(short)))[1]


def test_nothing_in_a_figure_ends_the_script_it_stands_in() -> None:
    assert "<" not in picture._in_script(picture.picture_of(wanted(HOSTILE)))


@pytest.mark.parametrize("title", [HOSTILE, "../../etc/passwd", 'a"; filename="b', "\r\nX: y", "محمد", "", "x" * 500])
def test_a_picture_is_called_by_letters_and_digits_only(title: str) -> None:
    name = picture.file_name(wanted(title))
    assert name.isascii() and not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_.") and len(name) < 100 and ".." not in name


@pytest.mark.parametrize("who", ["ana", "vera", "carla"])
def test_without_the_grant_no_picture_leaves_by_either_way(cast: Any, db: Any, who: str) -> None:
    with pytest.raises(Refused, match="report: export"):
        ask(cast, who)
    with pytest.raises(Refused, match="report: export"):
        handing.note_drawn(cast.who(who), wanted())
    assert db.value("select count(*) from crm.audit_events where kind = 'exported'") == 0


def test_whoever_sees_more_than_they_may_export_takes_no_picture_of_it(cast: Any, db: Any) -> None:
    set_scope(db, "report", "view", "all")
    with pytest.raises(Refused, match="see more leads in this chart"):
        ask(cast)


def test_a_figure_is_for_the_roles_of_the_moment_it_was_asked_for(cast: Any, db: Any) -> None:
    export_id = ask(cast)
    set_scope(db, "lead", "delete", "none")
    assert making.make(export_id) == "failed"
    assert "has changed since you asked" in db.value("select problem from crm.exports") and db.value("select wanted::text from crm.exports") == "{}"


def test_a_picture_that_the_browser_draws_is_noted_too(cast: Any, db: Any) -> None:
    handing.note_drawn(cast.who("mona"), wanted())
    (event,) = db.rows("select person_id, subject, facts from crm.audit_events where kind = 'exported'")
    assert (event["person_id"], event["subject"], event["facts"]["format"]) == (cast.people["mona"], "report win_rate", "PNG")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "did not draw"),
        ("echo '<pre id=\"picture\">no</pre>'", "did not draw"),
        ("sleep 60", "too long"),
        (None, "no Chromium"),
        ("", "does not start"),
    ],
)
def test_where_no_chromium_draws_the_words_say_who_can(
    cast: Any, db: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str | None, words: str
) -> None:
    monkeypatch.setattr(picture, "PATIENCE_SECONDS", 1)
    executable = str(tmp_path / "nothing") if script == "" else stub(tmp_path, script) if script else None
    monkeypatch.setattr(picture, "chromium", lambda: executable)
    export_id = ask(cast)
    assert making.make(export_id) == "failed"
    problem = db.value("select problem from crm.exports")
    assert words in problem and "Your own browser can draw" in problem


def test_a_worker_whose_drawing_fails_leaves_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(picture, "chromium", lambda: stub(tmp_path, f"sleep 61 & echo $! > {tmp_path}/pid; wait"))
    with pytest.raises(picture.NotDrawn):
        picture._drawn(picture.picture_of(wanted()))
    child = int((tmp_path / "pid").read_text())
    assert eventually(lambda: is_gone(child))
