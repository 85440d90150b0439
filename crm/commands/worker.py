"""`worker`: one more worker."""

from __future__ import annotations

from typing import Annotated

import typer

from crm.commands.output import Json, answer


def register(app: typer.Typer) -> None:
    @app.command()
    def worker(
        parent: Annotated[int | None, typer.Option("--parent", hidden=True, help="Stop when this process ends; `serve` sets it.")] = None,
        as_json: Json = False,
    ) -> None:
        """Run one more worker; it takes jobs until Ctrl+C or SIGTERM. `serve` starts one by itself."""
        from crm import logs
        from crm.jobs import worker as door

        logs.set_up()
        door.run(parent_pid=parent)
        answer({"stopped": True}, as_json=as_json, lines=["The worker stopped."])
