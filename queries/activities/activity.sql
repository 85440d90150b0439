-- name: activity
-- answers: who called, met, wrote and noted how much in a period, with how many leads?
-- grain: one row per person who did something in the period, the busiest first; what nobody signed in did stands in a row of its own
-- params: from_day date (inclusive, a day of time_zone); to_day date (inclusive); time_zone text;
--   team_id bigint or null (of the lead, today; null for every team in reach); pipeline_id bigint or null; owner_id bigint or null (who did it)
-- columns: person_id bigint (null: nobody signed in); person text; calls bigint; meetings bigint; mails bigint (in and out); messages bigint; notes bigint;
--   activities bigint (all of them); leads bigint (with which something happened); minutes bigint (of calls and meetings, where they were written down);
--   last_at timestamptz

-- With whom first, then how much: who did something with how many leads needs no sorting then.
with of_leads as (
    select
        a.person_id,
        a.lead_id,
        count(*) filter (where a.kind = 'call') as calls,
        count(*) filter (where a.kind = 'meeting') as meetings,
        count(*) filter (where a.kind in ('mail_in', 'mail_out')) as mails,
        count(*) filter (where a.kind = 'message') as messages,
        count(*) filter (where a.kind = 'note') as notes,
        count(*) as activities,
        sum(a.duration_minutes) as minutes,
        max(a.happened_at) as last_at
    from crm.activities as a
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
    group by a.person_id, a.lead_id
),

done as (
    select
        o.person_id,
        sum(o.calls)::bigint as calls,
        sum(o.meetings)::bigint as meetings,
        sum(o.mails)::bigint as mails,
        sum(o.messages)::bigint as messages,
        sum(o.notes)::bigint as notes,
        sum(o.activities)::bigint as activities,
        count(o.lead_id) as leads,
        coalesce(sum(o.minutes), 0)::bigint as minutes,
        max(o.last_at) as last_at
    from of_leads as o
    group by o.person_id
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
