"""The page that the browser loads first: whole once, and then only while it is another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from streamlit import file_util

from crm.web import shell


@pytest.fixture
def client() -> TestClient:
    return TestClient(shell.Shell(PlainTextResponse("somebody else's"), paths=["/leads"], style=".tl-walked { color: red }"))


def test_the_first_page_is_ours_with_our_style_and_whoever_has_it_is_told_so(client: TestClient) -> None:
    first = client.get("/leads")
    assert (first.status_code, "<title>Throughline</title>" in first.text, ".tl-walked" in first.text) == (200, True, True)
    again = client.get("/leads", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_whoever_has_an_older_one_gets_the_new_one(client: TestClient) -> None:
    assert client.get("/leads", headers={"if-none-match": 'W/"of another release"'}).status_code == 200


def test_other_paths_are_others(client: TestClient) -> None:
    assert client.get("/leads/1").text == "somebody else's"


@pytest.mark.parametrize(
    ("accepted", "sent"), [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("identity", None), ("", None), ("brr", None)]
)
def test_a_script_comes_in_the_smallest_form_that_the_browser_takes(client: TestClient, accepted: str, sent: str | None) -> None:
    name = next((Path(file_util.get_static_dir()) / "static" / "js").glob("index.*.js"))
    answer = client.get(f"/static/js/{name.name}", headers={"accept-encoding": accepted})
    if sent is None:
        assert answer.text == "somebody else's"
        return
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == (sent, "Accept-Encoding")
    assert answer.content == name.read_bytes() and int(answer.headers["content-length"]) < name.stat().st_size / 3


def test_a_script_that_is_not_there_is_not_made_up(client: TestClient) -> None:
    for path in ("/static/js/none.js", "/static/js/../../index.html", "/static/js/%2e%2e/%2e%2e/requirements.js"):
        assert client.get(path, headers={"accept-encoding": "br"}).text == "somebody else's"
