-- name: months_of_lead
-- answers: what was ordered by the customers of a lead's company, month by month?
-- grain: one row per month with a counted order, oldest first
-- params: record_id bigint; since date (inclusive); time_zone text
-- columns: month date (its first day); orders bigint; usd numeric (at the rate of each order's day; orders without a rate add nothing)

select
    date_trunc('month', o.ordered_at at time zone :time_zone)::date as month,
    count(*) as orders,
    coalesce(sum(o.amount_usd), 0) as usd
from crm.orders_of_lead(:record_id) as o
where o.is_counted
    and o.ordered_at >= (:since)::timestamp at time zone :time_zone
group by month
order by month
