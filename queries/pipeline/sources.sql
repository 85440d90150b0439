-- name: sources
-- answers: where did the leads of a period come from, and what has become of them?
-- grain: one row per source, the most leads first; leads that began in the period, where they stand
-- params: from_day date (inclusive, a day of time_zone: when they began); to_day date (inclusive);
--   as_of date or null (where they stood at the end of this day; null for now); time_zone text;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; market text or null
-- columns: source text; leads bigint; share numeric (0..1, of all that began); open bigint; won bigint; lost bigint; dormant bigint;
--   win_rate numeric (0..1, won of won and lost); value_usd numeric (of all of them); won_value_usd numeric;
--   median_days numeric (from the beginning to the win)

with began as (
    select y.source, y.stage_id, y.value_usd, y.began_at, y.stage_entered_at
    from crm.stays as y
    where :as_of is null
        and y.left_at is null
        and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:market is null or y.market = :market)
    union all
    select y.source, y.stage_id, y.value_usd, y.began_at, y.stage_entered_at
    from crm.stays as y
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:market is null or y.market = :market)
),

totals as (
    select
        b.source,
        count(*) as leads,
        count(*) filter (where s.kind = 'open') as open,
        count(*) filter (where s.kind = 'won') as won,
        count(*) filter (where s.kind = 'lost') as lost,
        count(*) filter (where s.kind = 'dormant') as dormant,
        sum(b.value_usd) as value_usd,
        sum(b.value_usd) filter (where s.kind = 'won') as won_value_usd,
        percentile_cont(0.5) within group (order by date_part('epoch', b.stage_entered_at - b.began_at) / 86400)
            filter (where s.kind = 'won') as median_days
    from began as b
    left join crm.stages as s on s.id = b.stage_id
    group by b.source
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
    round(t.median_days::numeric, 2) as median_days
from totals as t
order by t.leads desc, t.source nulls last
