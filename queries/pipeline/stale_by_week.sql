-- name: stale_by_week
-- answers: how many open leads were longer in their stage than its target, week by week, and how many of those that moved on did so in time?
-- grain: one row per seven days up to to_day, oldest first; days of the period before the first whole week are left out
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text; now timestamptz;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: week date (its last day); over_target bigint (leads longer in their stage than its target of today, at the end of the week);
--   over_target_usd numeric (theirs); moved_on bigint (leads that left a stage with a target for another one in the week);
--   in_time bigint (of these, within the target)

-- The fold counts by the target that a stage had then. Where it has another one since, and where a source or a market is asked for, which the fold
-- does not tell apart, each stay in the stage is looked at.
with stages as materialized (
    select
        s.id as stage_id,
        s.target_days,
        :source is null and :market is null and f.target_days is not null as is_folded,
        :now - make_interval(days => s.target_days) as due_since,
        (:to_day + 1)::timestamp at time zone :time_zone - make_interval(days => s.target_days) as due_before
    from crm.stages as s
    left join crm.folded_targets as f on f.stage_id = s.id and f.target_days = s.target_days
    where s.kind = 'open'
        and s.target_days is not null
),

stays as (
    select
        y.stage_entered_at + make_interval(days => s.target_days) as due_at,
        greatest(y.entered_at, y.stage_entered_at + make_interval(days => s.target_days)) as late_at,
        y.left_at,
        y.left_by,
        y.value_usd
    from stages as s
    join crm.stays as y on y.stage_id = s.stage_id
    where not s.is_folded
        and (y.left_at is null or y.left_at >= cast(:from_day as timestamp) at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

-- What the fold has not counted yet counts as it would count it.
listed as (
    select
        greatest(u.happened_at, u.stage_entered_at + make_interval(days => s.target_days)) as late_at,
        u.stage_entered_at + make_interval(days => s.target_days) as due_at,
        u.happened_at,
        u.left_by,
        u.leads,
        u.value_usd
    from stages as s
    join crm.unfolded_stays as u on u.stage_id = s.stage_id
    where s.is_folded
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
),

-- One more on the day on which a lead goes over its target, one less when it leaves: added up, that is how many were over it. Today is
-- folded to its end: those whose target ends later today are not over it yet.
turns as (
    select m.month as day, m.leads, m.value_usd as usd, 0 as moved_on, 0 as in_time
    from stages as s
    join crm.late_months as m on m.stage_id = s.stage_id
    where s.is_folded
        and m.month < date_trunc('month', cast(:from_day as timestamp))::date
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.day, d.leads, d.value_usd as usd, d.moved_on, d.in_time
    from stages as s
    join crm.late_days as d on d.stage_id = s.stage_id
    where s.is_folded
        and d.day >= date_trunc('month', cast(:from_day as timestamp))::date
        and d.day <= :to_day
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select (l.late_at at time zone :time_zone)::date as day, l.leads, l.value_usd as usd, 0 as moved_on, 0 as in_time
    from listed as l
    where l.late_at < (:to_day + 1)::timestamp at time zone :time_zone
    union all
    select (l.happened_at at time zone :time_zone)::date as day, 0 as leads, 0 as usd, -l.leads as moved_on, -l.leads * (l.happened_at <= l.due_at)::int as in_time
    from listed as l
    where l.left_by = 'moved'
        and l.happened_at < (:to_day + 1)::timestamp at time zone :time_zone
    union all
    select :to_day as day, -1 as leads, -y.value_usd as usd, 0 as moved_on, 0 as in_time
    from stages as s
    join crm.stays as y on y.stage_id = s.stage_id and y.stage_entered_at >= s.due_since and y.stage_entered_at < s.due_before
    where s.is_folded
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select (y.late_at at time zone :time_zone)::date as day, 1 as leads, y.value_usd as usd, 0 as moved_on, 0 as in_time
    from stays as y
    where y.late_at < coalesce(y.left_at, 'infinity')
        and y.late_at < least((:to_day + 1)::timestamp at time zone :time_zone, :now)
    union all
    select (y.left_at at time zone :time_zone)::date as day, -1 as leads, -y.value_usd as usd, 0 as moved_on, 0 as in_time
    from stays as y
    where y.late_at < y.left_at
        and y.left_at < least((:to_day + 1)::timestamp at time zone :time_zone, :now)
    union all
    select (y.left_at at time zone :time_zone)::date as day, 0 as leads, 0 as usd, 1 as moved_on, (y.left_at <= y.due_at)::int as in_time
    from stays as y
    where y.left_by = 'moved'
        and y.left_at < (:to_day + 1)::timestamp at time zone :time_zone
),

weeks as (
    select n as weeks_ago, :to_day - 7 * n as week
    from generate_series(0, (:to_day - :from_day + 1) / 7 - 1) as n
),

-- What turned before the first week stands at its end; who moved on before it is of no week.
turned as (
    select
        least((:to_day - t.day) / 7, (:to_day - :from_day + 1) / 7 - 1) as weeks_ago,
        sum(t.leads) as leads,
        sum(t.usd) as usd,
        coalesce(sum(t.moved_on) filter (where (:to_day - t.day) / 7 < (:to_day - :from_day + 1) / 7), 0) as moved_on,
        coalesce(sum(t.in_time) filter (where (:to_day - t.day) / 7 < (:to_day - :from_day + 1) / 7), 0) as in_time
    from turns as t
    group by 1
)

select
    w.week,
    coalesce(sum(t.leads) over up_to, 0)::bigint as over_target,
    coalesce(sum(t.usd) over up_to, 0) as over_target_usd,
    coalesce(t.moved_on, 0)::bigint as moved_on,
    coalesce(t.in_time, 0)::bigint as in_time
from weeks as w
left join turned as t on t.weeks_ago = w.weeks_ago
window up_to as (order by w.week)
order by w.week
