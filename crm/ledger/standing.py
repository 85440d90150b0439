"""The folds of what stands, and of what stood.

What stands: open stays by the months in which leads began and came to their stage, by source, and by expected close. What stood: what
came to stand in the same cells and what ceased to, by day and by month, so that a report as of a past day adds up whole months and
the days of the month that its day lies in, instead of reading all stays.

Every stay that opens or ends is listed in `unfolded_stays`, with +1 or -1 and its moment, by the statement that writes it: at every moment fold
and list together are the stays. Readers take whole months from the fold and the list; the days at both ends of a
period, and what the fold does not tell apart, they read from the stays themselves. Beside them `crm.ledger.passing` folds the same list.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from crm.ledger import passing
from crm.ledger.sums import added_up

LIST = "unfolded_stays"
_BUCKET = "team_id, pipeline_id, stage_id, owner_id"
_WAY, _SOURCE, _CLOSE = f"began_month, entered_month, path, {_BUCKET}", f"began_month, source, {_BUCKET}", f"close_month, {_BUCKET}"
_CELLS = {"standing_months": _WAY, "source_months": _SOURCE, "closing_months": _CLOSE}
_PAST_CELLS = {"stood": _WAY, "stood_source": _SOURCE, "stood_closing": _CLOSE}
TABLES = tuple(_CELLS)
_COUNTED = ("leads", "value_usd")
_GIVEN = f"{_BUCKET}, source, close_month, path"
_BY_MONTH = f"""date_trunc('month', began_at at time zone :time_zone)::date as began_month,
    date_trunc('month', stage_entered_at at time zone :time_zone)::date as entered_month, {_GIVEN}"""
_DAY = "(happened_at at time zone :time_zone)::date as day"


def _upserts() -> Iterator[str]:
    for table, cell in _CELLS.items():
        yield f"{table}_folded as ({added_up(table, cell, _COUNTED, 'counted')})"
    for fold, cell in _PAST_CELLS.items():
        for unit in ("day", "month"):
            yield f"{fold}_{unit}s_folded as ({added_up(f'{fold}_{unit}s', f'{unit}, {cell}', _COUNTED, 'counted')})"
    yield from passing.upserts("taken")


FOLD = text(f"""
    with batch as (
        select id from crm.{LIST} where id > :after order by id limit :batch
    ), taken as (
        delete from crm.{LIST} as u using batch where u.id = batch.id returning u.*
    ), by_day as (
        select {_DAY}, {_BY_MONTH}, leads, value_usd from taken
    ), counted as (
        select *, date_trunc('month', day)::date as month from by_day
    ), {", ".join(_upserts())}
    select count(*) as taken, max(id) as newest from taken
""")
REBUILD = (text("select crm.fold_standing_anew(:time_zone)"), *passing.REBUILD)
"""Functions of the owner's: the machinery reads no stay itself."""

_OPEN = f"""(
    select {_BY_MONTH}, 1 as leads, value_usd from crm.stays where left_at is null
    union all
    select {_BY_MONTH}, -leads, -value_usd from crm.{LIST}
) as standing"""
_HAPPENED = f"""(
    select {_DAY}, {_BY_MONTH}, leads, leads * value_usd as value_usd
    from (
        select *, entered_at as happened_at, 1 as leads from crm.stays
        union all
        select y.*, y.left_at, -1 from crm.stays as y where y.left_at is not null
    ) as happened
    union all
    select {_DAY}, {_BY_MONTH}, -leads, -value_usd from crm.{LIST}
) as happened"""


def differences() -> str:
    """SQL: the cells in which fold and list together are not the stays."""
    return " union all ".join((*_differences(), *passing.differences()))


def _differences() -> Iterator[str]:
    for table, cell in _CELLS.items():
        yield _differing(cell, _OPEN, table)
    for fold, cell in _PAST_CELLS.items():
        yield _differing(f"day, {cell}", _HAPPENED, f"{fold}_days")
        by_month = f"(select date_trunc('month', day)::date as month, {cell}, leads, value_usd from crm.{fold}_days) as by_month"
        yield _differing(f"month, {cell}", by_month, f"{fold}_months")


def _differing(cell: str, source: str, table: str) -> str:
    return f"""
        select from (
            select {cell}, leads, value_usd from {source}
            union all
            select {cell}, -leads, -value_usd from crm.{table}
        ) as both_sides
        group by {cell}
        having sum(leads) <> 0 or sum(value_usd) <> 0
        """
