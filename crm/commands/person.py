"""`person`: add somebody who can sign in, or give somebody a link to choose a password."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import crm.records  # noqa: F401 - the write path knows every type
from crm import settings
from crm.access import OPERATOR, keys
from crm.commands.output import Json, answer
from crm.people import use_cases


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="person", help="People.", no_args_is_help=True)
    app.add_typer(group)

    @group.command()
    def add(
        email: Annotated[str, typer.Argument(metavar="EMAIL", help="The mail address they sign in with.")],
        name: Annotated[str, typer.Option("--name", help="Their name, as colleagues see it.")],
        role: Annotated[str, typer.Option("--role", help="admin, manager, rep, viewer or one of your own.")],
        team: Annotated[list[str] | None, typer.Option("--team", help="A team where they have it; may be given several times. None for admin.")] = None,
        as_json: Json = False,
    ) -> None:
        """Add a person. The password comes from a prompt, or from standard input."""
        person_id = use_cases.add_person_with_password(
            OPERATOR, email=email, name=name, role=role, teams=team or [], password=_ask_password(), source="command"
        )
        answer({"id": person_id, "email": email.strip().lower()}, as_json=as_json, lines=[f"{name} can sign in at {settings.current().address}."])

    @group.command()
    def link(email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whose password is to be chosen anew.")], as_json: Json = False) -> None:
        """Print a link with which they choose a password, once: an invitation (7 days) before they have one, a reset (24 hours) after."""
        made = use_cases.make_link(OPERATOR, keys.person_id_of(email))
        address = f"{settings.current().address}{made.path}"
        answer({"link": address, "until": made.until.isoformat()}, as_json=as_json, lines=[address])


def _ask_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
