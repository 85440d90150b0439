-- name: revenue_by_market
-- answers: what did customers of each market order, in their own currency and in USD?
-- grain: one row per month, market and currency, months first
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text;
--   team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null
-- columns: month date (its first day); market text (null: production names none); currency text; orders bigint; customers bigint;
--   amount numeric (in currency); revenue_usd numeric (at the rate of each order's day); unconverted bigint (orders without a rate, not in revenue_usd)

select
    date_trunc('month', o.ordered_at at time zone :time_zone)::date as month,
    o.market::text as market,
    o.currency::text as currency,
    count(*) as orders,
    count(distinct o.customer_id) as customers,
    sum(o.amount) as amount,
    coalesce(sum(o.amount_usd), 0) as revenue_usd,
    count(*) filter (where o.amount_usd is null) as unconverted
from crm.orders as o
where o.ordered_at >= cast(:from_day as timestamp) at time zone :time_zone
    and o.ordered_at < (:to_day + 1)::timestamp at time zone :time_zone
    and o.is_counted
    and o.gone_at is null
    and (:team_id is null or o.team_id = :team_id)
    and (:market is null or o.market = :market)
group by 1, 2, 3
order by 1, 2, 3
