"""`python -m crm person`: whoever runs the server gets somebody in."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from crm.__main__ import main
from crm.access import links, passwords, sign_in


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return main(["person", *arguments])


def test_an_added_person_can_sign_in(cast: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        monkeypatch, "add", "dina@demo.example", "--name", "Dina", "--role", "rep", "--team", "Gulf", "--team", "levant", "--json", typed="three blind mice\n"
    )
    assert code == 0 and json.loads(capsys.readouterr().out)["email"] == "dina@demo.example"
    claimed = sign_in.claim("dina@demo.example", address="192.0.2.10")
    assert passwords.matches("three blind mice", claimed.password_hash)


@pytest.mark.parametrize(("arguments", "typed", "words"), [
    (("dina@demo.example", "--name", "Dina", "--role", "rep"), "three blind mice", "needs a team"),
    (("dina@demo.example", "--name", "Dina", "--role", "admin", "--team", "Gulf"), "three blind mice", "whole organisation"),
    (("dina@demo.example", "--name", "Dina", "--role", "king"), "three blind mice", "no role"),
    (("dina@demo.example", "--name", "Dina", "--role", "rep", "--team", "Nowhere"), "three blind mice", "no team"),
    (("not an address", "--name", "Dina", "--role", "admin"), "three blind mice", "not a mail address"),
    (("ana@demo.example", "--name", "Another", "--role", "admin"), "three blind mice", "already"),
    (("dina@demo.example", "--name", "Dina", "--role", "admin"), "short", "at least"),
    (("dina@demo.example", "--name", "Dina", "--role", "admin"), "", "at least"),
])  # fmt: skip
def test_bad_input_is_one_line_and_adds_nobody(
    db: Any, cast: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], typed: str, words: str
) -> None:
    assert run(monkeypatch, "add", *arguments, typed=typed) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert db.value("select count(*) from crm.people") == len(cast.people)


def test_a_link_lets_somebody_choose_a_password(cast: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "link", "ana@demo.example") == 0
    invited = re.search(r"\?invite=(\S+)", capsys.readouterr().out)
    assert invited and links.is_live(invited[1], "invitation")
    sign_in.accept_invitation(invited[1], "three blind mice", address="")
    assert run(monkeypatch, "link", "ana@demo.example") == 0
    found = re.search(r"\?reset=(\S+)", capsys.readouterr().out)
    assert found and links.is_live(found[1], "reset")
