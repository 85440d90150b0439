"""What custom fields ask of a record on its way through the write path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes.records import CustomRules, Field, RecordType, register_custom_rules
from crm.errors import Invalid
from crm.fields import rules
from crm.fields.catalogue import Catalogue, catalogue, own_catalogue
from crm.fields.kinds import Definition, typed

_NAMED = text("select id from crm.people where lower(name) = lower(:name) and disabled_at is null limit 2")
_ACTIVE = text("select exists (select from crm.people where id = :id and disabled_at is null)")
_CAME_ALONG = text("select exists (select from crm.leads where id = :id and custom -> :key = to_jsonb(cast(:value as bigint)))")
_USED = text("select crm.custom_value_is_used(:kind, :team_id, :key, cast(:value as jsonb), :but)")
ASKED_ON_NEW = ("lead",)
"""Companies and contacts come into being beside leads, where nobody fills in their fields: theirs are asked for on edits."""


class RecordFields(CustomRules):
    """The custom fields of one record type, for one `apply`."""

    def __init__(self, session: Session, kind: RecordType) -> None:
        self.session, self.kind = session, kind
        self._known: Catalogue | None = None
        self._looked_again = False
        self._taken: dict[tuple[str, int | None, str], int | None] = {}

    @property
    def known(self) -> Catalogue:
        if self._known is None:
            self._known = catalogue(self.session)
        return self._known

    def _find(self, name: str) -> Definition:
        key = name.removeprefix("custom.")
        found = self.known.find(self.kind.name, key)
        if found is None and not self._looked_again:  # this transaction may have made it itself
            self._looked_again, self._known = True, own_catalogue(self.session)
            found = self.known.find(self.kind.name, key)
        if found is None:
            raise self._unknown(name)
        return found

    def _unknown(self, name: str) -> Invalid:
        key = name.removeprefix("custom.")
        return Invalid(f"{self.kind.label} has no field “{key}” here. Whoever configures fields can add it on the Fields page.", field=name)

    def field(self, name: str) -> Field:
        return typed(self._find(name), self._people)

    def _people(self, name: str) -> list[int]:
        return list(self.session.scalars(_NAMED, {"name": name.strip()}))

    def begin(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A new record's values with the defaults of its team's fields."""
        fields = self.known.of_team(self.kind.name, wanted.get("team_id"))
        return {**{each.name: each.default for each in fields if each.default is not None}, **wanted}

    def check(self, current: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
        after = {**(current or {}), **wanted}
        team_id = after.get("team_id")
        line = self.known.line(team_id)
        for name, value in wanted.items():
            if name.startswith("custom.") and value is not None:
                found = self._find(name)
                if found.team_id not in line:
                    raise self._unknown(name)
                came_from = None if current else wanted.get("came_from_lead_id")
                self._check_value(found, value, team_id, (current or {}).get("id"), came_from=came_from)
        if current is not None and "team_id" in wanted:
            self._check_arrival(current, wanted, team_id)
        # The machine is never asked: what a sync or the command line brings in comes in, and whoever edits it next fills in the rest.
        if current is None and self.kind.name in ASKED_ON_NEW and person_of(self.session).id:
            closed = person_of(self.session).fields_not_open(self.kind.name)  # nobody is asked for what they may not fill in
            missing = rules.missing_in([each for each in self.known.of_team(self.kind.name, team_id) if each.name not in closed], wanted)
            if missing:
                raise rules.required_words(missing)

    def _check_arrival(self, current: Mapping[str, Any], wanted: Mapping[str, Any], team_id: int | None) -> None:
        """What is unique must be so in the new team too."""
        for field in self.known.of_team(self.kind.name, team_id):
            value = current["custom"].get(field.key)
            if field.is_unique and value is not None and field.name not in wanted:
                self._check_unique(field, value, team_id, current["id"])

    def _check_value(self, field: Definition, value: Any, team_id: int | None, record_id: int | None, *, came_from: int | None) -> None:
        if field.kind == "person" and not self.session.scalar(_ACTIVE, {"id": value}) and not self._came_along(field, value, came_from):
            raise Invalid(f"{field.label}: that person does not exist or is disabled.", field=field.name)
        if field.is_unique:
            self._check_unique(field, value, team_id, record_id or came_from)

    def _came_along(self, field: Definition, value: Any, came_from: int | None) -> bool:
        """What stood on the lead that this one continues may stand here, too."""
        given = {"id": came_from, "key": field.key, "value": value}
        return came_from is not None and bool(self.session.scalar(_CAME_ALONG, given))

    def _check_unique(self, field: Definition, value: Any, team_id: int | None, record_id: int | None) -> None:
        """Others wait at the database until this transaction ends, so that two saves at once cannot both find the value free."""
        said = json.dumps(value)
        mine = (field.key, team_id, said)
        is_mine_elsewhere = mine in self._taken and (record_id is None or self._taken[mine] != record_id)
        given = {"kind": self.kind.name, "team_id": team_id, "key": field.key, "value": said, "but": record_id}
        if is_mine_elsewhere or self.session.scalar(_USED, given):
            raise Invalid(f"{field.label}: this value is already used in the team. Each {self.kind.label.lower()} needs its own.", field=field.name)
        self._taken[mine] = record_id


register_custom_rules(RecordFields)
