"""Dashboards: figures of reports put together under a name, for oneself, a team or everyone."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref, Version


class Dashboard(Base):
    __tablename__ = "dashboards"
    id: Mapped[Id]
    version: Mapped[Version]
    owner_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"), comment="who made it; null: the command line")
    audience: Mapped[str] = mapped_column(comment="who sees it: private (its owner), team or everyone")
    for_team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="the team that sees it; null otherwise")
    name: Mapped[str]
    filters: Mapped[Json] = mapped_column(comment='what it opens with: {"team": id, "owner": id, "market": code, "period": word}')
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("audience in ('private', 'team', 'everyone')", name="audience"),
        CheckConstraint("(audience = 'team') = (for_team_id is not null)", name="team"),
        CheckConstraint("length(name) between 1 and 60", name="name_length"),
    )


class DashboardBlock(Base):
    """A record of its own, so that two people who change different blocks meet no conflict."""

    __tablename__ = "dashboard_blocks"
    id: Mapped[Id]
    version: Mapped[Version]
    dashboard_id: Mapped[Ref] = mapped_column(ForeignKey("crm.dashboards.id"))
    kind: Mapped[str] = mapped_column(comment="report (a figure of one) or exploration")
    what: Mapped[str] = mapped_column(comment="which figure; explore for an exploration")
    title: Mapped[str | None] = mapped_column(comment="null: what the figure is called by itself")
    width: Mapped[str] = mapped_column(server_default=text("'half'"), comment="half or full")
    position: Mapped[int] = mapped_column(server_default=text("0"))
    parameters: Mapped[Json] = mapped_column(comment="what it is narrowed to where the dashboard's filters leave it open; of an exploration, its address")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("kind in ('report', 'exploration')", name="kind"),
        CheckConstraint("width in ('half', 'full')", name="width"),
        CheckConstraint("length(title) between 1 and 80", name="title_length"),
        Index("ix_dashboard_blocks_dashboard_id", "dashboard_id", "position", "id", postgresql_where=text("deleted_at is null")),
    )
