"""The database identity: opens a transaction in which row security knows who acts and how far they may see.

    with acting_as(person) as session:          # sees what (lead, view) reaches
        ...
        with writing(session, "lead", "edit"):  # only `crm.changes` and configuration use cases do this
            ...

No context means no rows: the runtime login itself may read nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from psycopg import Connection
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection as Connected
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crm.access.person import Person, Reach, missing_grant
from crm.db import direct
from crm.db import engine as db_engine
from crm.errors import Refused

NOT_WRITING = {"crm.write_resource": "", "crm.undoing": "", "plan_cache_mode": "auto"}
_SET = "select set_config(key, value, true) from jsonb_each_text(cast(:settings as jsonb))"


def _ids(ids: frozenset[int]) -> str:
    return "{" + ",".join(map(str, sorted(ids))) + "}"


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def _apply(session: Session, settings: str) -> None:
    direct.later(session, _SET, {"settings": settings})


@cache
def _as_role(role: str) -> str:
    return json.dumps({"role": role})


@cache
def _back_as(role: str) -> str:
    """What to set to be a view role again; the rest of the view settings was left as it was."""
    return json.dumps({**NOT_WRITING, "role": role})


def _view_role(reach: Reach) -> str:
    """A reach of none becomes `own` of nobody."""
    role: str = getattr(db_engine.role_names(), "own" if reach.scope == "none" else reach.scope)
    return role


def _view(person: Person, resource: str, action: str) -> str:
    """The view settings as JSON, worked out once per person and access stamp."""
    found = person.views.get((resource, action))
    if found is None:
        found = person.views[resource, action] = json.dumps(_view_settings(person, person.reach(resource, action)))
    return found


def _view_settings(person: Person, reach: Reach) -> dict[str, str]:
    """What the view policies read. Nobody is writing."""
    found = {
        "crm.person": str(person.id or ""),
        "crm.view_scope": reach.scope,
        "crm.teams": _ids(reach.teams),
        "crm.audit_all": _on(person.reach("audit", "view").everywhere),
        "crm.role_all": _on(person.reach("role", "view").everywhere),
        "crm.is_viewed": _on(person.is_viewed),
        "crm.my_teams": _ids(person.team_ids),
    }
    share = person.reach("view", "share")
    found |= {"crm.share_all": _on(share.everywhere), "crm.share_teams": _ids(share.teams)}
    for resource in ("company", "contact", "customer", "pipeline", "person", "template"):
        resource_reach = person.reach(resource, "view")
        found[f"crm.{resource}_all"] = _on(resource_reach.everywhere)
        found[f"crm.{resource}_teams"] = _ids(resource_reach.teams)
        found[f"crm.{resource}_own"] = _on(resource_reach.own)
    return {**found, **NOT_WRITING, "role": _view_role(reach)}


@contextmanager
def acting_as(person: Person, *, resource: str = "lead", action: str = "view", engine: Engine | None = None) -> Iterator[Session]:
    """One transaction as `person`; commits at the end, rolls back on any exception.

    The view role follows the reach of (`resource`, `action`), so an export by somebody who may export
    only their own sees only their own.
    """
    with Session(engine or db_engine.runtime_engine(), expire_on_commit=False) as session, session.begin():
        reach = person.reach(resource, action)
        session.info.update(person=person, reach=reach, back=_back_as(_view_role(reach)))
        _apply(session, _view(person, resource, action))
        yield session
        _check_sound(session)


def person_of(session: Session) -> Person:
    """Who this session acts as."""
    found: Person = session.info["person"]
    return found


def reach_of(session: Session) -> Reach:
    """How far the leads go that this session sees: the reach of what it was opened for."""
    found: Reach = session.info["reach"]
    return found


@contextmanager
def writing(session: Session, resource: str, action: str, *, undoing: int | None = None) -> Iterator[None]:
    """The write role with the reach of (`resource`, `action`), then the view role again.

    The old row must lie within that reach; the new one within it or where the person may assign to.
    `undoing`: the change set that is being taken back; where it is the person's own, the wall also lets them
    at records which they changed last by it, whatever their reach.
    """
    person = person_of(session)
    person.refuse_if_viewed()
    if person.is_read_only:
        raise Refused("This key can only read.", grant=f"{resource}: {action}")
    reach = person.reach(resource, action)
    if reach.is_none and resource != "account" and not (undoing and person.may_write(resource)):
        raise missing_grant(resource, action)  # one's own account, conflicts and change sets need no grant
    assign = reach | person.reach(resource, "assign")
    if undoing:
        assign = assign | person.reach(resource, "create") | person.reach(resource, "edit")
    outer, outer_undoing = session.info.get("writing"), session.info.get("undoing")
    session.info["undoing"] = undoing  # what stood before may stand again: the words' rules then ask for nothing new
    inner = session.info["writing"] = json.dumps({
        "crm.write_resource": resource,
        "crm.write_all": _on(reach.everywhere), "crm.write_teams": _ids(reach.teams), "crm.write_own": _on(reach.own),
        "crm.assign_all": _on(assign.everywhere), "crm.assign_teams": _ids(assign.teams), "crm.assign_own": _on(assign.own),
        "crm.undoing": str(undoing or ""),
        "plan_cache_mode": "force_generic_plan",  # statements by id, for which a plan made each time costs more than it gains
        "role": db_engine.role_names().write,
    })  # fmt: skip
    _apply(session, inner)
    try:
        yield
    finally:
        session.info.update(writing=outer, undoing=outer_undoing)
        if _is_sound(session):  # else the savepoint's rollback, or the transaction's end, takes the role back
            _apply(session, outer or session.info["back"])


@contextmanager
def stepping_aside(session: Session) -> Iterator[None]:
    """The machinery's role inside a person's transaction, for what must stand or fall with it; then the role as it was."""
    back = session.info.get("writing") or session.info.get("back")
    if back is None:
        yield
        return
    _apply(session, _as_role(db_engine.role_names().system))
    yield
    _apply(session, back)


@contextmanager
def as_system(*, engine: Engine | Connected | None = None) -> Iterator[Session]:
    """The machinery's transaction (sign-in, keys, jobs): reaches access tables, the fold and the mirror, never a lead.

    `engine` may be one connection, for what belongs to it alone (its lock, its temporary tables).
    """
    with Session(engine or db_engine.runtime_engine(), expire_on_commit=False) as session, session.begin():
        _apply(session, _as_role(db_engine.role_names().system))
        yield session
        _check_sound(session)


def _is_sound(session: Session) -> bool:
    """Whether the database still takes statements in this transaction."""
    if not session.in_transaction():
        return False
    connection: Connection[object] = session.connection().connection.driver_connection  # type: ignore[assignment]
    return connection.info.transaction_status != TransactionStatus.INERROR


def _check_sound(session: Session) -> None:
    """Postgres answers the commit of a failed transaction with a silent rollback; nobody may take that for a save."""
    if session.in_transaction() and not _is_sound(session):
        raise RuntimeError("A statement failed and its error was passed over: the transaction was not saved.")
