-- name: loss_reasons
-- answers: why were the leads of a period lost, and what were they worth?
-- grain: one row per reason, the most leads first; a lead counts where it stands, on the day it came to its lost stage
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); as_of date or null (as leads stood at the end of this day; null for now);
--   time_zone text; team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null;
--   source text or null; market text or null
-- columns: reason text (as it is today); lost bigint; share numeric (0..1, of all that were lost); lost_value_usd numeric;
--   median_days numeric (from the beginning to the loss)

with lost as (
    select s.id
    from crm.stages as s
    where s.kind = 'lost'
),

-- As of a past day: leads lie in the order in which they were made, and looked up in that order, neighbours share a page.
stood as materialized (
    select y.lead_id, y.value_usd, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
    from crm.stays as y
    where :as_of is not null
        and y.stage_id in (select s.id from lost as s)
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    order by y.lead_id
),

-- Now: leads as they stand, from an index that holds what is asked.
reasons as (
    select l.lost_reason as reason, coalesce(l.value_usd, 0) as value_usd, date_part('epoch', l.stage_entered_at - l.created_at) / 86400 as days
    from crm.leads as l
    where :as_of is null
        and l.deleted_at is null
        and l.stage_id = any(array(select s.id from lost as s))
        and l.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and l.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or l.team_id = :team_id)
        and (:pipeline_id is null or l.pipeline_id = :pipeline_id)
        and (:owner_id is null or l.owner_id = :owner_id)
        and (:source is null or l.source = :source)
        and (:market is null or l.market = :market)
    union all
    select l.lost_reason as reason, t.value_usd, t.days
    from stood as t
    left join crm.leads as l on l.id = t.lead_id
),

by_reason as (
    select coalesce(r.reason, 'Not given') as reason, count(*) as lost, sum(r.value_usd) as value_usd, array_agg(r.days) as days
    from reasons as r
    group by 1
)

-- Reason by reason: days alone are sorted much faster than days beside their reason.
select
    b.reason,
    b.lost,
    round(b.lost / sum(b.lost) over (), 4) as share,
    b.value_usd as lost_value_usd,
    round(m.days::numeric, 2) as median_days
from by_reason as b
cross join lateral (select percentile_cont(0.5) within group (order by d.days) as days from unnest(b.days) as d (days)) as m
order by b.lost desc, b.reason
