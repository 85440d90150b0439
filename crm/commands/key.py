"""`key`: make, list and revoke API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from crm.access import keys
from crm.clock import now
from crm.commands.output import Json, answer, table

Email = Annotated[str, typer.Option("--person", metavar="EMAIL", help="Whose key: it may do what they may, never more.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="key", help="API keys.", no_args_is_help=True)
    app.add_typer(group)

    @group.command()
    def create(
        person: Email,
        name: Annotated[str, typer.Option("--name", help="What will use it, such as “warehouse sync”.")],
        read_only: Annotated[bool, typer.Option("--read-only", help="It may look and change nothing.")] = False,
        expires_days: Annotated[int | None, typer.Option("--expires-days", min=1, max=3650, help="Days until it stops working; never, when left out.")] = None,
        as_json: Json = False,
    ) -> None:
        """Make a key and print it once; it cannot be shown again."""
        expires_at = now() + timedelta(days=expires_days) if expires_days else None
        key = keys.create_key(keys.person_id_of(person), name, is_read_only=read_only, expires_at=expires_at)
        answer({"key": key, "name": name, "person": person, "read_only": read_only, "expires_at": expires_at}, as_json=as_json, lines=[key])

    @group.command("list")
    def list_(person: Email, as_json: Json = False) -> None:
        """A person's keys: names and dates, never the keys themselves."""
        rows = keys.list_keys(keys.person_id_of(person))
        columns = ("id", "name", "read_only", "created_at", "expires_at", "last_used_at", "revoked_at")
        cells = [(row.id, row.name, row.is_read_only, row.created_at, row.expires_at, row.last_used_at, row.revoked_at) for row in rows]
        days = [tuple(f"{cell:%Y-%m-%d}" if hasattr(cell, "strftime") else cell for cell in row) for row in cells]
        answer({"keys": [dict(zip(columns, row, strict=True)) for row in cells]}, as_json=as_json, lines=table(columns, days))

    @group.command()
    def revoke(key_id: Annotated[int, typer.Argument(metavar="ID", help="The key's number in `key list`.")], person: Email, as_json: Json = False) -> None:
        """The key stops working at once."""
        keys.revoke_key(keys.person_id_of(person), key_id)
        answer({"revoked": key_id}, as_json=as_json, lines=[f"Key {key_id} is revoked."])
