"""The custom field as the write path knows it: configuration with versions, history and undo like any record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crm.changes.records import LONGEST, Checks, Field, RecordType, by_name, canonical_json, register
from crm.errors import Invalid
from crm.fields import checks as checks
from crm.fields import rules
from crm.fields.catalogue import CHANGED
from crm.fields.kinds import CHOOSING, Definition
from crm.organisation.teams import check_stands

_KEYS = text("select key, position from crm.custom_fields where record_type = :record_type")
_LABELS = text("select id, label from crm.custom_fields where record_type = :record_type and team_id is not distinct from :team_id and deleted_at is null")
_DOUBLE = text("select crm.custom_values_twice(:kind, :key)")


class _Json(Field):
    """A list or a scalar in its JSON form, nothing standing for nothing."""

    def read(self, given: Any) -> Any:
        found = canonical_json(self, given)
        if found is not None and len(json.dumps(found)) > LONGEST["long_text"] * 2:
            raise Invalid(f"{self.label} is too long.", field=self.name)
        return None if found == "" else found

    def read_plain(self, plain: Any) -> Any:
        return plain

    def plain(self, value: Any) -> Any:
        return value

    def same(self, one: Any, other: Any) -> bool:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    def to_row(self, value: Any) -> tuple[Any, ...]:
        return (None if value is None else json.dumps(value),)


class _Options(_Json):
    def read(self, given: Any) -> Any:
        return rules.read_options(given)


class FieldChecks(Checks):
    """A field's parts fit each other; what its values are kept under never changes."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        self.session.info[CHANGED] = True  # whatever this transaction reads from now on meets the field as it will be
        if "deleted_at" in wanted:
            if current is not None and wanted["deleted_at"] is None:
                self._check_free(current)
            return wanted
        wanted = self._begin(wanted) if current is None else self._change(current, wanted)
        after = {**(current or {}), **wanted}
        rules.check_label(after["label"])
        if current is None or "label" in wanted:
            self._check_free(after)
        rules.check_kind(after["kind"])
        if after["kind"] not in CHOOSING and after.get("options"):
            wanted["options"] = after["options"] = []
        if after.get("help") and len(after["help"]) > rules.LONGEST_HELP:
            raise Invalid(f"The help has up to {rules.LONGEST_HELP} characters.", field="help")
        self._check_whole(current, wanted, after)
        return wanted

    def _check_free(self, after: Mapping[str, Any]) -> None:
        """No two fields of one place are called alike, nor does one take, in one step, what another has just left: that could not be taken back."""
        place, label = (after["record_type"], after.get("team_id")), after["label"].casefold()
        labels: dict[tuple[Any, Any], list[tuple[Any, str]]] = self.__dict__.setdefault("labels", {})
        if place not in labels:
            rows = self.session.execute(_LABELS, {"record_type": place[0], "team_id": place[1]})
            labels[place] = [(row.id, row.label.casefold()) for row in rows]
        if any(taken == label and (field_id is None or field_id != after.get("id")) for field_id, taken in labels[place]):
            raise Invalid(f"Another field here is called “{after['label']}”. Give one of them another name first.", field="label")
        labels[place].append((after.get("id"), label))

    def _check_whole(self, current: Mapping[str, Any] | None, wanted: dict[str, Any], after: Mapping[str, Any]) -> None:
        field = _definition(after)
        if field.default is not None and {"default_value", "kind", "options"} & wanted.keys():
            if "default_value" not in wanted and "kind" in wanted:
                wanted["default_value"] = None  # of the old kind
            else:
                wanted["default_value"] = rules.read_default(field, field.default)
        rules.check_whole(_definition({**after, **wanted}))
        if wanted.get("is_unique") and current is not None and (twice := self.session.scalar(_DOUBLE, {"kind": after["record_type"], "key": after["key"]})):
            raise Invalid(f"{field.label} cannot be unique yet: {twice:,} values stand in more than one record of a team. Tell those apart first.",
                          field="is_unique")  # fmt: skip

    def _begin(self, wanted: dict[str, Any]) -> dict[str, Any]:
        wanted = {"kind": "text", "options": [], "is_required": False, "is_unique": False, **{n: v for n, v in wanted.items() if v is not None}}
        if not wanted.get("label"):
            raise Invalid("Give the field a name.", field="label")
        if wanted.get("record_type") not in rules.RECORD_TYPES:
            raise Invalid(f"A field belongs to one of: {', '.join(rules.RECORD_TYPES)}.", field="record_type")
        check_stands(self.session, wanted.get("team_id"))
        rows = self.session.execute(_KEYS, {"record_type": wanted["record_type"]}).all()
        taken = {row.key for row in rows} | self._given_out(wanted["record_type"])
        wanted["key"] = rules.check_key(wanted["key"], taken) if wanted.get("key") else rules.key_of(wanted["label"], taken)
        self._given_out(wanted["record_type"]).add(wanted["key"])
        wanted.setdefault("position", max((row.position for row in rows), default=-1) + 1)
        return wanted

    def _given_out(self, record_type: str) -> set[str]:
        """Keys that this same call gives out."""
        given_out: dict[str, set[str]] = self.__dict__.setdefault("given_out", {})
        return given_out.setdefault(record_type, set())

    def _change(self, current: Mapping[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        for name, words in (
            ("key", "A field keeps its key, under which its values are kept."),
            ("record_type", "A field stays with the records it was made for."),
        ):
            if name in wanted and wanted[name] != current[name]:
                raise Invalid(words, field=name)
        return wanted


def _definition(values: Mapping[str, Any]) -> Definition:
    return Definition(
        0, 0, values.get("team_id"), values["record_type"], values["key"], values["label"], values["kind"], tuple(values.get("options") or ()),
        bool(values.get("is_required")), bool(values.get("is_unique")), values.get("default_value"), values.get("help"), 0,
    )  # fmt: skip


CUSTOM_FIELD = register(
    RecordType(
        name="custom_field",
        table="crm.custom_fields",
        label="Field",
        resource="field",
        fields=by_name(
            Field("team_id", "Team", "id"),
            Field("record_type", "Records", is_required=True),
            Field("key", "Key", is_required=True),
            Field("label", "Name", is_required=True),
            Field("kind", "Kind", is_required=True),
            _Options("options", "Options", "json"),
            Field("is_required", "Required", "flag", is_required=True),
            Field("is_unique", "Unique", "flag", is_required=True),
            _Json("default_value", "Default", "json"),
            Field("help", "Help"),
            Field("position", "Position", "int", is_required=True),
        ),
        checks=FieldChecks,
        grant="configure",
        owner_sql="null::bigint",
        rank=8,
    )
)
