"""The pipeline's double-entry bookkeeping: postings, stays, and their folds by day and month."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CHAR, BigInteger, CheckConstraint, Double, Index, Numeric, PrimaryKeyConstraint, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, Id, Moment, Ref


class Posting(Base):
    """One side of one change of a lead's bucket. Append-only: nothing ever touches a row."""

    __tablename__ = "postings"
    id: Mapped[Id]
    lead_id: Mapped[Ref]
    kind: Mapped[str]
    effective_at: Mapped[datetime] = mapped_column(comment="when it was so")
    posted_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), comment="when we knew")
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    other_stage_id: Mapped[Ref | None] = mapped_column(comment="the stage on the other side; null for one-sided kinds")
    source: Mapped[str | None]
    market: Mapped[str | None] = mapped_column(CHAR(2))
    close_month: Mapped[date | None] = mapped_column(comment="first day of the expected close month")
    leads: Mapped[int] = mapped_column(SmallInteger, comment="+1 or -1")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), comment="signed USD")
    change_set_id: Mapped[Ref | None]
    __table_args__ = (
        CheckConstraint("kind in ('created', 'moved', 'owner', 'revalued', 'deleted', 'restored')", name="kind"),
        CheckConstraint("leads in (1, -1)", name="leads"),
        Index("ix_postings_lead_id", "lead_id", "effective_at"),
        Index("ix_postings_effective_at", "effective_at"),
        # What was not known on a day, for reports as they were known then.
        Index("ix_postings_posted_late", "posted_at", postgresql_where=text("posted_at - effective_at > interval '1 hour'")),
    )


class Stay(Base):
    """A lead's time in one bucket; open while `left_at` is null."""

    __tablename__ = "stays"
    id: Mapped[Id]
    lead_id: Mapped[Ref]
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    source: Mapped[str | None]
    market: Mapped[str | None] = mapped_column(CHAR(2))
    close_month: Mapped[date | None]
    value_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    entered_by: Mapped[str] = mapped_column(comment="the kind of posting that began it")
    stage_entered_at: Mapped[datetime]
    entered_at: Mapped[datetime]
    left_at: Mapped[Moment | None]
    began_at: Mapped[datetime] = mapped_column(comment="when the lead began, whatever has become of it since")
    left_by: Mapped[str | None] = mapped_column(comment="the kind of posting that ended it; null while it is open")
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="the stages of this pipeline that the lead has been in, in order of its first entry")
    __table_args__ = (
        CheckConstraint("left_at >= entered_at", name="in_order"),
        CheckConstraint("(left_at is null) = (left_by is null)", name="left_by"),
        Index("uq_stays_open", "lead_id", unique=True, postgresql_where=text("left_at is null")),
        Index("ix_stays_lead_id_entered_at", "lead_id", "entered_at"),
        # Reports over what stands or was left read these and not the rows.
        Index(
            "ix_stays_standing", "stage_id", "stage_entered_at", postgresql_where=text("left_at is null"),
            postgresql_include=["lead_id", "entered_at", "team_id", "pipeline_id", "owner_id", "value_usd", "source", "market", "close_month", "began_at"],
        ),
        Index(
            "ix_stays_began_at", "began_at", postgresql_where=text("left_at is null"),
            postgresql_include=[
                "entered_at", "team_id", "pipeline_id", "stage_id", "owner_id", "value_usd", "source", "market", "stage_entered_at", "path",
            ],
        ),
        # Reports as of a past day read these, too.
        Index(
            "ix_stays_began_at_left", "began_at", postgresql_where=text("left_at is not null"),
            postgresql_include=[
                "entered_at", "left_at", "team_id", "pipeline_id", "stage_id", "owner_id", "value_usd", "source", "market", "stage_entered_at", "path",
            ],
        ),
        Index(
            "ix_stays_stage_id_stage_entered_at", "stage_id", "stage_entered_at",
            postgresql_include=["lead_id", "entered_at", "left_at", "team_id", "pipeline_id", "owner_id", "value_usd", "source", "market", "began_at"],
        ),
        Index(
            "ix_stays_stage_id_left_at", "stage_id", "left_at", postgresql_where=text("left_by = 'moved'"),
            postgresql_include=["team_id", "owner_id", "source", "market", "stage_entered_at"],
        ),
        # Few leads stay so long: of those, whoever stood on a past day is found by when they left.
        Index(
            "ix_stays_long", "stage_id", "left_at", postgresql_where=text("left_at - stage_entered_at > interval '720 hours'"),
            postgresql_include=["lead_id", "entered_at", "team_id", "pipeline_id", "owner_id", "value_usd", "source", "market", "stage_entered_at", "began_at"],
        ),
    )  # fmt: skip


