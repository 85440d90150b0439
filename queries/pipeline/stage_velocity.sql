-- name: stage_velocity
-- answers: how long do leads stay in each stage before they move on, against the stage's target, and how many are there too long now?
-- grain: one row per pipeline and open stage, in pipeline and stage order; stages in use, and removed ones that leads left in the period
-- params: from_day date (inclusive, a day of time_zone: when they moved on); to_day date (inclusive);
--   as_of date or null (which leads were in the stage at the end of this day; null for now); time_zone text (the one the standing fold was made in);
--   now timestamptz;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; target_days int (as it is today; null: none);
--   moved_on bigint (leads that left the stage for another one in the period); median_days numeric; p90_days numeric;
--   in_time_share numeric (0..1, of those that moved on, within the target; null without one); leads bigint (in the stage then);
--   over_target bigint (of these, longer than the target); over_target_usd numeric; oldest_days numeric (how long the one has been there that came first)

with of_pipelines as (
    select
        p.team_id,
        p.position as pipeline_position,
        p.id as pipeline_id,
        p.name as pipeline,
        s.position as stage_position,
        s.id as stage_id,
        s.name as stage,
        s.target_days,
        coalesce((:as_of + 1)::timestamp at time zone :time_zone, :now) - make_interval(days => s.target_days) as due_since,
        p.deleted_at is null and s.deleted_at is null as is_in_use
    from crm.stages as s
    join crm.pipelines as p on p.id = s.pipeline_id
    where s.kind = 'open'
        and (:pipeline_id is null or p.id = :pipeline_id)
),

stages as (
    select
        p.*,
        date_trunc('month', p.due_since at time zone :time_zone)::date as due_month,
        date_trunc('month', p.due_since at time zone :time_zone) at time zone :time_zone as due_month_at
    from of_pipelines as p
),

-- A stay ends with any change of owner or value; it is left for another stage where it was moved. Stage by stage, in the order of an index.
leaving as (
    select s.stage_id, l.moved_on, l.days, l.in_time
    from stages as s
    cross join lateral (
        select
            count(*) as moved_on,
            percentile_cont(array[0.5, 0.9]) within group (order by x.days) as days,
            count(*) filter (where x.days <= s.target_days) as in_time
        from (
            select date_part('epoch', y.left_at - y.stage_entered_at) / 86400 as days
            from crm.stays as y
            where y.stage_id = s.stage_id
                and y.left_by = 'moved'
                and y.left_at >= cast(:from_day as timestamp) at time zone :time_zone
                and y.left_at < (:to_day + 1)::timestamp at time zone :time_zone
                and (:team_id is null or y.team_id = :team_id)
                and (:owner_id is null or y.owner_id = :owner_id)
                and (:source is null or y.source = :source)
                and (:market is null or y.market = :market)
            offset 0  -- so that days are worked out once for each stay
        ) as x
    ) as l
    where l.moved_on > 0
),

