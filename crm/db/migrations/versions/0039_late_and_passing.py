"""How many leads are over their stage's target, and how many days leads took, is folded: the weeks of a page about stale leads read every stay.

The list of stays says what ended each. A target that is changed has its stage's days counted anew by the next fold. Why leads were lost is read from an
index of those that have a reason.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import context, op

revision = "0039"
down_revision = "0038"

FOLDS = import_module("crm.db.migrations.versions.0029_what_stands_by_month")
STOOD = import_module("crm.db.migrations.versions.0037_what_stood")
BUCKET, LISTED = FOLDS.BUCKET, FOLDS.LISTED
COUNTED = ("leads", "value_usd", "moved_on", "in_time")


def _listed_with_what_ended_them(function: str) -> str:
    """The same function, whose list says what ended each stay."""
    for was, becomes in (
        (
            "returning s.lead_id, {given}, s.left_at as happened_at, s.value_usd",
            "returning s.lead_id, {given}, s.left_at as happened_at, s.left_by, s.value_usd",
        ),
        (
            "insert into unfolded_stays (leads, {listed}, happened_at, value_usd)",
            "insert into unfolded_stays (leads, {listed}, happened_at, left_by, value_usd)",
        ),
        ("select -1, {listed}, happened_at, -value_usd from closed", "select -1, {listed}, happened_at, left_by, -value_usd from closed"),
        ("select 1, {listed}, happened_at, value_usd from opened", "select 1, {listed}, happened_at, null, value_usd from opened"),
    ):
        function = STOOD._once(function, *(words.format(listed=LISTED, given=FOLDS.GIVEN) for words in (was, becomes)))
    return function


UPDATED = _listed_with_what_ended_them(STOOD.UPDATED)

# When a stay that opened or ended counts: not before its lead is over the target. Who left in time takes back on that day what would have been.
LATE_ON = "(greatest(y.happened_at, y.stage_entered_at + make_interval(hours => 24 * t.target_days)) at time zone in_zone)::date"
# The targets are those that were found at the beginning: one that is changed meanwhile is found by the next fold.
TARGETS_ANEW = f"""
create function crm.fold_targets_anew(in_zone text) returns void language plpgsql security definer set search_path = crm, pg_temp set work_mem = '64MB' as $$
declare
    changed bigint[] := array(
        select coalesce(s.id, f.stage_id)
        from stages as s
        full join folded_targets as f on f.stage_id = s.id
        where s.target_days is distinct from f.target_days
    );
begin
    if changed = '{{}}' then
        return;
    end if;
    delete from late_days where stage_id = any (changed);
    delete from late_months where stage_id = any (changed);
    delete from folded_targets where stage_id = any (changed);
    insert into folded_targets (stage_id, target_days) select id, target_days from stages where id = any (changed) and target_days is not null;
    insert into late_days (day, {BUCKET}, {", ".join(COUNTED)})
    select day, {BUCKET}, {", ".join(f"sum({name})" for name in COUNTED)}
    from (
        select {LATE_ON} as day, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, y.leads, y.value_usd, 0 as moved_on, 0 as in_time
        from (
            select {BUCKET}, stage_entered_at, entered_at as happened_at, 1 as leads, value_usd from stays where stage_id = any (changed)
            union all
            select {BUCKET}, stage_entered_at, left_at, -1, -value_usd from stays where stage_id = any (changed) and left_at is not null
            union all
            select {BUCKET}, stage_entered_at, happened_at, -leads, -value_usd from unfolded_stays where stage_id = any (changed)
        ) as y
        join folded_targets as t on t.stage_id = y.stage_id
        union all
        select (y.left_at at time zone in_zone)::date, y.team_id, y.pipeline_id, y.stage_id, y.owner_id, 0, 0, y.moves,
            y.moves * (y.left_at - y.stage_entered_at <= make_interval(hours => 24 * t.target_days))::int
        from (
            select {BUCKET}, stage_entered_at, left_at, 1 as moves from stays where stage_id = any (changed) and left_by = 'moved'
            union all
            select {BUCKET}, stage_entered_at, happened_at, -1 from unfolded_stays where stage_id = any (changed) and left_by = 'moved'
        ) as y
        join folded_targets as t on t.stage_id = y.stage_id
    ) as counted
    group by day, {BUCKET}
    having {" or ".join(f"sum({name}) <> 0" for name in COUNTED)}
    order by day;
    insert into late_months (month, {BUCKET}, {", ".join(COUNTED)})
    select date_trunc('month', day)::date, {BUCKET}, {", ".join(f"sum({name})" for name in COUNTED)}
    from late_days
    where stage_id = any (changed)
    group by 1, {BUCKET}
    order by 1;
