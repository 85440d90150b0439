"""The database identity: opens a transaction in which row security knows who acts and how far they may see.

    with acting_as(person) as session:          # sees what (lead, view) reaches
        ...
        with writing(session, "lead", "edit"):  # only `crm.changes` and configuration use cases do this
            ...

No context means no rows: the runtime login itself may read nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from crm.access.person import Person, Reach, missing_grant
from crm.db import engine as db_engine
from crm.errors import CrmError

_SET = text("select set_config(k, v, true) from unnest(cast(:keys as text[]), cast(:vals as text[])) as s (k, v)")


def _ids(ids: frozenset[int]) -> str:
    return "{" + ",".join(map(str, sorted(ids))) + "}"


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def _apply(session: Session, values: Mapping[str, str]) -> None:
    session.execute(_SET, {"keys": list(values), "vals": list(values.values())})


def _view_settings(person: Person, reach: Reach) -> dict[str, str]:
    """What the view policies read. A reach of none becomes `own` of nobody."""
    scope = reach.scope
    role = getattr(db_engine.role_names(), "own" if scope == "none" else scope)
    found = {
        "crm.person": str(person.id or ""),
        "crm.view_scope": scope,
        "crm.teams": _ids(reach.teams),
        "crm.audit_all": _on(person.reach("audit", "view").everywhere),
        "crm.role_all": _on(person.reach("role", "view").everywhere),
    }
    for resource in ("company", "contact", "pipeline", "person"):
        resource_reach = person.reach(resource, "view")
        found[f"crm.{resource}_all"] = _on(resource_reach.everywhere)
        found[f"crm.{resource}_teams"] = _ids(resource_reach.teams)
        found[f"crm.{resource}_own"] = _on(resource_reach.own)
    return {**found, "role": role}


@contextmanager
def acting_as(person: Person, *, resource: str = "lead", action: str = "view", engine: Engine | None = None) -> Iterator[Session]:
    """One transaction as `person`; commits at the end, rolls back on any exception.

    The view role follows the reach of (`resource`, `action`), so an export by somebody who may export
    only their own sees only their own.
    """
    with Session(engine or db_engine.runtime_engine(), expire_on_commit=False) as session, session.begin():
        values = _view_settings(person, person.reach(resource, action))
        session.info.update(person=person, view_settings=values)
        _apply(session, values)
        yield session


def person_of(session: Session) -> Person:
    """Who this session acts as."""
    found: Person = session.info["person"]
    return found


@contextmanager
def writing(session: Session, resource: str, action: str, *, undoing: int | None = None) -> Iterator[None]:
    """The write role with the reach of (`resource`, `action`), then the view role again.

    The old row must lie within that reach; the new one within it or where the person may assign to.
    `undoing`: the person's own change set that is being taken back.
    """
    person = person_of(session)
    reach = person.reach(resource, action)
    if reach.is_none and resource != "account":  # settling one's own conflicts and reading one's own change sets needs no grant
        raise missing_grant(resource, action)
    assign = reach | person.reach(resource, "assign")
    _apply(session, {
        "crm.write_resource": resource,
        "crm.write_all": _on(reach.everywhere), "crm.write_teams": _ids(reach.teams), "crm.write_own": _on(reach.own),
        "crm.assign_all": _on(assign.everywhere), "crm.assign_teams": _ids(assign.teams), "crm.assign_own": _on(assign.own),
        "crm.undoing": str(undoing or ""),
        "role": db_engine.role_names().write,
    })  # fmt: skip
    try:
        yield
    except CrmError:  # the transaction is sound and a caller may go on with it; a database error has ended it
        _leave(session)
        raise
    _leave(session)


def _leave(session: Session) -> None:
    _apply(session, {"crm.write_resource": "", "crm.undoing": "", **session.info["view_settings"]})


@contextmanager
def as_system(*, engine: Engine | None = None) -> Iterator[Session]:
    """The machinery's transaction (sign-in, keys, jobs): reaches access tables and the fold, never a lead."""
    with Session(engine or db_engine.runtime_engine(), expire_on_commit=False) as session, session.begin():
        _apply(session, {"role": db_engine.role_names().system})
        yield session
