"""`demo`: fill an empty database with a realistic organisation."""

from __future__ import annotations

from time import monotonic
from typing import Annotated

import typer

import crm.records  # noqa: F401 - the write path knows every type
from crm import settings
from crm.commands.output import Json, answer, progress
from crm.db import engine
from crm.db.migrate import migrate
from crm.demo.fill import fill
from crm.demo.organisation import PASSWORD, PEOPLE, TEAMS


def register(app: typer.Typer) -> None:
    @app.command()
    def demo(
        leads: Annotated[int, typer.Option(min=0, help="How many leads.")] = 10_000,
        seed: Annotated[int, typer.Option(help="The same seed on the same day gives the same organisation.")] = 7,
        as_json: Json = False,
    ) -> None:
        """Fill an empty database with a realistic organisation; refuses one that holds anything."""
        began = monotonic()
        migrate(settings.current(), engine.owner_url())
        fill(leads=leads, seed=seed, progress=progress)
        seconds = round(monotonic() - began, 1)
        facts = {"leads": leads, "people": len(PEOPLE), "teams": len(TEAMS), "seed": seed, "seconds": seconds}
        answer(facts, as_json=as_json, lines=[f"{leads:,} leads of {len(PEOPLE)} people in {len(TEAMS)} teams, in {seconds} s.",
                                              f"Sign in as alma@demo.example, mona@demo.example or ana@demo.example; the password is {PASSWORD}."])  # fmt: skip
