"""Which custom fields there are and on whose records, for the rules and for whoever shows a record. Remembered for a moment.

What fields are called is known to everybody who is signed in, as the teams' names are; which of them a record shows depends on its team.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from crm.access import Person, as_system, person_of
from crm.fields.kinds import Definition

CHANGED = "fields.changed"
LASTS_SECONDS = 2.0
"""However long a person goes on with the same access stamp, what they are held against is no older."""
_FIELDS = text("""
    select id, version, team_id, record_type, key, label, kind, options, is_required, is_unique, default_value as default, help, position
    from crm.custom_fields where deleted_at is null order by record_type, team_id nulls first, position, id
""")
_TEAMS = text("select id, parent_id from crm.teams where deleted_at is null")


@dataclass(frozen=True)
class Catalogue:
    """Every live custom field in order, and each live team's parent."""

    fields: Sequence[Definition]
    parents: Mapping[int, int | None]

    @cached_property
    def _by_key(self) -> dict[tuple[str, str], Definition]:
        return {(each.record_type, each.key): each for each in self.fields}

    def find(self, record_type: str, key: str) -> Definition | None:
        return self._by_key.get((record_type, key))

    def line(self, team_id: int | None) -> set[int | None]:
        """The team and those above it, and None: whose fields a record of the team has."""
        line: set[int | None] = {None}
        while team_id is not None and team_id not in line:
            line.add(team_id)
            team_id = self.parents.get(team_id)
        return line

    def of_team(self, record_type: str, team_id: int | None) -> list[Definition]:
        """What a record of this team can hold."""
        line = self.line(team_id)
        return [each for each in self.fields if each.record_type == record_type and each.team_id in line]

    def of_teams(self, record_type: str, team_ids: Iterable[int] | None) -> list[Definition]:
        """What records of any of these teams can hold; None: of every team."""
        if team_ids is None:
            return [each for each in self.fields if each.record_type == record_type]
        lines = set[int | None]({None}).union(*(self.line(team_id) for team_id in team_ids))
        return [each for each in self.fields if each.record_type == record_type and each.team_id in lines]

    def shown(self, record_type: str, custom: Mapping[str, Any], team_id: int | None) -> dict[str, Any]:
        """`custom` without what belongs to fields that were removed or are another team's."""
        line = self.line(team_id)
        return {key: value for key, value in custom.items() if (found := self.find(record_type, key)) and found.team_id in line}

    def label(self, record_type: str, name: str) -> str:
        """What people call `custom.<key>`."""
        key = name.removeprefix("custom.")
        found = self.find(record_type, key)
        return found.label if found else key.replace("_", " ").capitalize()


NO_FIELDS = Catalogue((), {})
_remembered: WeakKeyDictionary[Engine, tuple[int, float, Catalogue]] = WeakKeyDictionary()


def catalogue(session: Session) -> Catalogue:
    """As of the person's access stamp, which grows with every change of a field; own changes in this transaction included."""
    engine, stamp = session.get_bind(), person_of(session).stamp
    if not stamp or session.info.get(CHANGED) or not isinstance(engine, Engine):
        return own_catalogue(session)
    found = _remembered.get(engine)
    if found is None or found[0] != stamp or monotonic() - found[1] > LASTS_SECONDS:
        with as_system(engine=engine) as machinery:
            found = _remembered[engine] = (stamp, monotonic(), own_catalogue(machinery))
    return found[2]


def own_catalogue(session: Session) -> Catalogue:
    """As this transaction sees it."""
    fields = [Definition(**{**row, "options": tuple(row["options"])}) for row in session.execute(_FIELDS).mappings()]
    return Catalogue(fields, {row.id: row.parent_id for row in session.execute(_TEAMS)})


def lead_fields_of(person: Person, known: Catalogue) -> list[Definition]:
    """Custom fields of leads that the person can come upon: of every team, or of theirs and those in reach."""
    reach = person.reach("lead", "view")
    return known.of_teams("lead", None if reach.everywhere else reach.teams | person.team_ids)


def requirement_labels(session: Session, names: Iterable[str]) -> dict[str, str]:
    """`custom.<key>` -> how a stage's requirement says it, for those of `names` that are custom fields of leads."""
    custom = [name for name in names if name.startswith("custom.")]
    if not custom:
        return {}
    known = catalogue(session)
    return {name: f"“{known.label('lead', name)}”" for name in custom}
