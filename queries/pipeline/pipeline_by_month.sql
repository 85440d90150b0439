-- name: pipeline_by_month
-- answers: what was open at the end of each month, and how many leads began, were won and were lost in it?
-- grain: one row per month, oldest first; the last one up to as_of
-- params: first_month date (its first day); last_month date; as_of date or null (inclusive, a day of time_zone, in last_month; null for now);
--   known_on date or null (with what was known at the end of this day, not before as_of; null for now; never without as_of);
--   time_zone text (the one the standing fold was made in);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null
-- columns: month date (its first day); open bigint (leads in open stages at its end); open_value_usd numeric (theirs);
--   began bigint (leads); won bigint (leads that came to a won stage); lost bigint (leads that came to a lost stage);
--   won_value_usd numeric (of those that came to a won stage, as they came)

-- What was not known yet is taken off, as in pipeline_by_stage.
with unknown as (
    select p.stage_id, p.kind, date_trunc('month', p.effective_at at time zone :time_zone)::date as month, p.leads, p.value_usd
    from crm.postings as p
    where :known_on is not null
        and p.effective_at < (:as_of + 1)::timestamp at time zone :time_zone
        and p.posted_at >= (:known_on + 1)::timestamp at time zone :time_zone
        and p.posted_at - p.effective_at > interval '1 hour'
        and (:team_id is null or p.team_id = :team_id)
        and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
        and (:owner_id is null or p.owner_id = :owner_id)
    union all
    select p.stage_id, p.kind, date_trunc('month', p.effective_at at time zone :time_zone)::date as month, p.leads, p.value_usd
    from crm.postings as p
    where :known_on is not null
        and p.effective_at < (:as_of + 1)::timestamp at time zone :time_zone
        and p.effective_at >= (:known_on + 1)::timestamp at time zone :time_zone - interval '1 hour'
        and p.posted_at >= (:known_on + 1)::timestamp at time zone :time_zone
        and p.posted_at - p.effective_at <= interval '1 hour'
        and (:team_id is null or p.team_id = :team_id)
        and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
        and (:owner_id is null or p.owner_id = :owner_id)
),

entries as (
    select m.month, m.stage_id, m.leads, m.value_usd
    from crm.posting_months as m
    where m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select :last_month as month, d.stage_id, d.leads, d.value_usd
    from crm.posting_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select date_trunc('month', u.effective_at at time zone :time_zone)::date as month, u.stage_id, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select n.month, n.stage_id, -n.leads as leads, -n.value_usd as value_usd
    from unknown as n
),

-- What a month added to what is open; all of what was before the first month stands in that.
open_by_month as (
    select
        greatest(e.month, :first_month) as month,
        sum(e.leads) as leads,
        sum(e.value_usd) as usd
    from entries as e
    where e.stage_id in (select s.id from crm.stages as s where s.kind = 'open')
    group by 1
),

moved as (
    select m.month, m.stage_id, m.kind, m.came, m.came_usd
    from crm.move_months as m
    where m.month >= :first_month
        and m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select :last_month as month, d.stage_id, d.kind, d.came, d.came_usd
    from crm.move_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select date_trunc('month', u.effective_at at time zone :time_zone)::date as month, u.stage_id, u.kind, 1 as came, u.value_usd as came_usd
    from crm.unfolded_postings as u
    where u.leads = 1
        and u.effective_at >= cast(:first_month as timestamp) at time zone :time_zone
        and u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select n.month, n.stage_id, n.kind, -1 as came, -n.value_usd as came_usd
    from unknown as n
    where n.leads = 1
        and n.month >= :first_month
),

moves as (
    select
        m.month,
        sum(m.came) filter (where m.kind = 'created') as began,
        sum(m.came) filter (where s.kind = 'won') as won,
        sum(m.came) filter (where s.kind = 'lost') as lost,
        sum(m.came_usd) filter (where s.kind = 'won') as won_usd
    from moved as m
    left join crm.stages as s on s.id = m.stage_id
    where m.kind in ('created', 'moved', 'restored')
    group by m.month
),

months as (
    select x::date as month
    from generate_series(cast(:first_month as timestamp), cast(:last_month as timestamp), '1 month') as x
)

select
    m.month,
    coalesce(sum(o.leads) over up_to, 0)::bigint as open,
    coalesce(sum(o.usd) over up_to, 0) as open_value_usd,
    coalesce(v.began, 0)::bigint as began,
    coalesce(v.won, 0)::bigint as won,
    coalesce(v.lost, 0)::bigint as lost,
    coalesce(v.won_usd, 0) as won_value_usd
from months as m
left join open_by_month as o on o.month = m.month
left join moves as v on v.month = m.month
window up_to as (order by m.month)
order by m.month
