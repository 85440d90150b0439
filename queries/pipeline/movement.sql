-- name: movement
-- answers: how did each stage change between two days: what was there, what came, what went, what is there now?
-- grain: one row per pipeline and stage, in pipeline and stage order; stages in use, and removed ones that held leads in the period
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive);
--   time_zone text (the one the standing fold was made in);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; kind text (open, won, lost or dormant);
--   start bigint (leads at the end of the day before from_day); created bigint; in bigint (from other stages, restored, and handed into reach on balance);
--   out bigint (to other stages, deleted, and handed out of reach on balance); end bigint (start + created + in - out, the leads at the end of to_day);
--   start_usd numeric; change_usd numeric (what the same moves, and values set anew, added); end_usd numeric

-- The end comes from the fold, as in pipeline_by_stage; the start is the end without what happened in between.
with entries as (
    select m.pipeline_id, m.stage_id, m.leads, m.value_usd
    from crm.posting_months as m
    where m.month < date_trunc('month', :to_day)::date
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.pipeline_id, d.stage_id, d.leads, d.value_usd
    from crm.posting_days as d
    where d.day >= date_trunc('month', :to_day)::date
        and d.day <= :to_day
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.pipeline_id, u.stage_id, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where u.effective_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
),

ends as (
    select
        e.pipeline_id,
        e.stage_id,
        sum(e.leads) as leads,
        sum(e.value_usd) as usd
    from entries as e
    group by e.pipeline_id, e.stage_id
),

-- A new owner or value in the same stage posts the lead out and in again: only what is left over, a hand-over into or out of reach, is movement.
moves as (
    select
        pipeline_id,
        stage_id,
        sum(n) filter (where kind = 'created') as created,
        coalesce(sum(n) filter (where kind in ('moved', 'restored') and n > 0), 0)
        + greatest(sum(n) filter (where kind in ('owner', 'revalued')), 0) as came,
        coalesce(-sum(n) filter (where kind in ('moved', 'deleted') and n < 0), 0)
        + greatest(-sum(n) filter (where kind in ('owner', 'revalued')), 0) as went,
        sum(usd) as usd
    from (
        select
            p.pipeline_id,
            p.stage_id,
            p.kind,
            sum(p.leads) as n,
            sum(p.value_usd) as usd
        from crm.postings as p
        where p.effective_at >= cast(:from_day as timestamp) at time zone :time_zone
            and p.effective_at < (:to_day + 1)::timestamp at time zone :time_zone
            and (:team_id is null or p.team_id = :team_id)
            and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
            and (:owner_id is null or p.owner_id = :owner_id)
        group by p.pipeline_id, p.stage_id, p.kind, p.leads
    ) as sums
    group by pipeline_id, stage_id
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
),

totals as (
    select
        pipeline_id,
        stage_id,
        coalesce(m.created, 0)::bigint as created,
        coalesce(m.came, 0)::bigint as came,
        coalesce(m.went, 0)::bigint as went,
        coalesce(m.usd, 0) as change_usd,
        coalesce(e.leads, 0) as ending,
        coalesce(e.usd, 0) as end_usd
    from ends as e
    full join moves as m using (pipeline_id, stage_id)
)

select
    pipeline_id,
    coalesce(s.pipeline, 'Pipeline ' || pipeline_id) as pipeline,
    stage_id,
    coalesce(s.stage, 'Stage ' || stage_id) as stage,
    coalesce(s.kind, '') as kind,
    coalesce(t.ending - t.created - t.came + t.went, 0) as start,
    coalesce(t.created, 0) as created,
    coalesce(t.came, 0) as "in",
    coalesce(t.went, 0) as "out",
    coalesce(t.ending, 0) as "end",
    coalesce(t.end_usd - t.change_usd, 0) as start_usd,
    coalesce(t.change_usd, 0) as change_usd,
    coalesce(t.end_usd, 0) as end_usd
from stages as s
full join totals as t using (pipeline_id, stage_id)
where (t.pipeline_id is not null and (t.ending <> 0 or t.created <> 0 or t.came <> 0 or t.went <> 0))
    or (s.is_in_use and (:team_id is null or s.team_id = :team_id or pipeline_id in (select x.pipeline_id from totals as x)))
order by s.team_id, s.pipeline_position, pipeline_id, s.stage_position, stage_id
