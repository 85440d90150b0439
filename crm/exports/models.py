"""What was asked to leave the app, and the files that wait to be fetched."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref


class Export(Base):
    """A file that somebody asked for. The machinery's bookkeeping, seen by its person; what left is in the audit."""

    __tablename__ = "exports"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(comment="what makes the file, such as report.xlsx")
    wanted: Mapped[Json] = mapped_column(comment="the question that it answers")
    name: Mapped[str] = mapped_column(comment="what the file is called")
    state: Mapped[str] = mapped_column(server_default="waiting")
    problem: Mapped[str | None] = mapped_column(comment="why it could not be made, in words for people")
    rows: Mapped[int] = mapped_column(server_default=text("0"), comment="in the file; while it is made, so far")
    size_bytes: Mapped[int | None] = mapped_column(comment="null until it is made")
    standing: Mapped[str] = mapped_column(comment="SHA-256 of the person's roles when it was asked for: the file is for who holds just these")
    facts: Mapped[Json] = mapped_column(comment="what the audit says when it leaves")
    created_at: Mapped[CreatedAt]
    started_at: Mapped[Moment | None]
    made_at: Mapped[Moment | None]
    fetched_at: Mapped[Moment | None]
    expires_at: Mapped[Moment] = mapped_column(comment="nobody fetches it after that")
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'making', 'ready', 'fetched', 'failed')", name="state"),
        Index("ix_exports_person_id_expires_at", "person_id", "expires_at"),
        Index("ix_exports_expires_at", "expires_at"),
    )


class ExportPart(Base):
    """A piece of a file that waits to be fetched. Read by nobody but the machinery, and removed as the file leaves."""

    __tablename__ = "export_parts"
    id: Mapped[Id]
    export_id: Mapped[Ref] = mapped_column(ForeignKey("crm.exports.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[bytes]
    __table_args__ = (UniqueConstraint("export_id", "number"),)
