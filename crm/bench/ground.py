"""The database that benches run on: its own, filled like the demo, kept between runs of the same size."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from crm import settings
from crm.access import Person, as_system, load
from crm.db import engine as db_engine
from crm.db.migrate import migrate

INSTALLATION = "throughline_bench"


@dataclass(frozen=True)
class Ground:
    """Where to measure: the owner's URL and one person for each view scope."""

    url: str
    leads: int
    people: dict[str, Person]

    def owner(self) -> Engine:
        return create_engine(make_url(self.url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


def prepare(leads: int, progress: Callable[[str], None]) -> Ground:
    """Make (or find) the bench database with `leads` leads and point this process to it."""
    from crm.demo.fill import fill

    name = f"{INSTALLATION}_{leads}"
    owner = make_url(db_engine.owner_url()).set(drivername="postgresql+psycopg")
    url = owner.set(database=name).render_as_string(hide_password=False)
    admin = create_engine(owner, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        is_there = connection.scalar(text("select 1 from pg_database where datname = :n"), {"n": name})
        if not is_there:
            connection.execute(text(f'create database "{name}"'))
    point_to(url, name)
    migrate(settings.current(), url)
    ground = Ground(url, leads, {})
    with ground.owner().connect() as connection:
        is_filled = connection.scalar(text("select count(*) from crm.leads"))
    if not is_filled:
        progress(f"Filling {name}...")
        fill(leads=leads, progress=progress, is_settled=False)  # rules would give out what benches import
    return Ground(url, leads, _people(ground))


def point_to(url: str, installation: str) -> None:
    """This process, and those it starts, use that database from now on."""
    os.environ.update(DATABASE_URL=url, CRM_INSTALLATION=installation[:30], CRM_DEMO="1")
    for cache in (settings.current, db_engine.owner_url, db_engine.runtime_engine, db_engine.role_names):
        cache.cache_clear()


_BENCH_ROLE = """
    with role as (
        insert into crm.roles (name, description) values ('bench own', 'Sees and edits own leads only')
        on conflict (lower(name)) where deleted_at is null do update set description = excluded.description returning id
    )
    insert into crm.grants (role_id, resource, action, scope)
    select role.id, 'lead', a, 'own' from role, unnest(array['view', 'create', 'edit', 'bulk', 'assign']) as a
    union all select role.id, 'report', 'view', 'own' from role
    on conflict do nothing
"""
_PLACE = """
    insert into crm.memberships (person_id, team_id, role_id)
    select :person, :team, id from crm.roles where name = :role
    on conflict (person_id, team_id) do update set role_id = excluded.role_id
"""


def _people(ground: Ground) -> dict[str, Person]:
    """all: the admin; team: the first team's manager; own and mixed: two reps given such roles."""
    with ground.owner().begin() as connection:
        connection.execute(text(_BENCH_ROLE))
        ids = {row.email: row.id for row in connection.execute(text("select id, email from crm.people"))}
        reps = connection.execute(
            text("""
                select p.id, min(m.team_id) as team_id from crm.people as p
                join crm.memberships as m on m.person_id = p.id join crm.roles as r on r.id = m.role_id
                where p.email <> all (array['ana@demo.example', 'bruno@demo.example', 'carla@demo.example']) and r.name in ('rep', 'bench own')
                group by p.id order by p.id limit 2
            """)
        ).all()
        own, mixed = reps
        other = connection.scalar(text("select min(id) from crm.teams where id <> :t"), {"t": mixed.team_id})
        connection.execute(text(_PLACE), {"person": own.id, "team": own.team_id, "role": "bench own"})
        connection.execute(text(_PLACE), {"person": mixed.id, "team": mixed.team_id, "role": "rep"})
        connection.execute(text(_PLACE), {"person": mixed.id, "team": other, "role": "bench own"})
    chosen = {"all": ids["alma@demo.example"], "team": ids["mona@demo.example"], "own": own.id, "mixed": mixed.id}
    with as_system() as session:
        return {scope: load(session, person_id) for scope, person_id in chosen.items()}
