"""What the standing fold was made with: days are made in a time zone, so its readers must know which."""

import sqlalchemy as sa
from alembic import context, op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "fold_stamps",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fold_id", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="the newest fold; marks the postings it counted"),
        sa.Column("time_zone", sa.String(), nullable=True, comment="IANA name the days of posting_days were made in; null before the first fold"),
        sa.Column("folded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_fold_stamps_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fold_stamps")),
        schema="crm",
    )
    op.execute("insert into crm.fold_stamps (id) values (1)")
    roles = context.config.attributes["roles"]
    view = ", ".join(f'"{name}"' for name in roles.view)
    op.execute("alter table crm.fold_stamps enable row level security")
    op.execute("alter table crm.fold_stamps force row level security")
    op.execute("create policy owner_all on crm.fold_stamps for all to current_user using (true) with check (true)")
    op.execute(
        f"create policy view_signed_in on crm.fold_stamps for select to {view} using ((select nullif(current_setting('crm.view_scope', true), '')) is not null)"
    )
    op.execute(f'create policy system_all on crm.fold_stamps for all to "{roles.system}" using (true) with check (true)')
    op.execute(f"grant select on crm.fold_stamps to {view}")
    op.execute(f'grant select, update on crm.fold_stamps to "{roles.system}"')


def downgrade() -> None:
    op.drop_table("fold_stamps", schema="crm")
