"""Who exists, what they may do, and how they prove who they are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm.db.base import Base, CreatedAt, Id, Json, Moment, Ref, Version


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[Id]
    version: Mapped[Version]
    name: Mapped[str]
    parent_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id"), comment="members of the parent team reach this team too")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (Index("uq_teams_name", func.lower(text("name")), unique=True, postgresql_where=text("deleted_at is null")),)


class Person(Base):
    __tablename__ = "people"
    id: Mapped[Id]
    version: Mapped[Version]
    email: Mapped[str] = mapped_column(comment="lower case; the sign-in name")
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="UTC", comment="IANA name")
    disabled_at: Mapped[Moment | None]
    absent_from: Mapped[date | None] = mapped_column(comment="first day away")
    absent_until: Mapped[date | None] = mapped_column(comment="last day away; null while nobody knows")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        Index("uq_people_email", func.lower(text("email")), unique=True),
        Index("uq_people_name", func.lower(text("name")), unique=True),
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("absent_until is null or absent_from <= absent_until", name="absence"),
    )


class Role(Base):
    __tablename__ = "roles"
    id: Mapped[Id]
    version: Mapped[Version]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    is_shipped: Mapped[bool] = mapped_column(server_default=text("false"))
    is_organisation_wide: Mapped[bool] = mapped_column(server_default=text("false"), comment="held without a team, as admin is")
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (Index("uq_roles_name", func.lower(text("name")), unique=True, postgresql_where=text("deleted_at is null")),)


class Grant(Base):
    """One cell of a role's grid; "none" stands as a row too."""

    __tablename__ = "grants"
    id: Mapped[Id]
    version: Mapped[Version]
    role_id: Mapped[Ref] = mapped_column(ForeignKey("crm.roles.id", ondelete="CASCADE"))
    resource: Mapped[str]
    action: Mapped[str]
    scope: Mapped[str]
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        Index("uq_grants_role_id_resource_action", "role_id", "resource", "action", unique=True, postgresql_where=text("deleted_at is null")),
        CheckConstraint("scope in ('none', 'own', 'team', 'all')", name="scope"),
    )


class FieldRule(Base):
    """A field that a role does not show, or shows without letting it be changed."""

    __tablename__ = "field_rules"
    id: Mapped[Id]
    version: Mapped[Version]
    role_id: Mapped[Ref] = mapped_column(ForeignKey("crm.roles.id", ondelete="CASCADE"))
    record_type: Mapped[str] = mapped_column(comment="lead, company or contact")
    field: Mapped[str] = mapped_column(comment="the field's name; custom fields as custom.key")
    rule: Mapped[str]
    deleted_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    __table_args__ = (
        Index("uq_field_rules_role_id_record_type_field", "role_id", "record_type", "field", unique=True, postgresql_where=text("deleted_at is null")),
        CheckConstraint("rule in ('hidden', 'read_only')", name="rule"),
    )


class Membership(Base):
    __tablename__ = "memberships"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    team_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.teams.id", ondelete="CASCADE"), comment="null for an organisation-wide role")
    role_id: Mapped[Ref] = mapped_column(ForeignKey("crm.roles.id"))
    created_at: Mapped[CreatedAt]
    __table_args__ = (
        UniqueConstraint("person_id", "team_id", postgresql_nulls_not_distinct=True),
        Index("ix_memberships_team_id", "team_id"),
        Index("ix_memberships_role_id", "role_id"),
    )


class AccessStamp(Base):
    """One row whose version grows whenever a person, team, membership, role, grant, pipeline or stage changes."""

    __tablename__ = "access_stamps"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[Version]
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Credential(Base):
    """Kept apart from `people` so that no view role can read it."""

    __tablename__ = "credentials"
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(comment="bcrypt")
    changed_at: Mapped[CreatedAt]


