"""The folds of the ledger: sums of postings and stays by day and month, and what is listed for the next fold. A cache, rebuilt at will."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Double, Index, Numeric, PrimaryKeyConstraint, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, Id, Moment, Ref

_BUCKET = ("team_id", "pipeline_id", "stage_id", "owner_id")


class _Bucket:
    """What a row of a fold counts by."""

    id: Mapped[Id]
    team_id: Mapped[Ref]
    pipeline_id: Mapped[Ref]
    stage_id: Mapped[Ref]
    owner_id: Mapped[Ref | None]


def _one_row(table: str, *cell: str) -> UniqueConstraint:
    return UniqueConstraint(*cell, *_BUCKET, name=f"uq_{table}_cell", postgresql_nulls_not_distinct=True)


class _Sum(_Bucket):
    leads: Mapped[int]
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))


_BEGAN = "first day of the month in which the leads began, in the reporting time zone"


class _ByWay:
    began_month: Mapped[date] = mapped_column(comment=_BEGAN)
    entered_month: Mapped[date] = mapped_column(comment="first day of the month in which they came to their stage")
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="the stages of this pipeline that they have been in, in order of the first entry")


class _BySource:
    began_month: Mapped[date] = mapped_column(comment=_BEGAN)
    source: Mapped[str | None]


class _ByClose:
    close_month: Mapped[date | None] = mapped_column(comment="first day of the expected close month")


class PostingDay(_Sum, Base):
    """The fold: signed sums of postings per reporting day and bucket."""

    __tablename__ = "posting_days"
    day: Mapped[date] = mapped_column(comment="effective day in the reporting time zone")
    __table_args__ = (UniqueConstraint("day", *_BUCKET, postgresql_nulls_not_distinct=True),)


class PostingMonth(_Sum, Base):
    """The days of `posting_days` summed by month: what a total starts from."""

    __tablename__ = "posting_months"
    month: Mapped[date] = mapped_column(comment="first day of the month, in the reporting time zone")
    __table_args__ = (UniqueConstraint("month", *_BUCKET, postgresql_nulls_not_distinct=True),)


class _Moves(_Bucket):
    """What came to and went from a bucket in a day or a month, by kind and by the stage on the other side."""

    kind: Mapped[str] = mapped_column(comment="of the postings that are counted here")
    other_stage_id: Mapped[Ref | None] = mapped_column(comment="the stage on the other side; null for one-sided kinds")
    came: Mapped[int] = mapped_column(comment="postings of +1")
    went: Mapped[int] = mapped_column(comment="postings of -1")
    came_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    went_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))


class MoveDay(_Moves, Base):
    """The fold of moves by day."""

    __tablename__ = "move_days"
    day: Mapped[date] = mapped_column(comment="effective day in the reporting time zone")
    __table_args__ = (UniqueConstraint("day", *_BUCKET, "kind", "other_stage_id", name="uq_move_days_cell", postgresql_nulls_not_distinct=True),)


class MoveMonth(_Moves, Base):
    """The days of `move_days` summed by month."""

    __tablename__ = "move_months"
    month: Mapped[date] = mapped_column(comment="first day of the month, in the reporting time zone")
    __table_args__ = (UniqueConstraint("month", *_BUCKET, "kind", "other_stage_id", name="uq_move_months_cell", postgresql_nulls_not_distinct=True),)


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


class StandingMonth(_Sum, _ByWay, Base):
    """What stands (open stays and their value) by the months in which leads began and came to their stage, and by the stages they have been in."""

    __tablename__ = "standing_months"
    __table_args__ = (_one_row("standing_months", "began_month", "entered_month", "path"),)


class SourceMonth(_Sum, _BySource, Base):
    """What stands by the month in which leads began and by their source."""

    __tablename__ = "source_months"
    __table_args__ = (_one_row("source_months", "began_month", "source"),)


class ClosingMonth(_Sum, _ByClose, Base):
    """What stands by the month of the expected close."""

    __tablename__ = "closing_months"
    __table_args__ = (_one_row("closing_months", "close_month"),)


class _Stood(_Bucket):
    """What came to stand in a bucket in a day or a month, less what ceased to: added up over time, what stood at its end."""

    leads: Mapped[int] = mapped_column(comment="stays that opened, less those that ended")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(18, 2))


class _StoodByDay(_Stood):
    day: Mapped[date] = mapped_column(comment="when they came or went, in the reporting time zone")


class _StoodByMonth(_Stood):
    month: Mapped[date] = mapped_column(comment="first day of the month in which they came or went")


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


class PassageMonth(_Bucket, Base):
    """Leads that left a stage for another one in a month, by how many days they had been there."""

    __tablename__ = "passage_months"
    month: Mapped[date] = mapped_column(comment="first day of the month in which they left the stage, in the reporting time zone")
    step: Mapped[int] = mapped_column(comment="how many days they had been in the stage, rounded up; 0 and less within one day (crm.step_of)")
    moved_on: Mapped[int] = mapped_column(comment="leads that left the stage for another one")
    took: Mapped[list[float]] = mapped_column(ARRAY(Double), comment="the days of each, exactly")
    __table_args__ = (
        UniqueConstraint("month", *_BUCKET, "step", name="uq_passage_months_cell", postgresql_nulls_not_distinct=True),
        Index("ix_passage_months_stage_id_step", "stage_id", "step", "month"),
    )


class ArrivalMonth(_Bucket, Base):
    """Leads that stand in a stage, by the month in which they came there, and how many days each took until then."""

    __tablename__ = "arrival_months"
    month: Mapped[date] = mapped_column(comment="first day of the month in which they came to their stage, in the reporting time zone")
    took: Mapped[list[float]] = mapped_column(ARRAY(Double), comment="the days that each took from its beginning until then, exactly")
    __table_args__ = (_one_row("arrival_months", "month"),)


class UnfoldedStay(_Bucket, Base):
    """A stay that opened or ended since the last fold, listed by the statement that wrote it. The fold removes it."""

    __tablename__ = "unfolded_stays"
    leads: Mapped[int] = mapped_column(SmallInteger, comment="+1 for a stay that opened, -1 for one that ended")
    source: Mapped[str | None]
    close_month: Mapped[date | None]
    path: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    began_at: Mapped[datetime]
    stage_entered_at: Mapped[datetime]
    happened_at: Mapped[datetime] = mapped_column(comment="when the stay opened or ended")
    left_by: Mapped[str | None] = mapped_column(comment="the kind of posting that ended it; null for one that opened")
    value_usd: Mapped[Decimal] = mapped_column(Numeric(16, 2), comment="signed USD")


class FoldedActivity(Base):
    """What somebody did, beside whose the lead is and when they had last been in touch with it."""

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
        # Who did how much is read from these alone: everybody, or those of a team.
        Index(
            "ix_folded_activities_happened_at", "happened_at",
            postgresql_include=["lead_id", "person_id", "kind", "duration_minutes", "team_id", "pipeline_id", "owner_id", "before_at"],
        ),
        Index(
            "ix_folded_activities_team_id", "team_id", "happened_at",
            postgresql_include=["lead_id", "person_id", "kind", "duration_minutes", "pipeline_id", "owner_id", "before_at"],
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
