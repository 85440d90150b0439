-- name: funnel
-- answers: of the leads that began in a period, how many reached each stage, and where did the others end?
-- grain: one row per pipeline and open or won stage, in pipeline and stage order, for pipelines in which such a lead stands
-- params: from_day date (inclusive, a day of time_zone: when they began); to_day date (inclusive);
--   as_of date or null (where they stood at the end of this day; null for now); time_zone text;
--   months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; kind text (open or won);
--   reached bigint (leads that entered this stage or a later one); share numeric (0..1, of those that began);
--   from_previous numeric (0..1, of those that reached the stage before; null for the first); lost bigint (got this far and are lost now);
--   dormant bigint (got this far and lie dormant now); value_usd numeric (of those that reached it, at the rate of the day each value was set)

-- Whole months come from the fold and from what it has not counted yet; the days at both ends from the stays themselves. As of a past day, from
-- what came to stand and what ceased to until then, by month and by day.
with ends as (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, cast(:months_from as timestamp) at time zone :time_zone as ends_at
    union all
    select cast(:months_to as timestamp) at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

began as (
    select m.pipeline_id, m.stage_id, m.path, m.leads, m.value_usd
    from crm.standing_months as m
    where :as_of is null
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.pipeline_id, m.stage_id, m.path, m.leads, m.value_usd
    from crm.stood_months as m
    where m.month < date_trunc('month', :as_of)::date
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.pipeline_id, d.stage_id, d.path, d.leads, d.value_usd
    from crm.stood_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.began_month >= :months_from
        and d.began_month < :months_to
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.pipeline_id, u.stage_id, u.path, u.leads, u.value_usd
    from crm.unfolded_stays as u
    where u.began_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.began_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select y.pipeline_id, y.stage_id, y.path, 1 as leads, y.value_usd
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
    select y.pipeline_id, y.stage_id, y.path, 1 as leads, y.value_usd
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

-- Many leads went the same way: how far each way leads is looked up once.
ways as (
    select
        b.pipeline_id,
        b.stage_id,
        b.path,
        sum(b.leads) as leads,
        sum(b.value_usd) as value_usd
    from began as b
    group by b.pipeline_id, b.stage_id, b.path
    having sum(b.leads) <> 0
),

steps as (
    select
        w.pipeline_id,
        f.furthest,
        sum(w.leads) as leads,
        coalesce(sum(w.leads) filter (where s.kind = 'lost'), 0) as lost,
        coalesce(sum(w.leads) filter (where s.kind = 'dormant'), 0) as dormant,
        sum(w.value_usd) as value_usd
    from ways as w
    join crm.stages as s on s.id = w.stage_id
    cross join lateral (
        select max(x.position) as furthest
        from crm.stages as x
        where x.id = any (w.path) and x.kind in ('open', 'won')
    ) as f
    group by w.pipeline_id, f.furthest
),

reached as (
    select
        p.team_id,
        p.position as pipeline_position,
        p.id as pipeline_id,
        p.name as pipeline,
        s.position as stage_position,
        s.id as stage_id,
        s.name as stage,
        s.kind,
        sum(t.leads) filter (where t.furthest >= s.position) as leads,
        sum(t.lost) filter (where t.furthest = s.position) as lost,
        sum(t.dormant) filter (where t.furthest = s.position) as dormant,
        sum(t.value_usd) filter (where t.furthest >= s.position) as value_usd
    from crm.pipelines as p
    join crm.stages as s on s.pipeline_id = p.id
    join steps as t on t.pipeline_id = p.id
    where s.kind in ('open', 'won')
        and (s.deleted_at is null or t.furthest = s.position)
    group by p.id, s.id
)

select
    r.pipeline_id,
    r.pipeline,
    r.stage_id,
    r.stage,
    r.kind,
    coalesce(r.leads, 0)::bigint as reached,
    round(coalesce(r.leads, 0) / nullif(first_value(r.leads) over way, 0), 4) as share,
    round(coalesce(r.leads, 0) / nullif(lag(r.leads) over way, 0), 4) as from_previous,
    coalesce(r.lost, 0)::bigint as lost,
    coalesce(r.dormant, 0)::bigint as dormant,
    coalesce(r.value_usd, 0) as value_usd
from reached as r
window way as (partition by r.pipeline_id order by r.stage_position, r.stage_id)
order by r.team_id, r.pipeline_position, r.pipeline_id, r.stage_position, r.stage_id
