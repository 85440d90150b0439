-- name: activity
-- answers: who called, met, wrote and noted how much in a period, with how many leads?
-- grain: one row per person who did something in the period, the busiest first; what nobody signed in did stands in a row of its own
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text;
--   team_id bigint or null (of the lead, today; null for every team in reach); pipeline_id bigint or null; owner_id bigint or null (who did it)
-- columns: person_id bigint (null: nobody signed in); person text; calls bigint; meetings bigint; mails bigint (in and out); messages bigint; notes bigint;
--   activities bigint (all of them); leads bigint (with which something happened); minutes bigint (of calls and meetings, where they were written down);
--   last_at timestamptz

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
    select
        a.person_id,
        a.kind,
        count(*) as activities,
        count(*) filter (where a.is_first) as leads,
        sum(a.duration_minutes) as minutes,
        max(a.happened_at) as last_at
    from (
        select a.person_id, a.kind, a.duration_minutes, a.happened_at, row_number() over (partition by a.person_id, a.lead_id) = 1 as is_first
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
    ) as a
    group by a.person_id, a.kind
),

-- Whoever had not been in touch with a lead before in the period has one lead more.
folded as (
    select
        f.person_id,
        f.kind,
        count(*) as activities,
        count(*) filter (where f.before_at is null or f.before_at < cast(:from_day as timestamp) at time zone :time_zone) as leads,
        sum(f.duration_minutes) as minutes,
        max(f.happened_at) as last_at
    from crm.folded_activities as f
    where f.happened_at >= cast(:from_day as timestamp) at time zone :time_zone
        and f.happened_at < (:to_day + 1)::timestamp at time zone :time_zone
        and (:team_id is null or f.team_id = :team_id)
        and (:pipeline_id is null or f.pipeline_id = :pipeline_id)
        and (:owner_id is null or f.person_id = :owner_id)
        and f.lead_id not in (select c.lead_id from changed as c)
    group by f.person_id, f.kind
),

done as (
    select
        b.person_id,
        coalesce(sum(b.activities) filter (where b.kind = 'call'), 0)::bigint as calls,
        coalesce(sum(b.activities) filter (where b.kind = 'meeting'), 0)::bigint as meetings,
        coalesce(sum(b.activities) filter (where b.kind in ('mail_in', 'mail_out')), 0)::bigint as mails,
        coalesce(sum(b.activities) filter (where b.kind = 'message'), 0)::bigint as messages,
        coalesce(sum(b.activities) filter (where b.kind = 'note'), 0)::bigint as notes,
        sum(b.activities)::bigint as activities,
        sum(b.leads)::bigint as leads,
        coalesce(sum(b.minutes), 0)::bigint as minutes,
        max(b.last_at) as last_at
    from (
        select f.person_id, f.kind, f.activities, f.leads, f.minutes, f.last_at
        from folded as f
        union all
        select f.person_id, f.kind, f.activities, f.leads, f.minutes, f.last_at
        from fresh as f
    ) as b
    group by b.person_id
)

select
    d.person_id,
    coalesce(p.name, 'Person ' || d.person_id, 'Nobody') as person,
    d.calls,
    d.meetings,
    d.mails,
    d.messages,
    d.notes,
    d.activities,
    d.leads,
    d.minutes,
    d.last_at
from done as d
left join crm.people as p on p.id = d.person_id
order by d.activities desc, d.person_id nulls last
