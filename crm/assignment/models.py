"""Rules that give new leads to people, whose turn it is, and why each lead went where it did."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref, Version


class AssignmentRule(Base):
    __tablename__ = "assignment_rules"
    id: Mapped[Id]
    version: Mapped[Version]
    team_id: Mapped[Ref] = mapped_column(ForeignKey("crm.teams.id"), comment="whose new leads it is for, those of teams below included")
    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default=text("0"), comment="the first rule that fits and has somebody there decides")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    pipeline_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.pipelines.id"), comment="null: leads of every pipeline")
    conditions: Mapped[Json] = mapped_column(comment='{"markets": [...], "sources": [...], "field": name, "value": text}: all must hold; {} fits every lead')
    method: Mapped[str] = mapped_column(comment="round_robin, least_busy or person (the first of them who is there)")
    people: Mapped[Json] = mapped_column(comment='{"ids": [...]} in order; {} is everybody of the team who works leads')
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        CheckConstraint("method in ('round_robin', 'least_busy', 'person')", name="method"),
        Index("ix_assignment_rules_team_id", "team_id", "position", "id", postgresql_where=text("deleted_at is null")),
    )


class AssignmentTurn(Base):
    """One row a rule: who came last. Locked until the lead is saved, so that many at once still take turns."""

    __tablename__ = "assignment_turns"
    rule_id: Mapped[Ref] = mapped_column(ForeignKey("crm.assignment_rules.id"), primary_key=True, autoincrement=False)
    last_person_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id"))


class LeadAssignment(Base):
    """Why a new lead went to somebody: kept as it was said that day."""

    __tablename__ = "lead_assignments"
    lead_id: Mapped[Ref] = mapped_column(ForeignKey("crm.leads.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    rule_id: Mapped[Ref] = mapped_column(ForeignKey("crm.assignment_rules.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id"), comment="to whom it went")
    text: Mapped[str] = mapped_column(comment="the reason in words, as of that day")
    created_at: Mapped[CreatedAt]
    __table_args__ = (Index("ix_lead_assignments_rule_id", "rule_id"), Index("ix_lead_assignments_person_id", "person_id"))
