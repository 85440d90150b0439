-- name: owners
-- answers: what does each owner have open, and what began, was won and was lost in a period?
-- grain: one row per owner with an open lead or anything in the period, the most won value first; leads of nobody in a row of their own
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); as_of date or null (as leads stood at the end of this day; null for now);
--   time_zone text (the one the standing fold was made in); team_id bigint or null (null for every team in reach); pipeline_id bigint or null;
--   owner_id bigint or null
-- columns: owner_id bigint (null: nobody's); owner text; open bigint (leads); open_value_usd numeric;
--   weighted_usd numeric (open value times the chance of its stage, as it is today); began bigint (leads of theirs that began in the period); won bigint;
--   lost bigint; win_rate numeric (0..1); won_value_usd numeric; median_days numeric (from the beginning to the win)

-- What is open comes from the fold, as in pipeline_by_stage.
with entries as (
    select m.owner_id, m.stage_id, m.leads, m.value_usd
    from crm.posting_months as m
    where m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.owner_id, d.stage_id, d.leads, d.value_usd
    from crm.posting_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.owner_id, u.stage_id, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
),

opening as (
    select
        b.owner_id,
        sum(b.leads)::bigint as leads,
        sum(b.value_usd) as value_usd,
        sum(b.value_usd * s.probability) as weighted_usd
    from (
        select e.owner_id, e.stage_id, sum(e.leads) as leads, sum(e.value_usd) as value_usd
        from entries as e
        group by e.owner_id, e.stage_id
    ) as b
    join crm.stages as s on s.id = b.stage_id
    where s.kind = 'open'
    group by b.owner_id
    having sum(b.leads) <> 0
),

standing as (
    select y.owner_id, true as has_begun, null as kind, y.value_usd, null::float8 as days
    from crm.stays as y
    where :as_of is null
        and y.left_at is null
        and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.owner_id, false as has_begun, s.kind, y.value_usd, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
    from crm.stays as y
    join crm.stages as s on s.id = y.stage_id
    where :as_of is null
        and y.left_at is null
        and s.kind in ('won', 'lost')
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.owner_id, w.has_begun, w.kind, y.value_usd, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
    from crm.stays as y
    left join crm.stages as s on s.id = y.stage_id
    cross join lateral (values
        (true, null, y.began_at),
        (false, case when s.kind in ('won', 'lost') then s.kind end, y.stage_entered_at)
    ) as w (has_begun, kind, happened_at)
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (w.has_begun or w.kind is not null)
        and w.happened_at >= cast(:from_day as timestamp) at time zone :time_zone
        and w.happened_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
),

happened as (
    select
        w.owner_id,
        count(*) filter (where w.has_begun) as began,
        count(*) filter (where w.kind = 'won') as won,
        count(*) filter (where w.kind = 'lost') as lost,
        sum(w.value_usd) filter (where w.kind = 'won') as won_value_usd,
        percentile_cont(0.5) within group (order by w.days) filter (where w.kind = 'won') as median_days
    from standing as w
    group by w.owner_id
)

select
    coalesce(o.owner_id, h.owner_id) as owner_id,
    coalesce(p.name, 'Person ' || coalesce(o.owner_id, h.owner_id), 'Nobody') as owner,
    coalesce(o.leads, 0) as open,
    coalesce(o.value_usd, 0) as open_value_usd,
    round(coalesce(o.weighted_usd, 0), 2) as weighted_usd,
    coalesce(h.began, 0) as began,
    coalesce(h.won, 0) as won,
    coalesce(h.lost, 0) as lost,
    round(h.won::numeric / nullif(h.won + h.lost, 0), 4) as win_rate,
    coalesce(h.won_value_usd, 0) as won_value_usd,
    round(h.median_days::numeric, 2) as median_days
from opening as o
full join happened as h on coalesce(h.owner_id, 0) = coalesce(o.owner_id, 0)
left join crm.people as p on p.id = coalesce(o.owner_id, h.owner_id)
order by won_value_usd desc, open_value_usd desc, owner_id nulls last
