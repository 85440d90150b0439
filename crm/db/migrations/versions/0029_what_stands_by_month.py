"""What stands is folded by the month in which leads began and came to their stage; a list beside it holds what no fold has counted.

A stay that opens is listed with +1, one that ends with -1, in the statement that writes it.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

revision = "0029"
down_revision = "0028"

REPORTS = import_module("crm.db.migrations.versions.0025_reports")
BUCKET = "team_id, pipeline_id, stage_id, owner_id"
LISTED = f"{BUCKET}, source, close_month, path, began_at, stage_entered_at"
GIVEN = ", ".join(f"s.{name}" for name in LISTED.split(", "))

INSERTED = f"""
create or replace function crm.leads_inserted_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
    entered record;
begin{REPORTS.stages_stand("leads_inserted_ledger")}
    insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, leads, value_usd, change_set_id)
    select n.id, 'created', n.effective_at, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
        date_trunc('month', n.expected_close_on)::date, 1, coalesce(n.value_usd, 0), in_change_set
    from new_rows as n
    where n.deleted_at is null;
    with opened as (
        insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at,
            entered_at, began_at, path)
        select n.id, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
            date_trunc('month', n.expected_close_on)::date, coalesce(n.value_usd, 0), 'created', n.stage_entered_at, n.effective_at,
            n.created_at, array[n.stage_id]
        from new_rows as n
        where n.deleted_at is null
        returning {LISTED}, value_usd
    )
    insert into unfolded_stays (leads, {LISTED}, value_usd)
    select 1, {GIVEN}, s.value_usd from opened as s;
    return null;
end $$;
"""

UPDATED = f"""
create or replace function crm.leads_updated_ledger() returns trigger language plpgsql security definer set search_path = crm, pg_temp as $$
declare
    in_change_set bigint := nullif(current_setting('crm.change_set', true), '')::bigint;
    entered record;
begin{REPORTS.stages_stand("leads_updated_ledger")}
    insert into postings (lead_id, kind, effective_at, team_id, pipeline_id, stage_id, owner_id, other_stage_id, source, market, close_month,
        leads, value_usd, change_set_id)
    select n.id,
        {REPORTS.KIND},
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
        and {REPORTS.CHANGED};

    with left_behind as materialized (
        select n.id, n.effective_at, {REPORTS.KIND} as kind from old_rows as o full join new_rows as n using (id) where {REPORTS.CHANGED}
    ), closed as (
        update stays as s
        set left_at = b.effective_at, left_by = b.kind
        from left_behind as b
        where s.lead_id = b.id and s.left_at is null
        returning {GIVEN}, s.value_usd
    )
    insert into unfolded_stays (leads, {LISTED}, value_usd)
    select -1, {GIVEN}, -s.value_usd from closed as s;

    with opened as (
        insert into stays (lead_id, team_id, pipeline_id, stage_id, owner_id, source, market, close_month, value_usd, entered_by, stage_entered_at,
            entered_at, began_at, path)
        select n.id, n.team_id, n.pipeline_id, n.stage_id, n.owner_id, n.source, n.market,
            date_trunc('month', n.expected_close_on)::date, coalesce(n.value_usd, 0),
            case
                when o.deleted_at is not null then 'restored'
                when o.stage_id <> n.stage_id then 'moved'
                when o.owner_id is distinct from n.owner_id then 'owner'
                else 'revalued'
            end,
            n.stage_entered_at, n.effective_at, n.created_at, {REPORTS.PATH}
        from old_rows as o
        full join new_rows as n using (id){REPORTS.BEFORE}
        where n.deleted_at is null
            and {REPORTS.CHANGED}
        returning {LISTED}, value_usd
    )
    insert into unfolded_stays (leads, {LISTED}, value_usd)
    select 1, {GIVEN}, s.value_usd from opened as s;
    return null;
end $$;
"""

FOLDS = {
    "standing_months": ("began_month", "entered_month", "path"),
    "source_months": ("began_month", "source"),
    "closing_months": ("close_month",),
}
"""Table: what its cells have beside the bucket."""
COUNT = """
    insert into {table} ({cell}, leads, value_usd)
    select {cell}, sum(leads), sum(value_usd)
    from (
        select {given}, date_trunc('month', began_at at time zone in_zone)::date as began_month,
            date_trunc('month', stage_entered_at at time zone in_zone)::date as entered_month, leads, value_usd
        from (
            select {columns}, 1 as leads, value_usd from stays where left_at is null
            union all
            select {columns}, -leads, -value_usd from unfolded_stays
        ) as standing
    ) as by_month
    group by {cell}
    having sum(leads) <> 0 or sum(value_usd) <> 0;"""
COUNTS = "".join(
    COUNT.format(table=table, cell=f"{', '.join(beside)}, {BUCKET}", given=f"{BUCKET}, source, close_month, path", columns=LISTED)
    for table, beside in FOLDS.items()
)
# The machinery folds, but reads no stay itself. What is listed is left out: it stays for the next fold. Each statement sees one moment.
ANEW = f"""
create function crm.fold_standing_anew(in_zone text) returns void language plpgsql security definer set search_path = crm, pg_temp as $$
begin
    delete from standing_months;
    delete from source_months;
    delete from closing_months;{COUNTS}
