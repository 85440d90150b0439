-- name: stage_velocity
-- answers: how long do leads stay in each stage before they move on, against the stage's target, and how many are there too long now?
-- grain: one row per pipeline and open stage, in pipeline and stage order; stages in use, and removed ones that leads left in the period
-- params: from_day date (inclusive, a day of time_zone: when they moved on); to_day date (inclusive);
--   as_of date or null (which leads were in the stage at the end of this day; null for now); time_zone text (the one the standing fold was made in);
--   now timestamptz; months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; target_days int (as it is today; null: none);
--   moved_on bigint (leads that left the stage for another one in the period); median_days numeric; p90_days numeric;
--   in_time_share numeric (0..1, of those that moved on, within the target; null without one); leads bigint (in the stage then);
--   over_target bigint (of these, longer than the target); over_target_usd numeric; oldest_days numeric (how long the one has been there that came first)

with stages as materialized (
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
        ((:now at time zone :time_zone)::date + 1)::timestamp at time zone :time_zone - make_interval(days => s.target_days) as due_by_tomorrow,
        :source is null and :market is null and f.target_days is not null as is_folded,
        p.deleted_at is null and s.deleted_at is null as is_in_use
    from crm.stages as s
    join crm.pipelines as p on p.id = s.pipeline_id
    left join crm.folded_targets as f on f.stage_id = s.id and f.target_days = s.target_days
    where s.kind = 'open'
        and (:pipeline_id is null or p.id = :pipeline_id)
),

-- Moves after the day that is looked back to are in the fold, too: its month is whole only where it ends with that day.
whole as (
    select
        :months_from as begins,
        greatest(:months_from, least(:months_to, case when :as_of is not null then date_trunc('month', :to_day + 1)::date end)) as ends
),

edges as materialized (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, w.begins::timestamp at time zone :time_zone as ends_at
    from whole as w
    union all
    select w.ends::timestamp at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
    from whole as w
),

-- A stay ends with any change of owner or value; it is left for another stage where it was moved. Who left in a whole month comes from the
-- fold, by the days they had been there, rounded up to a step, and from what it has not counted yet; the days at both ends stage by stage, in
-- the order of an index.
unfolded as materialized (
    select x.stage_id, crm.step_of(x.took) as step, array_agg(x.took) as took
    from (
        select u.stage_id, date_part('epoch', u.happened_at - u.stage_entered_at) / 86400 as took
        from crm.unfolded_stays as u
        where u.left_by = 'moved'
            and u.happened_at >= (select w.begins::timestamp at time zone :time_zone from whole as w)
            and u.happened_at < (select w.ends::timestamp at time zone :time_zone from whole as w)
            and (:team_id is null or u.team_id = :team_id)
            and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
            and (:owner_id is null or u.owner_id = :owner_id)
        union all
        select y.stage_id, date_part('epoch', y.left_at - y.stage_entered_at) / 86400 as took
        from edges as e
        cross join stages as s
        join crm.stays as y on y.stage_id = s.stage_id and y.left_at >= e.begins_at and y.left_at < e.ends_at
        where y.left_by = 'moved'
            and (:team_id is null or y.team_id = :team_id)
            and (:owner_id is null or y.owner_id = :owner_id)
            and (:source is null or y.source = :source)
            and (:market is null or y.market = :market)
    ) as x
    group by 1, 2
),

by_step as (
    select
        x.stage_id,
        x.step,
        x.moved_on,
        (sum(x.moved_on) over (partition by x.stage_id order by x.step))::int as up_to,
        (sum(x.moved_on) over (partition by x.stage_id))::int as in_all
    from (
        select g.stage_id, g.step, sum(g.moved_on)::int as moved_on
        from (
            select m.stage_id, m.step, m.moved_on
            from crm.passage_months as m
            where m.month >= (select w.begins from whole as w)
                and m.month < (select w.ends from whole as w)
                and (:team_id is null or m.team_id = :team_id)
                and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
                and (:owner_id is null or m.owner_id = :owner_id)
            union all
            select u.stage_id, u.step, cardinality(u.took) as moved_on
            from unfolded as u
        ) as g
        group by g.stage_id, g.step
    ) as x
),

-- A median lies on one of them or between two: by counting it is known on which step, and among those of that step it is looked for exactly.
places as materialized (
    select d.stage_id, d.step, p.part, p.place, d.moved_on, d.up_to - d.moved_on as before
    from (
        select i.stage_id, q.part, q.part * (i.in_all - 1) as place
        from (select b.stage_id, max(b.in_all) as in_all from by_step as b group by b.stage_id) as i
        cross join (values (0.5::double precision), (0.9)) as q (part)
    ) as p
    join by_step as d on d.stage_id = p.stage_id and d.up_to > floor(p.place) and d.up_to - d.moved_on <= ceil(p.place)
),

