-- name: neglected_customers
-- answers: who ordered lately and has not been contacted since?
-- grain: one row per customer, the largest lifetime first, at most 5000 of them
-- params: days int (how far back an order counts as lately); as_of date or null (null for now); time_zone text;
--   team_id bigint or null (the team of the customer's market; null for every team in reach); market text or null; today date
-- columns: customer_id bigint; customer text; market text; last_order_on date (in time_zone); last_contacted_at timestamptz (null: never);
--   orders bigint (counted ones); lifetime_usd numeric (at the rate of each order's day); company_id bigint (null: no company of ours yet);
--   in_all bigint (how many customers there are, listed or not)

with bounds as (
    select
        (coalesce(:as_of, :today) + 1 - :days)::timestamp at time zone :time_zone as begins_at,
        coalesce((:as_of + 1)::timestamp at time zone :time_zone, 'infinity') as known_until
),

-- Now, from what the mirror keeps beside each customer; as of a past day, from the orders and contacts up to it.
standing as (
    select c.id, c.last_order_at, c.last_contacted_at, c.orders::bigint as orders, c.lifetime_usd
    from crm.customers as c, bounds as b
    where :as_of is null
        and c.last_order_at >= b.begins_at
        and (c.last_contacted_at is null or c.last_contacted_at < c.last_order_at)
    union all
    select c.id, o.last_order_at, a.last_contacted_at, o.orders, o.lifetime_usd
    from crm.customers as c
    cross join bounds as b
    cross join lateral (
        select
            max(x.ordered_at) as last_order_at,
            count(*) as orders,
            coalesce(sum(x.amount_usd), 0) as lifetime_usd
        from crm.orders as x
        where x.customer_id = c.id and x.is_counted and x.gone_at is null and x.ordered_at < b.known_until
    ) as o
    left join lateral (
        select max(v.happened_at) as last_contacted_at
        from crm.leads as l
        join crm.activities as v on v.lead_id = l.id
        where l.company_id = c.company_id and v.kind <> 'note' and v.deleted_at is null and v.happened_at < b.known_until
    ) as a on true
    where :as_of is not null
        and c.last_order_at >= b.begins_at
        and o.last_order_at >= b.begins_at
        and (a.last_contacted_at is null or a.last_contacted_at < o.last_order_at)
)

select
    c.id as customer_id,
    c.name as customer,
    c.market::text as market,
    (s.last_order_at at time zone :time_zone)::date as last_order_on,
    s.last_contacted_at,
    s.orders,
    s.lifetime_usd,
    c.company_id,
    count(*) over () as in_all
from standing as s
join crm.customers as c on c.id = s.id
where c.gone_at is null
    and (:team_id is null or c.team_id = :team_id)
    and (:market is null or c.market = :market)
order by s.lifetime_usd desc, c.id
limit 5000