end $$
"""
ARRIVED = "date_part('epoch', stage_entered_at - began_at) / 86400"
TOOK = "date_part('epoch', {left} - stage_entered_at) / 86400"
STEP_OF = """
create function crm.step_of(took double precision) returns int language sql immutable parallel safe
    return case when took > 1 then ceil(took) when took > 0 then greatest(ceil(32 * ln(took) / ln(2::double precision)), -799) else -800 end::int
"""
"""Whole days, rounded up; up to one day 32 steps to each doubling, for many are moved on within the hour, by hand or at once. No time at all: -800."""
# What is listed stays for the next fold: as many of the same days are left out as are listed of them.
PASSAGES_ANEW = f"""
create function crm.fold_passages_anew(in_zone text) returns void language plpgsql security definer set search_path = crm, pg_temp set work_mem = '64MB' as $$
begin
    delete from passage_months;
    insert into passage_months (month, {BUCKET}, step, moved_on, took)
    select month, {BUCKET}, step, cardinality(took), took
    from (
        select {", ".join(f"p.{name}" for name in ("month", *BUCKET.split(", "), "step"))},
            case when l.took is null then p.took else array(select unnest(p.took) except all select unnest(l.took)) end as took
        from (
            select date_trunc('month', left_at at time zone in_zone)::date as month, {BUCKET}, step_of({TOOK.format(left="left_at")}) as step,
                array_agg({TOOK.format(left="left_at")}) as took
            from stays
            where left_by = 'moved'
            group by 1, {BUCKET}, step
        ) as p
        left join (
            select date_trunc('month', happened_at at time zone in_zone)::date as month, {BUCKET}, step_of({TOOK.format(left="happened_at")}) as step,
                array_agg({TOOK.format(left="happened_at")}) as took
            from unfolded_stays
            where left_by = 'moved'
            group by 1, {BUCKET}, step
        ) as l on (l.month, l.team_id, l.pipeline_id, l.stage_id, l.step) = (p.month, p.team_id, p.pipeline_id, p.stage_id, p.step)
            and l.owner_id is not distinct from p.owner_id
    ) as folded
    where took <> '{{}}'
    order by month, stage_id, step;
end $$
"""
STEP = "how many days they had been in the stage, rounded up; 0 and less within one day (crm.step_of)"
# Listed with -1 are stays that the fold still counts.
ARRIVALS_ANEW = f"""
create function crm.fold_arrivals_anew(in_zone text) returns void language plpgsql security definer set search_path = crm, pg_temp set work_mem = '64MB' as $$
begin
    delete from arrival_months;
    insert into arrival_months (month, {BUCKET}, took)
    select month, {BUCKET}, took
    from (
        select month, {BUCKET}, case when went is null then came else array(select unnest(came) except all select unnest(went)) end as took
        from (
            select date_trunc('month', stage_entered_at at time zone in_zone)::date as month, {BUCKET},
                array_agg({ARRIVED}) filter (where leads > 0) as came, array_agg({ARRIVED}) filter (where leads < 0) as went
            from (
                select {BUCKET}, began_at, stage_entered_at, 1 as leads from stays where left_at is null
                union all
                select {BUCKET}, began_at, stage_entered_at, -leads from unfolded_stays
            ) as y
            group by 1, {BUCKET}
        ) as counted
    ) as folded
    where took <> '{{}}'
    order by month, stage_id;
end $$
"""
FUNCTIONS = ("fold_targets_anew", "fold_passages_anew", "fold_arrivals_anew")

WHY_LOST = """
    create index ix_leads_lost on crm.leads (stage_id, stage_entered_at)
    include (id, lost_reason, value_usd, created_at, team_id, pipeline_id, owner_id, source, market)
    where lost_reason is not null and deleted_at is null
