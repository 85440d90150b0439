-- name: sources
-- answers: where did the leads of a period come from, and what has become of them?
-- grain: one row per source, the most leads first; leads that began in the period, where they stand
-- params: from_day date (inclusive, a day of time_zone: when they began); to_day date (inclusive);
--   as_of date or null (where they stood at the end of this day; null for now); time_zone text;
--   months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; market text or null
-- columns: source text; leads bigint; share numeric (0..1, of all that began); open bigint; won bigint; lost bigint; dormant bigint;
--   win_rate numeric (0..1, won of won and lost); value_usd numeric (of all of them); won_value_usd numeric;
--   median_days numeric (from the beginning to the win)

-- Whole months come from the fold and from what it has not counted yet; the days at both ends, and how long those took that were won,
-- from the stays themselves. As of a past day, from what came to stand and what ceased to until then, by month and by day.
with ends as (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, cast(:months_from as timestamp) at time zone :time_zone as ends_at
    union all
    select cast(:months_to as timestamp) at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

began as (
    select m.source, m.stage_id, m.leads, m.value_usd
    from crm.source_months as m
    where :as_of is null
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.source, m.stage_id, m.leads, m.value_usd
    from crm.stood_source_months as m
    where m.month < date_trunc('month', :as_of)::date
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.source, d.stage_id, d.leads, d.value_usd
    from crm.stood_source_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.began_month >= :months_from
        and d.began_month < :months_to
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.source, u.stage_id, u.leads, u.value_usd
    from crm.unfolded_stays as u
    where u.began_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.began_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select y.source, y.stage_id, 1 as leads, y.value_usd
    from ends as e
    join crm.stays as y on y.began_at >= e.begins_at and y.began_at < e.ends_at
    where y.left_at is null
        and (:as_of is null or y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:market is null or y.market = :market)
    union all
    select y.source, y.stage_id, 1 as leads, y.value_usd
    from ends as e
    join crm.stays as y on y.began_at >= e.begins_at and y.began_at < e.ends_at
    where y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:market is null or y.market = :market)
),

-- How long those took that were won.
took as (
    select x.source, percentile_cont(0.5) within group (order by x.days) as median_days
    from (
        select y.source, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
        from crm.stays as y
        where :as_of is null
            and y.left_at is null
            and y.stage_id in (select x.id from crm.stages as x where x.kind = 'won')
            and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
            and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
            and (:team_id is null or y.team_id = :team_id)
            and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
            and (:owner_id is null or y.owner_id = :owner_id)
            and (:market is null or y.market = :market)
        union all
        select y.source, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
        from crm.stays as y
        where :as_of is not null
            and y.stage_id in (select x.id from crm.stages as x where x.kind = 'won')
            and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
            and y.stage_entered_at < (:as_of + 1)::timestamp at time zone :time_zone
            and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
            and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
            and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
            and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
            and (:team_id is null or y.team_id = :team_id)
            and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
            and (:owner_id is null or y.owner_id = :owner_id)
            and (:market is null or y.market = :market)
    ) as x
    group by x.source
),

totals as (
    select
        b.source,
        sum(b.leads)::bigint as leads,
        coalesce(sum(b.leads) filter (where s.kind = 'open'), 0)::bigint as open,
        coalesce(sum(b.leads) filter (where s.kind = 'won'), 0)::bigint as won,
        coalesce(sum(b.leads) filter (where s.kind = 'lost'), 0)::bigint as lost,
        coalesce(sum(b.leads) filter (where s.kind = 'dormant'), 0)::bigint as dormant,
        sum(b.value_usd) as value_usd,
        sum(b.value_usd) filter (where s.kind = 'won') as won_value_usd
    from began as b
    left join crm.stages as s on s.id = b.stage_id
    group by b.source
    having sum(b.leads) <> 0
)

select
    coalesce(t.source, 'Not given') as source,
    t.leads,
    round(t.leads / sum(t.leads) over (), 4) as share,
    t.open,
    t.won,
    t.lost,
    t.dormant,
    round(t.won::numeric / nullif(t.won + t.lost, 0), 4) as win_rate,
    t.value_usd,
    coalesce(t.won_value_usd, 0) as won_value_usd,
    round(k.median_days::numeric, 2) as median_days
from totals as t
left join took as k on k.source is not distinct from t.source
order by t.leads desc, t.source nulls last
