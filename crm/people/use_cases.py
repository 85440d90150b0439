"""Looking after people: add, disable, change teams and roles. Passwords and links are `crm.access.sign_in`'s."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm.access import OPERATOR, Person, acting_as, as_system, audit, links, passwords, person_of, sessions, sign_in, writing
from crm.access.acting import stepping_aside
from crm.assignment.assigning import assign
from crm.changes import Edit, Outcome, Result, apply, delete_edit
from crm.changes.refusals import in_words
from crm.clock import now
from crm.errors import Invalid, NotFound, Refused, Stale
from crm.letters import legible
from crm.organisation.teams import hold_teams
from crm.people.reads import require_admin
from crm.people.records import PERSON, TEAM

BATCH = 2000
Place = tuple[int | None, int]
"""(team id, role id); the team is None for an organisation-wide role."""


def role_id(session: Session, name: str) -> int:
    found = session.scalar(text("select id from crm.roles where lower(name) = lower(:n) and deleted_at is null"), {"n": legible(name)})
    if found is None:
        names = ", ".join(session.scalars(text("select name from crm.roles where deleted_at is null order by id")))
        raise Invalid(f"There is no role “{name}”. Roles are: {names}.", field="role")
    return int(found)


def team_id(session: Session, name: str) -> int:
    found = session.scalar(text("select id from crm.teams where lower(name) = lower(:n) and deleted_at is null"), {"n": legible(name)})
    if found is None:
        raise Invalid(f"There is no team “{name}”.", field="team")
    return int(found)


def add_person(session: Session, values: Mapping[str, Any], places: Sequence[Place], *, source: str) -> int:
    """A new person with their teams and roles; answers the id. Raises `Invalid` for a mail address or name in use."""
    _check_places(session, places)
    given = {"time_zone": "UTC", **values}
    with session.begin_nested():  # with their places, or not at all
        outcome = apply(session, [Edit(PERSON.name, None, given)], source=source, label="New person", on_conflict="refuse")
        person_id = outcome.results[0].record_id
        assert person_id is not None
        _write_places(session, person_id, places)
    return person_id


def place_person(session: Session, person_id: int, places: Sequence[Place], *, seen: Collection[Place] | None = None) -> None:
    """Replace the person's teams and roles. Acts on their open pages within five seconds.

    `seen`: those that whoever decides this knew of; raises `Stale` where somebody else has changed them since.
    """
    with writing(session, "person", "configure"):
        person = session.execute(_HOLD_PERSON, {"id": person_id}).one_or_none()
    if person is None:
        raise NotFound("There is no such person.")
    if seen is not None and set(seen) != (stand := _places(session, person_id)) and set(places) != stand:
        raise Stale(f"Somebody else changed the teams and roles of {person.name} after you looked. Nothing was saved: close this, look again and decide.")
    _check_places(session, places)
    _write_places(session, person_id, places)


_HOLD_PERSON = text("select name from crm.people where id = :id for no key update")


_PLACES = text("select team_id, role_id from crm.memberships where person_id = :id")


def _places(session: Session, person_id: int) -> set[Place]:
    return {(row.team_id, row.role_id) for row in session.execute(_PLACES, {"id": person_id})}


def change_person(session: Session, person_id: int, seen_version: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """Edit name, mail address or time zone; raises `Stale` when somebody was first."""
    return apply(session, [Edit(PERSON.name, person_id, values, seen_version)], source=source, label="Person", on_conflict="refuse")


def change_myself(session: Session, seen_version: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """Edit one's own name, time zone or days away, for which nobody needs a grant; a mail address is what one signs in with, and an admin's to change."""
    return change_person(session, person_of(session).id, seen_version, values, source=source)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Whose the leads become: another person's, or (None) nobody's, for the team to pick up.

    `by_rules`: as new leads of their team would, by its assignment rules; nobody's where no rule fits.
    """

    owner_id: int | None = None
    by_rules: bool = False


def disable_person(session: Session, person_id: int, seen_version: int, *, hand_over: HandOver | None = None, source: str) -> Outcome:
    """Disable: sessions and keys die within five seconds; history stays, and so do their leads unless they are handed over in the same change set.

    All or nothing; raises `Refused` where a lead may not be given away, `Stale` where somebody was first. The last results are the leads'.
    """
    with session.begin_nested():
        outcome = change_person(session, person_id, seen_version, {"disabled_at": now()}, source=source)
        if hand_over is not None:
            outcome.results += _hand_over(session, person_id, hand_over, outcome.change_set_id, source=source)
    with as_system() as machinery:  # so that enabling them again does not bring old sessions back
        sessions.end_all(machinery, person_id)
        links.withdraw_all(machinery, person_id)
    _note(session, "person.disabled", person_id)
    return outcome


