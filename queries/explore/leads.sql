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
--   is_folded boolean (whether groups, filters and measure are such that the fold of postings knows them);
--   shift int (months by which quarters begin after January's); from_day date or null (inclusive, a day of time_zone; null where no period counts);
--   to_day date or null (inclusive); as_of date or null (as leads stood at the end of this day; null for now); time_zone text; now timestamptz;
--   team_id bigint or null (null for every team in reach); pipeline_id bigint or null; owner_id bigint or null; source text or null; market text or null
-- columns: part text (cell; by, split: a group over all of the other's; all); group_key text (an id, a word, a first month as 2026-01, a value, of
--   numbers how many digits they have before the point, -1 below 0; null: none given, or the rest); group text (what an id is called; the others are named
--   by crm.reports.exploring); group_is_rest boolean; split_key text; split text; split_is_rest boolean;
--   leads bigint; value_usd numeric; weighted_usd numeric (open ones' value times the chance of their stage; null unless asked for); won bigint; lost bigint;
--   win_rate numeric (0..1, won of won and lost); median_days numeric (null unless days are asked for); mean_days numeric (the same)

with moment as (
    select coalesce((:as_of + 1)::timestamp at time zone :time_zone, :now) as at
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
-- fold has counted yet.
folded as (
    select m.team_id, m.pipeline_id, m.stage_id, m.owner_id, m.leads, m.value_usd
    from crm.posting_months as m
    where :is_folded
        and m.month < coalesce(date_trunc('month', :as_of)::date, 'infinity')
    union all
    select d.team_id, d.pipeline_id, d.stage_id, d.owner_id, d.leads, d.value_usd
    from crm.posting_days as d
    where :is_folded
        and d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
    union all
    select u.team_id, u.pipeline_id, u.stage_id, u.owner_id, u.leads, u.value_usd
    from crm.unfolded_postings as u
    where :is_folded
        and u.effective_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
),

standing as (
    select
        y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month, y.value_usd, y.began_at, y.stage_entered_at, 1 as leads
    from crm.stays as y
    where :as_of is null
        and :which = 'all'
        and not :is_folded
        and y.left_at is null
    union all
    select
        y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month, y.value_usd, y.began_at, y.stage_entered_at, 1 as leads
    from crm.stays as y
    where :as_of is null
        and :which = 'open'
        and not :is_folded
        and y.left_at is null
        and y.stage_id in (select s.id from crm.stages as s where s.kind = 'open')
    union all
    select
        y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month, y.value_usd, y.began_at, y.stage_entered_at, 1 as leads
    from crm.stays as y
    where :as_of is null
        and :which = 'began'
        and y.left_at is null
        and y.began_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.began_at < (:to_day + 1)::timestamp at time zone :time_zone
    union all
    select
        y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month, y.value_usd, y.began_at, y.stage_entered_at, 1 as leads
    from crm.stays as y
    where :as_of is null
        and :which in ('ended', 'won', 'lost')
        and y.left_at is null
        and y.stage_id in (select s.id from crm.stages as s where s.kind in ('won', 'lost') and :which in ('ended', s.kind))
        and y.stage_entered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and y.stage_entered_at < (:to_day + 1)::timestamp at time zone :time_zone
    union all
    select
        y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month, y.value_usd, y.began_at, y.stage_entered_at, 1 as leads
    from crm.stays as y
    left join crm.stages as s on s.id = y.stage_id
    where :as_of is not null
        and not :is_folded
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (
            :which = 'all'
            or (:which = 'open' and s.kind = 'open')
            or (
                (case when :which = 'began' then y.began_at else y.stage_entered_at end) >= cast(:from_day as timestamp) at time zone :time_zone
                and (case when :which = 'began' then y.began_at else y.stage_entered_at end) < (:to_day + 1)::timestamp at time zone :time_zone
                and (:which = 'began' or (s.kind in ('won', 'lost') and :which in ('ended', s.kind)))
            )
        )
    union all
    select
        null, f.team_id, f.pipeline_id, f.stage_id, f.owner_id, null, null, null, sum(f.value_usd) as value_usd, null, null, sum(f.leads) as leads
    from folded as f
    left join crm.stages as s on s.id = f.stage_id
    where :which = 'all' or s.kind = 'open'
    group by f.team_id, f.pipeline_id, f.stage_id, f.owner_id
    having sum(f.leads) <> 0
),

told as (
    select
        s.kind,
        y.leads,
        y.value_usd,
        case when :measure = 'weighted' and s.kind = 'open' then y.value_usd * s.chance end as weighted_usd,
        case :measure
            when 'days_to_close' then case when s.kind in ('won', 'lost') then date_part('epoch', y.stage_entered_at - y.began_at) / 86400 end
            when 'days_in_stage' then date_part('epoch', m.at - y.stage_entered_at) / 86400
        end as days,
        case :by
            when 'stage' then y.stage_id
            when 'pipeline' then y.pipeline_id
            when 'team' then y.team_id
            when 'owner' then y.owner_id
            when 'custom' then by_own.id
        end as by_id,
        case
            when :by_unit is not null then to_char(
                date_trunc(:by_unit, case :by
                    when 'began' then y.began_at at time zone :time_zone
                    when 'ended' then case when s.kind in ('won', 'lost') then y.stage_entered_at at time zone :time_zone end
                    when 'closes' then y.close_month::timestamp
                    when 'custom' then by_own.day
                end - make_interval(months => :shift)) + make_interval(months => :shift), 'YYYY-MM'
            )
            when :by = 'kind' then s.kind
            when :by = 'source' then y.source
            when :by = 'market' then y.market::text
            when :by = 'lost_reason' then l.lost_reason
            when :by = 'custom' then by_own.word
        end as by_word,
        case :split
            when 'stage' then y.stage_id
            when 'pipeline' then y.pipeline_id
            when 'team' then y.team_id
            when 'owner' then y.owner_id
            when 'custom' then split_own.id
        end as split_id,
        case
            when :split_unit is not null then to_char(
                date_trunc(:split_unit, case :split
                    when 'began' then y.began_at at time zone :time_zone
                    when 'ended' then case when s.kind in ('won', 'lost') then y.stage_entered_at at time zone :time_zone end
                    when 'closes' then y.close_month::timestamp
                    when 'custom' then split_own.day
                end - make_interval(months => :shift)) + make_interval(months => :shift), 'YYYY-MM'
            )
            when :split = 'kind' then s.kind
            when :split = 'source' then y.source
            when :split = 'market' then y.market::text
            when :split = 'lost_reason' then l.lost_reason
            when :split = 'custom' then split_own.word
        end as split_word
    from standing as y
    cross join moment as m
    left join stages as s on s.id = y.stage_id
    left join crm.leads as l on l.id = y.lead_id and (:by in ('lost_reason', 'custom') or :split in ('lost_reason', 'custom'))
    left join lateral (
        select
            case
                when :by_kind = 'person' then v.number::bigint
                when v.number < 0 then -1
                when v.number < 1 then 0
                else length(trunc(v.number)::text)
            end as id,
            case when :by_kind = 'date' and v.word ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-' then (substr(v.word, 1, 7) || '-01')::timestamp end as day,
            case when :by_kind = 'choices' then v.value::text when :by_kind not in ('person', 'number', 'money') then v.word end as word
        from (
            select
                l.custom -> :by_key as value,
                nullif(l.custom ->> :by_key, '') as word,
                case
                    when :by_kind in ('person', 'number') and jsonb_typeof(l.custom -> :by_key) = 'number' then (l.custom ->> :by_key)::numeric
                    when :by_kind = 'money' and l.custom -> :by_key ->> 'amount' ~ '^-?[0-9]{1,15}(\.[0-9]{1,2})?$'
                        then crm.to_usd((l.custom -> :by_key ->> 'amount')::numeric, (l.custom -> :by_key ->> 'currency')::char(3), current_date)
                end as number
        ) as v
        where v.word is not null
    ) as by_own on :by = 'custom'
    left join lateral (
        select
            case
                when :split_kind = 'person' then v.number::bigint
                when v.number < 0 then -1
                when v.number < 1 then 0
                else length(trunc(v.number)::text)
            end as id,
            case when :split_kind = 'date' and v.word ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-' then (substr(v.word, 1, 7) || '-01')::timestamp end as day,
            case when :split_kind = 'choices' then v.value::text when :split_kind not in ('person', 'number', 'money') then v.word end as word
        from (
            select
                l.custom -> :split_key as value,
                nullif(l.custom ->> :split_key, '') as word,
                case
                    when :split_kind in ('person', 'number') and jsonb_typeof(l.custom -> :split_key) = 'number' then (l.custom ->> :split_key)::numeric
                    when :split_kind = 'money' and l.custom -> :split_key ->> 'amount' ~ '^-?[0-9]{1,15}(\.[0-9]{1,2})?$'
                        then crm.to_usd((l.custom -> :split_key ->> 'amount')::numeric, (l.custom -> :split_key ->> 'currency')::char(3), current_date)
                end as number
        ) as v
        where v.word is not null
    ) as split_own on :split = 'custom'
    where (:team_id is null or y.team_id = :team_id)
        and (:pipeline_id is null or y.pipeline_id = :pipeline_id)
        and (:owner_id is null or y.owner_id = :owner_id)
        and (:source is null or y.source = :source)
        and (:market is null or y.market = :market)
),

summed as (
    select
        t.by_id,
        t.by_word,
        t.split_id,
        t.split_word,
        sum(t.leads) as leads,
        sum(t.value_usd) as value_usd,
        sum(t.weighted_usd) as weighted_usd,
        coalesce(sum(t.leads) filter (where t.kind = 'won'), 0) as won,
        coalesce(sum(t.leads) filter (where t.kind = 'lost'), 0) as lost,
        array_agg(t.days) filter (where t.days is not null) as days
    from told as t
    group by t.by_id, t.by_word, t.split_id, t.split_word
),

cells as (
    select
        u.*,
        coalesce(u.by_id::text, u.by_word, '') as by_key,
        coalesce(u.split_id::text, u.split_word, '') as split_key,
        case :measure
            when 'value' then u.value_usd
            when 'weighted' then u.weighted_usd
            when 'win_rate' then u.won + u.lost
            when 'leads' then u.leads
            else cardinality(u.days)
        end as size
    from summed as u
),

bys as (
    select
        c.by_key,
        row_number() over largest as place,
        c.by_key <> '' and row_number() over largest > :by_most as is_rest
    from cells as c
    group by c.by_key
    window largest as (order by c.by_key = '', case when :by_unit is not null then c.by_key end desc, sum(c.size) desc nulls last, c.by_key)
),

splits as (
    select
        c.split_key,
        row_number() over largest as place,
        c.split_key <> '' and row_number() over largest > :split_most as is_rest
    from cells as c
    group by c.split_key
    window largest as (order by c.split_key = '', case when :split_unit is not null then c.split_key end desc, sum(c.size) desc nulls last, c.split_key)
),

lumped as (
    select
        case when b.is_rest then null else c.by_key end as by_key,
        case when b.is_rest then null else c.by_id end as by_id,
        b.is_rest as by_is_rest,
        b.place as by_place,
        case when s.is_rest then null else c.split_key end as split_key,
        case when s.is_rest then null else c.split_id end as split_id,
        s.is_rest as split_is_rest,
        s.place as split_place,
        c.leads,
        c.value_usd,
        c.weighted_usd,
        c.won,
        c.lost,
        c.days
    from cells as c
    join bys as b on b.by_key = c.by_key
    join splits as s on s.split_key = c.split_key
),

totals as (
    select
        case grouping(u.by_key, u.split_key) when 0 then 'cell' when 1 then 'by' when 2 then 'split' else 'all' end as part,
        u.by_key,
        u.by_is_rest,
        u.split_key,
        u.split_is_rest,
        min(u.by_id) as by_id,
        min(u.by_place) as by_place,
        min(u.split_id) as split_id,
        min(u.split_place) as split_place,
        sum(u.leads)::bigint as leads,
        coalesce(sum(u.value_usd), 0) as value_usd,
        round(sum(u.weighted_usd), 2) as weighted_usd,
        sum(u.won)::bigint as won,
        sum(u.lost)::bigint as lost
    from lumped as u
    group by grouping sets (
        (u.by_key, u.by_is_rest, u.split_key, u.split_is_rest), (u.by_key, u.by_is_rest), (u.split_key, u.split_is_rest), ()
    )
),

-- Days of their own: a median of medians is none.
spread as (
    select
        case grouping(u.by_key, u.split_key) when 0 then 'cell' when 1 then 'by' when 2 then 'split' else 'all' end as part,
        u.by_key,
        u.by_is_rest,
        u.split_key,
        u.split_is_rest,
        percentile_cont(0.5) within group (order by d.days) as median_days,
        avg(d.days) as mean_days
    from lumped as u
    cross join lateral unnest(u.days) as d (days)
    group by grouping sets (
        (u.by_key, u.by_is_rest, u.split_key, u.split_is_rest), (u.by_key, u.by_is_rest), (u.split_key, u.split_is_rest), ()
    )
),

-- Stages that are called alike say their pipeline.
names as (
    select 'owner' as kind, p.id, p.name, null::bigint as place
    from crm.people as p
    union all
    select 'team' as kind, t.id, t.name, null::bigint as place
    from crm.teams as t
    union all
    select 'pipeline' as kind, w.id, w.name, w.position::bigint as place
    from crm.pipelines as w
    union all
    select
        'stage' as kind,
        s.id,
        s.name || case when count(*) over (partition by s.name) > 1 then ' · ' || coalesce(w.name, 'Pipeline ' || s.pipeline_id) else '' end as name,
        row_number() over (order by w.position, s.pipeline_id, s.position, s.id) as place
    from stages as s
    left join crm.pipelines as w on w.id = s.pipeline_id
    where :by = 'stage' and s.id in (select x.by_id from lumped as x)
        or :split = 'stage' and s.id in (select x.split_id from lumped as x)
    union all
    select 'kind' as kind, null::bigint as id, k.name, k.place
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
    round(d.median_days::numeric, 2) as median_days,
    round(d.mean_days::numeric, 2) as mean_days
from totals as u
left join spread as d
    on (d.part, d.by_key, d.by_is_rest, d.split_key, d.split_is_rest)::text = (u.part, u.by_key, u.by_is_rest, u.split_key, u.split_is_rest)::text
left join names as bn on bn.kind = case when :by_kind = 'person' then 'owner' else :by end and coalesce(bn.id::text, bn.name) = u.by_key
left join names as sn on sn.kind = case when :split_kind = 'person' then 'owner' else :split end and coalesce(sn.id::text, sn.name) = u.split_key
where :has_totals or u.part = 'cell'
order by
    array_position(array['cell', 'by', 'split', 'all'], u.part),
    coalesce(u.by_is_rest, false) <> (:by_unit is not null),
    u.by_key = '',
    case when :by_unit is not null then u.by_key end,
    bn.place,
    case when :by_kind in ('number', 'money') and u.part <> 'split' then u.by_id end,
    case when u.part <> 'split' then u.by_place end,
    coalesce(u.split_is_rest, false) <> (:split_unit is not null),
    u.split_key = '',
    case when :split_unit is not null then u.split_key end,
    sn.place,
    case when :split_kind in ('number', 'money') then u.split_id end,
    u.split_place
