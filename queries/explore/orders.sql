-- name: orders
-- answers: what was ordered in a period, how much of it and by how many, in groups of whatever one likes?
-- grain: one row per group of `by` and group of `split`, in order; the largest groups, and the rest of them in one. has_totals: also each group over all of
--   the other's, and everything in one row
-- params: measure text (revenue or orders: what decides which groups are the largest);
--   by text (what tells groups apart: market, team, customer, segment, currency; ordered or first, with a unit); by_unit text or null (month or quarter);
--   split text (the same again; empty for one group); split_unit text or null; by_most int (how many groups stand for themselves: the largest, or the newest
--   months); split_most int; has_totals boolean; shift int (months by which quarters begin after January's); from_day date (inclusive, a day of time_zone);
--   to_day date (inclusive); time_zone text; sees_own boolean (whether somebody sees customers of their own leads, whichever team those belong to);
--   team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null
-- columns: part text (cell; by, split: a group over all of the other's; all); group_key text (an id, a word, a first month as 2026-01; null: none given, or
--   the rest); group text (what an id is called; the others are named by crm.reports.exploring); group_is_rest boolean; split_key text; split text;
--   split_is_rest boolean; orders bigint;
--   revenue_usd numeric (at the rate of each order's day); unconverted bigint (orders without a rate, not in revenue_usd)

-- What tells groups apart, a row each: whatever is worked out for the one is worked out for the other by the same words.
with dimensions as (
    select d.side, d.name, d.unit
    from (values ('by', :by, :by_unit), ('split', :split, :split_unit)) as d (side, name, unit)
),

-- Days are counted by the smaller of the units that tell them apart.
units as (
    select
        case when 'month' in (select d.unit from dimensions as d where d.name = 'ordered') then 'month' else 'quarter' end as ordered,
        case when 'month' in (select d.unit from dimensions as d where d.name = 'first') then 'month' else 'quarter' end as first
),

months as (
    select
        m.month::date as month,
        greatest(m.month, cast(:from_day as timestamp)) at time zone :time_zone as begins_at,
        least(m.month + interval '1 month', (:to_day + 1)::timestamp) at time zone :time_zone as ends_at
    from generate_series(date_trunc('month', cast(:from_day as timestamp)), cast(:to_day as timestamp), interval '1 month') as m (month)
),

-- Whole months that no order has changed since they were counted, where what they were counted by tells enough apart.
folded as materialized (
    select m.*
    from months as m
    join crm.folded_order_months as f on f.month = m.month and f.begins_at = m.begins_at and f.ends_at = m.ends_at
    where not ('customer' in (:by, :split) or 'segment' in (:by, :split) or 'first' in (:by, :split))
),

-- Months beside those, and in those one's own customers of teams that one does not see: the cells are of whole teams.
given as (
    select o.team_id, o.customer_id, o.market, o.currency, o.ordered_at at time zone :time_zone as ordered_at, 1 as orders, o.amount_usd,
        (o.amount_usd is null)::int as unconverted
    from months as m
    join crm.orders as o on o.ordered_at >= m.begins_at and o.ordered_at < m.ends_at
    where not exists (select from folded as f where f.month = m.month)
        and o.is_counted
        and o.gone_at is null
    union all
    select o.team_id, o.customer_id, o.market, o.currency, o.ordered_at at time zone :time_zone as ordered_at, 1 as orders, o.amount_usd,
        (o.amount_usd is null)::int as unconverted
    from unnest(crm.my_customers()) as mine (customer_id)
    join crm.orders as o on o.customer_id = mine.customer_id
    join folded as f on o.ordered_at >= f.begins_at and o.ordered_at < f.ends_at
    where :sees_own
        and (o.team_id is null or o.team_id <> all ((select crm.setting_ids('crm.customer_teams'))::bigint[]))
        and o.is_counted
        and o.gone_at is null
    union all
    select c.team_id, null as customer_id, c.market, c.currency, c.month::timestamp as ordered_at, c.orders, c.amount_usd, c.unconverted
    from folded as f
    join crm.order_months as c on c.month = f.month
),

-- Orders that no dimension tells apart are one row from here on.
counted as (
    select
        case when 'team' in (:by, :split) then o.team_id end as team_id,
        case when 'customer' in (:by, :split) then o.customer_id end as customer_id,
        case when 'market' in (:by, :split) then o.market end as market,
        case when 'segment' in (:by, :split) then c.segment end as segment,
        case when 'currency' in (:by, :split) then o.currency end as currency,
        case when 'ordered' in (:by, :split) then date_trunc(u.ordered, o.ordered_at - make_interval(months => :shift)) end as ordered,
        case when 'first' in (:by, :split) then date_trunc(u.first, c.first_order_at at time zone :time_zone - make_interval(months => :shift)) end as first,
        sum(o.orders) as orders,
        coalesce(sum(o.amount_usd), 0) as revenue_usd,
        sum(o.unconverted) as unconverted
    from given as o
    cross join units as u
    left join crm.customers as c on c.id = o.customer_id
    where (:team_id is null or o.team_id = :team_id)
        and (:market is null or o.market = :market)
    group by 1, 2, 3, 4, 5, 6, 7
),

cells as (
    select
        k.keys[1] as by_key,
        k.keys[2] as split_key,
        c.orders,
        c.revenue_usd,
        c.unconverted,
        case when :measure = 'revenue' then c.revenue_usd else c.orders end as size
    from counted as c
    cross join lateral (
        select array_agg(coalesce(case d.name
            when 'team' then c.team_id::text
            when 'customer' then c.customer_id::text
            when 'market' then c.market::text
            when 'segment' then c.segment
            when 'currency' then c.currency::text
            else to_char(
                date_trunc(d.unit, case d.name when 'ordered' then c.ordered else c.first end) + make_interval(months => :shift), 'YYYY-MM'
            )
        end, '') order by d.side) as keys
        from dimensions as d
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
        p.orders,
        p.revenue_usd,
        p.unconverted
    from placed as p
),

totals as (
    select
        case grouping(u.by_key, u.split_key) when 0 then 'cell' when 1 then 'by' when 2 then 'split' else 'all' end as part,
        u.by_key,
        u.by_is_rest,
        u.split_key,
        u.split_is_rest,
        min(u.by_place) as by_place,
        min(u.split_place) as split_place,
        sum(u.orders)::bigint as orders,
        coalesce(sum(u.revenue_usd), 0) as revenue_usd,
        coalesce(sum(u.unconverted), 0)::bigint as unconverted
    from lumped as u
    group by grouping sets (
        (u.by_key, u.by_is_rest, u.split_key, u.split_is_rest), (u.by_key, u.by_is_rest), (u.split_key, u.split_is_rest), ()
    )
),

names as (
    select 'team' as kind, t.id, t.name
    from crm.teams as t
    where 'team' in (:by, :split)
    union all
    select 'customer' as kind, c.id, c.name
    from crm.customers as c
    where (:by = 'customer' and c.id in (select u.by_key::bigint from totals as u where u.by_key <> ''))
        or (:split = 'customer' and c.id in (select u.split_key::bigint from totals as u where u.split_key <> ''))
)

select
    u.part,
    nullif(u.by_key, '') as group_key,
    bn.name as "group",
    coalesce(u.by_is_rest, false) as group_is_rest,
    nullif(u.split_key, '') as split_key,
    sn.name as split,
    coalesce(u.split_is_rest, false) as split_is_rest,
    u.orders,
    u.revenue_usd,
    u.unconverted
from totals as u
left join names as bn on bn.kind = :by and bn.id::text = u.by_key
left join names as sn on sn.kind = :split and sn.id::text = u.split_key
where :has_totals or u.part = 'cell'
order by
    array_position(array['cell', 'by', 'split', 'all'], u.part),
    coalesce(u.by_is_rest, false) <> (:by_unit is not null),
    u.by_key = '',
    case when :by_unit is not null then u.by_key end,
    case when u.part <> 'split' then u.by_place end,
    coalesce(u.split_is_rest, false) <> (:split_unit is not null),
    u.split_key = '',
    case when :split_unit is not null then u.split_key end,
    u.split_place
