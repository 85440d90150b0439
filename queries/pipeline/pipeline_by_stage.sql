-- name: pipeline_by_stage
-- answers: how many leads stand in each stage, and what are they worth?
-- grain: one row per pipeline and stage, in pipeline and stage order; stages in use, and those that hold leads although they were removed since
-- params: as_of date or null (inclusive, a day of time_zone; null for now);
--   known_on date or null (with what was known at the end of this day, not before as_of; null for now; never without as_of);
--   time_zone text (the one the standing fold was made in);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; kind text; leads bigint; value_usd numeric (at the rate of the day each value was set)

-- Whole months, the days of the month that as_of lies in, and what no fold has counted yet: exact to the last commit.
-- What was not known yet is taken off: what was posted late has an index of its own, the rest was so within the hour before it was posted.
with entries as (
    select m.pipeline_id, m.stage_id, m.leads, m.value_usd
    from crm.posting_months as m
    where m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.pipeline_id, d.stage_id, d.leads, d.value_usd
    from crm.posting_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.pipeline_id, u.stage_id, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select p.pipeline_id, p.stage_id, -p.leads as leads, -p.value_usd as value_usd
    from crm.postings as p
    where :known_on is not null
        and p.effective_at < (:as_of + 1)::timestamp at time zone :time_zone
        and p.posted_at >= (:known_on + 1)::timestamp at time zone :time_zone
        and p.posted_at - p.effective_at > interval '1 hour'
        and (:team_id is null or p.team_id = :team_id)
        and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
        and (:owner_id is null or p.owner_id = :owner_id)
    union all
    select p.pipeline_id, p.stage_id, -p.leads as leads, -p.value_usd as value_usd
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

totals as (
    select
        e.pipeline_id,
        e.stage_id,
        sum(e.leads) as leads,
        sum(e.value_usd) as value_usd
    from entries as e
    group by e.pipeline_id, e.stage_id
    having sum(e.leads) <> 0 or sum(e.value_usd) <> 0
),

stages as (
    select
        p.team_id,
        p.position as pipeline_position,
        p.id as pipeline_id,
        p.name as pipeline,
        s.position as stage_position,
        s.id as stage_id,
        s.name as stage,
        s.kind,
        p.deleted_at is null and s.deleted_at is null as is_in_use
    from crm.stages as s
    join crm.pipelines as p on p.id = s.pipeline_id
    where :pipeline_id is null or p.id = :pipeline_id
)

select
    pipeline_id,
    coalesce(s.pipeline, 'Pipeline ' || pipeline_id) as pipeline,
    stage_id,
    coalesce(s.stage, 'Stage ' || stage_id) as stage,
    coalesce(s.kind, '') as kind,
    coalesce(t.leads, 0) as leads,
    coalesce(t.value_usd, 0) as value_usd
from stages as s
full join totals as t using (pipeline_id, stage_id)
where t.leads is not null
    or (s.is_in_use and (:team_id is null or s.team_id = :team_id or pipeline_id in (select x.pipeline_id from totals as x)))
order by s.team_id, s.pipeline_position, pipeline_id, s.stage_position, stage_id
