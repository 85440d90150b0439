"""The page that the browser loads first: whole once, and then only while it is another one."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

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
