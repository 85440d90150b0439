-- name: won_by_week
-- answers: what was won in each week of a period?
-- grain: one row per seven days from from_day on, oldest first; the last one up to to_day
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive);
--   as_of date or null (as leads stood at the end of this day; null for now); time_zone text;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: week date (its first day); won bigint (leads that came to a won stage in it, and stand there); won_value_usd numeric (theirs)

with won as (
    select (y.stage_entered_at at time zone :time_zone)::date as day, y.value_usd
    from crm.stays as y
    where :as_of is null
        and y.left_at is null
        and y.stage_id in (select s.id from crm.stages as s where s.kind = 'won')
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    union all
    select (y.stage_entered_at at time zone :time_zone)::date as day, y.value_usd
    from crm.stays as y
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and y.stage_id in (select s.id from crm.stages as s where s.kind = 'won')
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

by_week as (
    select (w.day - :from_day) / 7 as number, count(*) as won, sum(w.value_usd) as usd
    from won as w
    group by 1
)

select
    :from_day + 7 * n as week,
    coalesce(w.won, 0) as won,
    coalesce(w.usd, 0) as won_value_usd
from generate_series(0, (:to_day - :from_day) / 7) as n
left join by_week as w on w.number = n
order by week
