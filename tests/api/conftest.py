"""A client of the API for anybody of the cast, each with a key of their own; every answer is held against the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crm.access import keys
from crm.api import throttle


class Http:
    """The API without a network between."""

    def __init__(self, app):
        self.runner = asyncio.Runner()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://crm.example")

    def request(self, method, path, **options):
        return self.runner.run(self.client.request(method, path, **options))

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.close()


class Client:
    """One person's view of the API. Answers are checked against the OpenAPI document as they come."""

    def __init__(self, http, document, key):
        self.http, self.document, self.key = http, document, key
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def request(self, method, path, *, version=None, headers=None, **options):
        every = {**self.headers, **(headers or {})}
        if version is not None:
            every["If-Match"] = f'"{version}"'
        answer = self.http.request(method, f"/v1{path}", headers=every, **options)
        check_documented(self.document, method, f"/v1{path}".split("?")[0], answer)
        return answer

    def get(self, path, **params):
        return self.request("GET", path, params=params)

    def rows(self, path, cursor=None, **params):
        """All rows of a list from `cursor` on, page after page."""
        found = []
        while True:
            answer = self.get(path, **params, **({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, answer.text
            found += answer.json()["data"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return found

    def post(self, path, body=None, **options):
        return self.request("POST", path, json=body, **options) if body is not None else self.request("POST", path, **options)

    def patch(self, path, body, **options):
        return self.request("PATCH", path, json=body, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)


def check_documented(document, method, path, answer):
    """The status is documented for the route, the media type too, and the body fits its schema."""
    for template, operations in document["paths"].items():
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            replies = operations[method.lower()]["responses"]
            assert str(answer.status_code) in replies, f"{method} {template} answered {answer.status_code}, which is not documented: {answer.text[:500]}"
            content = replies[str(answer.status_code)].get("content")
            if not content:
                assert answer.content == b""
                return
            media_type = answer.headers["content-type"].split(";")[0]
            assert media_type in content
            if content[media_type]["schema"].get("format") == "binary":
                return
            schema = {**content[media_type]["schema"], "components": document["components"]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())
            return


@pytest.fixture
def http(db, monkeypatch):
    monkeypatch.setattr(throttle, "wrong_keys", throttle.Throttle(throttle.WRONG_KEYS_A_SECOND, throttle.WRONG_KEYS_AT_ONCE))
    from crm.api.app import api

    client = Http(api)
    yield client
    client.close()


@pytest.fixture
def document(http):
    return json.loads(http.request("GET", "/openapi.json").text)


@pytest.fixture
def api(http, cast, document):
    """`api("ana")` is a client with a key of ana's; `api(None)` has none."""
    made = {}

    def client(name, *, read_only=False):
        if (name, read_only) not in made:
            key = keys.create_key(cast.people[name], "test", is_read_only=read_only) if name else None
            made[name, read_only] = Client(http, document, key)
        return made[name, read_only]

    return client


@pytest.fixture
def petra(cast):
    """The path of bruno's lead in the Gulf team."""
    return f"/leads/{cast.leads['Petra Supplies']}"
