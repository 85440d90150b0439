"""The fold of what stands: open stays by the months in which leads began and came to their stage, by source, and by expected close.

Every stay that opens or ends is listed in `unfolded_stays`, with +1 or -1, by the statement that writes it: at every moment the fold
and the list together are the open stays. Readers take whole months from the fold and the list; the days at both ends of a
period, and what the fold does not tell apart, they read from the stays themselves.
"""

from __future__ import annotations

from sqlalchemy import text

from crm.ledger.sums import added_up

LIST = "unfolded_stays"
_BUCKET = "team_id, pipeline_id, stage_id, owner_id"
_CELLS = {
    "standing_months": f"began_month, entered_month, path, {_BUCKET}",
    "source_months": f"began_month, source, {_BUCKET}",
    "closing_months": f"close_month, {_BUCKET}",
}
TABLES = tuple(_CELLS)
_COUNTED = ("leads", "value_usd")
_GIVEN = f"{_BUCKET}, source, close_month, path"
_BY_MONTH = f"""date_trunc('month', began_at at time zone :time_zone)::date as began_month,
    date_trunc('month', stage_entered_at at time zone :time_zone)::date as entered_month, {_GIVEN}"""

FOLD = text(f"""
    with batch as (
        select id from crm.{LIST} where id > :after order by id limit :batch
    ), taken as (
        delete from crm.{LIST} as u using batch where u.id = batch.id returning u.*
    ), counted as (
        select {_BY_MONTH}, leads, value_usd from taken
    ), {", ".join(f"{table}_folded as ({added_up(table, cell, _COUNTED, 'counted')})" for table, cell in _CELLS.items())}
    select count(*) as taken, max(id) as newest from taken
""")
_OPEN = f"""(
    select {_BY_MONTH}, 1 as leads, value_usd from crm.stays where left_at is null
    union all
    select {_BY_MONTH}, -leads, -value_usd from crm.{LIST}
) as standing"""
REBUILD = text("select crm.fold_standing_anew(:time_zone)")
"""A function of the owner's: the machinery reads no stay itself."""


def differences() -> str:
    """SQL: the cells in which fold and list together are not the open stays."""
    return " union all ".join(
        f"""
        select from (
            select {cell}, leads, value_usd from {_OPEN}
            union all
            select {cell}, -leads, -value_usd from crm.{table}
        ) as both_sides
        group by {cell}
        having sum(leads) <> 0 or sum(value_usd) <> 0
        """
        for table, cell in _CELLS.items()
    )
