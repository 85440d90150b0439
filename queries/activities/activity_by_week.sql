-- name: activity_by_week
-- answers: how many calls, meetings, mails, messages and notes were there in each week of a period?
-- grain: one row per seven days up to to_day, oldest first; days of the period before the first whole week are left out
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text;
--   team_id bigint or null (of the lead, today; null for every team in reach); pipeline_id bigint or null; owner_id bigint or null (who did it)
-- columns: week date (its first day); activities bigint

-- Leads that something was done with since the last fold, or that went to somebody else: what was done with those is read from the activities themselves.
with changed as materialized (
    select u.lead_id
    from crm.unfolded_activities as u
    union
    select p.lead_id
    from crm.unfolded_postings as u
    join crm.postings as p on p.id = u.posting_id
),

fresh as (
    select (:to_day - (a.happened_at at time zone :time_zone)::date) / 7 as weeks_ago, count(*) as activities
    from changed as c
    join crm.activities as a on a.lead_id = c.lead_id
    where a.deleted_at is null
        and a.happened_at >= cast(:from_day as timestamp) at time zone :time_zone
        and a.happened_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (
            (:team_id is null and :pipeline_id is null)
            or exists (
                select
                from crm.leads as l
                where l.id = a.lead_id
                    and (:team_id is null or l.team_id = :team_id)
                    and (:pipeline_id is null or l.pipeline_id = :pipeline_id)
            )
        )
        and (:owner_id is null or a.person_id = :owner_id)
    group by 1
)

-- Counting week by week reads the same rows as counting all at once, and asks none of them for its day.
select
    :to_day - 7 * n - 6 as week,
    d.activities + coalesce(f.activities, 0) as activities
from generate_series(0, (:to_day - :from_day + 1) / 7 - 1) as n
cross join lateral (
    select count(*) as activities
    from crm.folded_activities as a
    where a.happened_at >= (:to_day - 7 * n - 6)::timestamp at time zone :time_zone
        and a.happened_at < (:to_day - 7 * n + 1)::timestamp at time zone :time_zone
        and (:team_id is null or a.team_id = :team_id)
        and (:pipeline_id is null or a.pipeline_id = :pipeline_id)
        and (:owner_id is null or a.person_id = :owner_id)
        and a.lead_id not in (select c.lead_id from changed as c)
) as d
left join fresh as f on f.weeks_ago = n
order by week
