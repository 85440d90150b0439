"""What a change of a role comes to, in plain sentences with numbers: who loses sight of how many leads, who may do what no longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import Membership, Person, as_system, load
from crm.changes import Edit
from crm.errors import CrmError, Stale
from crm.roles.reads import Role, field_label, list_roles
from crm.roles.records import FIELD_RULE, GRANT
from crm.roles.use_cases import save_role

VIEW = ("lead", "view")
_HOLDERS = text("""
    select distinct m.person_id from crm.memberships as m join crm.people as p on p.id = m.person_id
    where m.role_id = any(:roles) and p.disabled_at is null order by 1
""")
_DESKS = text("select l.team_id, l.owner_id, count(*) as leads from crm.leads as l where l.deleted_at is null group by l.team_id, l.owner_id")


@dataclass(frozen=True, slots=True)
class RoleImpact:
    """`lines` say what changes, `blockers` what stands in the way."""

    lines: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Changed:
    """The cells and fields that would be otherwise, by role."""

    grants: Mapping[int, Mapping[tuple[str, str], str]]
    fields: Mapping[int, Mapping[tuple[str, str], str]]

    def after(self, person: Person) -> Person:
        return replace(person, memberships=tuple(self._membership(m) for m in person.memberships), views={}, _reaches={}, _fields={})

    def _membership(self, membership: Membership) -> Membership:
        rules = {**membership.fields, **self.fields.get(membership.role_id, {})}
        return replace(
            membership, grants={**membership.grants, **self.grants.get(membership.role_id, {})},
            fields={field: rule for field, rule in rules.items() if rule != "open"},
        )  # fmt: skip


def preview_role(session: Session, edits: Sequence[Edit]) -> RoleImpact:
    """What these edits of roles, grants and field rules would come to, as far as whoever asks sees leads. Writes nothing."""
    roles = {role.id: role for role in list_roles(session)}
    changed = _changed(roles, edits)
    touched = sorted(changed.grants.keys() | changed.fields.keys())
    people = _holders(session, touched)
    pairs = [(person, changed.after(person)) for person in people]
    lines = [*_sight(session, pairs), *_actions(pairs, changed), *_fields(session, pairs, changed), *_of_nobody(roles, touched)]
    return RoleImpact(tuple(lines or ["Nobody gains or loses anything."]), tuple(_blockers(session, edits)))


def _changed(roles: Mapping[int, Role], edits: Sequence[Edit]) -> _Changed:
    cells = {cell.id: (role.id, key) for role in roles.values() for key, cell in role.grants.items()}
    rules = {rule.id: (role.id, key) for role in roles.values() for key, rule in role.fields.items()}
    grants: dict[int, dict[tuple[str, str], str]] = {}
    fields: dict[int, dict[tuple[str, str], str]] = {}
    for edit in edits:
        if edit.record_type == GRANT.name and (place := _place(edit, cells, "resource", "action", roles)):
            grants.setdefault(place[0], {})[place[1]] = "none" if edit.wanted.get("deleted_at") else str(edit.wanted.get("scope"))
        if edit.record_type == FIELD_RULE.name and (place := _place(edit, rules, "record_type", "field", roles)):
            fields.setdefault(place[0], {})[place[1]] = "open" if edit.wanted.get("deleted_at") else str(edit.wanted.get("rule"))
    return _Changed(grants, fields)


def _place(
    edit: Edit, known: Mapping[int, tuple[int, tuple[str, str]]], first: str, second: str, roles: Mapping[int, Role]
) -> tuple[int, tuple[str, str]] | None:
    """(role, cell) that an edit is about; None for a role that is new itself, which nobody holds."""
    if edit.record_id is not None:
        return known.get(edit.record_id)
    role_id = edit.wanted.get("role_id")
    return (role_id, (str(edit.wanted.get(first)), str(edit.wanted.get(second)))) if isinstance(role_id, int) and role_id in roles else None


def _holders(session: Session, role_ids: Sequence[int]) -> list[Person]:
    ids = session.scalars(_HOLDERS, {"roles": role_ids}).all() if role_ids else ()
    with as_system() as machinery:
        return [load(machinery, person_id) for person_id in ids]


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _leads(number: int) -> str:
    return "1 lead" if number == 1 else f"{number:,} leads"


def _sight(session: Session, pairs: Sequence[tuple[Person, Person]]) -> list[str]:
    """Leads are counted by team and owner once, and each desk then asked of everybody's reach: the same reach that the walls are given."""
    moving = [(before.id, before.reach(*VIEW), after.reach(*VIEW)) for before, after in pairs if before.reach(*VIEW) != after.reach(*VIEW)]
    if not moving:
        return []
    desks = session.execute(_DESKS).all()
    found: dict[bool, tuple[set[int], int]] = {True: (set(), 0), False: (set(), 0)}
    for team_id, owner_id, leads in desks:
        for is_lost in (True, False):
            who = set()
            for person_id, before, after in moving:
                saw, sees = (reach.covers(team_id=team_id, owner_id=owner_id, person_id=person_id) for reach in (before, after))
                if (saw and not sees) if is_lost else (sees and not saw):
                    who.add(person_id)
            if who:
                found[is_lost] = (found[is_lost][0] | who, found[is_lost][1] + leads)
    lines = []
    for is_lost, verbs in ((True, ("loses sight of", "lose sight of")), (False, ("comes to see", "come to see"))):
        people, number = found[is_lost]
        if people:
            lines.append(f"{_people(len(people))} {verbs[len(people) != 1]} {_leads(number)}.")
    return lines or ["Nobody loses sight of anything."]