percentiles as (
    select x.stage_id, x.part, min(t.took) + (x.place - floor(x.place)) * (max(t.took) - min(t.took)) as days
    from (
        select p.stage_id, p.part, p.place, n.took
        from places as p
        left join unfolded as u on u.stage_id = p.stage_id and u.step = p.step
        cross join lateral (
            select percentile_disc(
                array[
                    (greatest(floor(p.place) - p.before, 0) + 0.5) / p.moved_on,
                    (least(ceil(p.place) - p.before, p.moved_on - 1) + 0.5) / p.moved_on
                ]
            ) within group (order by y.took) as took
            from (
                select unnest(a.took) as took
                from (
                    select m.took
                    from crm.passage_months as m
                    where m.stage_id = p.stage_id
                        and m.step = p.step
                        and m.month >= (select w.begins from whole as w)
                        and m.month < (select w.ends from whole as w)
                        and (:team_id is null or m.team_id = :team_id)
                        and (:owner_id is null or m.owner_id = :owner_id)
                    union all
                    select u.took
                ) as a
            ) as y
        ) as n
    ) as x
    cross join unnest(x.took) as t (took)
    group by x.stage_id, x.part, x.place
),

leaving as (
    select
        d.stage_id,
        sum(d.moved_on)::bigint as moved_on,
        coalesce(sum(d.moved_on) filter (where d.step <= coalesce(nullif(s.target_days, 0), -800)), 0) as in_time,
        (select p.days from percentiles as p where p.stage_id = d.stage_id and p.part = 0.5) as median_days,
        (select p.days from percentiles as p where p.stage_id = d.stage_id and p.part = 0.9) as p90_days
    from by_step as d
    join stages as s on s.stage_id = d.stage_id
    group by d.stage_id
),

-- Who is over the target comes from the fold and from what it has not counted yet. Where it counted by another target than the stage has by now, and where a
-- source or a market is asked for, which it does not tell apart, from the stays.
day as (
    select x.day, date_trunc('month', x.day::timestamp)::date as month, (x.day + 1)::timestamp at time zone :time_zone as ends_at
    from (select coalesce(:as_of, (:now at time zone :time_zone)::date) as day) as x
),

