"""Folds postings into sums by day and by month, so that reports grow with months and buckets instead of with leads.

Readers add what is not folded yet, in one statement, so a report is exact to the last commit whether or
not a fold has run. A trigger lists each posting in `unfolded_postings`; being listed is the mark, never an
id's watermark: ids commit out of order. Folds run one at a time, held apart by the lock on the one row of
`fold_stamps`; writers never wait, and postings themselves are never touched.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import as_system
from crm.organisation.reads import reporting_time_zone

BATCH = 200_000

_BUCKET = "team_id, pipeline_id, stage_id, owner_id"
_DAY = "(effective_at at time zone :time_zone)::date as day"


def _upsert(table: str, unit: str, source: str) -> str:
    """Add the sums of `source` to the rows of `table`; a bucket that did not change gets no row."""
    return f"""
        insert into crm.{table} ({unit}, {_BUCKET}, leads, value_usd)
        select {unit}, {_BUCKET}, sum(leads), sum(value_usd)
        from {source}
        group by {unit}, {_BUCKET}
        having sum(leads) <> 0 or sum(value_usd) <> 0
        on conflict ({unit}, {_BUCKET}) do update
        set leads = {table}.leads + excluded.leads, value_usd = {table}.value_usd + excluded.value_usd
    """


_BEGIN = text("select time_zone from crm.fold_stamps where id = 1 for update")
_STAMP = text("update crm.fold_stamps set time_zone = :time_zone, folded_at = now() where id = 1")
_FOLD = text(f"""
    with batch as (
        select posting_id from crm.unfolded_postings where posting_id > :after order by posting_id limit :batch
    ), taken as (
        delete from crm.unfolded_postings as u
        using batch
        where u.posting_id = batch.posting_id
        returning u.posting_id, {_DAY}, u.team_id, u.pipeline_id, u.stage_id, u.owner_id, u.leads, u.value_usd
    ), by_month as (
        select *, date_trunc('month', day)::date as month from taken
    ), days as ({_upsert("posting_days", "day", "taken")}
    ), months as ({_upsert("posting_months", "month", "by_month")}
    )
    select count(*) as postings, max(posting_id) as newest from taken
""")
_ALL_DAYS = text(
    _upsert("posting_days", "day", f"""(
        select {_DAY}, {_BUCKET}, leads, value_usd
        from crm.postings as p
        where not exists (select from crm.unfolded_postings as u where u.posting_id = p.id)
    ) as folded""")
)  # fmt: skip
_ALL_MONTHS = text(
    _upsert("posting_months", "month", f"(select date_trunc('month', day)::date as month, {_BUCKET}, leads, value_usd from crm.posting_days) as by_month")
)
_EMPTY = tuple(text(f"delete from crm.{table} where leads = 0 and value_usd = 0") for table in ("posting_days", "posting_months"))
_CLEAR = tuple(text(f"delete from crm.{table}") for table in ("unfolded_postings", "posting_days", "posting_months"))


def fold(*, batch: int = BATCH) -> int:
    """Fold what was posted since; answers how many postings. The first time, and where the reporting time zone changed, it rebuilds."""
    if _must_begin_anew():
        return rebuild()
    folded, after = 0, 0
    while True:
        with as_system() as session:
            postings, newest = _fold_batch(session, after, batch)
        folded += postings
        if postings < batch:
            break
        after = newest  # a lower id that commits later stays listed for the next fold
    if folded:
        with as_system() as session:
            for statement in _EMPTY:
                session.execute(statement)
    return folded


def _must_begin_anew() -> bool:
    with as_system() as session:
        return standing_zone(session) != reporting_time_zone(session)


def _fold_batch(session: Session, after: int, batch: int) -> tuple[int, int]:
    time_zone = session.execute(_BEGIN).one().time_zone
    row = session.execute(_FOLD, {"time_zone": time_zone, "after": after, "batch": batch}).one()
    if row.postings:
        session.execute(_STAMP, {"time_zone": time_zone})
    return row.postings, row.newest or 0


def rebuild() -> int:
    """Make days and months anew from every posting, in the organisation's present time zone; answers the postings counted.

    Readers see the old fold until this commits. What is posted meanwhile is listed anew and stays for the next fold.
    """
    with as_system() as session:
        session.execute(_BEGIN)
        time_zone = reporting_time_zone(session)
        for statement in _CLEAR:
            session.execute(statement)
        session.execute(_ALL_DAYS, {"time_zone": time_zone})
        session.execute(_ALL_MONTHS)
        session.execute(_STAMP, {"time_zone": time_zone})
        return int(session.scalar(text("select count(*) from crm.postings")) or 0)


def standing_zone(session: Session) -> str | None:
    """The time zone in which the standing fold made its days; None before the first fold."""
    found: str | None = session.scalar(text("select time_zone from crm.fold_stamps where id = 1"))
    return found


def zone_of_days(session: Session) -> str:
    """The zone in which this session's reports begin and end their days: the standing fold's, until a rebuild changes it."""
    return standing_zone(session) or reporting_time_zone(session)
