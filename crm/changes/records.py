"""What a record type is to the write path: its table, its fields, and the word's own rules.

Each word registers its types (`register`); `changes` never imports a word. Three forms of a value:

* given: whatever a door passes (text from a form, a JSON value, a Python object);
* read: the canonical Python value, made by `Field.read`, compared with `==`;
* plain: its JSON form, as change rows and conflicts keep it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from sqlalchemy.orm import Session

from crm.errors import CrmError, Invalid
from crm.letters import legible
from crm.money import Money, read_money

Kind = Literal["text", "long_text", "id", "int", "share", "date", "moment", "money", "json", "flag"]
LONGEST = {"text": 300, "long_text": 20_000}
LONGEST_CUSTOM = 4000
LARGEST_WHOLE = 10**400
"""Beyond, Python itself refuses to write whole numbers out."""
DEEPEST = 20
FIRST_MOMENT, LAST_MOMENT = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""Beyond, it is no time at all to somebody in a far time zone: the calendar ends."""
_CUSTOM_NAME = re.compile(r"custom\.\w[\w .-]{0,61}\w?\Z")
_SQL_TYPE = {
    "text": "text",
    "long_text": "text",
    "id": "bigint",
    "int": "int",
    "share": "numeric",
    "date": "date",
    "moment": "timestamptz",
    "json": "jsonb",
    "flag": "boolean",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One recorded field. `label` is what people read; money spans an amount and a currency column.

    `refers_to`: the table of the record it names, where the person must see that record.
    """

    name: str
    label: str
    kind: Kind = "text"
    is_required: bool = False
    refers_to: str = ""

    def read(self, given: Any) -> Any:
        """The canonical value; empty text is None. Raises `Invalid` with the field's name."""
        if isinstance(given, str):
            given = _clean(self, given)
        if given is None or given == "":
            if self.is_required:
                raise Invalid(f"{self.label} cannot be empty.", field=self.name)
            return None
        if isinstance(given, int) and abs(given) >= LARGEST_WHOLE:
            raise Invalid(f"{self.label} is too large a number.", field=self.name)
        return _READERS[self.kind](self, given)

    def plain(self, value: Any) -> Any:
        """The JSON form of a canonical value."""
        if isinstance(value, Money):
            return value.as_json()
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if isinstance(value, Decimal):
            return float(value)
        return value.isoformat() if isinstance(value, date) else value

    def read_plain(self, plain: Any) -> Any:
        """The canonical value of a JSON form that a change row kept."""
        return plain if plain is None or self.kind in ("text", "long_text") else _READERS[self.kind](self, plain)

    def same(self, one: Any, other: Any) -> bool:
        """Whether two canonical values are one to the database too."""
        return bool(one == other)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(column, SQL type) pairs."""
        if self.kind == "money":
            return ((f"{self.name}_amount", "numeric"), (f"{self.name}_currency", "text"))
        return ((self.name, _SQL_TYPE[self.kind]),)

    def from_row(self, row: Mapping[str, Any]) -> Any:
        if self.kind == "money":
            amount = row[f"{self.name}_amount"]
            return None if amount is None else Money(amount, row[f"{self.name}_currency"])
        return row[self.name]

    def to_row(self, value: Any) -> tuple[Any, ...]:
        """Column values in the order of `columns`."""
        if self.kind == "money":
            return (None, None) if value is None else (value.amount, value.currency)
        return (json.dumps(value) if self.kind == "json" else value,)


def _clean(field: Field, given: str) -> str:
    """As people read it, without outer blanks; only text is several lines long. Text that is no text (half of a surrogate pair) is refused."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise Invalid(f"{field.label} holds a character that cannot be kept.", field=field.name) from None
    return legible(given, has_lines=field.kind != "text" or isinstance(field, CustomField))


def _read_text(field: Field, given: Any) -> str:
    if not isinstance(given, str):
        raise Invalid(f"{field.label} takes text.", field=field.name)
    if len(given) > LONGEST[field.kind]:
        raise Invalid(f"{field.label} takes up to {LONGEST[field.kind]:,} characters; this has {len(given):,}.", field=field.name)
    return given


def _read_int(field: Field, given: Any) -> int:
    is_whole = isinstance(given, (int, str)) or (isinstance(given, float) and given.is_integer())
    if isinstance(given, bool) or not is_whole:
        raise Invalid(f"{field.label} takes a whole number.", field=field.name)
    try:
        number = int(given)
    except ValueError:
        raise Invalid(f"{field.label} takes a whole number.", field=field.name) from None
    if not -(2**62) < number < 2**62 or (field.kind == "int" and abs(number) >= 2**31):
        raise Invalid(f"{field.label} is too large a number.", field=field.name)
    return number


def _read_flag(field: Field, given: Any) -> bool:
    if not isinstance(given, bool):
        raise Invalid(f"{field.label} takes yes or no.", field=field.name)
    return given


def _read_share(field: Field, given: Any) -> Decimal:
    try:
        share = Decimal(str(given))
    except InvalidOperation:
        raise Invalid(f"{field.label} takes a share between 0 and 1.", field=field.name) from None
    if not share.is_finite() or not 0 <= share <= 1:
        raise Invalid(f"{field.label} takes a share between 0 and 1.", field=field.name)
    return share.quantize(Decimal("0.001"))


def _read_json(field: Field, given: Any) -> dict[str, Any]:
    found = canonical_json(field, given)
    if not isinstance(found, dict) or len(json.dumps(found)) > 20_000:
        raise Invalid(f"{field.label} takes a small JSON object.", field=field.name)
    return found


def canonical_json(field: Field, given: Any, depth: int = 0) -> Any:
    """The value as jsonb gives it back: whole floats are whole numbers, dates their text. Raises `Invalid` for what JSON has not."""
    if given is None or isinstance(given, bool) or (isinstance(given, int) and abs(given) < LARGEST_WHOLE):
        return given
    if isinstance(given, str):
        return _clean(field, given)
    if isinstance(given, date):
        return given.isoformat()
    if isinstance(given, (float, Decimal)) and (number := _plain_number(given)) is not None:
        return number
    if isinstance(given, (list, tuple)) and depth < DEEPEST:
        return [canonical_json(field, each, depth + 1) for each in given]
    if isinstance(given, Mapping) and depth < DEEPEST and all(isinstance(key, str) for key in given):
        return {_clean(field, key): canonical_json(field, each, depth + 1) for key, each in given.items()}
    raise Invalid(f"{field.label} cannot take this value.", field=field.name)


def _plain_number(given: float | Decimal) -> int | float | None:
    """A whole number where it is one, also after what JSON cannot hold was rounded away; None for what is no number."""
    if isinstance(given, Decimal) and (not given.is_finite() or abs(given) >= LARGEST_WHOLE):
        return None
    number = float(given)
    if not math.isfinite(number):
        return None
    return int(given) if given == int(given) else int(number) if number.is_integer() else number


def _read_date(field: Field, given: Any) -> date:
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    said = str(given)
    try:
        if said[10:] and said[10] not in "T ":
            raise ValueError("more than a day and a time")
        found = date.fromisoformat(said[:10])
    except ValueError:
        raise Invalid(f"“{given}” is not a date for {field.label}. Write it as 2026-12-31.", field=field.name) from None
    return found


def _read_moment(field: Field, given: Any) -> datetime:
    if isinstance(given, datetime):
        moment = given
    else:
        try:
            moment = datetime.fromisoformat(str(given).strip())
        except ValueError:
            raise Invalid(f"“{given}” is not a time for {field.label}. Write it as 2026-12-31T10:00:00Z.", field=field.name) from None
    if moment.tzinfo is None:
        raise Invalid(f"{field.label} needs a time zone, such as 2026-12-31T10:00:00Z.", field=field.name)
    try:
        found = moment.astimezone(UTC)
    except OverflowError:
        found = None
    if found is None or not FIRST_MOMENT <= found < LAST_MOMENT:
        raise Invalid(f"“{given}” is not a time for {field.label}.", field=field.name)
    return found


def _read_money_field(field: Field, given: Any) -> Money | None:
    return read_money(given, field=field.name)


_READERS: Mapping[str, Callable[[Field, Any], Any]] = {
    "text": _read_text, "long_text": _read_text, "id": _read_int, "int": _read_int,
    "share": _read_share, "flag": _read_flag, "json": _read_json, "date": _read_date, "moment": _read_moment, "money": _read_money_field,
}  # fmt: skip

DELETED = Field("deleted_at", "Deleted", "moment")


def by_name(*fields: Field) -> dict[str, Field]:
    """As a record type keeps them."""
    return {field.name: field for field in fields}


class Checks:
    """The word's own rules for one `apply`; made afresh per call, so it may remember what it looked up.

    `settle(current, wanted)` gets canonical values (`current` is None for a new record) and answers the
    fields to write: the wanted ones, and any that follow from them. Raises `Invalid` with words.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        return wanted

    def complete(self, new: Sequence[dict[str, Any]]) -> Mapping[int, CrmError]:
        """Fill in, last of all before they are written, what can only be said of all new records together. For what locks, lock here.

        Answers what only then shows that it cannot be, by its place in `new`.
        """
        return {}

    def made(self, new: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Keep beside new records, given as (id, values as `complete` saw them), what is no field of theirs."""


class CustomRules:
    """What a word knows about the custom fields of one record type; made afresh per `apply`, as `Checks` are."""

    def field(self, name: str) -> Field:
        """The field `custom.<key>`. Raises `Invalid` where there is none."""
        raise NotImplementedError

    def begin(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A new record's values with its defaults."""
        raise NotImplementedError

    def check(self, current: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
        """Raises `Invalid` where values cannot stand in this record, or are missing from a new one."""
        raise NotImplementedError


@dataclass(frozen=True)
class RecordType:
    """`name` is the word in change rows, `resource` the one in grants.

    `grant`: the one action that covers creating, editing and deleting, where there is one (configure).
    `own_fields`: what everybody may change about the record that is themselves, without any grant.
    `coupled`: fields that only make sense together; a conflict in one holds back the others.
    `team_sql`, `owner_sql`: whose the record is, for its scope, with the record as `r`.
    `shown_in`: columns of reads that are worked out from a field, by field: hidden with it.
    `rank`: types are locked and taken back in this order; what hangs on a record goes before it.
    `custom`: finds its custom fields; without it any key holds any JSON, as undo needs it.
    """

    name: str
    table: str
    label: str
    resource: str
    fields: Mapping[str, Field]
    checks: type[Checks] = Checks
    coupled: Sequence[frozenset[str]] = ()
    has_custom: bool = False
    has_effective_at: bool = False
    grant: str | None = None
    own_fields: frozenset[str] = frozenset()
    is_deletable: bool = True
    team_sql: str = "r.team_id"
    owner_sql: str = "r.owner_id"
    rank: int = 9
    shown_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custom: Callable[[str], Field] | None = None

    def field(self, name: str) -> Field:
        """The field, `custom.<key>` included. Raises `Invalid` for an unknown name."""
        found = self.fields.get(name)
        if found is None and self.has_custom and _CUSTOM_NAME.match(name):
            return self.custom(name) if self.custom else _untyped(name)
        if found is None:
            raise Invalid(f"{self.label} has no field “{name}”.", field=name)
        return found

    def recorded(self, name: str) -> Field:
        """The field by its name in change rows: `field`, the deletion, or a custom field that is no more."""
        if name == "deleted_at":
            return DELETED
        try:
            return self.field(name)
        except Invalid:
            if self.custom is None or not _CUSTOM_NAME.match(name):
                raise
            return _untyped(name)

    def asked(self, name: str) -> Field:
        """The field by its name in an edit: `field`, or the deletion."""
        return DELETED if name == "deleted_at" else self.field(name)


class CustomField(Field):
    """A key of the `custom` column; its JSON value is its canonical value."""

    def read(self, given: Any) -> Any:
        found = canonical_json(self, given)
        if found is not None and len(json.dumps(found, ensure_ascii=False)) > LONGEST_CUSTOM:
            raise Invalid(f"{self.label} takes up to {LONGEST_CUSTOM:,} characters.", field=self.name)
        return None if found == "" else found

    def same(self, one: Any, other: Any) -> bool:
        """True is not 1 here, as in JSON."""
        return json.dumps(one, sort_keys=True) == json.dumps(canonical_json(self, other), sort_keys=True)

    def plain(self, value: Any) -> Any:
        return value

    def read_plain(self, plain: Any) -> Any:
        return plain

    @property
    def key(self) -> str:
        return self.name.removeprefix("custom.")

    def from_row(self, row: Mapping[str, Any]) -> Any:
        return row["custom"].get(self.key)


def _untyped(name: str) -> CustomField:
    return CustomField(name, name.removeprefix("custom.").replace("_", " ").capitalize())


_TYPES: dict[str, RecordType] = {}
_custom_rules: list[Callable[[Session, RecordType], CustomRules]] = []


def register_custom_rules(make: Callable[[Session, RecordType], CustomRules]) -> None:
    """Let a word say which custom fields there are. The last one registered counts."""
    _custom_rules[:] = [make]


def custom_rules(session: Session, kind: RecordType) -> CustomRules | None:
    """The rules for this type's custom fields; None where it has none, or no word has registered any."""
    return _custom_rules[0](session, kind) if _custom_rules and kind.has_custom else None


def register(record_type: RecordType) -> RecordType:
    """Make a type known to the write path. Each word calls this when it is imported."""
    _TYPES[record_type.name] = record_type
    return record_type


def type_of(name: str) -> RecordType:
    return _TYPES[name]


def registered() -> list[RecordType]:
    """Every type that a word has registered, by name."""
    return [_TYPES[name] for name in sorted(_TYPES)]
