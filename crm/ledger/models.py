"""The pipeline's double-entry bookkeeping: postings and stays. What is added up of them: fold_models.py."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CHAR, BigInteger, CheckConstraint, Index, Numeric, SmallInteger, func, text
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
