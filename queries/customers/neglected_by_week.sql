-- name: neglected_by_week
-- answers: how many customers had ordered lately and not been contacted since, week by week?
-- grain: one row per seven days up to to_day, oldest first; days of the period before the first whole week are left out
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); days int (how far back an order counts as lately);
--   time_zone text; now timestamptz;
--   team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null
-- columns: week date (its last day); customers bigint (whose last order was then at most so many days old, and whom nobody had contacted since)

with customers as (
    select c.id, c.company_id
    from crm.customers as c
    where c.gone_at is null
        and c.last_order_at >= (:from_day - :days)::timestamp at time zone :time_zone
        and (:team_id is null or c.team_id = :team_id)
        and (:market is null or c.market = :market)
),

-- Orders and contacts in one line of time for each customer: an order waits until whichever comes next, or until it is too old.
events as (
    select o.customer_id, o.ordered_at as at, true as is_order
    from crm.orders as o
    join customers as c on c.id = o.customer_id
    where o.is_counted
        and o.gone_at is null
        and o.ordered_at >= (:from_day - :days)::timestamp at time zone :time_zone
        and o.ordered_at < (:to_day + 1)::timestamp at time zone :time_zone
    union all
    select c.id as customer_id, v.happened_at as at, false as is_order
    from customers as c
    join crm.leads as l on l.company_id = c.company_id
    join crm.activities as v on v.lead_id = l.id
    where v.kind <> 'note'
        and v.deleted_at is null
        and v.happened_at >= (:from_day - :days)::timestamp at time zone :time_zone
        and v.happened_at < (:to_day + 1)::timestamp at time zone :time_zone
),

waits as (
    select
        e.customer_id,
        e.is_order,
        e.at,
        lead(e.at) over (partition by e.customer_id order by e.at, e.is_order desc) as until
    from events as e
),

weeks as (
    select
        (:to_day - :from_day + 1) / 7 - n as place,
        :to_day - 7 * n as week,
        least((:to_day - 7 * n + 1)::timestamp at time zone :time_zone, :now) as until,
        (:to_day - 7 * n + 1 - :days)::timestamp at time zone :time_zone as lately
    from generate_series(0, (:to_day - :from_day + 1) / 7 - 1) as n
),

edges as (
    select array_agg(w.until order by w.place) as untils, array_agg(w.lately order by w.place) as latelies
    from weeks as w
),

-- Each wait shows at the end of every week from its first to its last one.
spans as (
    select
        width_bucket(v.at, e.untils) + 1 as first_place,
        least(width_bucket(v.at, e.latelies), coalesce(width_bucket(v.until, e.untils), cardinality(e.untils))) as last_place,
        count(*) as customers
    from waits as v
    cross join edges as e
    where v.is_order
    group by 1, 2
)

select
    w.week,
    coalesce(sum(v.customers), 0)::bigint as customers
from weeks as w
left join spans as v on w.place between v.first_place and v.last_place
group by w.week
order by w.week
