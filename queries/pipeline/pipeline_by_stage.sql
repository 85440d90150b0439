-- name: pipeline_by_stage
-- answers: how many leads stand in each stage, and what are they worth?
-- grain: one row per pipeline and stage, in pipeline and stage order; stages in use, and those that hold leads although they were removed since
-- params: as_of date or null (inclusive, a day of time_zone; null for now);
--   time_zone text (the one the standing fold was made in);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; kind text; leads bigint; value_usd numeric (at the rate of the day each value was set)

with entries as (
    select
        d.pipeline_id,
        d.stage_id,
        sum(d.leads) as leads,
        sum(d.value_usd) as value_usd
    from crm.posting_days as d
    where d.day <= coalesce(:as_of, 'infinity')
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    group by d.pipeline_id, d.stage_id
    union all
    select
        p.pipeline_id,
        p.stage_id,
        sum(p.leads) as leads,
        sum(p.value_usd) as value_usd
    from crm.postings as p
    where p.fold_id is null
        and p.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and (:team_id is null or p.team_id = :team_id)
        and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
        and (:owner_id is null or p.owner_id = :owner_id)
    group by p.pipeline_id, p.stage_id
),

totals as (
    select
        e.pipeline_id,
        e.stage_id,
        sum(e.leads)::bigint as leads,
        sum(e.value_usd) as value_usd
    from entries as e
    group by e.pipeline_id, e.stage_id
    having sum(e.leads) <> 0 or sum(e.value_usd) <> 0
),

-- Pipelines whose empty stages are worth a row: those in use, of the team that was asked for.
shown_pipelines as (
    select p.id
    from crm.pipelines as p
    where p.deleted_at is null
        and (:pipeline_id is null or p.id = :pipeline_id)
        and (:team_id is null or p.team_id = :team_id or p.id in (select t.pipeline_id from totals as t))
),

shown_stages as (
    select t.pipeline_id, t.stage_id
    from totals as t
    union
    select s.pipeline_id, s.id as stage_id
    from crm.stages as s
    where s.deleted_at is null and s.pipeline_id in (select p.id from shown_pipelines as p)
)

select
    x.pipeline_id,
    coalesce(p.name, 'Pipeline ' || x.pipeline_id) as pipeline,
    x.stage_id,
    coalesce(s.name, 'Stage ' || x.stage_id) as stage,
    coalesce(s.kind, '') as kind,
    coalesce(t.leads, 0) as leads,
    coalesce(t.value_usd, 0) as value_usd
from shown_stages as x
left join totals as t on t.pipeline_id = x.pipeline_id and t.stage_id = x.stage_id
left join crm.pipelines as p on p.id = x.pipeline_id
left join crm.stages as s on s.id = x.stage_id
order by p.team_id, p.position, x.pipeline_id, s.position, x.stage_id
