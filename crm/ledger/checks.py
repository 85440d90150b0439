"""Does the ledger still agree with the leads? Each question is one statement, so it sees one moment even while people write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.ledger import doing, standing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, in one line."""

    is_good: bool
    says: str


# What one side has and the other has not leaves a remainder in its bucket.
_LEDGER = text("""
    select
        (select count(*) from crm.leads where deleted_at is null) as leads,
        (
            select count(*)
            from (
                select from (
                    select team_id, pipeline_id, stage_id, owner_id, leads, value_usd from crm.postings
                    union all
                    select team_id, pipeline_id, stage_id, owner_id, -1, -coalesce(value_usd, 0) from crm.leads where deleted_at is null
                ) as both_sides
                group by team_id, pipeline_id, stage_id, owner_id
                having sum(leads) <> 0 or sum(value_usd) <> 0
            ) as remainders
        ) as wrong
""")
_STAYS = text("""
    with open_stays as (
        select lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, stage_entered_at, entered_at
        from crm.stays
        where left_at is null
    )
    select
        count(*) filter (where l.deleted_at is null) as leads,
        count(*) filter (where l.deleted_at is null and s.lead_id is null) as missing,
        count(*) filter (where s.lead_id is not null and (l.id is null or l.deleted_at is not null)) as left_over,
        count(*) filter (where l.deleted_at is null and s.lead_id is not null
            and (s.team_id, s.pipeline_id, s.stage_id, s.owner_id, s.source, s.market, s.close_month, s.value_usd, s.stage_entered_at)
            is distinct from (l.team_id, l.pipeline_id, l.stage_id, l.owner_id, l.source, l.market,
                date_trunc('month', l.expected_close_on)::date, coalesce(l.value_usd, 0), l.stage_entered_at)) as differing
    from crm.leads as l
    full join open_stays as s on s.lead_id = l.id
""")
_FOLD = text(f"""
    with zone as (
        select coalesce(time_zone, 'UTC') as name from crm.fold_stamps where id = 1
    ), wrong_days as (
        select from (
            select (p.effective_at at time zone z.name)::date as day, p.team_id, p.pipeline_id, p.stage_id, p.owner_id, p.leads, p.value_usd
            from crm.postings as p cross join zone as z
            union all
            select (u.effective_at at time zone z.name)::date, u.team_id, u.pipeline_id, u.stage_id, u.owner_id, -u.leads, -u.value_usd
            from crm.unfolded_postings as u cross join zone as z
            union all
            select d.day, d.team_id, d.pipeline_id, d.stage_id, d.owner_id, -d.leads, -d.value_usd from crm.posting_days as d
        ) as both_sides
        group by day, team_id, pipeline_id, stage_id, owner_id
        having sum(leads) <> 0 or sum(value_usd) <> 0
    ), wrong_months as (
        select from (
            select date_trunc('month', d.day)::date as month, d.team_id, d.pipeline_id, d.stage_id, d.owner_id, d.leads, d.value_usd from crm.posting_days as d
            union all
            select m.month, m.team_id, m.pipeline_id, m.stage_id, m.owner_id, -m.leads, -m.value_usd from crm.posting_months as m
        ) as both_sides
        group by month, team_id, pipeline_id, stage_id, owner_id
        having sum(leads) <> 0 or sum(value_usd) <> 0
    ), wrong_moves as (
        select from (
            select (p.effective_at at time zone z.name)::date as day, p.team_id, p.pipeline_id, p.stage_id, p.owner_id, p.kind, p.other_stage_id, p.leads,
                1 as times, p.value_usd
            from crm.postings as p cross join zone as z
            union all
            select (u.effective_at at time zone z.name)::date, u.team_id, u.pipeline_id, u.stage_id, u.owner_id, u.kind, u.other_stage_id, u.leads,
                -1, -u.value_usd
            from crm.unfolded_postings as u cross join zone as z
            union all
            select d.day, d.team_id, d.pipeline_id, d.stage_id, d.owner_id, d.kind, d.other_stage_id, side.leads, -side.times, -side.value_usd
            from crm.move_days as d
            cross join lateral (values (1, d.came, d.came_usd), (-1, d.went, -d.went_usd)) as side (leads, times, value_usd)
        ) as both_sides
        group by day, team_id, pipeline_id, stage_id, owner_id, kind, other_stage_id, leads
        having sum(times) <> 0 or sum(value_usd) <> 0
    ), wrong_move_months as (
        select from (
            select date_trunc('month', d.day)::date as month, d.team_id, d.pipeline_id, d.stage_id, d.owner_id, d.kind, d.other_stage_id,
                d.came, d.went, d.came_usd, d.went_usd
            from crm.move_days as d
            union all
            select m.month, m.team_id, m.pipeline_id, m.stage_id, m.owner_id, m.kind, m.other_stage_id, -m.came, -m.went, -m.came_usd, -m.went_usd
            from crm.move_months as m
        ) as both_sides
        group by month, team_id, pipeline_id, stage_id, owner_id, kind, other_stage_id
        having sum(came) <> 0 or sum(went) <> 0 or sum(came_usd) <> 0 or sum(went_usd) <> 0
    ), wrong_standing as ({standing.differences().replace(":time_zone", "(select name from zone)")}
    ), wrong_activities as ({doing.differences()}
    )
    select
        (select count(*) from wrong_days) + (select count(*) from wrong_months) + (select count(*) from wrong_moves)
        + (select count(*) from wrong_move_months) + (select count(*) from wrong_standing)
        + (select count(*) from wrong_activities) as wrong,
        (select count(*) from crm.postings) as postings,
        (select count(*) from crm.unfolded_postings) as unfolded
""")


def ledger_equals_leads(session: Session) -> Verdict:
    """Postings summed per team, pipeline, stage and owner are the live leads and their value."""
    row = session.execute(_LEDGER).one()
    if row.wrong:
        return Verdict(False, f"{row.wrong:,} buckets differ between postings and leads")
    return Verdict(True, f"postings add up to the {row.leads:,} live leads and their value")


def stays_are_right(session: Session) -> Verdict:
    """Each live lead has exactly one open stay, equal to its bucket (a unique index allows no second); no deleted lead has one."""
    row = session.execute(_STAYS).one()
    wrong: dict[str, Any] = {"leads without a stay": row.missing, "stays of no live lead": row.left_over, "stays unlike their lead": row.differing}
    if any(wrong.values()):
        return Verdict(False, ", ".join(f"{count:,} {what}" for what, count in wrong.items() if count))
    return Verdict(True, f"each of {row.leads:,} live leads has the one open stay it should have")


def fold_equals_postings(session: Session) -> Verdict:
    """Days, and months, with what is not folded yet, are the sum of all postings; months of what stands are that of the open stays; activities are theirs."""
    row = session.execute(_FOLD).one()
    if row.wrong:
        return Verdict(False, f"{row.wrong:,} sums differ from their postings: python -m crm doctor --rebuild-fold makes them anew")
    return Verdict(True, f"days and months add up to {row.postings:,} postings, {row.unfolded:,} of them not folded yet")
