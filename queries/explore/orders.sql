-- name: orders
-- answers: what was ordered in a period, how much of it and by how many, in groups of whatever one likes?
-- grain: one row per group of `by` and group of `split`, in order; the largest groups, and the rest of them in one. has_totals: also each group over all of
--   the other's, and everything in one row
-- params: measure text (revenue or orders: what decides which groups are the largest);
--   by text (what tells groups apart: market, team, customer, segment, currency; ordered or first, with a unit); by_unit text or null (month or quarter);
--   split text (the same again; empty for one group); split_unit text or null; by_most int (how many groups stand for themselves: the largest, or the newest
--   months); split_most int; has_totals boolean; shift int (months by which quarters begin after January's); from_day date (inclusive, a day of time_zone);
--   to_day date (inclusive); time_zone text; team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null
-- columns: part text (cell; by, split: a group over all of the other's; all); group_key text (an id, a word, a first month as 2026-01; null: none given, or
--   the rest); group text (what an id is called; the others are named by crm.reports.exploring); group_is_rest boolean; split_key text; split text;
--   split_is_rest boolean; orders bigint; customers bigint (of a cell; null elsewhere, for somebody may be in several);
--   revenue_usd numeric (at the rate of each order's day); unconverted bigint (orders without a rate, not in revenue_usd)

with summed as (
    select
        case :by when 'team' then o.team_id when 'customer' then o.customer_id end as by_id,
        case
            when :by_unit is not null then to_char(
                date_trunc(
                    :by_unit,
                    (case when :by = 'first' then c.first_order_at else o.ordered_at end at time zone :time_zone) - make_interval(months => :shift)
                ) + make_interval(months => :shift), 'YYYY-MM'
            )
            when :by = 'market' then o.market::text
            when :by = 'segment' then c.segment
            when :by = 'currency' then o.currency::text
        end as by_word,
        case :split when 'team' then o.team_id when 'customer' then o.customer_id end as split_id,
        case
            when :split_unit is not null then to_char(
                date_trunc(
                    :split_unit,
                    (case when :split = 'first' then c.first_order_at else o.ordered_at end at time zone :time_zone) - make_interval(months => :shift)
                ) + make_interval(months => :shift), 'YYYY-MM'
            )
            when :split = 'market' then o.market::text
            when :split = 'segment' then c.segment
            when :split = 'currency' then o.currency::text
        end as split_word,
        count(*) as orders,
        count(distinct o.customer_id) as customers,
        coalesce(sum(o.amount_usd), 0) as revenue_usd,
        count(*) filter (where o.amount_usd is null) as unconverted
    from crm.orders as o
    left join crm.customers as c on c.id = o.customer_id
    where o.ordered_at >= cast(:from_day as timestamp) at time zone :time_zone
        and o.ordered_at < (:to_day + 1)::timestamp at time zone :time_zone
        and o.is_counted
        and o.gone_at is null
        and (:team_id is null or o.team_id = :team_id)
        and (:market is null or o.market = :market)
    group by 1, 2, 3, 4
),

cells as (
    select
        u.*,
        coalesce(u.by_id::text, u.by_word, '') as by_key,
        coalesce(u.split_id::text, u.split_word, '') as split_key,
        case when :measure = 'revenue' then u.revenue_usd else u.orders end as size
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

totals as (
    select
        case grouping(b.key, s.key) when 0 then 'cell' when 1 then 'by' when 2 then 'split' else 'all' end as part,
        b.key as by_key,
        b.is_rest as by_is_rest,
        s.key as split_key,
        s.is_rest as split_is_rest,
        min(b.place) as by_place,
        min(s.place) as split_place,
        sum(c.orders)::bigint as orders,
        case when count(*) = 1 then min(c.customers) end as customers,
        coalesce(sum(c.revenue_usd), 0) as revenue_usd,
        coalesce(sum(c.unconverted), 0)::bigint as unconverted
    from cells as c
    join (select r.*, case when r.is_rest then null else r.by_key end as key from bys as r) as b on b.by_key = c.by_key
    join (select r.*, case when r.is_rest then null else r.split_key end as key from splits as r) as s on s.split_key = c.split_key
    group by grouping sets ((b.key, b.is_rest, s.key, s.is_rest), (b.key, b.is_rest), (s.key, s.is_rest), ())
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
    u.customers,
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
