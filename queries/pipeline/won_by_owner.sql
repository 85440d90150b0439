-- name: won_by_owner
-- answers: what did each owner win in a period, of the leads that stand won?
-- grain: one row per owner who won anything, and one for what nobody owns
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); as_of date or null (as leads stood at the end of this day; null for now);
--   time_zone text (the one the standing fold was made in);
--   months_from date; months_to date (the whole months in the period that the fold answers: from the one, before the other);
--   team_id bigint or null (null for every team in reach); owner_id bigint or null
-- columns: owner_id bigint (null: nobody's); leads bigint; won_value_usd numeric

-- As in owners: whole months from the folds and from what they have not counted yet, the days at both ends from the stays.
with ends as (
    select cast(:from_day as timestamp) at time zone :time_zone as begins_at, cast(:months_from as timestamp) at time zone :time_zone as ends_at
    union all
    select cast(:months_to as timestamp) at time zone :time_zone as begins_at, (:to_day + 1)::timestamp at time zone :time_zone as ends_at
),

winning as (
    select s.id
    from crm.stages as s
    where s.kind = 'won'
),

won as (
    select m.owner_id, m.leads, m.value_usd
    from crm.standing_months as m
    join winning as w on w.id = m.stage_id
    where :as_of is null
        and m.entered_month >= :months_from
        and m.entered_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select m.owner_id, m.leads, m.value_usd
    from crm.stood_months as m
    join winning as w on w.id = m.stage_id
    where m.month < date_trunc('month', :as_of)::date
        and m.entered_month >= :months_from
        and m.entered_month < :months_to
        and (:team_id is null or m.team_id = :team_id)
        and (:owner_id is null or m.owner_id = :owner_id)
    union all
    select d.owner_id, d.leads, d.value_usd
    from crm.stood_days as d
    join winning as w on w.id = d.stage_id
    where d.day >= date_trunc('month', :as_of)::date
        and d.day <= :as_of
        and d.entered_month >= :months_from
        and d.entered_month < :months_to
        and (:team_id is null or d.team_id = :team_id)
        and (:owner_id is null or d.owner_id = :owner_id)
    union all
    select u.owner_id, u.leads, u.value_usd
    from crm.unfolded_stays as u
    join winning as w on w.id = u.stage_id
    where u.stage_entered_at >= cast(:months_from as timestamp) at time zone :time_zone
        and u.stage_entered_at < cast(:months_to as timestamp) at time zone :time_zone
        and (:as_of is null or u.happened_at < (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or u.team_id = :team_id)
        and (:owner_id is null or u.owner_id = :owner_id)
    union all
    select y.owner_id, 1 as leads, y.value_usd
    from winning as w
    cross join ends as e
    join crm.stays as y on y.stage_id = w.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
    where :as_of is null
        and y.left_at is null
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
    union all
    select y.owner_id, 1 as leads, y.value_usd
    from winning as w
    cross join ends as e
    join crm.stays as y on y.stage_id = w.id and y.stage_entered_at >= e.begins_at and y.stage_entered_at < e.ends_at
    where :as_of is not null
        and y.entered_at < (:as_of + 1)::timestamp at time zone :time_zone
        and (y.left_at is null or y.left_at >= (:as_of + 1)::timestamp at time zone :time_zone)
        and (:team_id is null or y.team_id = :team_id)
        and (:owner_id is null or y.owner_id = :owner_id)
)

select
    w.owner_id,
    sum(w.leads)::bigint as leads,
    coalesce(sum(w.value_usd), 0) as won_value_usd
from won as w
group by w.owner_id
having sum(w.leads) <> 0
order by won_value_usd desc, w.owner_id nulls last
