-- name: loss_reasons
-- answers: why were the leads of a period lost, and what were they worth?
-- grain: one row per reason, the most leads first; a lead counts where it stands, on the day it came to its lost stage
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); as_of date or null (as leads stood at the end of this day; null for now);
--   time_zone text; team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null;
--   source text or null; market text or null
-- columns: reason text (as it is today); lost bigint; share numeric (0..1, of all that were lost); lost_value_usd numeric;
--   median_days numeric (from the beginning to the loss)

with ended as (
    select y.lead_id, y.team_id, y.pipeline_id, y.owner_id, y.source, y.market, y.value_usd, y.began_at, y.stage_entered_at
    from crm.stays as y
    where :as_of is null
        and y.left_at is null
        and y.stage_id in (select s.id from crm.stages as s where s.kind = 'lost')
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
    union all
    select y.lead_id, y.team_id, y.pipeline_id, y.owner_id, y.source, y.market, y.value_usd, y.began_at, y.stage_entered_at
    from crm.stays as y
    where :as_of is not null
        and y.stage_id in (select s.id from crm.stages as s where s.kind = 'lost')
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
),

-- Leads lie in the order in which they were made: looked up in that order, neighbours share a page.
in_order as materialized (
    select e.lead_id, e.value_usd, date_part('epoch', e.stage_entered_at - e.began_at) / 86400 as days
    from ended as e
    where (:team_id is null or e.team_id = :team_id)
        and (:pipeline_id is null or e.pipeline_id = :pipeline_id)
        and (:owner_id is null or e.owner_id = :owner_id)
        and (:source is null or e.source = :source)
        and (:market is null or e.market = :market)
    order by e.lead_id
)

select
    coalesce(l.lost_reason, 'Not given') as reason,
    count(*) as lost,
    round(count(*) / sum(count(*)) over (), 4) as share,
    sum(e.value_usd) as lost_value_usd,
    round((percentile_cont(0.5) within group (order by e.days))::numeric, 2) as median_days
from in_order as e
left join crm.leads as l on l.id = e.lead_id
group by coalesce(l.lost_reason, 'Not given')
order by lost desc, reason
