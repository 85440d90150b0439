"""Lists narrowed by custom fields: what is asked becomes SQL over `crm.leads as l`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.errors import Invalid
from crm.fields.catalogue import Catalogue
from crm.fields.kinds import Definition, typed
from crm.money import BASE_CURRENCY

RANGED = ("number", "money", "date")
_AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,2})?$"
_IS_COMMON = text("select crm.custom_is_common(cast(:wanted as jsonb[]))")


@dataclass(frozen=True, slots=True)
class CustomFilter:
    """One field of leads: any of `values` (in JSON form), from `low` to `high` (of money, USD), or text that `contains` these letters.

    Both ends are included; `is_below`: the upper one is not.
    """

    key: str
    kind: str
    values: tuple[Any, ...] = ()
    low: Any = None
    high: Any = None
    contains: str = ""
    is_below: bool = False

    @property
    def is_open(self) -> bool:
        return not self.values and self.low is None and self.high is None and not self.contains


def read_filter(known: Catalogue, name: str, given: Sequence[str]) -> CustomFilter:
    """`custom.<key>` (any of these), `custom.<key>.from` or `.to` as a door was asked it. Raises `Invalid`."""
    asked = name.removeprefix("custom.")
    field, end = known.find("lead", asked), ""
    if field is None and asked.endswith((".from", ".to")):
        asked, _, end = asked.rpartition(".")
        field = known.find("lead", asked)
    if field is None:
        raise Invalid(f"Leads have no field “{asked[:63]}”.", field=name)
    if not end:
        values = [_value(field, each, name) for each in given]
        return CustomFilter(field.key, field.kind, tuple(one for value in values for one in (value if isinstance(value, list) else [value])))
    if field.kind not in RANGED:
        raise Invalid(f"{field.label}: only numbers, money and dates have a from and a to.", field=name)
    value = _bound(field, given[-1], name)
    return CustomFilter(field.key, field.kind, low=value) if end == "from" else CustomFilter(field.key, field.kind, high=value)


def _value(field: Definition, given: str, name: str) -> Any:
    try:
        value = typed(field).read(given)
    except Invalid as error:
        raise Invalid(error.detail, field=name) from None
    if value is None:
        raise Invalid(f"{field.label}: say which value.", field=name)
    return value


def _bound(field: Definition, given: str, name: str) -> Any:
    """One end of a range; of money in USD, whatever currency it is written in."""
    value = _value(field, given, name)
    if field.kind != "money":
        return value
    if value["currency"] != BASE_CURRENCY:
        raise Invalid(f"{field.label}: money is compared in {BASE_CURRENCY}, at today's rates.", field=name)
    return float(value["amount"])


def condition(session: Session, wanted: CustomFilter, number: int, parameters: dict[str, Any], *, is_now: bool) -> list[str]:
    """What one filter asks, its parameters numbered. Few matches come from the index; of what thousands share, each lead of the list is asked."""
    key = f"custom_key{number}"
    parameters[key] = wanted.key
    found = []
    if wanted.values:
        parameters[f"custom{number}"] = given = [json.dumps({wanted.key: [value] if wanted.kind == "choices" else value}) for value in wanted.values]
        if is_now and not session.scalar(_IS_COMMON, {"wanted": given}):
            found.append(f"l.id in (select crm.leads_with_custom(cast(:custom{number} as jsonb[])))")
        else:
            del parameters[f"custom{number}"]
            names = [f"custom{number}_{place}" for place in range(len(given))]
            parameters |= dict(zip(names, given, strict=True))
            # One by one: for several at once the planner would not know how common they are, and fetch them all.
            found.append(f"({' or '.join(f'l.custom @> cast(:{name} as jsonb)' for name in names)})")
    for bound, sign in (("low", ">="), ("high", "<" if wanted.is_below else "<=")):
        if getattr(wanted, bound) is not None:
            name = f"custom_{bound}{number}"
            parameters[name] = getattr(wanted, bound)
            found.append(f"{_comparable(wanted.kind, key)} {sign} cast(:{name} as {'text' if wanted.kind == 'date' else 'numeric'})")
    if wanted.contains:
        parameters[f"custom_part{number}"] = wanted.contains[:200]
        found.append(f"lower(l.custom ->> cast(:{key} as text)) like crm.search_pattern(:custom_part{number})")
    return found


def _comparable(kind: str, key: str) -> str:
    """The value as it compares; null for what the field held before it was of this kind."""
    if kind == "money":
        value = f"l.custom -> cast(:{key} as text)"
        amount, currency = f"({value} ->> 'amount')::numeric", f"({value} ->> 'currency')::char(3)"
        return f"(case when {value} ->> 'amount' ~ '{_AMOUNT}' then crm.to_usd({amount}, {currency}, current_date) end)"
    json_type, cast = ("number", "::numeric") if kind == "number" else ("string", "")
    return f"(case jsonb_typeof(l.custom -> cast(:{key} as text)) when '{json_type}' then (l.custom ->> cast(:{key} as text)){cast} end)"


def as_filter(known: Catalogue, asked: Mapping[str, Sequence[str]]) -> tuple[CustomFilter, ...]:
    """Every `custom.` part of a query. Raises `Invalid`."""
    return tuple(read_filter(known, name, given) for name, given in sorted(asked.items()))
