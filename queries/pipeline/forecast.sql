-- name: forecast
-- answers: what may open leads bring, month by month of their expected close, what was won, and what did the forecast say on an earlier day?
-- grain: one row per month, oldest first; leads without an expected close date stand in a row without a month, the last one
-- params: first_month date (inclusive); last_month date (inclusive); said_on date or null (the day whose forecast stands beside; null for none);
--   as_of date or null (as leads stood at the end of this day; null for now); time_zone text;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: month date (its first day; null: no expected close date); open bigint (leads); open_value_usd numeric;
--   weighted_usd numeric (each lead's value times the chance its stage had on that day); won bigint (leads that came to a won stage in the month);
--   won_value_usd numeric; expected_usd numeric (won and weighted together); said_usd numeric (expected_usd as it stood at the end of said_on)

-- A day's month is worked out here: behind a wall no index is asked by what a join would have to work out.
with moments as (
    select 'now' as name, :as_of as day, date_trunc('month', :as_of)::date as month, (:as_of + 1)::timestamp at time zone :time_zone as known_until
    union all
    select 'said' as name, :said_on as day, date_trunc('month', :said_on)::date as month, (:said_on + 1)::timestamp at time zone :time_zone as known_until
    where :said_on is not null
),

-- A stage's chance on that day, from the first change of it after; where history knows none, today's.
chances as (
    select
        m.name,
        s.id as stage_id,
        s.kind,
        coalesce(c.probability, s.probability) as probability
    from crm.stages as s
    cross join moments as m
    left join lateral (
        select (x.fields -> 'probability' ->> 0)::numeric as probability
        from crm.changes as x
        where m.known_until is not null
            and x.record_type = 'stage'
            and x.record_id = s.id
            and x.version > 1
            and x.at >= m.known_until
            and x.fields ? 'probability'
        order by x.version
        limit 1
    ) as c on true
    where s.kind in ('open', 'won')
),

-- From the folds and from what they have not counted yet: now what stands, as of a past day what came to stand and what ceased to until then, by month and by
-- day; the moment that is now has no day, so that nothing comes of it there. Where a source or a market is asked for, which folds do not tell apart, from the
-- stays.
standing as (
    select f.name, f.stage_id, f.month, f.leads, f.value_usd
    from (
        select 'now' as name, m.stage_id, m.team_id, m.pipeline_id, m.owner_id, m.close_month as month, m.leads, m.value_usd
        from crm.closing_months as m
        where :as_of is null
            and m.stage_id = any(array(select s.id from crm.stages as s where s.kind = 'open'))
        union all
        select 'now' as name, m.stage_id, m.team_id, m.pipeline_id, m.owner_id, m.entered_month as month, m.leads, m.value_usd
        from crm.standing_months as m
        where :as_of is null
            and m.stage_id = any(array(select s.id from crm.stages as s where s.kind = 'won'))
            and m.entered_month >= :first_month
        union all
        select m.name, x.stage_id, x.team_id, x.pipeline_id, x.owner_id, x.close_month as month, x.leads, x.value_usd
        from moments as m
        join crm.stood_closing_months as x on x.month < m.month
        where x.stage_id = any(array(select s.id from crm.stages as s where s.kind = 'open'))
        union all
        select m.name, x.stage_id, x.team_id, x.pipeline_id, x.owner_id, x.close_month as month, x.leads, x.value_usd
        from moments as m
        join crm.stood_closing_days as x on x.day >= m.month and x.day <= m.day
        where x.stage_id = any(array(select s.id from crm.stages as s where s.kind = 'open'))
        union all
        select m.name, x.stage_id, x.team_id, x.pipeline_id, x.owner_id, x.entered_month as month, x.leads, x.value_usd
        from moments as m
        join crm.stood_months as x on x.month < m.month
        where x.stage_id = any(array(select s.id from crm.stages as s where s.kind = 'won'))
            and x.entered_month >= :first_month
        union all
        select m.name, x.stage_id, x.team_id, x.pipeline_id, x.owner_id, x.entered_month as month, x.leads, x.value_usd
        from moments as m
        join crm.stood_days as x on x.day >= m.month and x.day <= m.day
        where x.stage_id = any(array(select s.id from crm.stages as s where s.kind = 'won'))
            and x.entered_month >= :first_month
        union all
        select
            m.name,
            u.stage_id,
            u.team_id,
            u.pipeline_id,
            u.owner_id,
            case when s.kind = 'open' then u.close_month else date_trunc('month', u.stage_entered_at at time zone :time_zone)::date end as month,
            u.leads,
            u.value_usd
        from moments as m
        join crm.unfolded_stays as u on m.known_until is null or u.happened_at < m.known_until
        join crm.stages as s on s.id = u.stage_id
    ) as f
    where :source is null
        and :market is null
        and (:team_id is null or f.team_id = :team_id)
        and (:pipeline_id is null or f.pipeline_id = :pipeline_id)
        and (:owner_id is null or f.owner_id = :owner_id)
    union all
    select
        y.name,
        y.stage_id,
        case when s.kind = 'open' then y.close_month else date_trunc('month', y.stage_entered_at at time zone :time_zone)::date end as month,
        1 as leads,
        y.value_usd
    from (
        select 'now' as name, y.stage_id, y.team_id, y.pipeline_id, y.owner_id, y.source, y.market, y.close_month, y.stage_entered_at, y.value_usd
        from crm.stays as y
        where :as_of is null
            and y.left_at is null
            and y.stage_id = any(array(select s.id from crm.stages as s where s.kind in ('open', 'won')))
        union all
        select m.name, y.stage_id, y.team_id, y.pipeline_id, y.owner_id, y.source, y.market, y.close_month, y.stage_entered_at, y.value_usd
        from moments as m
        join crm.stays as y on y.entered_at < m.known_until and (y.left_at is null or y.left_at >= m.known_until)
        where :as_of is not null or :said_on is not null
    ) as y
    join crm.stages as s on s.id = y.stage_id
    where (:source is not null or :market is not null)
        and s.kind in ('open', 'won')
        and (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

-- Summed up before chances are looked up: there are few stages and months, and many leads.
summed as (
    select w.name, w.stage_id, w.month, sum(w.leads) as leads, sum(w.value_usd) as value_usd
    from standing as w
    group by w.name, w.stage_id, w.month
),

by_stage as (
    select w.name, w.month, c.kind, c.probability, w.leads, w.value_usd
    from summed as w
    join chances as c on c.name = w.name and c.stage_id = w.stage_id
),

totals as (
    select
        b.month,
        sum(b.leads) filter (where b.name = 'now' and b.kind = 'open') as open,
        sum(b.value_usd) filter (where b.name = 'now' and b.kind = 'open') as open_value_usd,
        sum(b.value_usd * b.probability) filter (where b.name = 'now' and b.kind = 'open') as weighted_usd,
        sum(b.leads) filter (where b.name = 'now' and b.kind = 'won') as won,
        sum(b.value_usd) filter (where b.name = 'now' and b.kind = 'won') as won_value_usd,
        sum(case when b.kind = 'won' then b.value_usd else b.value_usd * b.probability end) filter (where b.name = 'said') as said_usd
    from by_stage as b
    group by b.month
),

months as (
    select x::date as month
    from generate_series(cast(:first_month as timestamp), cast(:last_month as timestamp), '1 month') as x
    union all
    select null::date as month
    where exists (select from totals as t where t.month is null and (t.open <> 0 or t.said_usd is not null))
)

select
    m.month,
    coalesce(t.open, 0)::bigint as open,
    coalesce(t.open_value_usd, 0) as open_value_usd,
    round(coalesce(t.weighted_usd, 0), 2) as weighted_usd,
    coalesce(t.won, 0)::bigint as won,
    coalesce(t.won_value_usd, 0) as won_value_usd,
    round(coalesce(t.won_value_usd, 0) + coalesce(t.weighted_usd, 0), 2) as expected_usd,
    case when :said_on is not null then round(coalesce(t.said_usd, 0), 2) end as said_usd
from months as m
left join totals as t on t.month is not distinct from m.month
order by m.month nulls last
