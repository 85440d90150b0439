-- name: won_since
-- answers: what was won since a day and stands won now?
-- grain: one row per owner of such leads in sight, and one for those that nobody owns
-- params: owner_id bigint or null (null for everybody); begins_at timestamptz
-- columns: owner_id bigint (null for nobody); leads bigint; value_usd numeric (at the rate of the day each value was set)

-- The stays that are not over are the leads as they stand; their index by stage and day makes the quarter cheap among all.
select
    y.owner_id,
    count(*) as leads,
    coalesce(sum(y.value_usd), 0) as value_usd
from crm.stays as y
where y.left_at is null
    and y.stage_id in (select s.id from crm.stages as s where s.kind = 'won')
    and y.entered_at >= :begins_at
    and y.stage_entered_at >= :begins_at
    and (:owner_id is null or y.owner_id = :owner_id)
group by y.owner_id
order by value_usd desc, y.owner_id