def _actions(pairs: Sequence[tuple[Person, Person]], changed: _Changed) -> list[str]:
    lines = []
    for cell in sorted({cell for grid in changed.grants.values() for cell in grid} - {VIEW}):
        moved: dict[tuple[str, str], int] = {}
        for before, after in pairs:
            was, becomes = before.reach(*cell), after.reach(*cell)
            if was != becomes:
                key = (was.scope, becomes.scope)
                moved[key] = moved.get(key, 0) + 1
        lines += [_action(cell, *scopes, number) for scopes, number in sorted(moved.items())]
    return lines


def _action(cell: tuple[str, str], was: str, becomes: str, number: int) -> str:
    name, who = f"{cell[0]}: {cell[1]}", _people(number)
    if becomes == "none":
        return f"{who} can no longer use “{name}”."
    if was == "none":
        return f"{who} can now use “{name}” ({becomes})."
    return f"“{name}” goes from {was} to {becomes} for {who}."


def _fields(session: Session, pairs: Sequence[tuple[Person, Person]], changed: _Changed) -> list[str]:
    words = {"hidden": "no longer {see} {label}", "read_only": "{see} {label}, but cannot change it", "open": "can change {label}"}
    lines = []
    for record_type, name in sorted({field for grid in changed.fields.values() for field in grid}):
        moved: dict[str, int] = {}
        for before, after in pairs:
            was, becomes = (person.fields_not_open(record_type).get(name, "open") for person in (before, after))
            if was != becomes:
                moved[becomes] = moved.get(becomes, 0) + 1
        label = f"“{field_label(session, record_type, name)}” of {'companies' if record_type == 'company' else record_type + 's'}"
        for rule, number in sorted(moved.items()):
            lines.append(f"{_people(number)} {words[rule].format(see='sees' if number == 1 else 'see', label=label)}.")
    return lines


def _of_nobody(roles: Mapping[int, Role], touched: Sequence[int]) -> list[str]:
    return [f"Nobody holds the role “{roles[role_id].name}” yet." for role_id in touched if role_id in roles and not roles[role_id].people]


def _blockers(session: Session, edits: Sequence[Edit]) -> list[str]:
    """What would refuse it: tried for real and taken back."""
    savepoint = session.begin_nested()
    try:
        save_role(session, edits, name="", source="configuration")
    except Stale:
        return []  # that is no fault of the edits: whoever applies them is told who was first
    except CrmError as error:
        return [error.detail]
    finally:
        savepoint.rollback()
    return []
