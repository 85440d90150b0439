"""`sync`: one run of the order lens."""

from __future__ import annotations

from typing import Annotated

import typer

from crm.access import as_system
from crm.commands.output import Json, answer, progress
from crm.customers.mirror_state import held
from crm.jobs.stand_in import stand_in_production
from crm.jobs.syncing import sync_now


def register(app: typer.Typer) -> None:
    @app.command()
    def sync(
        full: Annotated[bool, typer.Option("--full", help="Read everything, also to see what is gone; without it only what changed.")] = False,
        as_json: Json = False,
    ) -> None:
        """Read customers, orders and rates from production, and make the leads that follow; a bad answer changes nothing."""
        with stand_in_production():
            done = sync_now("full" if full else "difference", progress=progress)
        with as_system() as session:
            mirrored = held(session)
        counts = done.counts
        facts = {
            "run": done.run_id, "kind": done.kind, **counts, "waiting": done.waiting, "without_rate": done.without_rate, "change_set": done.change_set_id,
            "remarks": done.remarks, "customers": mirrored.customers, "orders": mirrored.orders, "orders_usd": mirrored.usd,
        }  # fmt: skip
        lines = [
            f"Read {counts['customers_read']:,} customers, {counts['orders_read']:,} orders and {counts['rates_read']:,} rates ({done.kind}); "
            f"changed {counts['customers_changed']:,} customers and {counts['orders_changed']:,} orders; "
            f"made {counts['leads_created']:,} leads and brought {counts['leads_changed']:,} up to date.",
            f"The mirror holds {mirrored.customers:,} customers and {mirrored.orders:,} orders worth ${mirrored.usd:,.2f}.",
            *done.remarks,
        ]
        answer(facts, as_json=as_json, lines=lines)
