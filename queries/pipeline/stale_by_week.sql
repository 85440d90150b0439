-- name: stale_by_week
-- answers: how many open leads were longer in their stage than its target, week by week, and how many of those that moved on did so in time?
-- grain: one row per seven days up to to_day, oldest first; days of the period before the first whole week are left out
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text; now timestamptz;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: week date (its last day); over_target bigint (leads longer in their stage than its target of today, at the end of the week);
--   over_target_usd numeric (theirs); moved_on bigint (leads that left a stage with a target for another one in the week);
--   in_time bigint (of these, within the target)

-- Each stay in an open stage that has a target, from when it was over it.
with stays as (
    select
        y.stage_entered_at + make_interval(days => s.target_days) as due_at,
        greatest(y.entered_at, y.stage_entered_at + make_interval(days => s.target_days)) as late_at,
        y.left_at,
        y.left_by,
        y.value_usd
    from crm.stays as y
    join crm.stages as s on s.id = y.stage_id
    where s.kind = 'open'
        and s.target_days is not null
        and (y.left_at is null or y.left_at >= cast(:from_day as timestamp) at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

-- One more when a lead goes over its target, one less when it leaves: added up, that is how many were over it.
turns as (
    select y.late_at as at, 1 as leads, y.value_usd as usd
    from stays as y
    where y.late_at < coalesce(y.left_at, 'infinity')
    union all
    select y.left_at as at, -1 as leads, -y.value_usd as usd
    from stays as y
    where y.late_at < y.left_at
),

weeks as (
    select n as weeks_ago, :to_day - 7 * n as week
    from generate_series(0, (:to_day - :from_day + 1) / 7 - 1) as n
),

turned as (
    select
        least((:to_day - (t.at at time zone :time_zone)::date) / 7, (:to_day - :from_day + 1) / 7 - 1) as weeks_ago,
        sum(t.leads) as leads,
        sum(t.usd) as usd
    from turns as t
    where t.at < least((:to_day + 1)::timestamp at time zone :time_zone, :now)
    group by 1
),

leaving as (
    select
        (:to_day - (y.left_at at time zone :time_zone)::date) / 7 as weeks_ago,
        count(*) as moved_on,
        count(*) filter (where y.left_at <= y.due_at) as in_time
    from stays as y
    where y.left_by = 'moved'
        and y.left_at < (:to_day + 1)::timestamp at time zone :time_zone
    group by 1
)

select
    w.week,
    coalesce(sum(t.leads) over up_to, 0)::bigint as over_target,
    coalesce(sum(t.usd) over up_to, 0) as over_target_usd,
    coalesce(l.moved_on, 0) as moved_on,
    coalesce(l.in_time, 0) as in_time
from weeks as w
left join turned as t on t.weeks_ago = w.weeks_ago
left join leaving as l on l.weeks_ago = w.weeks_ago
window up_to as (order by w.week)
order by w.week
