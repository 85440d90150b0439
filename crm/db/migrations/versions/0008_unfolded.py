"""Postings are never touched again: what waits for the fold is a short list beside them, and the fold keeps months beside days."""

import sqlalchemy as sa
from alembic import context, op

revision = "0008"
down_revision = "0007"

BUCKET = "team_id, pipeline_id, stage_id, owner_id"
QUEUE = """
create function crm.postings_unfolded() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    insert into unfolded_postings (posting_id, effective_at, team_id, pipeline_id, stage_id, owner_id, leads, value_usd)
    select n.id, n.effective_at, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.leads, n.value_usd
    from new_rows as n;
    return null;
end $$;
revoke execute on function crm.postings_unfolded() from public;
create trigger postings_unfolded after insert on crm.postings
    referencing new table as new_rows for each statement execute function crm.postings_unfolded();
"""


def upgrade() -> None:
    op.create_table(
        "unfolded_postings",
        sa.Column("posting_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("stage_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("leads", sa.SmallInteger(), nullable=False, comment="+1 or -1"),
        sa.Column("value_usd", sa.Numeric(16, 2), nullable=False, comment="signed USD"),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_unfolded_postings")),
        schema="crm",
    )
    op.create_table(
        "posting_months",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="first day of the month, in the reporting time zone"),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("stage_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("value_usd", sa.Numeric(18, 2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting_months")),
        sa.UniqueConstraint(
            "month", "team_id", "pipeline_id", "stage_id", "owner_id", name=op.f("uq_posting_months_month_team_id_pipeline_id_stage_id_owner_id"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="crm",
    )  # fmt: skip
    op.execute(
        f"insert into crm.unfolded_postings (posting_id, effective_at, {BUCKET}, leads, value_usd)"
        f" select id, effective_at, {BUCKET}, leads, value_usd from crm.postings where fold_id is null"
    )
    op.execute(
        f"insert into crm.posting_months (month, {BUCKET}, leads, value_usd)"
        f" select date_trunc('month', day)::date, {BUCKET}, sum(leads), sum(value_usd) from crm.posting_days group by 1, {BUCKET}"
    )
    _wall()
    op.execute(QUEUE)
    op.execute("drop policy system_marks on crm.postings")
    op.execute(f'revoke update on crm.postings from "{context.config.attributes["roles"].system}"')
    op.drop_index("ix_postings_unfolded", table_name="postings", schema="crm")
    # Nobody reads more than a month of days at a time: the unique index, which begins with the day, serves that.
    op.drop_index("ix_posting_days_team_id_day", table_name="posting_days", schema="crm")
    op.drop_index("ix_posting_days_owner_id_day", table_name="posting_days", schema="crm")
    op.drop_column("postings", "fold_id", schema="crm")
    op.drop_column("fold_stamps", "fold_id", schema="crm")


def _wall() -> None:
    roles = context.config.attributes["roles"]
    teams = "team_id = any ((select crm.setting_ids('crm.teams'))::bigint[])"
    seen = {
        "all": "true",
        "team": teams,
        "own": "owner_id = (select case when current_setting('crm.view_scope', true) = 'own' then crm.me() end)",
        "mixed": f"{teams} or owner_id = (select crm.me())",
    }
    for table in ("unfolded_postings", "posting_months"):
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
    op.add_column(
        "fold_stamps",
        sa.Column("fold_id", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="the newest fold; marks the postings it counted"),
        schema="crm",
    )
    op.add_column("postings", sa.Column("fold_id", sa.Integer(), nullable=True, comment="the fold that counted it; null until then"), schema="crm")
    op.execute("update crm.postings as p set fold_id = 0 where not exists (select from crm.unfolded_postings as u where u.posting_id = p.id)")
    op.create_index("ix_posting_days_team_id_day", "posting_days", ["team_id", "day"], schema="crm")
    op.create_index("ix_posting_days_owner_id_day", "posting_days", ["owner_id", "day"], schema="crm")
    op.create_index("ix_postings_unfolded", "postings", ["id"], schema="crm", postgresql_where=sa.text("fold_id is null"))
    system = context.config.attributes["roles"].system
    op.execute(f'create policy system_marks on crm.postings for update to "{system}" using (true) with check (true)')
    op.execute(f'grant update on crm.postings to "{system}"')
    op.execute("drop function crm.postings_unfolded cascade")
    op.drop_table("posting_months", schema="crm")
    op.drop_table("unfolded_postings", schema="crm")