class Session(Base):
    __tablename__ = "sessions"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(comment="SHA-256 of the cookie's 256-bit token")
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
    last_used_at: Mapped[CreatedAt] = mapped_column(comment="written at most once a minute")
    address: Mapped[str] = mapped_column(server_default="", comment="of the sign-in")
    device: Mapped[str] = mapped_column(server_default="", comment="browser and system, as the browser says")
    revoked_at: Mapped[Moment | None]
    viewing_as_id: Mapped[Ref | None] = mapped_column(
        ForeignKey("crm.people.id", ondelete="SET NULL"), comment="whom this session looks at the app as, only looking; null for oneself"
    )
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("viewing_as_id <> person_id", name="views_another"),
        Index("ix_sessions_person_id", "person_id"),
        Index("ix_sessions_expires_at", "expires_at"),
        Index("ix_sessions_viewing_as_id", "viewing_as_id", postgresql_where=text("viewing_as_id is not null")),
    )


class Download(Base):
    """A file that a person may fetch once, within two minutes: what it shall hold, not the data."""

    __tablename__ = "downloads"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(comment="what makes the file, such as audit")
    wanted: Mapped[Json] = mapped_column(comment="the filters it is made by")
    token_hash: Mapped[str] = mapped_column(comment="SHA-256 of the address's 256-bit token")
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    __table_args__ = (UniqueConstraint("token_hash"), Index("ix_downloads_person_id", "person_id"), Index("ix_downloads_expires_at", "expires_at"))


class OneTimeLink(Base):
    """A sign-in ticket (30 seconds), an invitation (7 days), a password reset or a set-up link (24 hours). Used once."""

    __tablename__ = "one_time_links"
    id: Mapped[Id]
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"), comment="null for the first admin's set-up")
    purpose: Mapped[str]
    token_hash: Mapped[str]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("purpose in ('ticket', 'reset', 'setup', 'invitation')", name="purpose"),
        Index("ix_one_time_links_person_id", "person_id"),
    )


class SignInAttempt(Base):
    """A failed sign-in, counted per name and address; old rows are cleaned by a job."""

    __tablename__ = "sign_in_attempts"
    id: Mapped[Id]
    email: Mapped[str]
    address: Mapped[str]
    at: Mapped[CreatedAt]
    __table_args__ = (Index("ix_sign_in_attempts_email_at", "email", "at"), Index("ix_sign_in_attempts_address_at", "address", "at"))


class ApiKey(Base):
    __tablename__ = "api_keys"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    name: Mapped[str]
    key_hash: Mapped[str] = mapped_column(comment="SHA-256 of the key")
    is_read_only: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment | None]
    last_used_at: Mapped[Moment | None] = mapped_column(comment="written at most once a minute")
    revoked_at: Mapped[Moment | None]
    __table_args__ = (UniqueConstraint("key_hash"), Index("ix_api_keys_person_id", "person_id"))


class IdempotencyKey(Base):
    """The first answer to a POST, replayed for 24 hours."""

    __tablename__ = "idempotency_keys"
    id: Mapped[Id]
    person_id: Mapped[Ref] = mapped_column(ForeignKey("crm.people.id", ondelete="CASCADE"))
    key: Mapped[str]
    request_hash: Mapped[str] = mapped_column(comment="SHA-256 of method, path and body")
    status: Mapped[int | None] = mapped_column(comment="null while the first request runs")
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
    __table_args__ = (UniqueConstraint("person_id", "key"),)


class AuditEvent(Base):
    """Append-only: sign-ins, configuration, exports. Never holds secrets."""

    __tablename__ = "audit_events"
    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    person_id: Mapped[Ref | None] = mapped_column(comment="who acted; null before sign-in")
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="", comment="what it was done to, such as person 12")
    address: Mapped[str] = mapped_column(server_default="")
    facts: Mapped[Json]
    __table_args__ = (
        Index("ix_audit_events_at", "at"),
        Index("ix_audit_events_person_id_at", "person_id", "at"),
        Index("ix_audit_events_kind_at", "kind", "at"),
        Index("ix_audit_events_subject_at", "subject", "at"),
        Index("ix_audit_events_address_at", "address", "at"),
    )
