"""The API's requests go past what only pages need, and nothing else does."""

import asyncio

import pytest

from crm.web.apart import Apart


def named(name):
    async def app(scope, receive, send):
        await send((name, scope.get("root_path", ""), scope["path"]))

    return app


def ask(scope):
    heard = []

    async def send(message):
        heard.append(message)

    asyncio.run(Apart(named("pages"), path="/api", other=named("api"))(scope, None, send))
    return heard


@pytest.mark.parametrize("path", ["/api/v1/leads", "/api/"])
def test_what_is_below_the_path_goes_to_the_other_app_as_if_mounted_there(path):
    assert ask({"type": "http", "path": path, "root_path": "/crm"}) == [("api", "/crm/api", path)]


@pytest.mark.parametrize(("kind", "path"), [("http", "/leads"), ("http", "/apiary"), ("http", "/api"), ("http", "/x/api/v1"), ("websocket", "/api/v1")])
def test_all_else_stays_with_the_pages(kind, path):
    assert ask({"type": kind, "path": path}) == [("pages", "", path)]