"""


def upgrade() -> None:
    op.execute(WHY_LOST)
    op.add_column("unfolded_stays", sa.Column("left_by", sa.String(), comment="the kind of posting that ended it; null for one that opened"), schema="crm")
    op.execute(UPDATED)
    for unit, says in (("day", "when they went over the target, or left after it, in the reporting time zone"), ("month", "its first day")):
        _make_late(f"late_{unit}s", unit, says)
    op.create_table(
        "folded_targets",
        sa.Column("stage_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target_days", sa.Integer(), nullable=False, comment="the stage's target when it was counted"),
        sa.PrimaryKeyConstraint("stage_id", name=op.f("pk_folded_targets")),
        schema="crm",
    )
    _wall_of_stages("folded_targets")
    _make_passages()
    _make_arrivals()
    roles = context.config.attributes["roles"]
    op.execute(STEP_OF)
    op.execute("revoke execute on function crm.step_of(double precision) from public")
    for name in (*roles.view, roles.system):
        op.execute(f'grant execute on function crm.step_of(double precision) to "{name}"')
    for name, function in zip(FUNCTIONS, (TARGETS_ANEW, PASSAGES_ANEW, ARRIVALS_ANEW), strict=True):
        op.execute(function)
        op.execute(f"revoke execute on function crm.{name}(text) from public")
        op.execute(f'grant execute on function crm.{name}(text) to "{roles.system}"')
        # What is listed by now does not say what ended it: the moves among it are counted here, and not by the next fold.
        op.execute(f"select crm.{name}(time_zone) from crm.fold_stamps where time_zone is not null")
    # Before the first fold everything is listed.
    op.execute("delete from crm.unfolded_stays where exists (select from crm.fold_stamps where time_zone is null)")
    op.execute(f"""
        insert into crm.unfolded_stays (leads, {LISTED}, happened_at, left_by, value_usd)
        select y.leads, {", ".join(f"y.{name}" for name in LISTED.split(", "))}, y.happened_at, y.left_by, y.value_usd
        from (
            select {LISTED}, entered_at as happened_at, null as left_by, 1 as leads, value_usd from crm.stays
            union all
            select {LISTED}, left_at, left_by, -1, -value_usd from crm.stays where left_at is not null
        ) as y
        cross join crm.fold_stamps as f
        where f.time_zone is null
    """)


def _make_late(table: str, unit: str, says: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(unit, sa.Date(), nullable=False, comment=says),
        *FOLDS._bucket(),
        sa.Column("leads", sa.Integer(), nullable=False, comment="that went over the target of their stage, less those that left it after"),
        sa.Column("value_usd", sa.Numeric(18, 2), nullable=False, comment="theirs"),
        sa.Column("moved_on", sa.Integer(), nullable=False, comment="leads that left the stage for another one"),
        sa.Column("in_time", sa.Integer(), nullable=False, comment="of these, within the target"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(unit, *BUCKET.split(", "), name=f"uq_{table}_cell", postgresql_nulls_not_distinct=True),
        schema="crm",
    )
    FOLDS._wall(table)


def _make_passages() -> None:
    op.create_table(
        "passage_months",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="first day of the month in which they left the stage, in the reporting time zone"),
        *FOLDS._bucket(),
        sa.Column("step", sa.Integer(), nullable=False, comment=STEP),
        sa.Column("moved_on", sa.Integer(), nullable=False, comment="leads that left the stage for another one"),
        sa.Column("took", sa.ARRAY(sa.Double()), nullable=False, comment="the days of each, exactly"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passage_months")),
        sa.UniqueConstraint("month", *BUCKET.split(", "), "step", name="uq_passage_months_cell", postgresql_nulls_not_distinct=True),
        schema="crm",
    )
    op.execute("alter table crm.passage_months alter column took set storage external")  # days as they are told exactly do not get smaller
    op.create_index("ix_passage_months_stage_id_step", "passage_months", ["stage_id", "step", "month"], schema="crm")
    FOLDS._wall("passage_months")


def _make_arrivals() -> None:
    op.create_table(
        "arrival_months",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("month", sa.Date(), nullable=False, comment="first day of the month in which they came to their stage, in the reporting time zone"),
        *FOLDS._bucket(),
        sa.Column("took", sa.ARRAY(sa.Double()), nullable=False, comment="the days that each took from its beginning until then, exactly"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival_months")),
        sa.UniqueConstraint("month", *BUCKET.split(", "), name="uq_arrival_months_cell", postgresql_nulls_not_distinct=True),
        schema="crm",
    )
    op.execute("alter table crm.arrival_months alter column took set storage external")
    FOLDS._wall("arrival_months")


def _wall_of_stages(table: str) -> None:
    """Seen by whoever sees the stage."""
    roles = context.config.attributes["roles"]
    everyone = ", ".join(f'"{name}"' for name in roles.view)
    op.execute(f"alter table crm.{table} enable row level security")
    op.execute(f"alter table crm.{table} force row level security")
    op.execute(f"create policy owner_all on crm.{table} for all to current_user using (true) with check (true)")
    op.execute(f'create policy system_all on crm.{table} for all to "{roles.system}" using (true) with check (true)')
    op.execute(f'grant select, insert, update, delete on crm.{table} to "{roles.system}"')
    op.execute(f"create policy view on crm.{table} for select to {everyone} using (exists (select from crm.stages as s where s.id = stage_id))")
    op.execute(f"grant select on crm.{table} to {everyone}")


def downgrade() -> None:
    op.drop_index("ix_leads_lost", "leads", schema="crm")
    op.execute(STOOD.UPDATED)
    for name in FUNCTIONS:
        op.execute(f"drop function crm.{name}(text)")
    op.execute("drop function crm.step_of(double precision)")
    for table in ("arrival_months", "passage_months", "folded_targets", "late_months", "late_days"):
        op.drop_table(table, schema="crm")
    op.drop_column("unfolded_stays", "left_by", schema="crm")
