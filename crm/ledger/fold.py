"""Folds postings into sums by day and by month, so that reports grow with months and buckets instead of with leads.

There are two folds of the same postings: what stands in each bucket (days and months of postings), and what came to it and went from it,
by kind and by the stage on the other side (days and months of moves). The stays of `crm.ledger.standing` and the activities of
`crm.ledger.doing` are folded beside them.

Readers add what is not folded yet, in one statement, so a report is exact to the last commit whether or
not a fold has run. A trigger lists each posting in `unfolded_postings`; being listed is the mark, never an
id's watermark: ids commit out of order. Folds run one at a time, held apart by the lock on the one row of
`fold_stamps`; writers never wait, and postings themselves are never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from crm.access import as_system
from crm.ledger import doing, passing, standing
from crm.ledger.sums import added_up
from crm.organisation.reads import reporting_time_zone

BATCH = 200_000

_DAY = "(effective_at at time zone :time_zone)::date as day"


@dataclass(frozen=True, slots=True)
class _Sums:
    """One fold: sums of `counted` by day and by month for each `cell`; each posting gives them by these expressions."""

    days: str
    months: str
    cell: str
    counted: Mapping[str, str]

    def upsert(self, unit: str, source: str) -> str:
        """Add what `source` counts to the rows by day or by month."""
        return added_up(self.days if unit == "day" else self.months, f"{unit}, {self.cell}", self.counted, source)

    def rebuilt_days(self) -> str:
        given = ", ".join(f"{expression} as {name}" for name, expression in self.counted.items())
        return self.upsert("day", f"""(
            select {_DAY}, {self.cell}, {given}
            from crm.postings as p
            where not exists (select from crm.unfolded_postings as u where u.posting_id = p.id)
        ) as folded""")  # fmt: skip

    def rebuilt_months(self) -> str:
        return self.upsert(
            "month", f"(select date_trunc('month', day)::date as month, {self.cell}, {', '.join(self.counted)} from crm.{self.days}) as by_month"
        )


_STANDING = _Sums("posting_days", "posting_months", "team_id, pipeline_id, stage_id, owner_id", {"leads": "leads", "value_usd": "value_usd"})
_MOVES = _Sums(
    "move_days", "move_months", "team_id, pipeline_id, stage_id, owner_id, kind, other_stage_id",
    {
        "came": "(leads = 1)::int", "went": "(leads = -1)::int",
        "came_usd": "case when leads = 1 then value_usd else 0 end", "went_usd": "case when leads = -1 then -value_usd else 0 end",
    },
)  # fmt: skip
_FOLDS = (_STANDING, _MOVES)
_GIVEN = ", ".join(f"u.{name}" for name in _MOVES.cell.split(", "))
_MOVED = ", ".join(f"{expression} as {name}" for name, expression in _MOVES.counted.items())

_BEGIN = text("select time_zone from crm.fold_stamps where id = 1 for update")
_STAMP = text("update crm.fold_stamps set time_zone = :time_zone, folded_at = now() where id = 1")
_FOLD = text(f"""
    with batch as (
        select posting_id from crm.unfolded_postings where posting_id > :after order by posting_id limit :batch
    ), taken as (
        delete from crm.unfolded_postings as u
        using batch
        where u.posting_id = batch.posting_id
        returning u.posting_id, {_DAY}, {_GIVEN}, u.leads, u.value_usd
    ), counted as (
        select *, date_trunc('month', day)::date as month, {_MOVED} from taken
    ), days as ({_STANDING.upsert("day", "counted")}
    ), months as ({_STANDING.upsert("month", "counted")}
    ), moves_of_days as ({_MOVES.upsert("day", "counted")}
    ), moves_of_months as ({_MOVES.upsert("month", "counted")}
    )
    select count(*) as taken, max(posting_id) as newest, array_agg(posting_id) as posting_ids from taken
""")
_REBUILD = tuple((text(each.rebuilt_days()), text(each.rebuilt_months())) for each in _FOLDS)
_EMPTY = tuple(text(f"delete from crm.{table} where leads = 0 and value_usd = 0") for table in (_STANDING.days, _STANDING.months, *standing.TABLES))
_CLEAR = tuple(
    text(f"delete from crm.{table}")
    for table in ("unfolded_postings", *(table for each in _FOLDS for table in (each.days, each.months)), standing.LIST, doing.LIST, *passing.CLEARED)
)


def fold(*, batch: int = BATCH) -> int:
    """Fold what was posted since; answers how many postings. The first time, and where the reporting time zone changed, it rebuilds."""
    if _must_begin_anew():
        return rebuild()
    with as_system() as session:
        session.execute(passing.NEW_TARGETS, {"time_zone": session.execute(_BEGIN).one().time_zone})
    folded, stays = _fold_list(_FOLD, batch, _follow), _fold_list(standing.FOLD, batch)
    _fold_list(doing.FOLD, batch, _write_anew)
    if folded or stays:
        with as_system() as session:
            for statement in _EMPTY:
                session.execute(statement)
    return folded


def _must_begin_anew() -> bool:
    with as_system() as session:
        return standing_zone(session) != reporting_time_zone(session)


def _follow(session: Session, row: Row[Any]) -> None:
    doing.follow(session, row.posting_ids)


def _write_anew(session: Session, row: Row[Any]) -> None:
    doing.write_anew(session, row.lead_ids)


def _fold_list(statement: TextClause, batch: int, and_then: Callable[[Session, Row[Any]], None] | None = None) -> int:
    """Batch by batch until a list is empty, each in a transaction of its own; answers how many were folded."""
    folded, after = 0, 0
    while True:
        with as_system() as session:
            taken, newest = _fold_batch(session, statement, after, batch, and_then)
        folded += taken
        if taken < batch:
            return folded
        after = newest  # a lower id that commits later stays listed for the next fold


def _fold_batch(session: Session, statement: TextClause, after: int, batch: int, and_then: Callable[[Session, Row[Any]], None] | None) -> tuple[int, int]:
    time_zone = session.execute(_BEGIN).one().time_zone
    row = session.execute(statement, {"time_zone": time_zone, "after": after, "batch": batch}).one()
    if row.taken:
        if and_then:
            and_then(session, row)
        session.execute(_STAMP, {"time_zone": time_zone})
    return row.taken, row.newest or 0


def rebuild() -> int:
    """Make days and months anew from every posting, in the organisation's present time zone; answers the postings counted.

    Readers see the old fold until this commits. What is posted meanwhile is listed anew and stays for the next fold.
    """
    with as_system() as session:
        session.execute(_BEGIN)
        time_zone = reporting_time_zone(session)
        for statement in _CLEAR:
            session.execute(statement)
        for days, months in _REBUILD:
            session.execute(days, {"time_zone": time_zone})
            session.execute(months)
        for statement in standing.REBUILD:
            session.execute(statement, {"time_zone": time_zone})
        session.execute(doing.REBUILD)
        session.execute(_STAMP, {"time_zone": time_zone})
        return int(session.scalar(text("select count(*) from crm.postings")) or 0)


def standing_zone(session: Session) -> str | None:
    """The time zone in which the standing fold made its days; None before the first fold."""
    found: str | None = session.scalar(text("select time_zone from crm.fold_stamps where id = 1"))
    return found


def zone_of_days(session: Session) -> str:
    """The zone in which this session's reports begin and end their days: the standing fold's, until a rebuild changes it."""
    return standing_zone(session) or reporting_time_zone(session)
