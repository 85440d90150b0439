"""What stood on a past day is folded, too: what came to stand and what ceased to, by day and by month, so that no report reads all stays for it.

The list of stays says when each opened or ended. Indexes lead to the stays of leads that began, or came to their stage, in the days at a period's ends.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

FOLDS = import_module("crm.db.migrations.versions.0029_what_stands_by_month")
STATEMENT = import_module("crm.db.migrations.versions.0036_ledger_in_one_statement")
LISTED, BUCKET = FOLDS.LISTED, FOLDS.BUCKET

CELLS = {"stood": ("began_month", "entered_month", "path"), "stood_source": ("began_month", "source"), "stood_closing": ("close_month",)}
"""Fold: what its cells have beside the day or month and the bucket."""
# A report of a period asks for months of beginning, whatever came and went since.
FIRST = {"stood": "began_month", "stood_source": "began_month", "stood_closing": "month"}

INDEXES = {
    "ix_stays_began_at": (
        "(began_at) include (entered_at, team_id, pipeline_id, stage_id, owner_id, value_usd, source, market, stage_entered_at, path) where left_at is null",
        "(began_at) include (team_id, pipeline_id, stage_id, owner_id, value_usd, source, market, stage_entered_at, path) where left_at is null",
    ),
    "ix_stays_began_at_left": (
        "(began_at) include (entered_at, left_at, team_id, pipeline_id, stage_id, owner_id, value_usd, source, market, stage_entered_at, path)"
        " where left_at is not null",
        None,
    ),
    "ix_stays_stage_id_stage_entered_at": (
        "(stage_id, stage_entered_at) include (lead_id, entered_at, left_at, team_id, pipeline_id, owner_id, value_usd, source, market, began_at)",
        None,
    ),
    "ix_stays_stage_id_entered_at": (None, "(stage_id, entered_at)"),
}
"""What each index of stays is, and what it was."""


def _once(text: str, was: str, becomes: str) -> str:
    assert text.count(was) == 1, was
    return text.replace(was, becomes)


def _listed_with_their_moment(function: str) -> str:
    """The same function, whose list says when it happened."""
    for was, becomes in (
        ("returning s.lead_id, {given}, s.value_usd", "returning s.lead_id, {given}, s.left_at as happened_at, s.value_usd"),
        ("returning {listed}, value_usd", "returning {listed}, entered_at as happened_at, value_usd"),
        ("insert into unfolded_stays (leads, {listed}, value_usd)", "insert into unfolded_stays (leads, {listed}, happened_at, value_usd)"),
        ("select -1, {listed}, -value_usd from closed", "select -1, {listed}, happened_at, -value_usd from closed"),
        ("select 1, {listed}, value_usd from opened", "select 1, {listed}, happened_at, value_usd from opened"),
        ("select 1, {given}, s.value_usd from opened as s", "select 1, {given}, s.happened_at, s.value_usd from opened as s"),
    ):
        old, new = (words.format(listed=LISTED, given=FOLDS.GIVEN) for words in (was, becomes))
        function = _once(function, old, new) if old in function else function
    return function


INSERTED, UPDATED = _listed_with_their_moment(FOLDS.INSERTED), _listed_with_their_moment(STATEMENT.UPDATED)

HAPPENED = f"""
            select {LISTED}, entered_at as happened_at, 1 as leads, value_usd from stays
            union all
            select {LISTED}, left_at, -1, -value_usd from stays where left_at is not null"""
# What is read together is written together: reports ask for days in a row, and for months of beginning.
COUNT_DAYS = """
    insert into {fold}_days (day, {cell}, leads, value_usd)
    select day, {cell}, sum(leads), sum(value_usd)
    from (
        select {given}, (happened_at at time zone in_zone)::date as day, date_trunc('month', began_at at time zone in_zone)::date as began_month,
            date_trunc('month', stage_entered_at at time zone in_zone)::date as entered_month, leads, value_usd
        from ({happened}
            union all
            select {columns}, happened_at, -leads, -value_usd from unfolded_stays
        ) as happened
    ) as by_day
    group by day, {cell}
    having sum(leads) <> 0 or sum(value_usd) <> 0
    order by day, {by_month};
    insert into {fold}_months (month, {cell}, leads, value_usd)
    select date_trunc('month', day)::date, {cell}, sum(leads), sum(value_usd)
    from {fold}_days
    group by 1, {cell}
    having sum(leads) <> 0 or sum(value_usd) <> 0
    order by {by_month}, 1;"""
PAST = "".join(
    f"""
    delete from {fold}_days;
    delete from {fold}_months;"""
    + COUNT_DAYS.format(
        fold=fold, cell=f"{', '.join(beside)}, {BUCKET}", by_month=beside[0], given=f"{BUCKET}, source, close_month, path", columns=LISTED, happened=HAPPENED
    )
    for fold, beside in CELLS.items()
)
# Millions of stays are added up here: what does not fit into memory is sorted on disk.
ANEW = _once(
    _once(_once(FOLDS.ANEW, "create function", "create or replace function"), "set search_path = crm, pg_temp", "set search_path = crm, pg_temp set work_mem = '64MB'"),
    "end $$", f"{PAST}\nend $$",
)  # fmt: skip


def upgrade() -> None:
    for name, (becomes, was) in INDEXES.items():
        _remake(name, was, becomes)
    # What is listed is counted anew below, or listed again.
    op.execute("delete from crm.unfolded_stays")
    op.execute("alter table crm.unfolded_stays add column happened_at timestamptz not null")
    op.execute("comment on column crm.unfolded_stays.happened_at is 'when the stay opened or ended'")
    for fold, beside in CELLS.items():
        _make_fold(f"{fold}_days", "day", (*beside,), sa.UniqueConstraint("day", *beside, *BUCKET.split(", "), **_named(f"{fold}_days")))
        first = (FIRST[fold], *(name for name in ("month", *beside) if name != FIRST[fold]))
        _make_fold(f"{fold}_months", "month", (*beside,), sa.UniqueConstraint(*first, *BUCKET.split(", "), **_named(f"{fold}_months")))
    op.execute(
        "create index ix_stood_months_stage_id_entered_month on crm.stood_months (stage_id, entered_month, month)"
        " include (team_id, pipeline_id, owner_id, leads, value_usd)"
    )
    for function in (INSERTED, UPDATED, ANEW):
        op.execute(function)
    op.execute("select crm.fold_standing_anew(time_zone) from crm.fold_stamps where time_zone is not null")
    # Before the first fold everything is listed.
    op.execute(f"""
        insert into crm.unfolded_stays (leads, {LISTED}, happened_at, value_usd)
        select y.leads, {", ".join(f"y.{name}" for name in LISTED.split(", "))}, y.happened_at, y.value_usd
        from ({HAPPENED.replace("from stays", "from crm.stays")}
        ) as y
        cross join crm.fold_stamps as f
        where f.time_zone is null
    """)


def _remake(name: str, before: str | None, after: str | None) -> None:
    if before:
        op.execute(f"drop index crm.{name}")
    if after:
        op.execute(f"create index {name} on crm.stays {after}")


def _named(table: str) -> dict[str, object]:
    return {"name": f"uq_{table}_cell", "postgresql_nulls_not_distinct": True}


def _make_fold(table: str, unit: str, beside: tuple[str, ...], cell: sa.UniqueConstraint) -> None:
    says = {"day": "when they came or went, in the reporting time zone", "month": "first day of the month in which they came or went"}
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(unit, sa.Date(), nullable=False, comment=says[unit]),
        *(FOLDS.COLUMNS[name].copy() for name in beside),
        *FOLDS._bucket(),
        sa.Column("leads", sa.Integer(), nullable=False, comment="stays that opened, less those that ended"),
        sa.Column("value_usd", sa.Numeric(18, 2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        cell,
        schema="crm",
    )
    FOLDS._wall(table)


def downgrade() -> None:
    op.execute(_once(FOLDS.ANEW, "create function", "create or replace function"))
    op.execute(FOLDS.INSERTED)
    op.execute(STATEMENT.UPDATED)
    for fold in CELLS:
        op.drop_table(f"{fold}_months", schema="crm")
        op.drop_table(f"{fold}_days", schema="crm")
    op.execute("alter table crm.unfolded_stays drop column happened_at")
    for name, (becomes, was) in INDEXES.items():
        _remake(name, becomes, was)
