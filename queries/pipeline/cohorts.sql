-- name: cohorts
-- answers: of the leads that began in each month, how many were won by each month after?
-- grain: one row per month of beginning and month since that has begun, oldest first; months_since 0 is the month of beginning itself
-- params: from_day date (inclusive, a day of time_zone: when they began); to_day date (inclusive); today date (of time_zone);
--   as_of date or null (where they stood at the end of this day; null for now); time_zone text;
--   months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: cohort date (first day of the month in which they began); months_since int; leads bigint (all that began in that month);
--   open bigint (of them, now); lost bigint (of them, now); won bigint (won so many calendar months later, or sooner, and still won);
--   won_share numeric (0..1, of the leads); won_value_usd numeric (of those won so far)

-- Whole months come from the fold and from what it has not counted yet; the days at both ends from the stays themselves. As of a past day, from
-- what came to stand and what ceased to until then, by month and by day.
with ends as (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, cast(:months_from as timestamp) at time zone :time_zone as ends_at
    union all
    select cast(:months_to as timestamp) at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

began as (
    select m.stage_id, m.began_month, m.entered_month, m.leads, m.value_usd
    from crm.standing_months as m
    where :as_of is null
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.stage_id, m.began_month, m.entered_month, m.leads, m.value_usd
    from crm.stood_months as m
    where m.month < date_trunc('month', :as_of)::date
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.stage_id, d.began_month, d.entered_month, d.leads, d.value_usd
    from crm.stood_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.began_month >= :months_from
        and d.began_month < :months_to
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select
        u.stage_id,
        date_trunc('month', u.began_at at time zone :time_zone)::date as began_month,
        date_trunc('month', u.stage_entered_at at time zone :time_zone)::date as entered_month,
        u.leads,
        u.value_usd
    from crm.unfolded_stays as u
    where u.began_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.began_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select
        y.stage_id,
        date_trunc('month', y.began_at at time zone :time_zone)::date as began_month,
        date_trunc('month', y.stage_entered_at at time zone :time_zone)::date as entered_month,
        1 as leads,
        y.value_usd
    from ends as e
    join crm.stays as y on y.began_at >= e.begins_at and y.began_at < e.ends_at
    where y.left_at is null
        and (:as_of is null or y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    union all
    select
        y.stage_id,
        date_trunc('month', y.began_at at time zone :time_zone)::date as began_month,
        date_trunc('month', y.stage_entered_at at time zone :time_zone)::date as entered_month,
        1 as leads,
        y.value_usd
    from ends as e
    join crm.stays as y on y.began_at >= e.begins_at and y.began_at < e.ends_at
    where y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

by_month as (
    select
        b.began_month::timestamp as cohort,
        s.kind,
        case when s.kind = 'won' then b.entered_month end as ended,
        sum(b.leads) as leads,
        sum(b.value_usd) as value_usd
    from began as b
    left join crm.stages as s on s.id = b.stage_id
    group by 1, 2, 3
    having sum(b.leads) <> 0
),

totals as (
    select
        m.cohort,
        sum(m.leads) as leads,
        coalesce(sum(m.leads) filter (where m.kind = 'open'), 0) as open,
        coalesce(sum(m.leads) filter (where m.kind = 'lost'), 0) as lost
    from by_month as m
    group by m.cohort
),

steps as (
    select
        t.cohort,
        x as reached,
        12 * (extract(year from x) - extract(year from t.cohort)) + extract(month from x) - extract(month from t.cohort) as months_since
    from totals as t
    cross join generate_series(t.cohort, date_trunc('month', coalesce(:as_of, :today)::timestamp), '1 month') as x
)

select
    t.cohort::date as cohort,
    p.months_since::int as months_since,
    t.leads::bigint as leads,
    t.open::bigint as open,
    t.lost::bigint as lost,
    coalesce(sum(m.leads), 0)::bigint as won,
    round(coalesce(sum(m.leads), 0) / t.leads, 4) as won_share,
    coalesce(sum(m.value_usd), 0) as won_value_usd
from steps as p
join totals as t on t.cohort = p.cohort
left join by_month as m on m.cohort = p.cohort and m.ended <= p.reached
group by t.cohort, p.months_since, t.leads, t.open, t.lost
order by t.cohort, p.months_since