class PostingDay(Base):
    """The fold: signed sums of postings per reporting day and bucket. A cache, rebuilt at will."""

    __tablename__ = "posting_days"
    id: Mapped[Id]
    day: Mapped[date] = mapped_column(comment="effective day in the reporting time zone")
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    leads: Mapped[int]
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    __table_args__ = (UniqueConstraint("day", "team_id", "pipeline_id", "stage_id", "owner_id", postgresql_nulls_not_distinct=True),)


class PostingMonth(Base):
    """The days of `posting_days` summed by month: what a total starts from."""

    __tablename__ = "posting_months"
    id: Mapped[Id]
    month: Mapped[date] = mapped_column(comment="first day of the month, in the reporting time zone")
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    leads: Mapped[int]
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    __table_args__ = (UniqueConstraint("month", "team_id", "pipeline_id", "stage_id", "owner_id", postgresql_nulls_not_distinct=True),)


class _Moves:
    """What came to and went from a bucket in a day or a month, by kind and by the stage on the other side."""

    id: Mapped[Id]
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    kind: Mapped[str] = mapped_column(comment="of the postings that are counted here")
    other_stage_id: Mapped[Ref | None] = mapped_column(comment="the stage on the other side; null for one-sided kinds")
    came: Mapped[int] = mapped_column(comment="postings of +1")
    went: Mapped[int] = mapped_column(comment="postings of -1")
    came_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    went_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))


_CELL = ("team_id", "pipeline_id", "stage_id", "owner_id", "kind", "other_stage_id")


class MoveDay(_Moves, Base):
    """The fold of moves by day. A cache, rebuilt at will."""

    __tablename__ = "move_days"
    day: Mapped[date] = mapped_column(comment="effective day in the reporting time zone")
    __table_args__ = (UniqueConstraint("day", *_CELL, name="uq_move_days_cell", postgresql_nulls_not_distinct=True),)


class MoveMonth(_Moves, Base):
    """The days of `move_days` summed by month."""

    __tablename__ = "move_months"
    month: Mapped[date] = mapped_column(comment="first day of the month, in the reporting time zone")
    __table_args__ = (UniqueConstraint("month", *_CELL, name="uq_move_months_cell", postgresql_nulls_not_distinct=True),)


class UnfoldedPosting(Base):
    """A posting that no fold has counted yet, kept by trigger: being listed here is the mark. The fold removes it."""

    __tablename__ = "unfolded_postings"
    posting_id: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    effective_at: Mapped[datetime]
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    leads: Mapped[int] = mapped_column(SmallInteger, comment="+1 or -1")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), comment="signed USD")
    kind: Mapped[str]
    other_stage_id: Mapped[Ref | None]


class _Standing:
    """What stands in a bucket: open stays and their value. A cache, rebuilt at will."""

    id: Mapped[Id]
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    leads: Mapped[int]
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))


_BUCKET = ("team_id", "pipeline_id", "stage_id", "owner_id")
_BEGAN = "first day of the month in which the leads began, in the reporting time zone"


class StandingMonth(_Standing, Base):
    """What stands by the months in which leads began and came to their stage, and by the stages they have been in."""

    __tablename__ = "standing_months"
    began_month: Mapped[date] = mapped_column(comment=_BEGAN)
    entered_month: Mapped[date] = mapped_column(comment="first day of the month in which they came to their stage")
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="the stages of this pipeline that they have been in, in order of the first entry")
    __table_args__ = (UniqueConstraint("began_month", "entered_month", "path", *_BUCKET, name="uq_standing_months_cell", postgresql_nulls_not_distinct=True),)


class SourceMonth(_Standing, Base):
    """What stands by the month in which leads began and by their source."""

    __tablename__ = "source_months"
    began_month: Mapped[date] = mapped_column(comment=_BEGAN)
    source: Mapped[str | None]
    __table_args__ = (UniqueConstraint("began_month", "source", *_BUCKET, name="uq_source_months_cell", postgresql_nulls_not_distinct=True),)


