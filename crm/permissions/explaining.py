"""Why can this person see, not see, not edit this lead? The walls themselves are asked, as that person; the roles say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import Person, acting_as, as_system, load, missing_grant, person_of, writing
from crm.access.everybody import everybody
from crm.errors import Invalid, NotFound, Refused
from crm.fields.catalogue import catalogue
from crm.leads.reads import matching
from crm.leads.records import LEAD
from crm.logs import log
from crm.permissions.rules import ASKED, VERBS, Action, LeadFacts, Step, sentence, steps

_LEAD = text("""
    select l.id, l.name, l.team_id, t.name as team, l.owner_id, o.name as owner,
        l.deleted_at is not null as is_deleted, l.merged_into_id is not null as is_merged
    from crm.leads as l
    join crm.teams as t on t.id = l.team_id
    left join crm.people as o on o.id = l.owner_id
    where l.id = :id
""")
_LINE = text("""
    with recursive line (id, name, parent_id, depth) as (
        select id, name, parent_id, 0 from crm.teams where id = :id
        union
        select t.id, t.name, t.parent_id, l.depth + 1 from crm.teams as t join line as l on t.id = l.parent_id where l.depth < 50
    )
    select id, name from line order by depth
""")
_SEEN = text("select exists (select from crm.leads where id = :id)")
# What may be locked is what may be changed: Postgres holds both against the same policies. This is the lightest lock there is.
_OPEN = text("select exists (select id from crm.leads where id = :id for key share)")
_MAY_BE_GIVEN = text("""
    select crm.setting_on('crm.assign_all') or cast(:team as bigint) = any (crm.setting_ids('crm.assign_teams'))
        or (crm.setting_on('crm.assign_own') and cast(:owner as bigint) is not distinct from crm.me())
""")


@dataclass(frozen=True, slots=True)
class Explanation:
    """`can` is what the walls answered; `said` and `steps` say by which roles. `note`: what else stands in the way."""

    person: str
    lead: LeadFacts
    action: Action
    can: bool
    said: str
    steps: tuple[Step, ...] = ()
    note: str = ""
    closed: str = ""
    """Which of its fields their roles hide from them, or let them only read."""


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who can, and by what."""

    person_id: int
    name: str
    by: str


def require_every_role(person: Person) -> None:
    """Raises `Refused` where somebody may not see roles everywhere."""
    if not person.require("role", "view").everywhere:
        raise missing_grant("role", "view", everywhere=True)


def _told_of(person: Person) -> frozenset[int] | None:
    """Explaining tells of roles: of all (None) to those who may see roles everywhere, to others of those held in their teams. Raises `Refused`."""
    reach = person.require("role", "view")
    return None if reach.everywhere else reach.teams


_OF_TEAMS = text("""
    select p.id, p.name from crm.people as p
    where p.id = :me or exists (select from crm.memberships as m where m.person_id = p.id and m.team_id = any(cast(:teams as bigint[])))
    order by lower(p.name)
""")


def askable(session: Session) -> dict[int, str] | None:
    """Whom whoever asks may ask about: themselves and the people of their teams, by name. None for everybody. Raises `Refused`."""
    person = person_of(session)
    teams = _told_of(person)
    if teams is None:
        return None
    with as_system() as machinery:
        return {row.id: row.name for row in machinery.execute(_OF_TEAMS, {"me": person.id, "teams": sorted(teams)})}


def explain(session: Session, person_id: int, lead_id: int, action: str, *, to_id: int | None = None) -> Explanation:
    """Whether and why. Raises `NotFound` for a lead that whoever asks does not see, `Refused` also for somebody of other teams, `Invalid`."""
    told_of, known = _told_of(person_of(session)), askable(session)
    if known is not None and person_id not in known:
        raise missing_grant("role", "view", here=True)
    asked = read_action(action)
    lead = facts(session, lead_id)
    try:
        with as_system() as machinery:
            person = load(machinery, person_id)
    except NotFound:
        return _cannot_sign_in(session, person_id, lead, asked)
    found = steps(person, lead, asked, to_id=to_id, told_of=told_of)
    can = walls_let(person, lead, asked, to_id=to_id)
    note = _note(lead, asked)
    if can != (all(step.passes for step in found) and (asked == "view" or not note)):
        log.error("walls_and_roles_disagree", person=person.id, lead=lead.id, action=asked)
        note = "The database answers otherwise than the roles say. Please tell whoever looks after this server."
    said = sentence(person, lead, asked, found)
    if note and not can and all(step.passes for step in found):
        said = f"{person.name} cannot {VERBS[asked]} {lead.name} as it stands, though their roles would let them."
    return Explanation(person.name, lead, asked, can, said, found, note, _closed(session, person) if can and asked in ("view", "edit") else "")


