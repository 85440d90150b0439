-- name: open_value_by_week
-- answers: what were open leads worth at the end of each of the last eight weeks?
-- grain: one row per week, oldest first; the last one is now
-- params: owner_id bigint or null (null for everybody in sight); today date (of time_zone); time_zone text (the one the standing fold was made in)
-- columns: day date (the week's last day); value_usd numeric

with weeks as (
    select (:today - 7 * n)::date as day
    from generate_series(0, 7) as n
),

entries as (
    select m.month as day, m.stage_id, m.value_usd
    from crm.posting_months as m
    where m.month < date_trunc('month', :today - 49)::date
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.day, d.stage_id, d.value_usd
    from crm.posting_days as d
    where d.day >= date_trunc('month', :today - 49)::date
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select (u.effective_at at time zone :time_zone)::date as day, u.stage_id, u.value_usd
    from crm.unfolded_postings as u
    where (:owner_id is null or u.owner_id = :owner_id)
),

days as (
    select e.day, sum(e.value_usd) as value_usd
    from entries as e
    where e.stage_id in (select s.id from crm.stages as s where s.kind = 'open')
    group by e.day
)

select
    w.day,
    coalesce(sum(d.value_usd), 0) as value_usd
from weeks as w
left join days as d on d.day <= w.day
group by w.day
order by w.day
