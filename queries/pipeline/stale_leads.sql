-- name: stale_leads
-- answers: which open leads have been in their stage longer than its target, or were not contacted for so many days?
-- grain: one row per lead, at most 500: those of the most value, where values are hidden those longest in their stage
-- params: days int (not contacted for so long); is_hidden boolean (whether values are hidden: then nothing goes by them);
--   as_of date or null (as leads stood at the end of this day; null for now); time_zone text; now timestamptz;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: lead_id bigint; lead text (as it is called today); pipeline_id bigint; pipeline text; stage_id bigint; stage text; owner_id bigint; owner text;
--   value_usd numeric; days_in_stage int; target_days int (as it is today; null: none); last_contacted_at timestamptz (null: never);
--   days_silent int (since the last contact, or since it began); why text (target, contact or both)

with moment as (
    select coalesce((:as_of + 1)::timestamp at time zone :time_zone, :now) as at
),

-- What stood at the end of a past day is found by three indexes, so that of all that ended before then little is read: who had come to their stage in the
-- thirty days before; of those who had been there longer, who left it since; and who is there still.
stood as (
    select y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.value_usd, y.stage_entered_at, y.began_at
    from crm.stays as y
    where y.stage_id = any(array(select o.id from crm.stages as o where o.kind = 'open'))
        and y.stage_entered_at >= (:as_of + 1)::timestamp at time zone :time_zone - interval '720 hours'
        and y.stage_entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
    union all
    select y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.value_usd, y.stage_entered_at, y.began_at
    from crm.stays as y
    where y.stage_id = any(array(select o.id from crm.stages as o where o.kind = 'open'))
        and y.left_at - y.stage_entered_at > interval '720 hours'
        and y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone
        and y.stage_entered_at < (:as_of + 1)::timestamp at time zone :time_zone - interval '720 hours'
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
    union all
    select y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.value_usd, y.stage_entered_at, y.began_at
    from crm.stays as y
    where y.stage_id = any(array(select o.id from crm.stages as o where o.kind = 'open'))
        and y.left_at is null
        and y.stage_entered_at < (:as_of + 1)::timestamp at time zone :time_zone - interval '720 hours'
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
),

waiting as (
    (
        select l.id, l.pipeline_id, l.stage_id, l.owner_id, l.value_usd, l.stage_entered_at, l.last_contacted_at, l.created_at
        from crm.leads as l
        join crm.stages as s on s.id = l.stage_id
        where :as_of is null
            and not :is_hidden
            and l.deleted_at is null
            and s.kind = 'open'
            and (l.stage_entered_at < :now - make_interval(days => s.target_days)
                or coalesce(l.last_contacted_at, l.created_at) < :now - make_interval(days => :days))
            and (:team_id is null or l.team_id = :team_id)
            and (:pipeline_id is null or l.pipeline_id = :pipeline_id)
            and (:owner_id is null or l.owner_id = :owner_id)
            and (:source is null or l.source = :source)
            and (:market is null or l.market = :market)
        order by l.value_usd desc nulls last, l.id desc
        limit 500
    )
    union all
    (
        select l.id, l.pipeline_id, l.stage_id, l.owner_id, l.value_usd, l.stage_entered_at, l.last_contacted_at, l.created_at
        from crm.leads as l
        join crm.stages as s on s.id = l.stage_id
        where :as_of is null
            and :is_hidden
            and l.deleted_at is null
            and s.kind = 'open'
            and (l.stage_entered_at < :now - make_interval(days => s.target_days)
                or coalesce(l.last_contacted_at, l.created_at) < :now - make_interval(days => :days))
            and (:team_id is null or l.team_id = :team_id)
            and (:pipeline_id is null or l.pipeline_id = :pipeline_id)
            and (:owner_id is null or l.owner_id = :owner_id)
            and (:source is null or l.source = :source)
            and (:market is null or l.market = :market)
        order by l.stage_entered_at, l.id
        limit 500
    )
    union all
    (
        select y.lead_id, y.pipeline_id, y.stage_id, y.owner_id, y.value_usd, y.stage_entered_at, a.last_contacted_at, y.began_at
        from (
            -- In order first, so that contacts are looked up until there are enough, and not of every lead that stood then.
            select x.lead_id, x.pipeline_id, x.stage_id, x.owner_id, x.value_usd, x.stage_entered_at, x.began_at, s.target_days
            from stood as x
            join crm.stages as s on s.id = x.stage_id
            where :as_of is not null
                and (:team_id is null or x.team_id = :team_id)
                and (:pipeline_id is null or x.pipeline_id = :pipeline_id)
                and (:owner_id is null or x.owner_id = :owner_id)
                and (:source is null or x.source = :source)
                and (:market is null or x.market = :market)
            order by case when not :is_hidden then x.value_usd end desc nulls last, x.stage_entered_at, x.lead_id
            offset 0
        ) as y
        cross join moment as m
        left join lateral (
            select max(v.happened_at) as last_contacted_at
            from crm.activities as v
            where v.lead_id = y.lead_id and v.kind <> 'note' and v.deleted_at is null and v.happened_at < m.at
        ) as a on true
        where y.stage_entered_at < m.at - make_interval(days => y.target_days)
            or coalesce(a.last_contacted_at, y.began_at) < m.at - make_interval(days => :days)
        order by case when not :is_hidden then y.value_usd end desc nulls last, y.stage_entered_at, y.lead_id
        limit 500
    )
)

select
    w.id as lead_id,
    coalesce(l.name, 'Lead ' || w.id) as lead,
    w.pipeline_id,
    coalesce(p.name, 'Pipeline ' || w.pipeline_id) as pipeline,
    w.stage_id,
    coalesce(s.name, 'Stage ' || w.stage_id) as stage,
    w.owner_id,
    coalesce(o.name, 'Person ' || w.owner_id, 'Nobody') as owner,
    w.value_usd,
    extract(day from m.at - w.stage_entered_at)::int as days_in_stage,
    s.target_days,
    w.last_contacted_at,
    extract(day from m.at - coalesce(w.last_contacted_at, w.created_at))::int as days_silent,
    case
        when coalesce(w.last_contacted_at, w.created_at) >= m.at - make_interval(days => :days) then 'target'
        when w.stage_entered_at < m.at - make_interval(days => s.target_days) then 'both'
        else 'contact'
    end as why
from waiting as w
cross join moment as m
left join crm.leads as l on l.id = w.id
left join crm.stages as s on s.id = w.stage_id
left join crm.pipelines as p on p.id = w.pipeline_id
left join crm.people as o on o.id = w.owner_id
order by case when not :is_hidden then w.value_usd end desc nulls last, w.stage_entered_at, w.id