class ClosingMonth(_Standing, Base):
    """What stands by the month of the expected close."""

    __tablename__ = "closing_months"
    close_month: Mapped[date | None] = mapped_column(comment="first day of the expected close month")
    __table_args__ = (UniqueConstraint("close_month", *_BUCKET, name="uq_closing_months_cell", postgresql_nulls_not_distinct=True),)


class _Stood:
    """What came to stand in a bucket in a day or a month, less what ceased to: added up over time, what stood at its end. A cache, rebuilt at will."""

    id: Mapped[Id]
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    leads: Mapped[int] = mapped_column(comment="stays that opened, less those that ended")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))


class _StoodByDay(_Stood):
    day: Mapped[date] = mapped_column(comment="when they came or went, in the reporting time zone")


class _StoodByMonth(_Stood):
    month: Mapped[date] = mapped_column(comment="first day of the month in which they came or went")


class _ByWay:
    began_month: Mapped[date] = mapped_column(comment=_BEGAN)
    entered_month: Mapped[date] = mapped_column(comment="first day of the month in which they came to their stage")
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="the stages of this pipeline that they have been in, in order of the first entry")


class _BySource:
    began_month: Mapped[date] = mapped_column(comment=_BEGAN)
    source: Mapped[str | None]


class _ByClose:
    close_month: Mapped[date | None] = mapped_column(comment="first day of the expected close month")


def _one_row(table: str, *cell: str) -> UniqueConstraint:
    return UniqueConstraint(*cell, *_BUCKET, name=f"uq_{table}_cell", postgresql_nulls_not_distinct=True)


class StoodDay(_StoodByDay, _ByWay, Base):
    """What stood by the cells of `StandingMonth`, by day."""

    __tablename__ = "stood_days"
    __table_args__ = (_one_row("stood_days", "day", "began_month", "entered_month", "path"),)


class StoodMonth(_StoodByMonth, _ByWay, Base):
    """The same by month."""

    __tablename__ = "stood_months"
    __table_args__ = (
        _one_row("stood_months", "began_month", "month", "entered_month", "path"),
        Index(
            "ix_stood_months_stage_id_entered_month",
            "stage_id",
            "entered_month",
            "month",
            postgresql_include=["team_id", "pipeline_id", "owner_id", "leads", "value_usd"],
        ),
    )


class StoodSourceDay(_StoodByDay, _BySource, Base):
    """What stood by the cells of `SourceMonth`, by day."""

    __tablename__ = "stood_source_days"
    __table_args__ = (_one_row("stood_source_days", "day", "began_month", "source"),)


class StoodSourceMonth(_StoodByMonth, _BySource, Base):
    """The same by month."""

    __tablename__ = "stood_source_months"
    __table_args__ = (_one_row("stood_source_months", "began_month", "month", "source"),)


class StoodClosingDay(_StoodByDay, _ByClose, Base):
    """What stood by the cells of `ClosingMonth`, by day."""

    __tablename__ = "stood_closing_days"
    __table_args__ = (_one_row("stood_closing_days", "day", "close_month"),)


class StoodClosingMonth(_StoodByMonth, _ByClose, Base):
    """The same by month."""

    __tablename__ = "stood_closing_months"
    __table_args__ = (_one_row("stood_closing_months", "month", "close_month"),)


class _Late(_Stood):
    """What went over the target of its stage in a day or a month, less what left after it; and who moved on, and how many of them in time.

    With the stage's target in `folded_targets`: where that is no longer the stage's, the sums are not either, until the next fold.
    """

    leads: Mapped[int] = mapped_column(comment="that went over the target of their stage, less those that left it after")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2), comment="theirs")
    moved_on: Mapped[int] = mapped_column(comment="leads that left the stage for another one")
    in_time: Mapped[int] = mapped_column(comment="of these, within the target")


class LateDay(_Late, Base):
    """By day: also one to come, on which leads that stand now will be over the target."""

    __tablename__ = "late_days"
    day: Mapped[date] = mapped_column(comment="when they went over the target, or left after it, in the reporting time zone")
    __table_args__ = (_one_row("late_days", "day"),)


