"""The folds of what is over its stage's target, and of how long those took that moved on.

A lead goes over the target of its stage on a day that is known when it comes there: on that day its stay counts, and it counts off when the
lead leaves, or on that same day where it left before. So each entry of the list of stays has one day, and the sums up to a day are the leads
that were over their target at its end. They are right for the target they were counted by (`folded_targets`): where a stage has another one
by now, readers count its stays, and the next fold counts its days anew.

Of those that moved on in a month, the days that each took are kept with the whole days they round up to, or the part of a day. A reader finds the step that
the median lies in by counting, and the median itself among the few that took as long. Of those that stand in a stage, the days that each took from its
beginning until it came there are kept by the month in which it did: medians of what was won read those in the place of stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from crm.ledger.sums import added_up

LIST = "unfolded_stays"
TARGETS = "folded_targets"
CLEARED = (TARGETS, "late_days", "late_months")
"""What a rebuild empties first: then no target is known, and every stage's days are counted."""
_BUCKET = "team_id, pipeline_id, stage_id, owner_id"
_COUNTED = ("leads", "value_usd", "moved_on", "in_time")
_DAY_OF = "(({moment}) at time zone :time_zone)::date as day"
_DUE_AFTER = "make_interval(hours => 24 * t.target_days)"
_LATE_DAY = _DAY_OF.format(moment=f"greatest(y.happened_at, y.stage_entered_at + {_DUE_AFTER})")
_IN_TIME = f"(y.happened_at - y.stage_entered_at <= {_DUE_AFTER})::int"
_ARRIVED = "date_part('epoch', stage_entered_at - began_at) / 86400"
_TOOK = "date_part('epoch', happened_at - stage_entered_at) / 86400"

NEW_TARGETS = text("select crm.fold_targets_anew(:time_zone)")
"""Counts the days of those stages anew whose target is not the one they were counted by; mostly of none."""
REBUILD = (NEW_TARGETS, text("select crm.fold_passages_anew(:time_zone)"), text("select crm.fold_arrivals_anew(:time_zone)"))


def _late(happened: str) -> str:
    """`happened`: stays that opened or ended, as the list says it."""
    return f"""
        select {_LATE_DAY}, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.leads, y.value_usd, 0 as moved_on, 0 as in_time
        from {happened} as y
        join crm.{TARGETS} as t on t.stage_id = y.stage_id
        union all
        select {_DAY_OF.format(moment="y.happened_at")}, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, 0, 0, -y.leads, -y.leads * {_IN_TIME}
        from {happened} as y
        join crm.{TARGETS} as t on t.stage_id = y.stage_id
        where y.left_by = 'moved'
    """


def upserts(taken: str) -> Iterator[str]:
    """The parts of a statement that add what was `taken` from the list."""
    yield f"late as ({_late(taken)})"
    yield f"late_days_folded as ({added_up('late_days', f'day, {_BUCKET}', _COUNTED, 'late')})"
    by_month = f"(select date_trunc('month', day)::date as month, {_BUCKET}, {', '.join(_COUNTED)} from late) as by_month"
    yield f"late_months_folded as ({added_up('late_months', f'month, {_BUCKET}', _COUNTED, by_month)})"
    yield f"passages_folded as ({_passages(taken)})"
    yield f"arrivals_folded as ({_arrivals(taken)})"


def _passages(taken: str) -> str:
    cell = f"month, {_BUCKET}, step"
    return f"""
        insert into crm.passage_months ({cell}, moved_on, took)
        select {cell}, count(*), array_agg(took)
        from (
            select date_trunc('month', happened_at at time zone :time_zone)::date as month, {_BUCKET}, crm.step_of({_TOOK}) as step, {_TOOK} as took
            from {taken}
            where left_by = 'moved'
        ) as passages
        group by {cell}
        on conflict ({cell}) do update
        set moved_on = passage_months.moved_on + excluded.moved_on, took = passage_months.took || excluded.took
    """