end $$
"""
COLUMNS = {
    "began_month": sa.Column("began_month", sa.Date(), nullable=False, comment="first day of the month in which the leads began, in the reporting time zone"),
    "entered_month": sa.Column("entered_month", sa.Date(), nullable=False, comment="first day of the month in which they came to their stage"),
    "path": sa.Column(
        "path", sa.ARRAY(sa.BigInteger()), nullable=False, comment="the stages of this pipeline that they have been in, in order of the first entry"
    ),
    "source": sa.Column("source", sa.String(), nullable=True),
    "close_month": sa.Column("close_month", sa.Date(), nullable=True, comment="first day of the expected close month"),
}


# (what is made, what it stands for): days in a stage are asked stage by stage, for sorted by stage while reading they did not fit into memory; activities
# are read from their index alone; and so is which leads one sees and why they were lost, where each row asks for its lead.
CHANGED_INDEXES = (
    ("ix_stays_stage_id_left_at on crm.stays (stage_id, left_at) include (team_id, owner_id, source, market, stage_entered_at) where left_by = 'moved'",
     f"ix_stays_left_at on crm.stays {REPORTS.INDEXES['ix_stays_left_at']}"),
    ("ix_activities_done on crm.activities (happened_at) include (lead_id, person_id, kind, duration_minutes) where deleted_at is null",
     "ix_activities_happened_at on crm.activities (happened_at) where deleted_at is null"),
)  # fmt: skip
REACH = "ix_leads_reach on crm.leads (id) include (team_id, owner_id, lost_reason)"


def _name(index: str) -> str:
    return index.split(" ", 1)[0]


def _seen_with_their_lead(names: list[str]) -> None:
    op.execute("drop policy view_with_lead on crm.activities")
    everyone = ", ".join(f'"{name}"' for name in names)
    op.execute(f"create policy view_with_lead on crm.activities for select to {everyone} using (exists (select from crm.leads as l where l.id = lead_id))")


def _activities() -> None:
    """Whoever sees every lead sees every activity, without asking for its lead."""
    roles = context.config.attributes["roles"]
    _seen_with_their_lead([name for name in roles.view if name != roles.all])
    op.execute(f'create policy view_all on crm.activities for select to "{roles.all}" using (true)')
    op.execute("alter table crm.activities set (autovacuum_vacuum_insert_scale_factor = 0.01)")


def upgrade() -> None:
    for made, before in CHANGED_INDEXES:
        op.execute(f"create index {made}")
        op.execute(f"drop index crm.{_name(before)}")
    op.execute(f"create index {REACH}")
    _activities()
    _list()
    for table, beside in FOLDS.items():
        _make_fold(table, beside)
    op.execute(INSERTED)
    op.execute(UPDATED)
    op.execute(ANEW)
    op.execute("revoke execute on function crm.fold_standing_anew(text) from public")
    op.execute(f'grant execute on function crm.fold_standing_anew(text) to "{context.config.attributes["roles"].system}"')
    # What stands is counted where there is a fold, in its own time zone; before the first fold it is listed.
    op.execute("select crm.fold_standing_anew(time_zone) from crm.fold_stamps where time_zone is not null")
    op.execute(f"""
        insert into crm.unfolded_stays (leads, {LISTED}, value_usd)
        select 1, {GIVEN}, s.value_usd from crm.stays as s cross join crm.fold_stamps as f where s.left_at is null and f.time_zone is null
    """)


def _list() -> None:
    op.create_table(
        "unfolded_stays",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("leads", sa.SmallInteger(), nullable=False, comment="+1 for a stay that opened, -1 for one that ended"),
        *_bucket(),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("close_month", sa.Date(), nullable=True),
        sa.Column("path", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage_entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value_usd", sa.Numeric(16, 2), nullable=False, comment="signed USD"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unfolded_stays")),
        schema="crm",
    )
    _wall("unfolded_stays")


def _make_fold(table: str, beside: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(COLUMNS[name].copy() for name in beside),
        *_bucket(),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("value_usd", sa.Numeric(18, 2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*beside, *BUCKET.split(", "), name=f"uq_{table}_cell", postgresql_nulls_not_distinct=True),
        schema="crm",
    )
    _wall(table)


def _bucket() -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=name == "owner_id") for name in BUCKET.split(", ")]


def _wall(table: str) -> None:
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
    roles = context.config.attributes["roles"]
    op.execute("alter table crm.activities reset (autovacuum_vacuum_insert_scale_factor)")
    op.execute("drop policy view_all on crm.activities")
    _seen_with_their_lead(list(roles.view))
    op.execute(f"drop index crm.{_name(REACH)}")
    for made, before in CHANGED_INDEXES:
        op.execute(f"create index {before}")
        op.execute(f"drop index crm.{_name(made)}")
    op.execute(REPORTS.inserted(has_began=True))
    op.execute(REPORTS.updated(has_began=True))
    op.execute("drop function crm.fold_standing_anew(text)")
    for table in (*FOLDS, "unfolded_stays"):
        op.drop_table(table, schema="crm")
