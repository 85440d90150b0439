-- name: cohorts
-- answers: of the leads that began in each month, how many were won by each month after?
-- grain: one row per month of beginning and month since that has begun, oldest first; months_since 0 is the month of beginning itself
-- params: from_day date (inclusive, a day of time_zone: when they began); to_day date (inclusive); today date (of time_zone);
--   as_of date or null (where they stood at the end of this day; null for now); time_zone text;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: cohort date (first day of the month in which they began); months_since int; leads bigint (all that began in that month);
--   open bigint (of them, now); lost bigint (of them, now); won bigint (won so many calendar months later, or sooner, and still won);
--   won_share numeric (0..1, of the leads); won_value_usd numeric (of those won so far)

with began as (
    select y.stage_id, y.value_usd, y.began_at, y.stage_entered_at
    from crm.stays as y
    where :as_of is null
        and y.left_at is null
        and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    union all
    select y.stage_id, y.value_usd, y.began_at, y.stage_entered_at
    from crm.stays as y
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

by_month as (
    select
        date_trunc('month', b.began_at at time zone :time_zone) as cohort,
        s.kind,
        case when s.kind = 'won' then date_trunc('month', b.stage_entered_at at time zone :time_zone) end as ended,
        count(*) as leads,
        sum(b.value_usd) as value_usd
    from began as b
    left join crm.stages as s on s.id = b.stage_id
    group by 1, 2, 3
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
