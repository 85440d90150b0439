-- name: customer_cohorts
-- answers: of the customers whose first order came in each month, how many ordered again in each month after?
-- grain: one row per month of first order and month since that has begun, oldest first; months_since 0 is the month of the first order itself
-- params: from_day date (inclusive, a day of time_zone: of the first order); to_day date (inclusive); today date (of time_zone);
--   as_of date or null (orders up to the end of this day; null for all); time_zone text;
--   team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null (the customer's)
-- columns: cohort date (first day of the month of the first order); months_since int; customers bigint (all whose first order came then);
--   ordering bigint (of them, who ordered in that month); ordering_share numeric (0..1); orders bigint; revenue_usd numeric (at the rate of each order's day)

with ordered as (
    select
        c.id as customer_id,
        date_trunc('month', c.first_order_at at time zone :time_zone) as cohort,
        date_trunc('month', o.ordered_at at time zone :time_zone) as reached,
        o.amount_usd
    from crm.customers as c
    join crm.orders as o on o.customer_id = c.id
    where c.gone_at is null
        and c.first_order_at >= cast(:from_day as timestamp) at time zone :time_zone
        and c.first_order_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or c.team_id = :team_id)
        and (:market is null or c.market = :market)
        and o.is_counted
        and o.gone_at is null
        and o.ordered_at < coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity')
),

by_month as (
    select
        o.cohort,
        o.reached,
        count(distinct o.customer_id) as ordering,
        count(*) as orders,
        sum(o.amount_usd) as revenue_usd
    from ordered as o
    group by o.cohort, o.reached
),

totals as (
    select
        o.cohort,
        count(distinct o.customer_id) as customers
    from ordered as o
    group by o.cohort
)

select
    t.cohort::date as cohort,
    (12 * (extract(year from x) - extract(year from t.cohort)) + extract(month from x) - extract(month from t.cohort))::int as months_since,
    t.customers,
    coalesce(m.ordering, 0) as ordering,
    round(coalesce(m.ordering, 0)::numeric / t.customers, 4) as ordering_share,
    coalesce(m.orders, 0) as orders,
    coalesce(m.revenue_usd, 0) as revenue_usd
from totals as t
cross join generate_series(t.cohort, date_trunc('month', coalesce(:as_of, :today)::timestamp), '1 month') as x
left join by_month as m on m.cohort = t.cohort and m.reached = x
order by t.cohort, months_since