late as (
    select m.stage_id, m.leads, m.value_usd
    from crm.late_months as m
    where m.month < (select d.month from day as d)
        and m.stage_id = any(array(select s.stage_id from stages as s where s.is_folded))
        and (:team_id is null or m.team_id = :team_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.stage_id, m.leads, m.value_usd
    from crm.late_days as m
    where m.day >= (select d.month from day as d)
        and m.day <= (select d.day from day as d)
        and m.stage_id = any(array(select s.stage_id from stages as s where s.is_folded))
        and (:team_id is null or m.team_id = :team_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select u.stage_id, u.leads, u.value_usd
    from crm.unfolded_stays as u
    join stages as s on s.stage_id = u.stage_id
    where s.is_folded
        and greatest(u.happened_at, u.stage_entered_at + make_interval(days => s.target_days)) < (select d.ends_at from day as d)
        and (:team_id is null or u.team_id = :team_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    -- Today is folded to its end: those whose target ends later today are not over it yet.
    select y.stage_id, -1 as leads, -y.value_usd
    from stages as s
    join crm.stays as y on y.stage_id = s.stage_id and y.stage_entered_at >= s.due_since and y.stage_entered_at < s.due_by_tomorrow
    where :as_of is null
        and s.is_folded
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.stage_id, 1 as leads, y.value_usd
    from stages as s
    join crm.stays as y on y.stage_id = s.stage_id and y.stage_entered_at < s.due_since
    where :as_of is null
        and not s.is_folded
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    union all
    select y.stage_id, 1 as leads, y.value_usd
    from stages as s
    join crm.stays as y on y.stage_id = s.stage_id and y.stage_entered_at < s.due_since
    where :as_of is not null
        and not s.is_folded
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

too_long as (
    select l.stage_id, sum(l.leads)::bigint as leads, sum(l.value_usd) as value_usd
    from late as l
    group by l.stage_id
),

-- Who waits comes from the fold, as in pipeline_by_stage; where a source or a market is asked for, from the stays.
entries as (
    select m.stage_id, m.leads
    from crm.posting_months as m
    where m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
        and :source is null
        and :market is null
        and (:team_id is null or m.team_id = :team_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.stage_id, d.leads
    from crm.posting_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and :source is null
        and :market is null
        and (:team_id is null or d.team_id = :team_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.stage_id, u.leads
    from crm.unfolded_postings as u
    where u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and :source is null
        and :market is null
        and (:team_id is null or u.team_id = :team_id)
        and (:owner_id is null or u.owner_id = :owner_id)
),

counted as (
    select s.stage_id, sum(e.leads)::bigint as leads
    from stages as s
    join entries as e on e.stage_id = s.stage_id
    group by s.stage_id
    having sum(e.leads) <> 0
),

-- As of a past day, what came to each stage and what left it since that day's month began, by the month in which it came there.
since as materialized (
    select x.stage_id, x.entered_month, sum(x.leads) as leads
    from (
        select d.stage_id, d.entered_month, d.leads
        from crm.stood_days as d
        where d.day >= date_trunc('month', :as_of)::date
            and d.day <= :as_of
            and :source is null
            and :market is null
            and (:team_id is null or d.team_id = :team_id)
            and (:owner_id is null or d.owner_id = :owner_id)
        union all
        select u.stage_id, date_trunc('month', u.stage_entered_at at time zone :time_zone)::date as entered_month, u.leads
        from crm.unfolded_stays as u
        where u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone
            and :source is null
            and :market is null
            and (:team_id is null or u.team_id = :team_id)
            and (:owner_id is null or u.owner_id = :owner_id)
    ) as x
    group by x.stage_id, x.entered_month
),

-- The month in which the one who had been there longest came there: month by month from the first one, and no further than need be.
first_months as (
    select c.stage_id, f.month::timestamp at time zone :time_zone as begins_at
    from counted as c
    cross join lateral (
        select m.month
        from (
            select g.month::date as month
            from generate_series(
                least(
                    (select min(m.entered_month) from crm.stood_months as m where m.stage_id = c.stage_id),
                    (select min(i.entered_month) from since as i where i.stage_id = c.stage_id)
                )::timestamp,
                cast(:as_of as timestamp),
                interval '1 month'
            ) as g (month)
            order by 1
            offset 0
        ) as m
        where coalesce(
            (
                select sum(t.leads)
                from crm.stood_months as t
                where t.stage_id = c.stage_id
                    and t.entered_month = m.month
                    and t.month < date_trunc('month', :as_of)::date
                    and (:team_id is null or t.team_id = :team_id)
                    and (:owner_id is null or t.owner_id = :owner_id)
            ),
            0
        ) + coalesce((select i.leads from since as i where i.stage_id = c.stage_id and i.entered_month = m.month), 0) <> 0
        order by m.month
        limit 1
    ) as f
    where :as_of is not null
),

waiting as (
    select c.stage_id, c.leads, f.first_entered_at
    from counted as c
    cross join lateral (
        select min(y.stage_entered_at) as first_entered_at
        from crm.stays as y
        where y.stage_id = c.stage_id
            and y.left_at is null
            and (:team_id is null or y.team_id = :team_id)
            and (:owner_id is null or y.owner_id = :owner_id)
    ) as f
    where :as_of is null
    union all
    select c.stage_id, c.leads, f.first_entered_at
    from counted as c
    left join first_months as o on o.stage_id = c.stage_id
    cross join lateral (
        select min(y.stage_entered_at) as first_entered_at
        from crm.stays as y
        where y.stage_id = c.stage_id
            and y.stage_entered_at >= o.begins_at
            and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
            and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
            and (:team_id is null or y.team_id = :team_id)
            and (:owner_id is null or y.owner_id = :owner_id)
    ) as f
    where :as_of is not null
    union all
    select y.stage_id, count(*) as leads, min(y.stage_entered_at) as first_entered_at
    from crm.stays as y
    join stages as s on s.stage_id = y.stage_id
    where :as_of is null
        and (:source is not null or :market is not null)
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    group by y.stage_id
    union all
    select y.stage_id, count(*) as leads, min(y.stage_entered_at) as first_entered_at
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
    round(l.median_days::numeric, 2) as median_days,
    round(l.p90_days::numeric, 2) as p90_days,
    case when s.target_days is not null then round(l.in_time::numeric / l.moved_on, 4) end as in_time_share,
    coalesce(w.leads, 0) as leads,
    coalesce(o.leads, 0) as over_target,
    coalesce(o.value_usd, 0) as over_target_usd,
    round((date_part('epoch', coalesce((:as_of + 1)::timestamp at time zone :time_zone, :now) - w.first_entered_at) / 86400)::numeric, 1) as oldest_days
from stages as s
left join leaving as l on l.stage_id = s.stage_id
left join waiting as w on w.stage_id = s.stage_id
left join too_long as o on o.stage_id = s.stage_id
where l.moved_on is not null
    or w.leads is not null
    or (s.is_in_use and (:team_id is null or s.team_id = :team_id))
order by s.team_id, s.pipeline_position, s.pipeline_id, s.stage_position, s.stage_id
