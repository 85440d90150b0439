"""Brings a database up to date: roles, schema (Alembic) and the shipped roles, under one advisory lock.

Runs as the owner that `DATABASE_URL` names; nothing else does, except backup and restore.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from crm.db import roles
from crm.settings import Settings

LOCK = 7_264_001
LOCK_TIMEOUT = "10s"


def config(connection: Connection, db_roles: roles.DbRoles) -> Config:
    """Alembic's configuration for one open owner connection."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    found.attributes["connection"] = connection
    found.attributes["roles"] = db_roles
    return found


def owner_engine(owner_url: str) -> Engine:
    return create_engine(make_url(owner_url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


def migrate(settings: Settings, owner_url: str, *, target: str = "head") -> bool:
    """Upgrade (or, for an older `target`, downgrade) the database. True when the schema changed."""
    engine = owner_engine(owner_url)
    installation = roles.installation_of(settings, engine.url)
    db_roles = roles.DbRoles(installation)
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:k)"), {"k": LOCK})
            try:
                connection.execute(text("create schema if not exists crm"))
                before = current_revision(connection)
                head = ScriptDirectory.from_config(config(connection, db_roles)).get_current_head()
                if before == head and target == "head":
                    connection.rollback()
                    if not roles.can_sign_in(roles.login_url(settings, owner_url)):
                        # CRM_SECRET_KEY was changed: the login's password is derived from it.
                        _ensure_roles(connection, db_roles, roles.login_password(settings, installation))
                    return False
                _ensure_roles(connection, db_roles, roles.login_password(settings, installation))
                connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
                going_down = target != "head" and before is not None
                (command.downgrade if going_down else command.upgrade)(config(connection, db_roles), target)
                connection.commit()
                return True
            finally:
                connection.rollback()
                connection.execute(text("select pg_advisory_unlock(:k)"), {"k": LOCK})
                connection.commit()
    finally:
        engine.dispose()


def _ensure_roles(connection: Connection, db_roles: roles.DbRoles, password: str) -> None:
    """In a transaction of its own: another database's migration would wait for these rows until this one's schema is done."""
    connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
    roles.ensure(connection, db_roles, password)
    connection.commit()


def current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table_schema": "crm"}).get_current_revision()


def head_revision() -> str | None:
    """The newest revision this release knows."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(found).get_current_head()
