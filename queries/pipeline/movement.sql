-- name: movement
-- answers: how did each stage change between two days: what was there, what came, what went, what is there now?
-- grain: one row per pipeline and stage, in pipeline and stage order; stages in use, and removed ones that held leads in the period
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive);
--   known_on date or null (with what was known at the end of this day, not before to_day; null for now);
--   today date (of time_zone); time_zone text (the one the standing fold was made in);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null
-- columns: pipeline_id bigint; pipeline text; stage_id bigint; stage text; kind text (open, won, lost or dormant);
--   start bigint (leads at the end of the day before from_day); created bigint; in bigint (from other stages, restored, and handed into reach on balance);
--   out bigint (to other stages, deleted, and handed out of reach on balance); end bigint (start + created + in - out, the leads at the end of to_day);
--   won bigint (of those that went out, to a won stage); lost bigint (to a lost one); deleted bigint (of those that went out);
--   start_usd numeric; created_usd numeric; in_usd numeric (with leads from other stages or restored); out_usd numeric (with leads to other stages or deleted);
--   won_usd numeric (of out_usd); lost_usd numeric (of out_usd); value_changed_usd numeric (values set anew in the stage, and handed in or out of reach);
--   change_usd numeric (created_usd + in_usd - out_usd + value_changed_usd); end_usd numeric (start_usd + change_usd)

-- What was so up to the last day and not known yet: as in pipeline_by_stage.
with unknown as (
    select p.pipeline_id, p.stage_id, p.kind, p.other_stage_id, p.effective_at, p.leads, p.value_usd
    from crm.postings as p
    where :known_on is not null
        and p.effective_at < (:to_day + 1)::timestamp at time zone :time_zone
        and p.posted_at >= (:known_on + 1)::timestamp at time zone :time_zone
        and p.posted_at - p.effective_at > interval '1 hour'
        and (:team_id is null or p.team_id = :team_id)
        and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
        and (:owner_id is null or p.owner_id = :owner_id)
    union all
    select p.pipeline_id, p.stage_id, p.kind, p.other_stage_id, p.effective_at, p.leads, p.value_usd
    from crm.postings as p
    where :known_on is not null
        and p.effective_at < (:to_day + 1)::timestamp at time zone :time_zone
        and p.effective_at >= (:known_on + 1)::timestamp at time zone :time_zone - interval '1 hour'
        and p.posted_at >= (:known_on + 1)::timestamp at time zone :time_zone
        and p.posted_at - p.effective_at <= interval '1 hour'
        and (:team_id is null or p.team_id = :team_id)
        and (:pipeline_id is null or p.pipeline_id = :pipeline_id)
        and (:owner_id is null or p.owner_id = :owner_id)
),

