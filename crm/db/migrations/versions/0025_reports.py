"""Reports read stays and a fold of what moved, and neither leads nor postings.

Stays say when their lead began, which stages it has been in, and why they ended. Beside the days and months of postings stand those of
moves: what came and went, of which kind, from and to which stage.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

revision = "0025"
down_revision = "0024"

STANDING = import_module("crm.db.migrations.versions.0022_stages_that_stand")


def stages_stand(function: str) -> str:
    """The check that nobody lands in a stage that is being removed, which the trigger has had since."""
    return STANDING.CHECK.format(stages=STANDING.ENTERED[function])


CHANGED = """(o.team_id, o.pipeline_id, o.stage_id, o.owner_id, o.source, o.market,
                date_trunc('month', o.expected_close_on), coalesce(o.value_usd, 0), o.deleted_at is null)
            is distinct from
            (n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
                date_trunc('month', n.expected_close_on), coalesce(n.value_usd, 0), n.deleted_at is null)"""

KIND = """case
            when o.deleted_at is null and n.deleted_at is not null then 'deleted'
            when o.deleted_at is not null and n.deleted_at is null then 'restored'
            when o.stage_id <> n.stage_id then 'moved'
            when o.owner_id is distinct from n.owner_id then 'owner'
            else 'revalued'
        end"""


def inserted(*, has_began: bool) -> str:
    column, value = (", began_at, path", ", n.created_at, array[n.stage_id]") if has_began else ("", "")
    return f"""
create or replace function crm.leads_inserted_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
    entered record;
begin{stages_stand("leads_inserted_ledger")}
    insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, leads, value_usd, change_set_id)
    select n.id, 'created', n.effective_at, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, 1, coalesce(n.value_usd, 0), in_change_set
    from new_rows as n
    where n.deleted_at is null;
    insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at, entered_at{column})
    select n.id, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, coalesce(n.value_usd, 0), 'created', n.stage_entered_at, n.effective_at{value}
    from new_rows as n
    where n.deleted_at is null;
    return null;
end $$;
"""


# Where the lead stood before: the stay that was closed just now, or the last one before it was deleted. One look at an index for each.
BEFORE = """
    left join lateral (
        select y.pipeline_id, y.path
        from stays as y
        where y.lead_id = n.id
        order by y.entered_at desc, y.id desc
        limit 1
    ) as before on true"""
PATH = """case
            when before.pipeline_id is distinct from n.pipeline_id then array[n.stage_id]
            when n.stage_id = any (before.path) then before.path
            else before.path || n.stage_id
        end"""


def updated(*, has_began: bool) -> str:
    column, value, before = (", began_at, path", f", n.created_at, {PATH}", BEFORE) if has_began else ("", "", "")
    left_by, because = (f", {KIND} as kind", ", left_by = b.kind") if has_began else ("", "")
    return f"""
create or replace function crm.leads_updated_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
    entered record;
begin{stages_stand("leads_updated_ledger")}
    insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, close_month,
        leads, value_usd, change_set_id)
    select n.id,
        {KIND},
        n.effective_at, side.team_id, side.pipeline_id, side.stage_id, side.owner_id,
        case when o.deleted_at is null and n.deleted_at is null then side.other_stage_id end,
        side.source, side.market, date_trunc('month', side.expected_close_on)::date,
        side.leads, side.leads * coalesce(side.value_usd, 0), in_change_set
    from old_rows as o
    full join new_rows as n using (id)
    cross join lateral (values
        (o.team_id, o.pipeline_id, o.stage_id, o.owner_id, n.stage_id, o.source, o.market, o.expected_close_on, -1, o.value_usd, o.deleted_at),
        (n.team_id, n.pipeline_id, n.stage_id, n.owner_id, o.stage_id, n.source, n.market, n.expected_close_on, 1, n.value_usd, n.deleted_at)
    ) as side (team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, expected_close_on, leads, value_usd, deleted_at)
    where side.deleted_at is null
        and {CHANGED};

    with left_behind as materialized (
        select n.id, n.effective_at{left_by} from old_rows as o full join new_rows as n using (id) where {CHANGED}
    )
    update stays as s
    set left_at = b.effective_at{because}
    from left_behind as b
    where s.lead_id = b.id and s.left_at is null;

    insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at, entered_at{column})
    select n.id, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, coalesce(n.value_usd, 0),
        case
            when o.deleted_at is not null then 'restored'
            when o.stage_id <> n.stage_id then 'moved'
            when o.owner_id is distinct from n.owner_id then 'owner'
            else 'revalued'
        end,
        n.stage_entered_at, n.effective_at{value}
    from old_rows as o
    full join new_rows as n using (id){before}
    where n.deleted_at is null
        and {CHANGED};
    return null;
