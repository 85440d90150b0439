"""The database roles of one installation. Roles belong to the whole server, so their names carry the installation's.

One role per view scope (each has one plain policy, so the same indexes serve every scope), one that
writes, one for the machinery (sign-in, jobs), and the login that every process but `migrate` uses:
NOINHERIT, owner of nothing, no superuser, no BYPASSRLS.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from crm.settings import Settings

TRIES = 10
RACES = ("XX000", "23505", "42710", "40P01")  # tuple concurrently updated, the role or its grant was just made, deadlock
VIEW_SCOPES = ("all", "team", "own", "mixed")
_IS_PLAIN = text("select rolcanlogin and not (rolinherit or rolcreatedb or rolcreaterole) from pg_roles where rolname = :n")


@dataclass(frozen=True, slots=True)
class DbRoles:
    """Role names of one installation."""

    installation: str

    @property
    def all(self) -> str:
        return f"crm_{self.installation}_all"

    @property
    def team(self) -> str:
        return f"crm_{self.installation}_team"

    @property
    def own(self) -> str:
        return f"crm_{self.installation}_own"

    @property
    def mixed(self) -> str:
        return f"crm_{self.installation}_mixed"

    @property
    def write(self) -> str:
        return f"crm_{self.installation}_write"

    @property
    def system(self) -> str:
        return f"crm_{self.installation}_system"

    @property
    def login(self) -> str:
        return f"crm_{self.installation}_login"

    @property
    def view(self) -> tuple[str, ...]:
        return (self.all, self.team, self.own, self.mixed)

    @property
    def assumable(self) -> tuple[str, ...]:
        return (*self.view, self.write, self.system)


def installation_of(settings: Settings, owner_url: URL) -> str:
    """CRM_INSTALLATION, or the database's name; where that had to be made safe or shorter, with a mark of the whole name.

    Two databases on one server never share roles, however alike their names are.
    """
    if settings.installation:
        return settings.installation
    name = owner_url.database or "crm"
    if re.fullmatch(r"[a-z][a-z0-9_]{0,29}", name):
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"db_{re.sub(r'[^a-z0-9_]', '_', name.lower())[:18]}_{mark}"


def login_password(settings: Settings, installation: str) -> str:
    return settings.derive(f"runtime-login:{installation}")


def login_url(settings: Settings, owner_url: str | URL) -> URL:
    """The URL of the runtime login for the owner's `owner_url`."""
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    installation = installation_of(settings, url)
    return url.set(username=DbRoles(installation).login, password=login_password(settings, installation))


def can_sign_in(url: URL) -> bool:
    """Whether the server takes this login with its password."""
    try:
        create_engine(url, poolclass=NullPool).connect().close()
    except OperationalError:
        return False
    return True


def ensure(connection: Connection, roles: DbRoles, password: str) -> None:
    """Make the installation's roles and the login. Runs as the owner, which needs CREATEROLE.

    Roles belong to the whole server and an advisory lock to one database, so another database of the same
    installation may be at the very same roles: what it has just changed is then looked at anew.
    """
    for attempt in range(TRIES):
        try:
            with connection.begin_nested():
                return _ensure(connection, roles, password)
        except DBAPIError as error:
            if attempt == TRIES - 1 or getattr(error.orig, "sqlstate", None) not in RACES:
                raise
            time.sleep(0.1 * (attempt + 1))


def _ensure(connection: Connection, roles: DbRoles, password: str) -> None:
    existing = set(connection.scalars(text("select rolname from pg_roles where rolname like :p"), {"p": f"crm_{roles.installation}_%"}))
    for name in roles.assumable:
        if name not in existing:
            connection.execute(text(f'create role "{name}" nologin noinherit'))
    _ensure_login(connection, roles, password, is_new=roles.login not in existing)
    granted = set(
        connection.scalars(
            text("select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles l on l.oid = m.member where l.rolname = :l"),
            {"l": roles.login},
        )
    )
    for name in roles.assumable:
        if name not in granted:
            connection.execute(text(f'grant "{name}" to "{roles.login}"'))
    database = connection.scalar(text("select current_database()"))
    connection.execute(text(f'revoke all on database "{database}" from public'))
    connection.execute(text(f'grant connect on database "{database}" to "{roles.login}"'))
    # A sync lays out what it has read in tables of its own connection.
    connection.execute(text(f'grant temporary on database "{database}" to "{roles.system}"'))
    connection.execute(text("revoke create on schema public from public"))


def _ensure_login(connection: Connection, roles: DbRoles, password: str, *, is_new: bool) -> None:
    """Written only where something is not as it should be: most migrations find the login in order."""
    if not is_new and connection.scalar(_IS_PLAIN, {"n": roles.login}) and can_sign_in(connection.engine.url.set(username=roles.login, password=password)):
        return
    driver: psycopg.Connection[object] = connection.connection.driver_connection  # type: ignore[assignment]
    # Its verifier, so that the password itself stands in no statement, error or server log.
    verifier = driver.pgconn.encrypt_password(password.encode(), roles.login.encode(), b"scram-sha-256").decode()
    verb = "create" if is_new else "alter"
    connection.exec_driver_sql(f"{verb} role \"{roles.login}\" with login noinherit nocreatedb nocreaterole password '{verifier}'")
