-- name: leads
-- answers: how many leads, of what value, how often won, how many days, in groups of whatever one likes?
-- grain: one row per group of `by` and group of `split`, in order; the largest groups, and the rest of them in one. has_totals: also each group over all of
--   the other's, and everything in one row. A lead counts where it stands
-- params: measure text (leads, value, weighted, win_rate, days_to_close or days_in_stage: what decides which groups are the largest);
--   which text (open, all, began, ended, won or lost; began, ended, won and lost mean in the period);
--   by text (what tells groups apart: stage, kind, pipeline, team, owner, source, market, lost_reason; began, ended or closes, with a unit; or custom);
--   by_unit text or null (month or quarter, of a day); by_key text or null (of a custom field); by_kind text or null (of a custom field);
--   split text (the same again; empty for one group); split_unit text or null; split_key text or null; split_kind text or null;
--   by_most int (how many groups stand for themselves: the largest, or the newest months); split_most int; has_totals boolean;
--   fold text (which fold knows it: postings, standing, sources or closing; empty where leads are counted one by one);
--   months_from date or null; months_to date or null (the whole months in the period that the fold answers: from the one, before the other);
--   shift int (months by which quarters begin after January's); from_day date or null (inclusive, a day of time_zone; null where no period counts);
--   to_day date or null (inclusive); as_of date or null (as leads stood at the end of this day; null for now); time_zone text; now timestamptz;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: part text (cell; by, split: a group over all of the other's; all); group_key text (an id, a word, a first month as 2026-01, a value, of
--   numbers how many digits they have before the point, -1 below 0; null: none given, or the rest); group text (what an id is called; the others are named
--   by crm.reports.exploring); group_is_rest boolean; split_key text; split text; split_is_rest boolean;
--   leads bigint; value_usd numeric; weighted_usd numeric (open ones' value times the chance of their stage; null unless asked for); won bigint; lost bigint;
--   win_rate numeric (0..1, won of won and lost); median_days numeric (null unless days are asked for); mean_days numeric (the same)

with moment as not materialized (
    select coalesce((:as_of + 1)::timestamp at time zone :time_zone, :now) as at
),

-- What tells groups apart, a row each: whatever is worked out for the one is worked out for the other by the same words.
dimensions as (
    select d.side, d.name, d.unit, d.kind
    from (values ('by', :by, :by_unit, :by_kind), ('split', :split, :split_unit, :split_kind)) as d (side, name, unit, kind)
),

-- A stage's chance on that day, from the first change of it after; where history knows none, today's.
stages as (
    select
        s.id,
        s.kind,
        s.name,
        s.pipeline_id,
        s.position,
        coalesce(c.probability, s.probability) as chance
    from crm.stages as s
    cross join moment as m
    left join lateral (
        select (x.fields -> 'probability' ->> 0)::numeric as probability
        from crm.changes as x
        where :as_of is not null
            and :measure = 'weighted'
            and x.record_type = 'stage'
            and x.record_id = s.id
            and x.version > 1
            and x.at >= m.at
            and x.fields ? 'probability'
        order by x.version
        limit 1
    ) as c on true
),

-- What stands, by team, pipeline, stage and owner, is known without looking at a lead: whole months, the days of the month that as_of lies in, and what no
-- fold has counted yet. Now it is known also by the months in which leads began and came to their stage, by source, or by the month of the expected close.
folded as (
    select
        m.team_id, m.pipeline_id, m.stage_id, m.owner_id, null::varchar as source, null::date as close_month, null::date as began_month,
        null::date as entered_month, m.leads, m.value_usd
    from crm.posting_months as m
    where :fold = 'postings'
        and m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
    union all
    select d.team_id, d.pipeline_id, d.stage_id, d.owner_id, null, null, null, null, d.leads, d.value_usd
    from crm.posting_days as d
    where :fold = 'postings'
        and d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
    union all
    select u.team_id, u.pipeline_id, u.stage_id, u.owner_id, null, null, null, null, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where :fold = 'postings'
        and u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
    union all
    select m.team_id, m.pipeline_id, m.stage_id, m.owner_id, null, null, m.began_month, m.entered_month, m.leads, m.value_usd
    from crm.standing_months as m
    where :fold = 'standing'
    union all
    select m.team_id, m.pipeline_id, m.stage_id, m.owner_id, m.source, null, m.began_month, null, m.leads, m.value_usd
    from crm.source_months as m
    where :fold = 'sources'
    union all
    select m.team_id, m.pipeline_id, m.stage_id, m.owner_id, null, m.close_month, null, null, m.leads, m.value_usd
    from crm.closing_months as m
    where :fold = 'closing'
    union all
    select
        u.team_id, u.pipeline_id, u.stage_id, u.owner_id, u.source, u.close_month, date_trunc('month', u.began_at at time zone :time_zone)::date,
        date_trunc('month', u.stage_entered_at at time zone :time_zone)::date, u.leads, u.value_usd
    from crm.unfolded_stays as u
    where :fold in ('standing', 'sources', 'closing')
),

-- The days of the period whose leads are counted one by one: all of them, or those before and after the months that a fold knows.
ends as not materialized (
    select
        cast(:from_day as timestamp) at time zone :time_zone as begins_at,
        cast(:months_from as timestamp) at time zone :time_zone as breaks_at,
        cast(:months_to as timestamp) at time zone :time_zone as resumes_at,
        (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

-- Now: leads as they stand, from an index that holds what is asked, or where that is a field of one's own, in the order in which they lie.
living as not materialized (
    select
        l.team_id, l.pipeline_id, l.stage_id, l.owner_id, l.source, l.market, date_trunc('month', l.expected_close_on)::date as close_month, l.lost_reason,
        l.custom, 1 as leads, l.value_usd, l.created_at as began_at, l.stage_entered_at,
        case when :which = 'began' then l.created_at else l.stage_entered_at end as at
    from crm.leads as l
    where :as_of is null
        and l.deleted_at is null
        and (
            :which in ('all', 'began')
            or l.stage_id = any(array(select s.id from crm.stages as s where s.kind = :which or (:which = 'ended' and s.kind in ('won', 'lost'))))
        )
),

-- Each part has its columns of one and the same type: only then does Postgres leave out what is not asked for.
standing as (
    select v.*
    from living as v
    cross join ends as e
    where (:which in ('all', 'open') and :fold = '') or (v.at >= e.begins_at and v.at < e.breaks_at)
    union all
    select v.*
    from living as v
    cross join ends as e
    where v.at >= e.resumes_at and v.at < e.ends_at
    union all
    select
        y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month, l.lost_reason, l.custom, 1, y.value_usd, y.began_at,
        y.stage_entered_at, null
    from crm.stays as y
    cross join ends as e
    left join crm.stages as s on s.id = y.stage_id
    left join crm.leads as l on l.id = y.lead_id and ('lost_reason' in (:by, :split) or 'custom' in (:by, :split))
    where :as_of is not null
        and :fold = ''
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (
            :which in ('all', s.kind)
            or :which = 'began'
            or (:which = 'ended' and s.kind in ('won', 'lost'))
        )
        and (
            :which in ('all', 'open')
            or (
                (case when :which = 'began' then y.began_at else y.stage_entered_at end) >= e.begins_at
                and (case when :which = 'began' then y.began_at else y.stage_entered_at end) < e.ends_at
            )
        )
    union all
    select
        f.team_id, f.pipeline_id, f.stage_id, f.owner_id, f.source, null, f.close_month, null, null, f.leads, f.value_usd,
        f.began_month::timestamp at time zone :time_zone, f.entered_month::timestamp at time zone :time_zone, null
    from folded as f
    left join crm.stages as s on s.id = f.stage_id
    where :which = 'all'
        or (:which = 'open' and s.kind = 'open')
        or (:which = 'began' and f.began_month >= :months_from and f.began_month < :months_to)
        or (:which in ('ended', s.kind) and s.kind in ('won', 'lost') and f.entered_month >= :months_from and f.entered_month < :months_to)
),

-- Leads that no dimension tells apart are one row from here on: what a value stands for is worked out once for all of them.
counted as (
    select
        y.stage_id,
        case when 'pipeline' in (:by, :split) then y.pipeline_id end as pipeline_id,
        case when 'team' in (:by, :split) then y.team_id end as team_id,
        case when 'owner' in (:by, :split) then y.owner_id end as owner_id,
        case when 'source' in (:by, :split) then y.source end as source,
        case when 'market' in (:by, :split) then y.market end as market,
        case when 'lost_reason' in (:by, :split) then y.lost_reason end as lost_reason,
        case when 'began' in (:by, :split) then date_trunc('month', y.began_at at time zone :time_zone)::date end as began_month,
        case when 'ended' in (:by, :split) then date_trunc('month', y.stage_entered_at at time zone :time_zone)::date end as entered_month,
        case when 'closes' in (:by, :split) then y.close_month end as close_month,
        -- As text: leads are put together by it in half the time.
        case when :by = 'custom' then case :by_kind when 'money' then (y.custom -> :by_key)::text else y.custom ->> :by_key end end as by_value,
        case when :split = 'custom' then case :split_kind when 'money' then (y.custom -> :split_key)::text else y.custom ->> :split_key end end as split_value,
        sum(y.leads) as leads,
        coalesce(sum(y.value_usd), 0.00) as value_usd,
        case :measure
            when 'days_to_close' then array_agg(date_part('epoch', y.stage_entered_at - y.began_at) / 86400)
            when 'days_in_stage' then array_agg(date_part('epoch', m.at - y.stage_entered_at) / 86400)
        end as days
    from standing as y
    cross join moment as m
    where (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
    having sum(y.leads) <> 0
),

cells as (
    select
        k.keys[1] as by_key,
        k.keys[2] as split_key,
        c.leads,
        c.value_usd,
        case when :measure = 'weighted' and s.kind = 'open' then c.value_usd * s.chance end as weighted_usd,
        case when s.kind = 'won' then c.leads else 0 end as won,
        case when s.kind = 'lost' then c.leads else 0 end as lost,
        case when :measure = 'days_in_stage' or s.kind in ('won', 'lost') then c.days end as days,
        case :measure
            when 'value' then c.value_usd
            when 'weighted' then case when s.kind = 'open' then c.value_usd * s.chance end
            when 'win_rate' then case when s.kind in ('won', 'lost') then c.leads else 0 end
            when 'leads' then c.leads
            else case when :measure = 'days_in_stage' or s.kind in ('won', 'lost') then cardinality(c.days) end
        end as size
    from counted as c
    left join stages as s on s.id = c.stage_id
    cross join lateral (
        select array_agg(coalesce(t.key, '') order by d.side) as keys
        from dimensions as d
        left join lateral (
            select
                v.word,
                case
                    when d.kind in ('person', 'number') and v.word ~ '^-?[0-9]+(\.[0-9]+)?$' then v.word::numeric
                    when d.kind = 'money' and v.word::jsonb ->> 'amount' ~ '^-?[0-9]{1,15}(\.[0-9]{1,2})?$'
                        then crm.to_usd((v.word::jsonb ->> 'amount')::numeric, (v.word::jsonb ->> 'currency')::char(3), current_date)
                end as number
            from (select nullif(case d.side when 'by' then c.by_value else c.split_value end, '') as word) as v
        ) as o on d.name = 'custom' and o.word is not null
        left join lateral (
            select case d.name
                when 'began' then c.began_month
                when 'ended' then case when s.kind in ('won', 'lost') then c.entered_month end
                when 'closes' then c.close_month
                when 'custom' then case when o.word ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-' then (substr(o.word, 1, 7) || '-01')::date end
            end::timestamp as month
        ) as n on d.unit is not null
        cross join lateral (
            select case
                when d.unit is not null
                    then to_char(date_trunc(d.unit, n.month - make_interval(months => :shift)) + make_interval(months => :shift), 'YYYY-MM')
                when d.name = 'stage' then c.stage_id::text
                when d.name = 'kind' then s.kind
                when d.name = 'pipeline' then c.pipeline_id::text
                when d.name = 'team' then c.team_id::text
                when d.name = 'owner' then c.owner_id::text
                when d.name = 'source' then c.source
                when d.name = 'market' then c.market::text
                when d.name = 'lost_reason' then c.lost_reason
                when d.kind = 'person' then round(o.number)::text
                when d.kind in ('number', 'money') then case when o.number < 0 then '-1' when o.number < 1 then '0' else length(trunc(o.number)::text)::text end
                else o.word
            end as key
        ) as t
    ) as k
),

-- The largest groups, or the newest months, come first; what is not given comes last.
sized as (
    select
        c.*,
        sum(c.size) over (partition by c.by_key) as by_size,
        sum(c.size) over (partition by c.split_key) as split_size
    from cells as c
),

placed as (
    select
        z.*,
        dense_rank() over (
            order by z.by_key = '', case when :by_unit is not null then z.by_key end desc, z.by_size desc nulls last, z.by_key
        ) as by_place,
        dense_rank() over (
            order by z.split_key = '', case when :split_unit is not null then z.split_key end desc, z.split_size desc nulls last, z.split_key
        ) as split_place
    from sized as z
),

lumped as (
    select
        case when p.by_key = '' or p.by_place <= :by_most then p.by_key end as by_key,
        p.by_key <> '' and p.by_place > :by_most as by_is_rest,
        p.by_place,
        case when p.split_key = '' or p.split_place <= :split_most then p.split_key end as split_key,
        p.split_key <> '' and p.split_place > :split_most as split_is_rest,
        p.split_place,
        p.leads,
        p.value_usd,
        p.weighted_usd,
        p.won,
        p.lost,
        p.days
    from placed as p
),

-- Days of their own: a median of medians is none. Arrays of them are gathered as they are.
totals as (
    select
        case grouping(u.by_key, u.split_key) when 0 then 'cell' when 1 then 'by' when 2 then 'split' else 'all' end as part,
        u.by_key,
        u.by_is_rest,
        u.split_key,
        u.split_is_rest,
        min(u.by_place) as by_place,
        min(u.split_place) as split_place,
        sum(u.leads)::bigint as leads,
        coalesce(sum(u.value_usd), 0) as value_usd,
        round(sum(u.weighted_usd), 2) as weighted_usd,
        sum(u.won)::bigint as won,
        sum(u.lost)::bigint as lost,
        array_agg(row(u.days)) filter (where cardinality(u.days) > 0) as days
    from lumped as u
    group by grouping sets (
        (u.by_key, u.by_is_rest, u.split_key, u.split_is_rest), (u.by_key, u.by_is_rest), (u.split_key, u.split_is_rest), ()
    )
),

-- Stages that are called alike say their pipeline.
names as (
    select 'owner' as kind, p.id::text as key, p.name, null::bigint as place
    from crm.people as p
    union all
    select 'team' as kind, t.id::text as key, t.name, null::bigint as place
    from crm.teams as t
    union all
    select 'pipeline' as kind, w.id::text as key, w.name, w.position::bigint as place
    from crm.pipelines as w
    union all
    select
        'stage' as kind,
        s.id::text as key,
        s.name || case when count(*) over (partition by s.name) > 1 then ' · ' || coalesce(w.name, 'Pipeline ' || s.pipeline_id) else '' end as name,
        row_number() over (order by w.position, s.pipeline_id, s.position, s.id) as place
    from stages as s
    left join crm.pipelines as w on w.id = s.pipeline_id
    where s.id::text in (select case 'stage' when :by then x.by_key when :split then x.split_key end from lumped as x)
    union all
    select 'kind' as kind, k.name as key, k.name, k.place
    from (values ('open', 1), ('won', 2), ('lost', 3), ('dormant', 4)) as k (name, place)
)

select
    u.part,
    nullif(u.by_key, '') as group_key,
    bn.name as "group",
    coalesce(u.by_is_rest, false) as group_is_rest,
    nullif(u.split_key, '') as split_key,
    sn.name as split,
    coalesce(u.split_is_rest, false) as split_is_rest,
    u.leads,
    u.value_usd,
    u.weighted_usd,
    u.won,
    u.lost,
    round(u.won::numeric / nullif(u.won + u.lost, 0), 4) as win_rate,
    round(case when :split <> '' then d.median_days else max(d.median_days) over alike end::numeric, 2) as median_days,
    round(case when :split <> '' then d.mean_days else max(d.mean_days) over alike end::numeric, 2) as mean_days
from totals as u
left join lateral (
    select percentile_cont(0.5) within group (order by t.days) as median_days, avg(t.days) as mean_days
    from (select unnest(a.days) as days from unnest(u.days) as a (days double precision [])) as t
    where :split <> '' or u.part in ('cell', 'all')
) as d on true
left join names as bn on bn.kind = case when :by_kind = 'person' then 'owner' else :by end and bn.key = u.by_key
left join names as sn on sn.kind = case when :split_kind = 'person' then 'owner' else :split end and sn.key = u.split_key
where :has_totals or u.part = 'cell'
-- Without a second dimension a group is its only cell: its days are sorted once.
window alike as (partition by u.by_key, u.by_is_rest)
order by
    array_position(array['cell', 'by', 'split', 'all'], u.part),
    coalesce(u.by_is_rest, false) <> (:by_unit is not null),
    u.by_key = '',
    case when :by_unit is not null then u.by_key end,
    bn.place,
    case when :by_kind in ('number', 'money') and u.part <> 'split' then nullif(u.by_key, '')::int end,
    case when u.part <> 'split' then u.by_place end,
    coalesce(u.split_is_rest, false) <> (:split_unit is not null),
    u.split_key = '',
    case when :split_unit is not null then u.split_key end,
    sn.place,
    case when :split_kind in ('number', 'money') then nullif(u.split_key, '')::int end,
    u.split_place