end $$;
"""


# Every row changes once: without its new indexes that is one pass over the table.
BACKFILL = """
update crm.stays as s
set began_at = l.created_at, left_by = t.left_by, path = t.path
from crm.leads as l, (
    select
        y.id,
        case
            when y.left_at is null then null
            when lead(y.entered_at) over later = y.left_at then lead(y.entered_by) over later
            else 'deleted'
        end as left_by,
        (
            select array_agg(stages.stage_id order by stages.first)
            from (select u.stage_id, min(u.place) as first from unnest(y.been) with ordinality as u (stage_id, place) group by u.stage_id) as stages
        ) as path
    from (
        select x.*, array_agg(x.stage_id) over (partition by x.lead_id, x.pipeline_id order by x.entered_at, x.id) as been
        from crm.stays as x
    ) as y
    window later as (partition by y.lead_id order by y.entered_at, y.id)
) as t
where l.id = s.lead_id and t.id = s.id
"""
INDEXES = {
    "ix_stays_standing": "(stage_id, stage_entered_at)"
    " include (lead_id, team_id, pipeline_id, owner_id, value_usd, source, market, close_month, began_at) where left_at is null",
    "ix_stays_began_at": "(began_at)"
    " include (team_id, pipeline_id, stage_id, owner_id, value_usd, source, market, stage_entered_at, path) where left_at is null",
    "ix_stays_left_at": "(left_at) include (team_id, pipeline_id, stage_id, owner_id, source, market, stage_entered_at) where left_by = 'moved'",
}

QUEUE = """
create or replace function crm.postings_unfolded() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    insert into unfolded_postings (posting_id, effective_at, team_id, pipeline_id, stage_id, owner_id, leads, value_usd{columns})
    select n.id, n.effective_at, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.leads, n.value_usd{values}
    from new_rows as n;
    return null;