def _hand_over(session: Session, person_id: int, to: HandOver, change_set_id: int | None, *, source: str) -> list[Result]:
    """The person's leads as far as whoever does this sees them, deleted ones left where they are."""
    if to.owner_id == person_id:
        raise Invalid("Choose somebody else for their leads.", field="owner_id")
    rows = session.execute(_LEADS_OF, {"id": person_id}).mappings().all()
    owners = _by_rules(session, rows) if to.by_rules else [to.owner_id] * len(rows)
    edits = [Edit("lead", row["id"], {"owner_id": owner}, row["version"]) for row, owner in zip(rows, owners, strict=True)]
    done: list[Result] = []
    for start in range(0, len(edits), BATCH):
        part = apply(
            session, edits[start : start + BATCH], source=source, label="Leads handed over", on_conflict="refuse", change_set_id=change_set_id
        )  # fmt: skip
        done += part.results
    return done


_LEADS_OF = text("""
    select l.id, l.version, l.team_id, l.pipeline_id, l.market, l.source, l.name, l.email, l.phone, l.next_step, l.external_id, l.custom
    from crm.leads as l where l.owner_id = :id and l.deleted_at is null order by l.id
""")


def _by_rules(session: Session, rows: Sequence[RowMapping]) -> list[int | None]:
    """To whom each lead goes by its team's rules, as far as whoever does this may hand leads over there."""
    person = person_of(session)
    reach = person.reach("lead", "assign")
    leads = [{**row, **{f"custom.{key}": value for key, value in (row["custom"] or {}).items()}} for row in rows]
    with stepping_aside(session):
        found = assign(session, leads, may_take=lambda team, owner: reach.covers(team_id=team, owner_id=owner, person_id=person.id))
    return [given.person_id if given else None for given in found]


def count_leads_of(session: Session, person_id: int) -> int:
    """How many live leads they own, as far as these are seen."""
    return session.scalar(text("select count(*) from crm.leads where owner_id = :id and deleted_at is null"), {"id": person_id}) or 0


def enable_person(session: Session, person_id: int, seen_version: int, *, source: str) -> Outcome:
    outcome = change_person(session, person_id, seen_version, {"disabled_at": None}, source=source)
    _note(session, "person.enabled", person_id)
    return outcome


def add_team(session: Session, name: str, *, parent_id: int | None = None, source: str) -> int:
    outcome = apply(session, [Edit(TEAM.name, None, {"name": name, "parent_id": parent_id})], source=source, label="New team", on_conflict="refuse")
    found = outcome.results[0].record_id
    assert found is not None
    return found


def change_team(session: Session, team_id: int, seen_version: int, values: Mapping[str, Any], *, source: str) -> Outcome:
    """Another name, or another team that it is part of (None: of none). Raises `Stale`, `Invalid`, `Refused`."""
    return apply(session, [Edit(TEAM.name, team_id, values, seen_version)], source=source, label="Team", on_conflict="refuse")


def remove_team(session: Session, team_id: int, seen_version: int, *, source: str) -> Outcome:
    """Remove a team that nothing hangs on; undo brings it back. Raises `Invalid` that says what does."""
    return apply(session, [delete_edit(TEAM.name, team_id, seen_version)], source=source, label="Team removed", on_conflict="refuse")


def set_up_first_admin(token: str, *, name: str, email: str, password: str, address: str = "") -> str:
    """Use the set-up link: the first admin, with a password. Answers a sign-in ticket; an error leaves the link unused."""
    with links.redeeming(token, "setup") as redeemed:
        machinery = redeemed.session
        passwords.check_new(password, email=email.strip(), name=name.strip())
        with acting_as(OPERATOR) as session:
            if session.scalar(text("select exists (select from crm.people)")):
                raise Refused("Somebody has been set up already. Ask them for access.", grant="person: configure")
            person_id = add_person(session, {"email": email, "name": name}, [(None, role_id(session, "admin"))], source="setup")
        sign_in.set_password(machinery, person_id, password)
        audit.record(machinery, "person.set_up", person_id=person_id, subject=f"person {person_id}", address=address)
        return links.issue(machinery, "ticket", person_id)


