-- name: months_of_customer
-- answers: what was ordered by a customer, month by month?
-- grain: one row per month with a counted order, oldest first
-- params: record_id bigint; since date (inclusive); time_zone text
-- columns: month date (its first day); orders bigint; usd numeric (at the rate of each order's day; orders without a rate add nothing)

select
    date_trunc('month', o.ordered_at at time zone :time_zone)::date as month,
    count(*) as orders,
    coalesce(sum(o.amount_usd), 0) as usd
from crm.orders as o
where o.customer_id = :record_id
    and o.gone_at is null
    and o.is_counted
    and o.ordered_at >= (:since)::timestamp at time zone :time_zone
group by month
order by month