end $$;
"""
CELL = "team_id, pipeline_id, stage_id, owner_id, kind, other_stage_id"


def upgrade() -> None:
    op.execute("alter table crm.stays add column began_at timestamptz, add column left_by varchar, add column path bigint[]")
    op.execute(inserted(has_began=True))
    op.execute(updated(has_began=True))
    op.execute(BACKFILL)
    op.execute("alter table crm.stays alter column began_at set not null, alter column path set not null")
    op.execute("alter table crm.stays add constraint ck_stays_left_by check ((left_at is null) = (left_by is null))")
    op.execute("comment on column crm.stays.began_at is 'when the lead began, whatever has become of it since'")
    op.execute("comment on column crm.stays.left_by is 'the kind of posting that ended it; null while it is open'")
    op.execute("comment on column crm.stays.path is 'the stages of this pipeline that the lead has been in, in order of its first entry'")
    for name, what in INDEXES.items():
        op.execute(f"create index {name} on crm.stays {what}")
    _moves()


def _moves() -> None:
    op.execute("alter table crm.unfolded_postings add column kind varchar, add column other_stage_id bigint")
    op.execute("update crm.unfolded_postings as u set kind = p.kind, other_stage_id = p.other_stage_id from crm.postings as p where p.id = u.posting_id")
    op.execute("alter table crm.unfolded_postings alter column kind set not null")
    op.execute(QUEUE.format(columns=", kind, other_stage_id", values=", n.kind, n.other_stage_id"))
    for unit, says in (("day", "effective day in the reporting time zone"), ("month", "first day of the month, in the reporting time zone")):
        _make_fold(f"move_{unit}s", unit, says)
    # What the standing fold has counted, in its own time zone.
    op.execute(f"""
        insert into crm.move_days (day, {CELL}, came, went, came_usd, went_usd)
        select (p.effective_at at time zone f.time_zone)::date, p.team_id, p.pipeline_id, p.stage_id, p.owner_id, p.kind, p.other_stage_id,
            count(*) filter (where p.leads = 1), count(*) filter (where p.leads = -1),
            coalesce(sum(p.value_usd) filter (where p.leads = 1), 0), coalesce(-sum(p.value_usd) filter (where p.leads = -1), 0)
        from crm.postings as p
        cross join crm.fold_stamps as f
        where f.time_zone is not null and not exists (select from crm.unfolded_postings as u where u.posting_id = p.id)
        group by 1, p.team_id, p.pipeline_id, p.stage_id, p.owner_id, p.kind, p.other_stage_id
    """)
    op.execute(f"""
        insert into crm.move_months (month, {CELL}, came, went, came_usd, went_usd)
        select date_trunc('month', day)::date, {CELL}, sum(came), sum(went), sum(came_usd), sum(went_usd) from crm.move_days group by 1, {CELL}
    """)


def _make_fold(table: str, unit: str, says: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(unit, sa.Date(), nullable=False, comment=says),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("stage_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False, comment="of the postings that are counted here"),
        sa.Column("other_stage_id", sa.BigInteger(), nullable=True, comment="the stage on the other side; null for one-sided kinds"),
        sa.Column("came", sa.Integer(), nullable=False, comment="postings of +1"),
        sa.Column("went", sa.Integer(), nullable=False, comment="postings of -1"),
        sa.Column("came_usd", sa.Numeric(18, 2), nullable=False),
        sa.Column("went_usd", sa.Numeric(18, 2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(unit, *CELL.split(", "), name=f"uq_{table}_cell", postgresql_nulls_not_distinct=True),
        schema="crm",
    )
    roles = context.config.attributes["roles"]
    teams = "team_id = any ((select crm.setting_ids('crm.teams'))::bigint[])"
    seen = {
        "all": "true",
        "team": teams,
        "own": "owner_id = (select case when current_setting('crm.view_scope', true) = 'own' then crm.me() end)",
        "mixed": f"{teams} or owner_id = (select crm.me())",
    }
    op.execute(f"alter table crm.{table} enable row level security")
    op.execute(f"alter table crm.{table} force row level security")
    op.execute(f"create policy owner_all on crm.{table} for all to current_user using (true) with check (true)")
    op.execute(f'create policy system_all on crm.{table} for all to "{roles.system}" using (true) with check (true)')
    op.execute(f'grant select, insert, update, delete on crm.{table} to "{roles.system}"')
    for scope, condition in seen.items():
        name = getattr(roles, scope)
        op.execute(f'create policy view_{scope} on crm.{table} for select to "{name}" using ({condition})')
        op.execute(f'grant select on crm.{table} to "{name}"')


def downgrade() -> None:
    op.drop_table("move_months", schema="crm")
    op.drop_table("move_days", schema="crm")
    op.execute(QUEUE.format(columns="", values=""))
    op.execute("alter table crm.unfolded_postings drop column kind, drop column other_stage_id")
    op.execute(inserted(has_began=False))
    op.execute(updated(has_began=False))
    op.execute("alter table crm.stays drop column began_at, drop column left_by, drop column path")
