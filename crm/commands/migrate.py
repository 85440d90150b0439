"""`migrate`: bring the schema up to date."""

from __future__ import annotations

import typer

from crm import settings
from crm.commands.output import Json, answer
from crm.db import engine
from crm.db.migrate import head_revision
from crm.db.migrate import migrate as run_migrations


def register(app: typer.Typer) -> None:
    @app.command()
    def migrate(as_json: Json = False) -> None:
        """Bring the schema up to date; does nothing where it already is."""
        has_changed = run_migrations(settings.current(), engine.owner_url())
        revision = head_revision()
        answer({"changed": has_changed, "revision": revision}, as_json=as_json, lines=[f"The schema is at {revision}" + ("." if has_changed else " already.")])
