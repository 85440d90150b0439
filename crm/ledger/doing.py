"""The fold of what people did: each activity once more, beside whose its lead is, so that reports need not look up leads to know what may be seen.

Since each says when the same person had last been in touch with that lead, how many leads somebody did something with in a period is how many
activities have nothing before them in it: nothing is sorted, and it adds up.

A lead whose activities change is listed in `unfolded_activities` by trigger, and one that goes to another owner, team or pipeline has postings that are
not folded yet. Readers take neither from the fold: they read the activities of those leads themselves. So it is exact whatever is folded.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

LIST = "unfolded_activities"
FOLD = text(f"""
    with taken as (
        delete from crm.{LIST} where id in (select id from crm.{LIST} where id > :after order by id limit :batch) returning id, lead_id
    )
    select count(*) as taken, max(id) as newest, array_agg(distinct lead_id) as lead_ids from taken
""")
REBUILD = text("select crm.fold_activities_anew()")
_ANEW = text("select crm.fold_activities(:lead_ids)")
_FOLLOW = text("select crm.activities_follow_leads(:posting_ids)")


def write_anew(session: Session, lead_ids: list[int]) -> None:
    """What was done with these leads."""
    session.execute(_ANEW, {"lead_ids": lead_ids})


def follow(session: Session, posting_ids: list[int]) -> None:
    """Give the activities of the leads that were posted the owner, team and pipeline that those have by now."""
    session.execute(_FOLLOW, {"posting_ids": posting_ids})


def differences() -> str:
    """SQL: the activities that the fold has otherwise, of leads that are not listed."""
    return """
        select from (
            select a.id, a.lead_id, a.person_id, a.kind, a.happened_at, a.duration_minutes, l.team_id, l.pipeline_id, l.owner_id,
                lag(a.happened_at) over (partition by a.lead_id, a.person_id order by a.happened_at, a.id) as before_at
            from crm.activities as a
            join crm.leads as l on l.id = a.lead_id
            where a.deleted_at is null
        ) as a
        full join crm.folded_activities as f on (f.lead_id, f.activity_id) = (a.lead_id, a.id)
        where (a.person_id, a.kind, a.happened_at, a.duration_minutes, a.team_id, a.pipeline_id, a.owner_id, a.before_at)
                is distinct from (f.person_id, f.kind, f.happened_at, f.duration_minutes, f.team_id, f.pipeline_id, f.owner_id, f.before_at)
            and coalesce(a.lead_id, f.lead_id) not in (
                select lead_id from crm.unfolded_activities
                union all
                select p.lead_id from crm.unfolded_postings as u join crm.postings as p on p.id = u.posting_id
            )
    """