def _arrivals(taken: str) -> str:
    """Folds run one at a time: what stands in a cell is read, what went is taken out of it, and it is written whole."""
    cell = f"month, {_BUCKET}"
    return f"""
        insert into crm.arrival_months ({cell}, took)
        select {", ".join(f"c.{name}" for name in cell.split(", "))},
            case when c.went is null then coalesce(a.took, '{{}}') || c.came
                else array(select unnest(coalesce(a.took, '{{}}') || c.came) except all select unnest(c.went)) end
        from (
            select date_trunc('month', stage_entered_at at time zone :time_zone)::date as month, {_BUCKET},
                array_agg({_ARRIVED}) filter (where leads > 0) as came, array_agg({_ARRIVED}) filter (where leads < 0) as went
            from {taken}
            group by 1, {_BUCKET}
        ) as c
        left join crm.arrival_months as a on (a.month, a.team_id, a.pipeline_id, a.stage_id) = (c.month, c.team_id, c.pipeline_id, c.stage_id)
            and a.owner_id is not distinct from c.owner_id
        on conflict ({cell}) do update
        set took = excluded.took
    """


_HAPPENED = f"""(
    select {_BUCKET}, stage_entered_at, entered_at as happened_at, null as left_by, 1 as leads, value_usd from crm.stays
    union all
    select {_BUCKET}, stage_entered_at, left_at, left_by, -1, -value_usd from crm.stays where left_at is not null
    union all
    select {_BUCKET}, stage_entered_at, happened_at, left_by, -leads, -value_usd from crm.{LIST}
)"""
_PASSED = f"""
    select date_trunc('month', happened_at at time zone :time_zone)::date as month, {_BUCKET}, crm.step_of({_TOOK}) as step, passages, {_TOOK} as took
    from (
        select {_BUCKET}, stage_entered_at, left_at as happened_at, 1 as passages from crm.stays where left_by = 'moved'
        union all
        select {_BUCKET}, stage_entered_at, happened_at, -1 from crm.{LIST} where left_by = 'moved'
    ) as stays
"""

_ARRIVALS = f"""
    select date_trunc('month', stage_entered_at at time zone :time_zone)::date as month, {_BUCKET}, leads, {_ARRIVED} as took
    from (
        select {_BUCKET}, began_at, stage_entered_at, 1 as leads from crm.stays where left_at is null
        union all
        select {_BUCKET}, began_at, stage_entered_at, -leads from crm.{LIST}
    ) as standing
"""


def differences() -> Iterator[str]:
    """SQL: the cells in which fold and list together are not the stays."""
    yield _differing(f"day, {_BUCKET}", _late(_HAPPENED), f"select day, {_BUCKET}, {', '.join(_COUNTED)} from crm.late_days")
    by_month = f"select date_trunc('month', day)::date as month, {_BUCKET}, {', '.join(_COUNTED)} from crm.late_days"
    yield _differing(f"month, {_BUCKET}", by_month, f"select month, {_BUCKET}, {', '.join(_COUNTED)} from crm.late_months")
    yield f"""
        select from (
            {_PASSED}
            union all
            select m.month, m.team_id, m.pipeline_id, m.stage_id, m.owner_id, m.step, -1, t.took from crm.passage_months as m, unnest(m.took) as t (took)
        ) as both_sides
        group by month, {_BUCKET}, step, took
        having sum(passages) <> 0
        union all
        select from crm.passage_months where moved_on <> cardinality(took)
    """
    yield f"""
        select from (
            {_ARRIVALS}
            union all
            select m.month, m.team_id, m.pipeline_id, m.stage_id, m.owner_id, -1, t.took from crm.arrival_months as m, unnest(m.took) as t (took)
        ) as both_sides
        group by month, {_BUCKET}, took
        having sum(leads) <> 0
    """


def _differing(cell: str, source: str, fold: str) -> str:
    return f"""
        select from (
            select {cell}, {", ".join(_COUNTED)} from ({source}) as stays
            union all
            select {cell}, {", ".join(f"-{name}" for name in _COUNTED)} from ({fold}) as folded
        ) as both_sides
        group by {cell}
        having {" or ".join(f"sum({name}) <> 0" for name in _COUNTED)}
    """
