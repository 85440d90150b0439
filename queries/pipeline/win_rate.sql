-- name: win_rate
-- answers: of the leads that ended in a period, how many were won, group by group?
-- grain: one row per group, the most won value first; a lead counts where it stands, on the day it came to its won or lost stage
-- params: by text (owner, team, pipeline, source, market, month, stage_lost_from, or custom. and a field's key);
--   from_day date (inclusive, a day of time_zone); to_day date (inclusive); as_of date or null (as leads stood at the end of this day; null for now);
--   time_zone text;
--   months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null;
--   source text or null; market text or null
-- columns: group_id bigint (the owner, team, pipeline or stage; null for groups of other kinds); group text (custom fields as they are today);
--   won bigint; lost bigint; win_rate numeric (0..1, won of won and lost); won_value_usd numeric; lost_value_usd numeric;
--   median_days numeric (from the beginning to the win); mean_days numeric (the same)

with closing as (
    select s.id, s.kind
    from crm.stages as s
    where s.kind in ('won', 'lost')
),

-- Whole months come from the fold and from what it has not counted yet; the days at both ends from the stays themselves. As of a past day, from
-- what came to stand and what ceased to until then, by month and by day.
ends as (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, cast(:months_from as timestamp) at time zone :time_zone as ends_at
    union all
    select cast(:months_to as timestamp) at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

ended as (
    select y.lead_id, y.stage_id, y.team_id, y.pipeline_id, y.owner_id, y.source, y.market, y.value_usd, y.began_at, y.stage_entered_at
    from closing as c
    cross join ends as e
    join crm.stays as y on y.stage_id = c.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
    where :as_of is null
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    union all
    select y.lead_id, y.stage_id, y.team_id, y.pipeline_id, y.owner_id, y.source, y.market, y.value_usd, y.began_at, y.stage_entered_at
    from closing as c
    cross join ends as e
    join crm.stays as y on y.stage_id = c.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

folded as (
    select m.stage_id, m.team_id, m.pipeline_id, m.owner_id, m.entered_month, m.leads, m.value_usd
    from crm.standing_months as m
    where :as_of is null
        and m.entered_month >= :months_from
        and m.entered_month < :months_to
        and m.stage_id in (select c.id from closing as c)
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.stage_id, m.team_id, m.pipeline_id, m.owner_id, m.entered_month, m.leads, m.value_usd
    from crm.stood_months as m
    where m.month < date_trunc('month', :as_of)::date
        and m.entered_month >= :months_from
        and m.entered_month < :months_to
        and m.stage_id in (select c.id from closing as c)
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.stage_id, d.team_id, d.pipeline_id, d.owner_id, d.entered_month, d.leads, d.value_usd
    from crm.stood_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.entered_month >= :months_from
        and d.entered_month < :months_to
        and d.stage_id in (select c.id from closing as c)
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select
        u.stage_id,
        u.team_id,
        u.pipeline_id,
        u.owner_id,
        date_trunc('month', u.stage_entered_at at time zone :time_zone)::date as entered_month,
        u.leads,
        u.value_usd
    from crm.unfolded_stays as u
    where u.stage_entered_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.stage_entered_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and u.stage_id in (select c.id from closing as c)
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
),

ended_groups as (
    select
        case :by
            when 'owner' then e.owner_id
            when 'team' then e.team_id
            when 'pipeline' then e.pipeline_id
            when 'stage_lost_from' then before.stage_id
        end as group_id,
        case
            when :by = 'source' then e.source
            when :by = 'market' then e.market::text
            when :by = 'month' then to_char(e.stage_entered_at at time zone :time_zone, 'YYYY-MM')
            when :by like 'custom.%' then l.custom ->> substr(:by, 8)
        end as word,
        c.kind,
        count(*) as leads,
        sum(e.value_usd) as value_usd,
        array_agg(date_part('epoch', e.stage_entered_at - e.began_at) / 86400) filter (where c.kind = 'won') as took
    from ended as e
    join closing as c on c.id = e.stage_id
    left join crm.leads as l on l.id = e.lead_id and :by like 'custom.%'
    left join lateral (
        select y.stage_id
        from crm.stays as y
        where :by = 'stage_lost_from'
            and y.lead_id = e.lead_id
            and y.left_at <= e.stage_entered_at
        order by y.entered_at desc, y.id desc
        limit 1
    ) as before on true
    group by 1, 2, 3
),

grouped as (
    select
        case :by when 'owner' then f.owner_id when 'team' then f.team_id when 'pipeline' then f.pipeline_id end as group_id,
        case when :by = 'month' then to_char(f.entered_month, 'YYYY-MM') end as word,
        c.kind,
        sum(f.leads) as leads,
        sum(f.value_usd) as value_usd
    from folded as f
    join closing as c on c.id = f.stage_id
    group by 1, 2, 3
    union all
    select g.group_id, g.word, g.kind, g.leads, g.value_usd
    from ended_groups as g
),

-- How long those took that were won: in whole months from the fold and from what it has not counted yet, which came there since (+1) or went (-1); in the
-- days at both ends, as of a past day, and where the fold does not know the groups, from the stays.
listed as materialized (
    select
        case :by when 'owner' then u.owner_id when 'team' then u.team_id when 'pipeline' then u.pipeline_id end as group_id,
        case when :by = 'month' then to_char(u.stage_entered_at at time zone :time_zone, 'YYYY-MM') end as word,
        date_part('epoch', u.stage_entered_at - u.began_at) / 86400 as days,
        sum(u.leads)::int as leads
    from crm.unfolded_stays as u
    where :as_of is null
        and u.stage_id in (select c.id from closing as c where c.kind = 'won')
        and u.stage_entered_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.stage_entered_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    group by 1, 2, 3
    having sum(u.leads) <> 0
),

arrived as materialized (
    select
        case :by when 'owner' then m.owner_id when 'team' then m.team_id when 'pipeline' then m.pipeline_id end as group_id,
        case when :by = 'month' then to_char(m.month, 'YYYY-MM') end as word,
        m.took
    from crm.arrival_months as m
    where :as_of is null
        and m.month >= :months_from
        and m.month < :months_to
        and m.stage_id in (select c.id from closing as c where c.kind = 'won')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
),

stood as (
    select
        case :by when 'owner' then y.owner_id when 'team' then y.team_id when 'pipeline' then y.pipeline_id end as group_id,
        case when :by = 'month' then to_char(y.stage_entered_at at time zone :time_zone, 'YYYY-MM') end as word,
        array_agg(date_part('epoch', y.stage_entered_at - y.began_at) / 86400) as took
    from crm.stays as y
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and y.stage_id in (select c.id from closing as c where c.kind = 'won')
        and y.stage_entered_at >= cast(:months_from as timestamp) at time zone :time_zone
        and y.stage_entered_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    group by 1, 2
),

totals as (
    select
        g.group_id,
        g.word,
        coalesce(sum(g.leads) filter (where g.kind = 'won'), 0)::bigint as won,
        coalesce(sum(g.leads) filter (where g.kind = 'lost'), 0)::bigint as lost,
        coalesce(sum(g.value_usd) filter (where g.kind = 'won'), 0) as won_value_usd,
        coalesce(sum(g.value_usd) filter (where g.kind = 'lost'), 0) as lost_value_usd,
        coalesce(g.group_id::text, g.word, '') in (select coalesce(l.group_id::text, l.word, '') from listed as l where l.leads < 0) as has_lost_some
    from grouped as g
    group by g.group_id, g.word
    having sum(g.leads) <> 0
),

-- Group by group: days alone are sorted much faster than days beside the group they are of.
took as (
    select t.group_id, t.word, x.median_days, x.mean_days
    from totals as t
    left join stood as s
        on coalesce(s.group_id, 0) = coalesce(t.group_id, 0) and coalesce(s.word, '') = coalesce(t.word, '') and (s.word is null) = (t.word is null)
    left join ended_groups as e
        on e.kind = 'won'
            and coalesce(e.group_id, 0) = coalesce(t.group_id, 0) and coalesce(e.word, '') = coalesce(t.word, '') and (e.word is null) = (t.word is null)
    cross join lateral (
        select percentile_cont(0.5) within group (order by y.days) as median_days, avg(y.days) as mean_days
        from (
            select unnest(s.took) as days
            union all
            select unnest(e.took) as days
            union all
            select l.days
            from listed as l
            cross join generate_series(1, l.leads)
            where l.group_id is not distinct from t.group_id and l.word is not distinct from t.word
            union all
            select unnest(a.took) as days
            from arrived as a
            where a.group_id is not distinct from t.group_id and a.word is not distinct from t.word and not t.has_lost_some
            union all
            (
                select unnest(a.took) as days
                from arrived as a
                where a.group_id is not distinct from t.group_id and a.word is not distinct from t.word and t.has_lost_some
                except all
                select l.days
                from listed as l
                cross join generate_series(1, -l.leads)
                where l.group_id is not distinct from t.group_id and l.word is not distinct from t.word
            )
        ) as y
    ) as x
)

select
    t.group_id,
    case
        when :by = 'owner' then coalesce(p.name, 'Person ' || t.group_id, 'Nobody')
        when :by = 'team' then coalesce(m.name, 'Team ' || t.group_id)
        when :by = 'pipeline' then coalesce(w.name, 'Pipeline ' || t.group_id)
        when :by = 'stage_lost_from' then coalesce(s.name, 'Stage ' || t.group_id, 'Began there')
        else coalesce(t.word, 'Not given')
    end as "group",
    t.won,
    t.lost,
    round(t.won::numeric / nullif(t.won + t.lost, 0), 4) as win_rate,
    t.won_value_usd,
    t.lost_value_usd,
    round(k.median_days::numeric, 2) as median_days,
    round(k.mean_days::numeric, 2) as mean_days
from totals as t
left join took as k
    on coalesce(k.group_id, 0) = coalesce(t.group_id, 0) and coalesce(k.word, '') = coalesce(t.word, '') and (k.word is null) = (t.word is null)
left join crm.people as p on :by = 'owner' and p.id = t.group_id
left join crm.teams as m on :by = 'team' and m.id = t.group_id
left join crm.pipelines as w on :by = 'pipeline' and w.id = t.group_id
left join crm.stages as s on :by = 'stage_lost_from' and s.id = t.group_id
order by case when :by = 'month' then t.word end, t.won_value_usd desc, t.won desc, t.lost desc, "group"
