"""Is the database what this release expects, and do its walls stand? Reads the catalogues only."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.db.roles import DbRoles

OLDEST_VERSION = 150_000

_SERVER = text("""
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
        current_database() as name
""")
_REVISION = text("select version_num from crm.alembic_version")
_UNWALLED = text("""
    select c.relname
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'crm' and c.relkind in ('r', 'p') and c.relname <> 'alembic_version'
        and not (c.relrowsecurity and c.relforcerowsecurity and exists (select from pg_policy as p where p.polrelid = c.oid))
    order by c.relname
""")
# A view runs with its owner's rights: none may be readable.
_READABLE_VIEWS = text("""
    select c.relname
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    join pg_roles as r on r.rolname = any(:names)
    where n.nspname = 'crm' and c.relkind in ('v', 'm') and has_table_privilege(r.oid, c.oid, 'select')
    group by c.relname
""")
_STRONG = text("""
    select r.rolname
    from pg_roles as r
    where r.rolname = any(:names)
        and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolinherit
            or exists (
                select from pg_shdepend as d
                left join pg_class as c on c.oid = d.objid and d.classid = 'pg_class'::regclass
                    and d.dbid = (select b.oid from pg_database as b where b.datname = current_database())
                -- A running sync's own tables go with its connection.
                where d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype = 'o' and c.relpersistence is distinct from 't'))
    order by r.rolname
""")
_EXTRA = text("""
    select g.rolname
    from pg_auth_members as m
    join pg_roles as g on g.oid = m.roleid
    join pg_roles as l on l.oid = m.member
    where l.rolname = any(:names) and g.rolname <> all(:assumable)
""")


def server(session: Session) -> tuple[bool, str]:
    """(is it recent enough, what it is)."""
    row = session.execute(_SERVER).one()
    return row.number >= OLDEST_VERSION, f"PostgreSQL {row.version}, database {row.name}"


def revision(session: Session) -> str | None:
    """The schema's revision. The session must be under the system role."""
    found: str | None = session.scalar(_REVISION)
    return found


def holes(session: Session, names: DbRoles) -> list[str]:
    """Everything that would let somebody past the walls, a short phrase each; empty when they stand."""
    ours = {"names": [*names.assumable, names.login]}
    found = [f"{table} has no forced row security or no policy" for table in session.scalars(_UNWALLED)]
    found += [f"the view {view} is readable" for view in session.scalars(_READABLE_VIEWS, ours)]
    found += [f"the role {role} owns something or may do too much" for role in session.scalars(_STRONG, ours)]
    found += [f"our roles belong to {role}" for role in session.scalars(_EXTRA, {**ours, "assumable": list(names.assumable)})]
    return found


def walled_tables(session: Session) -> int:
    """How many tables stand behind walls."""
    return int(session.scalar(text("select count(distinct p.polrelid) from pg_policy as p")) or 0)