def _closed(session: Session, person: Person) -> str:
    """ "Hidden from them: Value. They can only read: Phone." Empty where every field is open."""
    known, rules = catalogue(session), person.fields_not_open(LEAD.name)
    labels = {name: known.label(LEAD.name, name) if name.startswith("custom.") else LEAD.fields[name].label for name in rules}
    said = {"hidden": "Hidden from them", "read_only": "They can only read"}
    listed = {rule: ", ".join(labels[name] for name in rules if rules[name] == rule) for rule in said}
    return " ".join(f"{words}: {listed[rule]}." for rule, words in said.items() if listed[rule])


def read_action(given: str) -> Action:
    if given not in ASKED:
        raise Invalid(f"“{given}” is nothing that can be explained. Take one of: {', '.join(ASKED)}.", field="action")
    return given  # type: ignore[return-value]


def facts(session: Session, lead_id: int) -> LeadFacts:
    """What decides about the lead, as far as whoever asks sees it. Raises `NotFound`."""
    row = session.execute(_LEAD, {"id": lead_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such lead, or you may not see it.")
    line = tuple((each.id, each.name) for each in session.execute(_LINE, {"id": row["team_id"]}))
    return LeadFacts(**row, line=line)


def walls_let(person: Person, lead: LeadFacts, action: Action, *, to_id: int | None = None) -> bool:
    """What the database answers when this person tries, up to the write itself."""
    with acting_as(person) as session:
        if not session.scalar(_SEEN, {"id": lead.id}):
            return False
        if action == "view":
            return True
        if lead.is_deleted or lead.is_merged:
            return False
        try:
            with writing(session, "lead", "delete" if action == "delete" else "edit"):
                is_open = bool(session.scalar(_OPEN, {"id": lead.id}))
                if action != "assign" or not is_open:
                    return is_open
                may_be_given = bool(session.scalar(_MAY_BE_GIVEN, {"team": lead.team_id, "owner": to_id}))
        except Refused:
            return False
        # The wall lets a lead stay where it may be edited; the write path asks for the grant to hand over as well.
        return may_be_given and person.reach("lead", "assign").covers(team_id=lead.team_id, owner_id=to_id, person_id=person.id)


def _note(lead: LeadFacts, action: Action) -> str:
    if lead.is_merged:
        return "It was merged into another lead, so nothing of it can be changed."
    if lead.is_deleted:
        return "It was deleted: lists leave it out, and only an undo brings it back." if action == "view" else "It was deleted. Undo the deletion first."
    return ""


def _cannot_sign_in(session: Session, person_id: int, lead: LeadFacts, action: Action) -> Explanation:
    name = session.scalar(text("select name from crm.people where id = :id"), {"id": person_id})
    if name is None:
        raise NotFound("There is no such person.")
    return Explanation(name, lead, action, False, f"{name} is disabled and cannot sign in, so they see and change nothing.")


def who_can(session: Session, lead_id: int, action: str) -> Sequence[Who]:
    """Everybody (whom one may ask about) who can do that with the lead, by name, each with the role that decides. Raises `NotFound`, `Refused`, `Invalid`."""
    told_of, known = _told_of(person_of(session)), askable(session)
    asked = read_action(action)
    lead = facts(session, lead_id)
    if asked != "view" and (lead.is_deleted or lead.is_merged):
        return []
    with as_system() as machinery:
        people = [person for person in everybody(machinery) if known is None or person.id in known]
    found = ((person, steps(person, lead, asked, told_of=told_of)) for person in people)
    return [
        Who(person.id, person.name, next(reason.text for reason in each[-1].reasons if reason.decides))
        for person, each in found
        if all(step.passes for step in each)
    ]


def find_leads(session: Session, wanted: str, *, most: int = 12) -> list[tuple[int, str]]:
    """Leads called so, or the one of that number, as far as whoever asks sees them."""
    wanted = wanted.strip()[:200]
    if wanted.isdecimal() and wanted.isascii() and len(wanted) < 18:
        rows = session.execute(text("select id, name from crm.leads where id = :id"), {"id": int(wanted)})
        return [(row.id, row.name) for row in rows]
    if len(wanted) < 2:
        return []
    parameters: dict[str, Any] = {"most": most}
    sql = f"""
        select l.id, l.name || ' · ' || t.name as name from crm.leads as l
        join crm.teams as t on t.id = l.team_id
        where {matching(session, wanted, parameters)} order by lower(l.name), l.id limit :most
    """
    return [(row.id, row.name) for row in session.execute(text(sql), parameters)]