def add_person_with_password(by: Person, *, email: str, name: str, role: str, teams: Sequence[str], password: str, source: str) -> int:
    """A person who can sign in at once: one role, in each of the teams or (without any) in the whole organisation. Answers the id."""
    require_admin(by)
    passwords.check_new(password, email=email.strip(), name=name.strip())
    with acting_as(by) as session:
        held = role_id(session, role)
        places: list[Place] = [(team_id(session, team), held) for team in teams] or [(None, held)]
        person_id = add_person(session, {"email": email, "name": name}, places, source=source)
    with as_system() as machinery:
        sign_in.set_password(machinery, person_id, password)
    return person_id


@dataclass(frozen=True, slots=True)
class WayIn:
    """A one-time link, as what follows the app's address; shown once, to whoever made it."""

    path: str
    until: datetime
    is_invitation: bool


def make_link(by: Person, person_id: int) -> WayIn:
    """With which this person chooses a password: an invitation while they have none, a reset afterwards. An older one stops working.

    For those who look after people. Raises `Invalid` for a disabled person, `Refused`.
    """
    require_admin(by)
    with as_system() as session:
        row = session.execute(_WAY_IN, {"id": person_id}).one_or_none()
    if row is None or row.is_disabled:
        raise Invalid("This person is disabled. Enable them first.")
    if row.has_password:
        return WayIn(f"/?reset={sign_in.make_reset_link(person_id, by=by.id or None)}", now() + links.LIFETIMES["reset"], False)
    return WayIn(f"/?invite={sign_in.make_invitation(person_id, by=by.id or None)}", now() + links.LIFETIMES["invitation"], True)


_WAY_IN = text("""
    select p.disabled_at is not null as is_disabled, exists (select from crm.credentials as c where c.person_id = p.id) as has_password
    from crm.people as p where p.id = :id
""")


def withdraw_invitation(by: Person, person_id: int) -> None:
    """The link that was sent opens nothing any more; the person stays, and can be invited anew. Raises `Invalid`, `Refused`."""
    require_admin(by)
    if not sign_in.withdraw_invitation(person_id, by=by.id or None):
        raise Invalid("There is no invitation that could still be used.")


def _check_places(session: Session, places: Sequence[Place]) -> None:
    """Organisation-wide roles stand alone; the others need a team each, and one that is still there."""
    standing = hold_teams(session)
    wide = {row.id: row.is_organisation_wide for row in session.execute(text("select id, is_organisation_wide from crm.roles where deleted_at is null"))}
    for team, role in places:
        if role not in wide:
            raise Invalid("There is no such role.", field="role")
        if wide[role] != (team is None):
            raise Invalid("This role is for the whole organisation: leave the team out." if wide[role] else "This role needs a team.", field="team")
        if team is not None and team not in standing:
            raise Invalid("There is no such team any more. Choose another one.", field="team")
    if len({team for team, _ in places}) != len(places):
        raise Invalid("A person has one role in each team.", field="team")


def _write_places(session: Session, person_id: int, places: Sequence[Place]) -> None:
    """What differs, so that nobody is without their roles in between. The wall refuses to grant what one does not hold, and to lose the last admin."""
    given = {"person": person_id, "teams": [team for team, _ in places], "roles": [role for _, role in places]}
    try:
        with session.begin_nested(), writing(session, "person", "configure"):
            session.execute(_PLACE, given)
            session.execute(_UNPLACE, given)
            audit.record(session, "person.placed", person_id=person_of(session).id, subject=f"person {person_id}", places=[list(place) for place in places])
    except DBAPIError as error:
        words = in_words(error, "person", "configure", PERSON.label)
        if words is None:
            raise
        raise words from error


_GIVEN = "unnest(cast(:teams as bigint[]), cast(:roles as bigint[])) as w (team_id, role_id)"
# Only what differs: what stands already is granted by nobody anew.
_PLACE = text(f"""
    insert into crm.memberships as m (person_id, team_id, role_id)
    select :person, w.team_id, w.role_id from {_GIVEN}
    where not exists (
        select from crm.memberships as h where h.person_id = :person and h.team_id is not distinct from w.team_id and h.role_id = w.role_id
    )
    on conflict (person_id, team_id) do update set role_id = excluded.role_id where m.role_id <> excluded.role_id
""")
_UNPLACE = text(f"""
    delete from crm.memberships as m where m.person_id = :person and not exists (select from {_GIVEN} where w.team_id is not distinct from m.team_id)
""")


def _note(session: Session, kind: str, person_id: int) -> None:
    with writing(session, "person", "configure"):
        audit.record(session, kind, person_id=person_of(session).id, subject=f"person {person_id}")
