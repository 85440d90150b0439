"""Saved views: what a list was asked for, under a name, for oneself, a team or everyone."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref, Version


class View(Base):
    __tablename__ = "views"
    id: Mapped[Id]
    version: Mapped[Version]
    owner_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"), comment="who made it; null: the command line")
    audience: Mapped[str] = mapped_column(comment="who sees it: private (its owner), team or everyone")
    for_team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="the team that sees it; null otherwise")
    page: Mapped[str] = mapped_column(comment="the page it opens")
    name: Mapped[str]
    address: Mapped[Json] = mapped_column(comment="the page's URL parameters: {name: [value, ...]}")
    position: Mapped[int] = mapped_column(server_default=text("0"))
    is_pinned: Mapped[bool] = mapped_column(server_default=text("false"), comment="stands as a button above the list")
    default_for_role_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.roles.id"), comment="the page opens with it for people of this role")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("audience in ('private', 'team', 'everyone')", name="audience"),
        CheckConstraint("(audience = 'team') = (for_team_id is not null)", name="team"),
        CheckConstraint("default_for_role_id is null or audience <> 'private'", name="default_is_shared"),
        CheckConstraint("length(name) between 1 and 60", name="name_length"),
        Index("ix_views_page", "page", "position", "id", postgresql_where=text("deleted_at is null")),
        Index(
            "uq_views_default", "default_for_role_id", "page", "for_team_id", unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where=text("default_for_role_id is not null and deleted_at is null"),
        ),
    )  # fmt: skip
