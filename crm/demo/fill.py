"""Fills an empty database with a believable organisation and two years of its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm import settings
from crm.access import OPERATOR, acting_as, passwords, writing
from crm.access.acting import stepping_aside
from crm.clock import now
from crm.db import engine as db_engine
from crm.db.migrate import owner_engine
from crm.demo.buyers import connect_production
from crm.demo.goals import mean_to_win
from crm.demo.markets import MARKETS
from crm.demo.organisation import LEFT, PASSWORD, Organisation, found_organisation, let_go
from crm.demo.rates import newest, weekly_rates
from crm.demo.reminders import remind
from crm.demo.shaping import settle_in
from crm.demo.stories import Story, Storyteller
from crm.demo.writing import write_stories
from crm.errors import CrmError
from crm.ledger.fold import fold

BATCH = 20_000
WRITERS = 2
SAVES_DAYS = 5  # so long ago people find saves of their own to take back
REFRESHES = (1, 4, 16)  # after so many batches the planner is told anew how large the tables are
# Only what is filtered, joined or grouped by: measuring the JSON of all changes and the text of all activities took most of the time.
MEASURED = (
    "people, teams, memberships, pipelines, stages, exchange_rates, companies, contacts, leads, lead_contacts, lead_search_texts, change_sets, postings,"
    " lead_custom_values, posting_days, move_days, move_months, standing_months, source_months, closing_months, stays,"
    " stood_days, stood_months, stood_source_days, stood_source_months, stood_closing_days, stood_closing_months,"
    " late_days, late_months, passage_months, arrival_months, folded_activities,"
    " changes (id, record_type, record_id, version, change_set_id, person_id, source, at),"
    " activities (id, lead_id, person_id, kind, happened_at, deleted_at)"
)


def is_empty(session: Session) -> bool:
    """Whether nobody has put anything into this database yet."""
    return not session.scalar(
        text("select exists (select from crm.people) or exists (select from crm.teams) or exists (select from crm.leads) or exists (select from crm.companies)")
    )


def fill(*, leads: int = 10_000, seed: int = 7, progress: Callable[[str], None] | None = None, owner_url: str | None = None, is_settled: bool = True) -> None:
    """Fill an empty database; raises `CrmError` for one that holds anything.

    `is_settled`: with what people have shaped for themselves, too (assignment rules, views, holidays, an absence).

    The same seed on the same day gives the same organisation. Up to `BATCH` leads go in as one transaction
    with the organisation; more follow in batches, so that memory stays bounded.
    """
    say = progress or (lambda line: None)
    with acting_as(OPERATOR) as session:
        if not is_empty(session):
            raise CrmError("This database is not empty, and the demo only fills an empty one. Nothing was changed.")
        made = found_organisation(session)
        rates = _enter_rates(session, seed)
        _give_passwords(session, made)
        say(f"{len(made.people)} people in {len(made.teams)} teams")
        teller = Storyteller(made, seed=seed, now=now(), usd_per_unit=newest(rates))
        batch = teller.tell_many(min(leads, BATCH))
        write_stories(session, batch, saves_since=now() - timedelta(days=SAVES_DAYS))
        remind(session, (person for name, person in made.people.items() if name != LEFT), now=now())
        mean_to_win(session, [person for name, person in made.people.items() if name != LEFT], now=now())
        let_go(session, made)
    say(f"{len(batch):,} of {leads:,} leads")
    if leads > BATCH:  # a smaller demo leaves folding and cleaning to the worker and to autovacuum, and lets people in sooner
        _write_the_rest(teller, leads, say, owner_url)
        fold()
    refresh(owner_url, is_thorough=leads > BATCH)  # first: without it the planner looks through all leads for each company that may buy
    with acting_as(OPERATOR) as session:
        connect_production(session, settings.current().data_dir, seed=seed, now=now())
    if is_settled:
        settle_in(made, today=now().date())


def _write_the_rest(teller: Storyteller, leads: int, say: Callable[[str], None], owner_url: str | None) -> None:
    """Batch by batch, two being written while the next one is told: what one lead needs of another is in its own batch."""
    done = told = BATCH
    running: set[Future[int]] = set()
    with ThreadPoolExecutor(WRITERS) as writers:
        while told < leads or running:
            if told < leads:
                if told // BATCH in REFRESHES:
                    refresh(owner_url)
                batch = teller.tell_many(min(BATCH, leads - told))
                told += len(batch)
                running.add(writers.submit(_write, batch))
            if len(running) > WRITERS or told >= leads:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for written in finished:
                    done += written.result()
                    say(f"{done:,} of {leads:,} leads")


def _write(batch: Sequence[Story]) -> int:
    with acting_as(OPERATOR) as session:
        write_stories(session, batch)
    return len(batch)


def _enter_rates(session: Session, seed: int) -> list[tuple[str, date, float]]:
    rates = list(weekly_rates(seed, now().date()))
    with writing(session, "settings", "configure"):
        session.execute(
            text("insert into crm.markets (code, name, currency) values (:code, :name, :currency)"),
            [{"code": code, "name": market.name, "currency": market.currency} for code, market in MARKETS.items()],
        )
        session.execute(
            text("""
                insert into crm.exchange_rates (currency, valid_from, usd_per_unit)
                select * from unnest(cast(:currencies as text[]), cast(:days as date[]), cast(:rates as numeric[]))
            """),
            {"currencies": [row[0] for row in rates], "days": [row[1] for row in rates], "rates": [row[2] for row in rates]},
        )
    return rates


def _give_passwords(session: Session, made: Organisation) -> None:
    """One hash for all: the password is no secret here, and hashing is slow on purpose."""
    with stepping_aside(session):  # so that no person exists without a password
        session.execute(
            text("insert into crm.credentials (person_id, password_hash) select id, :hash from unnest(cast(:ids as bigint[])) as p (id)"),
            {"hash": passwords.hashed(PASSWORD), "ids": list(made.people.values())},
        )


def refresh(owner_url: str | None = None, *, is_thorough: bool = False) -> None:
    """Tell the planner what is in the tables now: only their owner may, so this is the one part that runs as the owner.

    `is_thorough` also removes the rows' older versions, which autovacuum does for a small demo by itself.
    """
    engine = owner_engine(owner_url or db_engine.owner_url())
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("set search_path = crm"))
            connection.execute(text(f"{'vacuum (analyze)' if is_thorough else 'analyze'} {MEASURED}"))
    finally:
        engine.dispose()