-- The end comes from the fold, as in pipeline_by_stage; the start is the end without what happened in between.
entries as (
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
    union all
    select n.pipeline_id, n.stage_id, -n.leads as leads, -n.value_usd as value_usd
    from unknown as n
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

-- Whole months from the months, the days at both ends from the days, and what no fold has counted yet. Nothing is posted after today.
whole as (
    select
        date_trunc('month', cast(:from_day as timestamp) + interval '1 month' - interval '1 day')::date as begins,
        date_trunc('month', case when :to_day >= :today then :to_day + interval '1 month' else :to_day + interval '1 day' end)::date as ends
),

moved as (
    select m.pipeline_id, m.stage_id, m.kind, m.other_stage_id, m.came, m.went, m.came_usd, m.went_usd
    from crm.move_months as m, whole as w
    where m.month >= w.begins
        and m.month < w.ends
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.pipeline_id, d.stage_id, d.kind, d.other_stage_id, d.came, d.went, d.came_usd, d.went_usd
    from crm.move_days as d, whole as w
    where d.day >= :from_day
        and d.day <= :to_day
        and (d.day < w.begins or d.day >= w.ends)
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select
        u.pipeline_id, u.stage_id, u.kind, u.other_stage_id,
        case when u.leads = 1 then 1 else 0 end as came,
        case when u.leads = -1 then 1 else 0 end as went,
        case when u.leads = 1 then u.value_usd else 0 end as came_usd,
        case when u.leads = -1 then -u.value_usd else 0 end as went_usd
    from crm.unfolded_postings as u
    where u.effective_at >= cast(:from_day as timestamp) at time zone :time_zone
        and u.effective_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select
        n.pipeline_id, n.stage_id, n.kind, n.other_stage_id,
        case when n.leads = 1 then -1 else 0 end as came,
        case when n.leads = -1 then -1 else 0 end as went,
        case when n.leads = 1 then -n.value_usd else 0 end as came_usd,
        case when n.leads = -1 then n.value_usd else 0 end as went_usd
    from unknown as n
    where n.effective_at >= cast(:from_day as timestamp) at time zone :time_zone
),

cells as (
    select
        m.pipeline_id,
        m.stage_id,
        m.kind,
        o.kind as other_kind,
        sum(m.came) as came,
        sum(m.went) as went,
        sum(m.came_usd) as came_usd,
        sum(m.went_usd) as went_usd
    from moved as m
    left join crm.stages as o on o.id = m.other_stage_id and m.kind = 'moved'
    group by m.pipeline_id, m.stage_id, m.kind, o.kind
),

-- A new owner or value in the same stage posts the lead out and in again: only what is left over, a hand-over into or out of reach, is movement.
moves as (
    select
        c.pipeline_id,
        c.stage_id,
        sum(c.came) filter (where c.kind = 'created') as created,
        coalesce(sum(c.came) filter (where c.kind in ('moved', 'restored')), 0)
        + greatest(sum(c.came - c.went) filter (where c.kind in ('owner', 'revalued')), 0) as came,
        coalesce(sum(c.went) filter (where c.kind in ('moved', 'deleted')), 0)
        + greatest(sum(c.went - c.came) filter (where c.kind in ('owner', 'revalued')), 0) as went,
        sum(c.went) filter (where c.other_kind = 'won') as won,
        sum(c.went) filter (where c.other_kind = 'lost') as lost,
        sum(c.went) filter (where c.kind = 'deleted') as deleted,
        sum(c.came_usd) filter (where c.kind = 'created') as created_usd,
        sum(c.came_usd) filter (where c.kind in ('moved', 'restored')) as came_usd,
        sum(c.went_usd) filter (where c.kind in ('moved', 'deleted')) as went_usd,
        sum(c.went_usd) filter (where c.other_kind = 'won') as won_usd,
        sum(c.went_usd) filter (where c.other_kind = 'lost') as lost_usd,
        sum(c.came_usd - c.went_usd) filter (where c.kind in ('owner', 'revalued')) as value_changed_usd,
        sum(c.came_usd - c.went_usd) as usd
    from cells as c
    group by c.pipeline_id, c.stage_id
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
        coalesce(m.won, 0)::bigint as won,
        coalesce(m.lost, 0)::bigint as lost,
        coalesce(m.deleted, 0)::bigint as deleted,
        coalesce(m.created_usd, 0) as created_usd,
        coalesce(m.came_usd, 0) as came_usd,
        coalesce(m.went_usd, 0) as went_usd,
        coalesce(m.won_usd, 0) as won_usd,
        coalesce(m.lost_usd, 0) as lost_usd,
        coalesce(m.value_changed_usd, 0) as value_changed_usd,
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
    coalesce(t.won, 0) as won,
    coalesce(t.lost, 0) as lost,
    coalesce(t.deleted, 0) as deleted,
    coalesce(t.end_usd - t.change_usd, 0) as start_usd,
    coalesce(t.created_usd, 0) as created_usd,
    coalesce(t.came_usd, 0) as in_usd,
    coalesce(t.went_usd, 0) as out_usd,
    coalesce(t.won_usd, 0) as won_usd,
    coalesce(t.lost_usd, 0) as lost_usd,
    coalesce(t.value_changed_usd, 0) as value_changed_usd,
    coalesce(t.change_usd, 0) as change_usd,
    coalesce(t.end_usd, 0) as end_usd
from stages as s
full join totals as t using (pipeline_id, stage_id)
where (t.pipeline_id is not null and (t.ending <> 0 or t.created <> 0 or t.came <> 0 or t.went <> 0))
    or (s.is_in_use and (:team_id is null or s.team_id = :team_id or pipeline_id in (select x.pipeline_id from totals as x)))
order by s.team_id, s.pipeline_position, pipeline_id, s.stage_position, stage_id
