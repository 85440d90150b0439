-- name: revenue_by_market
-- answers: what did customers of each market order, in their own currency and in USD?
-- grain: one row per month, market and currency, months first
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text;
--   sees_own boolean (whether somebody sees customers of their own leads, whichever team those belong to);
--   team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null
-- columns: month date (its first day); market text (null: production names none); currency text; orders bigint; customers bigint;
--   amount numeric (in currency); revenue_usd numeric (at the rate of each order's day); unconverted bigint (orders without a rate, not in revenue_usd)

with months as (
    select
        m.month::date as month,
        greatest(m.month, cast(:from_day as timestamp)) at time zone :time_zone as begins_at,
        least(m.month + interval '1 month', (:to_day + 1)::timestamp) at time zone :time_zone as ends_at
    from generate_series(date_trunc('month', cast(:from_day as timestamp)), cast(:to_day as timestamp), interval '1 month') as m (month)
),

-- Whole months that no order has changed since they were counted.
folded as materialized (
    select m.*
    from months as m
    join crm.folded_order_months as f on f.month = m.month and f.begins_at = m.begins_at and f.ends_at = m.ends_at
),

counted as (
    select f.month, c.market, c.currency, c.orders, c.customers, c.amount, c.amount_usd, c.unconverted
    from folded as f
    join crm.order_months as c on c.month = f.month
    where (:team_id is null or c.team_id = :team_id)
        and (:market is null or c.market = :market)
    union all
    select
        m.month,
        o.market,
        o.currency,
        count(*) as orders,
        count(distinct o.customer_id) as customers,
        sum(o.amount) as amount,
        coalesce(sum(o.amount_usd), 0) as amount_usd,
        count(*) filter (where o.amount_usd is null) as unconverted
    from months as m
    join crm.orders as o on o.ordered_at >= m.begins_at and o.ordered_at < m.ends_at
    where not exists (select from folded as f where f.month = m.month)
        and o.is_counted
        and o.gone_at is null
        and (:team_id is null or o.team_id = :team_id)
        and (:market is null or o.market = :market)
    group by m.month, o.market, o.currency
    union all
    -- One's own customers of teams that one does not see: the cells above are of whole teams.
    select
        f.month,
        o.market,
        o.currency,
        count(*) as orders,
        count(distinct o.customer_id) as customers,
        sum(o.amount) as amount,
        coalesce(sum(o.amount_usd), 0) as amount_usd,
        count(*) filter (where o.amount_usd is null) as unconverted
    from unnest(crm.my_customers()) as mine (customer_id)
    join crm.orders as o on o.customer_id = mine.customer_id
    join folded as f on o.ordered_at >= f.begins_at and o.ordered_at < f.ends_at
    where :sees_own
        and (o.team_id is null or o.team_id <> all ((select crm.setting_ids('crm.customer_teams'))::bigint[]))
        and o.is_counted
        and o.gone_at is null
        and (:team_id is null or o.team_id = :team_id)
        and (:market is null or o.market = :market)
    group by f.month, o.market, o.currency
)

select
    c.month,
    c.market::text as market,
    c.currency::text as currency,
    sum(c.orders)::bigint as orders,
    sum(c.customers)::bigint as customers,
    sum(c.amount) as amount,
    sum(c.amount_usd) as revenue_usd,
    sum(c.unconverted)::bigint as unconverted
from counted as c
group by 1, 2, 3
order by 1, 2, 3