class LateMonth(_Late, Base):
    """The days of `late_days` summed by month."""

    __tablename__ = "late_months"
    month: Mapped[date] = mapped_column(comment="its first day")
    __table_args__ = (_one_row("late_months", "month"),)


class FoldedTarget(Base):
    """The target that `late_days` and `late_months` count a stage by."""

    __tablename__ = "folded_targets"
    stage_id: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    target_days: Mapped[int] = mapped_column(comment="the stage's target when it was counted")


class PassageMonth(Base):
    """Leads that left a stage for another one in a month, by how many days they had been there. A cache, rebuilt at will."""

    __tablename__ = "passage_months"
    id: Mapped[Id]
    month: Mapped[date] = mapped_column(comment="first day of the month in which they left the stage, in the reporting time zone")
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    step: Mapped[int] = mapped_column(comment="how many days they had been in the stage, rounded up; 0 and less within one day (crm.step_of)")
    moved_on: Mapped[int] = mapped_column(comment="leads that left the stage for another one")
    took: Mapped[list[float]] = mapped_column(ARRAY(Double), comment="the days of each, exactly")
    __table_args__ = (
        UniqueConstraint("month", *_BUCKET, "step", name="uq_passage_months_cell", postgresql_nulls_not_distinct=True),
        Index("ix_passage_months_stage_id_step", "stage_id", "step", "month"),
    )


class ArrivalMonth(Base):
    """Leads that stand in a stage, by the month in which they came there, and how many days each took until then. A cache, rebuilt at will."""

    __tablename__ = "arrival_months"
    id: Mapped[Id]
    month: Mapped[date] = mapped_column(comment="first day of the month in which they came to their stage, in the reporting time zone")
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    took: Mapped[list[float]] = mapped_column(ARRAY(Double), comment="the days that each took from its beginning until then, exactly")
    __table_args__ = (UniqueConstraint("month", *_BUCKET, name="uq_arrival_months_cell", postgresql_nulls_not_distinct=True),)


class UnfoldedStay(Base):
    """A stay that opened or ended since the last fold, listed by the statement that wrote it. The fold removes it."""

    __tablename__ = "unfolded_stays"
    id: Mapped[Id]
    leads: Mapped[int] = mapped_column(SmallInteger, comment="+1 for a stay that opened, -1 for one that ended")
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    source: Mapped[str | None]
    close_month: Mapped[date | None]
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    began_at: Mapped[datetime]
    stage_entered_at: Mapped[datetime]
    happened_at: Mapped[datetime] = mapped_column(comment="when the stay opened or ended")
    left_by: Mapped[str | None] = mapped_column(comment="the kind of posting that ended it; null for one that opened")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), comment="signed USD")


class FoldedActivity(Base):
    """What somebody did, beside whose the lead is and when they had last been in touch with it. A cache, rebuilt at will."""

    __tablename__ = "folded_activities"
    activity_id: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    lead_id: Mapped[Ref] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[Ref | None] = mapped_column(comment="who did it")
    kind: Mapped[str]
    happened_at: Mapped[datetime]
    duration_minutes: Mapped[int | None]
    team_id: Mapped[Ref] = mapped_column(comment="the lead's, as are the next two")
    pipeline_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]
    before_at: Mapped[Moment | None] = mapped_column(comment="when the same person had last done something with this lead; null: never")
    __table_args__ = (
        PrimaryKeyConstraint("lead_id", "activity_id"),
        # Who did how much is read from this alone.
        Index(
            "ix_folded_activities_happened_at", "happened_at",
            postgresql_include=["lead_id", "person_id", "kind", "duration_minutes", "team_id", "pipeline_id", "owner_id", "before_at"],
        ),
    )  # fmt: skip


class UnfoldedActivity(Base):
    """A lead with which something was done, or was corrected, since the last fold, kept by trigger. The fold removes it."""

    __tablename__ = "unfolded_activities"
    id: Mapped[Id]
    lead_id: Mapped[Ref]


class FoldStamp(Base):
    """One row: what the standing fold was made with. Its lock keeps folds apart."""

    __tablename__ = "fold_stamps"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time_zone: Mapped[str | None] = mapped_column(comment="IANA name the days of posting_days were made in; null before the first fold")
    folded_at: Mapped[Moment | None]
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
