"""Stays, and lists of what no fold has counted, as they were known on a past day: for every report, the board and lists of leads.

All are read with the rights of whoever asks, so that walls hold; a posting and the stay that it opened or closed lie behind the same wall.
"""

from alembic import context, op

revision = "0041"
down_revision = "0040"

ARGUMENTS = "(before timestamptz, known_before timestamptz)"
STAY = (
    "id bigint, lead_id bigint, team_id bigint, pipeline_id bigint, stage_id bigint, owner_id bigint, source text, market char(2), close_month date,"
    " value_usd numeric, entered_by text, stage_entered_at timestamptz, entered_at timestamptz, left_at timestamptz, began_at timestamptz, left_by text,"
    " path bigint[]"
)
LISTED = "team_id, pipeline_id, stage_id, owner_id, source, close_month, path, began_at, stage_entered_at"

# What was so before the one moment and not posted before the other. Few are posted late, and those have an index; the rest was so within the hour before.
LATE = f"""
create function crm.postings_made_late{ARGUMENTS} returns setof crm.postings language sql stable as $$
    select p.*
    from crm.postings as p
    where p.effective_at < before
        and p.posted_at >= known_before
        and p.posted_at - p.effective_at > interval '1 hour'
    union all
    select p.*
    from crm.postings as p
    where p.effective_at < before
        and p.effective_at >= known_before - interval '1 hour'
        and p.posted_at >= known_before
        and p.posted_at - p.effective_at <= interval '1 hour'
$$
"""
# Nothing is said to have been before the lead's last change, so that what was known is how its history begins: as many stays as postings had opened by then,
# and as many of them ended as postings had closed.
LEARNT = f"""
create function crm.stays_learnt_late{ARGUMENTS} returns table ({STAY}, is_known boolean, is_left_known boolean) language sql stable as $$
    select
        s.id, s.lead_id, s.team_id, s.pipeline_id, s.stage_id, s.owner_id, s.source, s.market, s.close_month,
        s.value_usd, s.entered_by, s.stage_entered_at, s.entered_at, s.left_at, s.began_at, s.left_by,
        s.path, s.nth <= k.opened, s.nth <= k.closed
    from (select distinct p.lead_id from crm.postings_made_late(before, known_before) as p) as l
    cross join lateral (
        select count(*) filter (where p.leads = 1) as opened, count(*) filter (where p.leads = -1) as closed
        from crm.postings as p
        where p.lead_id = l.lead_id
            and p.posted_at < known_before
    ) as k
    cross join lateral (
        select y.*, row_number() over (order by y.entered_at, y.id) as nth
        from crm.stays as y
        where y.lead_id = l.lead_id
    ) as s
$$
"""
STAYS = f"""
create function crm.known_stays{ARGUMENTS} returns table ({STAY}) language sql stable as $$
    select
        y.id, y.lead_id, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.source, y.market, y.close_month,
        y.value_usd, y.entered_by, y.stage_entered_at, y.entered_at, y.left_at, y.began_at, y.left_by,
        y.path
    from crm.stays as y
    where not exists (select from crm.postings_made_late(before, known_before) as p where p.lead_id = y.lead_id)
    union all
    select
        s.id, s.lead_id, s.team_id, s.pipeline_id, s.stage_id, s.owner_id, s.source, s.market, s.close_month,
        s.value_usd, s.entered_by, s.stage_entered_at, s.entered_at, case when s.is_left_known then s.left_at end, s.began_at,
        case when s.is_left_known then s.left_by end, s.path
    from crm.stays_learnt_late(before, known_before) as s
    where s.is_known
$$
"""
# What folds and lists say of stays that opened or ended unknown is taken back, by one more entry of the list each.
UNFOLDED_STAYS = f"""
create function crm.known_unfolded_stays{ARGUMENTS}
returns table (leads int, team_id bigint, pipeline_id bigint, stage_id bigint, owner_id bigint, source text, close_month date, path bigint[],
    began_at timestamptz, stage_entered_at timestamptz, happened_at timestamptz, left_by text, value_usd numeric)
language sql stable as $$
    select u.leads::int, {", ".join(f"u.{name}" for name in LISTED.split(", "))}, u.happened_at, u.left_by, u.value_usd
    from crm.unfolded_stays as u
    union all
    select e.leads, {", ".join(f"s.{name}" for name in LISTED.split(", "))}, e.happened_at, e.left_by, e.leads * s.value_usd
    from crm.stays_learnt_late(before, known_before) as s
    cross join lateral (values (-1, s.entered_at, null, s.is_known), (1, s.left_at, s.left_by, s.is_left_known)) as e (leads, happened_at, left_by, is_known)
    where not e.is_known
        and e.happened_at is not null
$$
"""
UNFOLDED_POSTINGS = f"""
create function crm.known_unfolded_postings{ARGUMENTS}
returns table (posting_id bigint, effective_at timestamptz, team_id bigint, pipeline_id bigint, stage_id bigint, owner_id bigint, leads int, value_usd numeric)
language sql stable as $$
    select u.posting_id, u.effective_at, u.team_id, u.pipeline_id, u.stage_id, u.owner_id, u.leads::int, u.value_usd
    from crm.unfolded_postings as u
    union all
    select p.id, p.effective_at, p.team_id, p.pipeline_id, p.stage_id, p.owner_id, -p.leads, -p.value_usd
    from crm.postings_made_late(before, known_before) as p
$$
"""
# An activity is changed in place, but each change says what was there before: what the first one since then found is what was known. It stays with its lead,
# by whose index it is looked up.
ACTIVITIES = """
create function crm.known_activities(known_before timestamptz)
returns table (id bigint, lead_id bigint, person_id bigint, kind text, happened_at timestamptz, duration_minutes int, deleted_at timestamptz)
language sql stable as $$
    select a.id, a.lead_id, a.person_id, a.kind, a.happened_at, a.duration_minutes, a.deleted_at
    from crm.activities as a
    where a.created_at < known_before
        and a.updated_at < known_before
    union all
    select
        a.id,
        a.lead_id,
        case when w.fields ? 'person_id' then (w.fields ->> 'person_id')::bigint else a.person_id end,
        case when w.fields ? 'kind' then w.fields ->> 'kind' else a.kind end,
        case when w.fields ? 'happened_at' then (w.fields ->> 'happened_at')::timestamptz else a.happened_at end,
        case when w.fields ? 'duration_minutes' then (w.fields ->> 'duration_minutes')::int else a.duration_minutes end,
        case when w.fields ? 'deleted_at' then (w.fields ->> 'deleted_at')::timestamptz else a.deleted_at end
    from crm.activities as a
    cross join lateral (
        select jsonb_object_agg(f.name, f.value) as fields
        from (
            select distinct on (e.key) e.key as name, e.value -> 0 as value
            from crm.changes as c
            cross join jsonb_each(c.fields) as e
            where c.record_type = 'activity'
                and c.record_id = a.id
                and c.at >= known_before
            order by e.key, c.version
        ) as f
    ) as w
    where a.created_at < known_before
        and a.updated_at >= known_before
$$
"""
BOTH, ONE = "(timestamptz, timestamptz)", "(timestamptz)"
FUNCTIONS = {
    f"postings_made_late{BOTH}": LATE, f"stays_learnt_late{BOTH}": LEARNT, f"known_stays{BOTH}": STAYS, f"known_unfolded_stays{BOTH}": UNFOLDED_STAYS,
    f"known_unfolded_postings{BOTH}": UNFOLDED_POSTINGS, f"known_activities{ONE}": ACTIVITIES,
}  # fmt: skip


def upgrade() -> None:
    view = ", ".join(f'"{name}"' for name in context.config.attributes["roles"].view)
    for signature, function in FUNCTIONS.items():
        op.execute(function)
        op.execute(f"revoke execute on function crm.{signature} from public")
        op.execute(f"grant execute on function crm.{signature} to {view}")


def downgrade() -> None:
    for signature in reversed(FUNCTIONS):
        op.execute(f"drop function crm.{signature}")
