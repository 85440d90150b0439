"""`doctor`: one line for each thing that must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from crm.access import OPERATOR, acting_as, as_system
from crm.clock import now
from crm.commands.output import Json, answer
from crm.customers import mirror_state
from crm.customers.order_months import fold_orders, months_equal_orders
from crm.db import checks as db_checks
from crm.db import engine
from crm.db.migrate import head_revision
from crm.ledger import checks as ledger_checks
from crm.ledger.checks import Verdict
from crm.ledger.fold import rebuild


def register(app: typer.Typer) -> None:
    @app.command()
    def doctor(
        rebuild_fold: Annotated[bool, typer.Option("--rebuild-fold", help="First make the folds of postings and of orders anew; they are caches.")] = False,
        as_json: Json = False,
    ) -> None:
        """Check database, schema, row security, ledger, worker and mirror; exit code 1 if any fails."""
        if rebuild_fold:
            rebuild()
            with as_system() as session:
                fold_orders(session, now(), is_anew=True)
        found = list(examine())
        is_well = all(verdict.is_good for _, verdict in found)
        facts = {"ok": is_well, "checks": [{"name": name, "ok": verdict.is_good, "says": verdict.says} for name, verdict in found]}
        answer(facts, as_json=as_json, lines=[f"{'ok  ' if verdict.is_good else 'FAIL'}  {name:<18}  {verdict.says}" for name, verdict in found])
        if not is_well:
            raise typer.Exit(1)


def examine() -> Iterator[tuple[str, Verdict]]:
    """(name, verdict) of every check. Without a database there is nothing else to look at."""
    try:
        first = _database()
    except DBAPIError as error:
        yield "database", Verdict(False, f"cannot be reached: {str(error.orig).splitlines()[0]}")
        return
    yield "database", first
    for name, check in _CHECKS.items():
        yield name, _verdict(check)


def _verdict(check: Callable[[], Verdict]) -> Verdict:
    """One check that cannot run never keeps the others from running."""
    try:
        return check()
    except DBAPIError as error:
        return Verdict(False, f"cannot be checked: {str(error.orig).splitlines()[0]}")


def _database() -> Verdict:
    with as_system() as session:
        is_recent, says = db_checks.server(session)
    return Verdict(is_recent, says if is_recent else f"{says}; Throughline needs 15 or newer")


def _schema() -> Verdict:
    with as_system() as session:
        found = db_checks.revision(session)
    head = head_revision()
    return Verdict(found == head, f"at {found}" if found == head else f"at {found}, this release needs {head}: run python -m crm migrate")


def _row_security() -> Verdict:
    with as_system() as session:
        holes = db_checks.holes(session, engine.role_names())
        tables = db_checks.walled_tables(session)
    return Verdict(not holes, "; ".join(holes) or f"{tables} tables behind forced row security; the runtime login owns nothing")


def _as_operator(check: Callable[..., Verdict]) -> Callable[[], Verdict]:
    def run() -> Verdict:
        with acting_as(OPERATOR) as session:
            return check(session)

    return run


def _worker() -> Verdict:
    from crm.jobs.heartbeat import pulse

    return Verdict(*pulse())


def _months() -> Verdict:
    with as_system() as session:
        return Verdict(*months_equal_orders(session))


def _mirror() -> Verdict:
    from crm.jobs.stand_in import is_due

    has_stand_in = is_due()
    with as_system() as session:
        return Verdict(*mirror_state.verdict(session, has_stand_in=has_stand_in))


_CHECKS: dict[str, Callable[[], Verdict]] = {
    "schema": _schema,
    "row security": _row_security,
    "ledger = leads": _as_operator(ledger_checks.ledger_equals_leads),
    "stays": _as_operator(ledger_checks.stays_are_right),
    "fold = postings": _as_operator(ledger_checks.fold_equals_postings),
    "months = orders": _months,
    "worker": _worker,
    "mirror": _mirror,
}
