-- name: owners
-- answers: what does each owner have open, and what began, was won and was lost in a period?
-- grain: one row per owner with an open lead or anything in the period, the most won value first; leads of nobody in a row of their own
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); as_of date or null (as leads stood at the end of this day; null for now);
--   time_zone text (the one the standing fold was made in);
--   months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null;
--   owner_id bigint or null
-- columns: owner_id bigint (null: nobody's); owner text; open bigint (leads); open_value_usd numeric;
--   weighted_usd numeric (open value times the chance of its stage, as it is today); began bigint (leads of theirs that began in the period); won bigint;
--   lost bigint; win_rate numeric (0..1); won_value_usd numeric; median_days numeric (from the beginning to the win)

-- What is open comes from the fold, as in pipeline_by_stage.
with entries as (
    select m.owner_id, m.stage_id, m.leads, m.value_usd
    from crm.posting_months as m
    where m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.owner_id, d.stage_id, d.leads, d.value_usd
    from crm.posting_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.owner_id, u.stage_id, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
),

opening as (
    select
        b.owner_id,
        sum(b.leads)::bigint as leads,
        sum(b.value_usd) as value_usd,
        sum(b.value_usd * s.probability) as weighted_usd
    from (
        select e.owner_id, e.stage_id, sum(e.leads) as leads, sum(e.value_usd) as value_usd
        from entries as e
        group by e.owner_id, e.stage_id
    ) as b
    join crm.stages as s on s.id = b.stage_id
    where s.kind = 'open'
    group by b.owner_id
    having sum(b.leads) <> 0
),

-- Whole months come from the fold and from what it has not counted yet; the days at both ends from the stays themselves. As of a past day, from
-- what came to stand and what ceased to until then, by month and by day.
ends as (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, cast(:months_from as timestamp) at time zone :time_zone as ends_at
    union all
    select cast(:months_to as timestamp) at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

closing as (
    select s.id, s.kind
    from crm.stages as s
    where s.kind in ('won', 'lost')
),

standing as (
    select m.owner_id, m.leads as began, null as kind, 0 as leads, null as value_usd
    from crm.standing_months as m
    where :as_of is null
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.owner_id, 0 as began, c.kind, m.leads, m.value_usd
    from crm.standing_months as m
    join closing as c on c.id = m.stage_id
    where :as_of is null
        and m.entered_month >= :months_from
        and m.entered_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.owner_id, m.leads as began, null as kind, 0 as leads, null as value_usd
    from crm.stood_months as m
    where m.month < date_trunc('month', :as_of)::date
        and m.began_month >= :months_from
        and m.began_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.owner_id, d.leads as began, null as kind, 0 as leads, null as value_usd
    from crm.stood_days as d
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.began_month >= :months_from
        and d.began_month < :months_to
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select m.owner_id, 0 as began, c.kind, m.leads, m.value_usd
    from crm.stood_months as m
    join closing as c on c.id = m.stage_id
    where m.month < date_trunc('month', :as_of)::date
        and m.entered_month >= :months_from
        and m.entered_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.owner_id, 0 as began, c.kind, d.leads, d.value_usd
    from crm.stood_days as d
    join closing as c on c.id = d.stage_id
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.entered_month >= :months_from
        and d.entered_month < :months_to
        and (:team_id is null or d.team_id = :team_id)
        and (:pipeline_id is null or d.pipeline_id = :pipeline_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.owner_id, u.leads as began, null as kind, 0 as leads, null as value_usd
    from crm.unfolded_stays as u
    where u.began_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.began_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select u.owner_id, 0 as began, c.kind, u.leads, u.value_usd
    from crm.unfolded_stays as u
    join closing as c on c.id = u.stage_id
    where u.stage_entered_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.stage_entered_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select y.owner_id, 1 as began, null as kind, 0 as leads, null as value_usd
    from ends as e
    join crm.stays as y on y.began_at >= e.begins_at and y.began_at < e.ends_at
    where y.left_at is null
        and (:as_of is null or y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.owner_id, 0 as began, c.kind, 1 as leads, y.value_usd
    from closing as c
    cross join ends as e
    join crm.stays as y on y.stage_id = c.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
    where :as_of is null
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.owner_id, 1 as began, null as kind, 0 as leads, null as value_usd
    from ends as e
    join crm.stays as y on y.began_at >= e.begins_at and y.began_at < e.ends_at
    where y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.owner_id, 0 as began, c.kind, 1 as leads, y.value_usd
    from closing as c
    cross join ends as e
    join crm.stays as y on y.stage_id = c.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
),

-- How long those took that were won: in whole months from the fold and from what it has not counted yet, which came there since (+1) or went (-1); in the
-- days at both ends, and as of a past day, from the stays.
listed as materialized (
    select u.owner_id, date_part('epoch', u.stage_entered_at - u.began_at) / 86400 as days, sum(u.leads)::int as leads
    from crm.unfolded_stays as u
    where :as_of is null
        and u.stage_id in (select c.id from closing as c where c.kind = 'won')
        and u.stage_entered_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.stage_entered_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:team_id is null or u.team_id = :team_id)
        and (:pipeline_id is null or u.pipeline_id = :pipeline_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    group by 1, 2
    having sum(u.leads) <> 0
),

arrived as materialized (
    select m.owner_id, m.took
    from crm.arrival_months as m
    where :as_of is null
        and m.month >= :months_from
        and m.month < :months_to
        and m.stage_id in (select c.id from closing as c where c.kind = 'won')
        and (:team_id is null or m.team_id = :team_id)
        and (:pipeline_id is null or m.pipeline_id = :pipeline_id)
        and (:owner_id is null or m.owner_id = :owner_id)
),

from_stays as (
    select x.owner_id, array_agg(x.days) as took
    from (
        select y.owner_id, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
        from closing as c
        cross join ends as e
        join crm.stays as y on y.stage_id = c.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
        where :as_of is null
            and c.kind = 'won'
            and y.left_at is null
            and (:team_id is null or y.team_id = :team_id)
            and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
            and (:owner_id is null or y.owner_id = :owner_id)
        union all
        select y.owner_id, date_part('epoch', y.stage_entered_at - y.began_at) / 86400 as days
        from crm.stays as y
        where :as_of is not null
            and y.stage_id in (select c.id from closing as c where c.kind = 'won')
            and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
            and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
            and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
            and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
            and (:team_id is null or y.team_id = :team_id)
            and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
            and (:owner_id is null or y.owner_id = :owner_id)
    ) as x
    group by x.owner_id
),

happened as (
    select
        w.owner_id,
        sum(w.began)::bigint as began,
        coalesce(sum(w.leads) filter (where w.kind = 'won'), 0)::bigint as won,
        coalesce(sum(w.leads) filter (where w.kind = 'lost'), 0)::bigint as lost,
        sum(w.value_usd) filter (where w.kind = 'won') as won_value_usd
    from standing as w
    group by w.owner_id
    having sum(w.began) <> 0 or sum(w.leads) <> 0
),

-- Owner by owner: days alone are sorted much faster than days beside whose they are.
took as (
    select h.owner_id, x.median_days
    from happened as h
    left join from_stays as f on coalesce(f.owner_id, 0) = coalesce(h.owner_id, 0)
    cross join lateral (select coalesce(h.owner_id, 0) in (select coalesce(l.owner_id, 0) from listed as l where l.leads < 0) as has_lost_some) as g
    cross join lateral (
        select percentile_cont(0.5) within group (order by y.days) as median_days
        from (
            select unnest(f.took) as days
            union all
            select l.days
            from listed as l
            cross join generate_series(1, l.leads)
            where l.owner_id is not distinct from h.owner_id
            union all
            select unnest(a.took) as days
            from arrived as a
            where a.owner_id is not distinct from h.owner_id and not g.has_lost_some
            union all
            (
                select unnest(a.took) as days
                from arrived as a
                where a.owner_id is not distinct from h.owner_id and g.has_lost_some
                except all
                select l.days
                from listed as l
                cross join generate_series(1, -l.leads)
                where l.owner_id is not distinct from h.owner_id
            )
        ) as y
    ) as x
)

select
    coalesce(o.owner_id, h.owner_id) as owner_id,
    coalesce(p.name, 'Person ' || coalesce(o.owner_id, h.owner_id), 'Nobody') as owner,
    coalesce(o.leads, 0) as open,
    coalesce(o.value_usd, 0) as open_value_usd,
    round(coalesce(o.weighted_usd, 0), 2) as weighted_usd,
    coalesce(h.began, 0) as began,
    coalesce(h.won, 0) as won,
    coalesce(h.lost, 0) as lost,
    round(h.won::numeric / nullif(h.won + h.lost, 0), 4) as win_rate,
    coalesce(h.won_value_usd, 0) as won_value_usd,
    round(t.median_days::numeric, 2) as median_days
from opening as o
full join happened as h on coalesce(h.owner_id, 0) = coalesce(o.owner_id, 0)
left join took as t on coalesce(t.owner_id, 0) = coalesce(h.owner_id, 0)
left join crm.people as p on p.id = coalesce(o.owner_id, h.owner_id)
order by won_value_usd desc, open_value_usd desc, owner_id nulls last