-- Who waits, and whose target ended in an earlier month than the one they came in, comes from the fold and from what it has not counted yet;
-- where a source or a market is asked for, which the fold does not tell apart, from the stays.
counted as (
    select
        m.stage_id,
        m.leads,
        case when m.entered_month < s.due_month then m.leads else 0 end as over_target,
        case when m.entered_month < s.due_month then m.value_usd else 0 end as over_target_usd
    from crm.standing_months as m
    join stages as s on s.stage_id = m.stage_id
    where :as_of is null
        and :source is null
        and :market is null
        and (:team_id is null or m.team_id = :team_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select
        u.stage_id,
        u.leads,
        case when u.stage_entered_at < s.due_month_at then u.leads else 0 end as over_target,
        case when u.stage_entered_at < s.due_month_at then u.value_usd else 0 end as over_target_usd
    from crm.unfolded_stays as u
    join stages as s on s.stage_id = u.stage_id
    where :as_of is null
        and :source is null
        and :market is null
        and (:team_id is null or u.team_id = :team_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select y.stage_id, 0 as leads, 1 as over_target, y.value_usd as over_target_usd
    from stages as s
    join crm.stays as y on y.stage_id = s.stage_id and y.stage_entered_at >= s.due_month_at and y.stage_entered_at < s.due_since
    where :as_of is null
        and :source is null
        and :market is null
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select
        y.stage_id,
        1 as leads,
        case when y.stage_entered_at < s.due_since then 1 else 0 end as over_target,
        case when y.stage_entered_at < s.due_since then y.value_usd else 0 end as over_target_usd
    from crm.stays as y
    join stages as s on s.stage_id = y.stage_id
    where :as_of is null
        and (:source is not null or :market is not null)
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

-- As of a past day, what came to each stage and what left it until then, by the month in which it came there.
then_by_month as (
    select x.stage_id, x.entered_month, sum(x.leads) as leads, sum(x.value_usd) as value_usd
    from (
        select m.stage_id, m.entered_month, m.leads, m.value_usd
        from crm.stood_months as m
        where m.month < date_trunc('month', :as_of)::date
            and :source is null
            and :market is null
            and (:team_id is null or m.team_id = :team_id)
            and (:owner_id is null or m.owner_id = :owner_id)
        union all
        select d.stage_id, d.entered_month, d.leads, d.value_usd
        from crm.stood_days as d
        where d.day >= date_trunc('month', :as_of)::date
            and d.day <= :as_of
            and :source is null
            and :market is null
            and (:team_id is null or d.team_id = :team_id)
            and (:owner_id is null or d.owner_id = :owner_id)
        union all
        select u.stage_id, date_trunc('month', u.stage_entered_at at time zone :time_zone)::date as entered_month, u.leads, u.value_usd
        from crm.unfolded_stays as u
        where u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone
            and :source is null
            and :market is null
            and (:team_id is null or u.team_id = :team_id)
            and (:owner_id is null or u.owner_id = :owner_id)
    ) as x
    group by x.stage_id, x.entered_month
    having sum(x.leads) <> 0
),

waiting as (
    select c.stage_id, c.leads, c.over_target, c.over_target_usd, f.first_entered_at
    from (
        select
            x.stage_id,
            sum(x.leads)::bigint as leads,
            sum(x.over_target)::bigint as over_target,
            sum(x.over_target_usd) as over_target_usd
        from counted as x
        group by x.stage_id
        having sum(x.leads) <> 0
    ) as c
    cross join lateral (
        select min(y.stage_entered_at) as first_entered_at
        from crm.stays as y
        where y.stage_id = c.stage_id
            and y.left_at is null
            and (:team_id is null or y.team_id = :team_id)
            and (:owner_id is null or y.owner_id = :owner_id)
            and (:source is null or y.source = :source)
            and (:market is null or y.market = :market)
    ) as f
    union all
    select
        t.stage_id,
        t.leads,
        t.over_target + f.over_target as over_target,
        t.over_target_usd + f.over_target_usd as over_target_usd,
        o.first_entered_at
    from (
        select
            s.stage_id,
            s.due_month_at,
            s.due_since,
            sum(b.leads)::bigint as leads,
            coalesce(sum(b.leads) filter (where b.entered_month < s.due_month), 0)::bigint as over_target,
            coalesce(sum(b.value_usd) filter (where b.entered_month < s.due_month), 0) as over_target_usd,
            min(b.entered_month)::timestamp at time zone :time_zone as first_month_at
        from then_by_month as b
        join stages as s on s.stage_id = b.stage_id
        group by s.stage_id, s.due_month_at, s.due_since
    ) as t
    cross join lateral (
        select count(*) as over_target, coalesce(sum(y.value_usd), 0) as over_target_usd
        from crm.stays as y
        where y.stage_id = t.stage_id
            and y.stage_entered_at >= t.due_month_at
            and y.stage_entered_at < t.due_since
            and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
            and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
            and (:team_id is null or y.team_id = :team_id)
            and (:owner_id is null or y.owner_id = :owner_id)
    ) as f
    cross join lateral (
        select min(y.stage_entered_at) as first_entered_at
        from crm.stays as y
        where y.stage_id = t.stage_id
            and y.stage_entered_at >= t.first_month_at
            and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
            and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
            and (:team_id is null or y.team_id = :team_id)
            and (:owner_id is null or y.owner_id = :owner_id)
    ) as o
    union all
    select
        y.stage_id,
        count(*) as leads,
        count(*) filter (where y.stage_entered_at < s.due_since) as over_target,
        coalesce(sum(y.value_usd) filter (where y.stage_entered_at < s.due_since), 0) as over_target_usd,
        min(y.stage_entered_at) as first_entered_at
    from crm.stays as y
    join stages as s on s.stage_id = y.stage_id
    where :as_of is not null
        and (:source is not null or :market is not null)
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    group by y.stage_id
)

select
    s.pipeline_id,
    s.pipeline,
    s.stage_id,
    s.stage,
    s.target_days,
    coalesce(l.moved_on, 0) as moved_on,
    round(l.days[1]::numeric, 2) as median_days,
    round(l.days[2]::numeric, 2) as p90_days,
    case when s.target_days is not null then round(l.in_time::numeric / l.moved_on, 4) end as in_time_share,
    coalesce(w.leads, 0) as leads,
    coalesce(w.over_target, 0) as over_target,
    coalesce(w.over_target_usd, 0) as over_target_usd,
    round((date_part('epoch', coalesce((:as_of + 1)::timestamp at time zone :time_zone, :now) - w.first_entered_at) / 86400)::numeric, 1) as oldest_days
from stages as s
left join leaving as l on l.stage_id = s.stage_id
left join waiting as w on w.stage_id = s.stage_id
where l.moved_on is not null
    or w.leads is not null
    or (s.is_in_use and (:team_id is null or s.team_id = :team_id))
order by s.team_id, s.pipeline_position, s.pipeline_id, s.stage_position, s.stage_id
