"""Folds postings into `posting_days`, so that reports grow with days and buckets instead of with leads.

Readers add what is not folded yet, in one statement, so a report is exact to the last commit whether or
not a fold has run. Postings are consumed by mark (`fold_id`), never by an id's watermark: ids commit out of
order. Folds run one at a time, held apart by the lock on the one row of `fold_stamps`; writers never wait.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import as_system
from crm.organisation.reads import reporting_time_zone

BATCH = 50_000

_BEGIN = text("select fold_id, time_zone from crm.fold_stamps where id = 1 for update")
_STAMP = text("update crm.fold_stamps set fold_id = :fold_id, time_zone = :time_zone, folded_at = now() where id = 1")
_BUCKET = "day, team_id, pipeline_id, stage_id, owner_id"
_FOLD = text(f"""
    with batch as (
        select id from crm.postings where fold_id is null and id > :after order by id limit :batch
    ), marked as (
        update crm.postings as p
        set fold_id = :fold_id
        from batch
        where p.id = batch.id
        returning p.id, (p.effective_at at time zone :time_zone)::date as day, p.team_id, p.pipeline_id, p.stage_id, p.owner_id, p.leads, p.value_usd
    ), folded as (
        insert into crm.posting_days ({_BUCKET}, leads, value_usd)
        select {_BUCKET}, sum(leads), sum(value_usd)
        from marked
        group by {_BUCKET}
        having sum(leads) <> 0 or sum(value_usd) <> 0
        on conflict ({_BUCKET}) do update
        set leads = posting_days.leads + excluded.leads, value_usd = posting_days.value_usd + excluded.value_usd
    )
    select count(*) as postings, max(id) as newest from marked
""")
_EMPTY = text("delete from crm.posting_days where leads = 0 and value_usd = 0")
_CLEAR = text("delete from crm.posting_days")
_MARK_REST = text("update crm.postings set fold_id = :fold_id where fold_id is null")
_ALL = text(f"""
    insert into crm.posting_days ({_BUCKET}, leads, value_usd)
    select {_BUCKET}, sum(leads), sum(value_usd)
    from (
        select (effective_at at time zone :time_zone)::date as day, team_id, pipeline_id, stage_id, owner_id, leads, value_usd
        from crm.postings
        where fold_id is not null
    ) as counted
    group by {_BUCKET}
    having sum(leads) <> 0 or sum(value_usd) <> 0
""")


def fold(*, batch: int = BATCH) -> int:
    """Fold what was posted since; answers how many postings. Rebuilds where the reporting time zone changed."""
    if _is_of_another_zone():
        return rebuild()
    folded, after = 0, 0
    while True:
        with as_system() as session:
            postings, newest = _fold_batch(session, after, batch)
        folded += postings
        if postings < batch:
            break
        after = newest  # a lower id that commits later keeps its mark open for the next fold
    if folded:
        with as_system() as session:
            session.execute(_EMPTY)
    return folded


def _is_of_another_zone() -> bool:
    with as_system() as session:
        made_in = standing_zone(session)
        return made_in is not None and made_in != reporting_time_zone(session)


def _fold_batch(session: Session, after: int, batch: int) -> tuple[int, int]:
    stamp = session.execute(_BEGIN).one()
    time_zone = stamp.time_zone or reporting_time_zone(session)
    row = session.execute(_FOLD, {"fold_id": stamp.fold_id + 1, "time_zone": time_zone, "after": after, "batch": batch}).one()
    if row.postings:
        session.execute(_STAMP, {"fold_id": stamp.fold_id + 1, "time_zone": time_zone})
    return row.postings, row.newest or 0


def rebuild() -> int:
    """Make `posting_days` anew from every posting, in the organisation's present time zone; answers its rows.

    Readers see the old fold until this commits. What is posted meanwhile has no mark and stays for the next fold.
    """
    with as_system() as session:
        stamp = session.execute(_BEGIN).one()
        time_zone = reporting_time_zone(session)
        session.execute(_CLEAR)
        session.execute(_MARK_REST, {"fold_id": stamp.fold_id + 1})
        rows = session.execute(_ALL, {"time_zone": time_zone}).rowcount  # type: ignore[attr-defined]
        session.execute(_STAMP, {"fold_id": stamp.fold_id + 1, "time_zone": time_zone})
        return int(rows)


def standing_zone(session: Session) -> str | None:
    """The time zone in which the standing fold made its days; None before the first fold."""
    found: str | None = session.scalar(text("select time_zone from crm.fold_stamps where id = 1"))
    return found


def zone_of_days(session: Session) -> str:
    """The zone in which this session's reports begin and end their days: the standing fold's, until a rebuild changes it."""
    return standing_zone(session) or reporting_time_zone(session)
