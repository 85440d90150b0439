"""The organisation's own facts as the write path knows them: settings by key, markets, holidays. They have history and undo like any record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from crm.changes.records import Checks, Field, RecordType, canonical_json, register
from crm.errors import Invalid
from crm.money import BASE_CURRENCY
from crm.organisation.rules import read_market

LARGEST = 20_000
Reader = Callable[[Any], Any]
_READERS: dict[str, Reader] = {}
_CURRENCY = re.compile(r"[A-Z]{3}\Z")


def register_setting(key: str, read: Reader) -> None:
    """Make a setting known: `read` answers the value in the form that is kept, or raises `Invalid`."""
    _READERS[key] = read


def read_time_zone(given: Any) -> str:
    try:
        return ZoneInfo(given).key
    except (KeyError, ValueError, OSError, TypeError):
        raise Invalid(f"“{str(given)[:60]}” is not a time zone. Write it as Asia/Dubai.", field="value") from None


def read_month(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= 12:
        raise Invalid("A fiscal year starts in a month from 1 to 12.", field="value")
    return given


def read_base_currency(given: Any) -> str:
    if given != BASE_CURRENCY:
        raise Invalid(f"Amounts are compared in {BASE_CURRENCY}: each was converted at the rate of its day, so this stays.", field="value")
    return BASE_CURRENCY


register_setting("reporting_time_zone", read_time_zone)
register_setting("fiscal_year_starts_in_month", read_month)
register_setting("base_currency", read_base_currency)


class AnyValue(Field):
    """Any JSON, a bare text or number too: what it may be depends on the setting."""

    def read(self, given: Any) -> Any:
        found = canonical_json(self, given)
        if found is None or len(json.dumps(found)) > LARGEST:
            raise Invalid("A setting takes a small value.", field=self.name)
        return found

    def read_plain(self, plain: Any) -> Any:
        return plain

    def plain(self, value: Any) -> Any:
        return value

    def same(self, one: Any, other: Any) -> bool:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class SettingChecks(Checks):
    """Only settings that something reads, each with values that mean something to it."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is not None and "key" in wanted:
            raise Invalid("A setting keeps its name.", field="key")
        key = str((current or wanted).get("key"))
        if key not in _READERS:
            raise Invalid(f"There is no setting “{key[:60]}”.", field="key")
        if current is None or "value" in wanted:
            wanted["value"] = _READERS[key](wanted.get("value"))
        return wanted


class MarketChecks(Checks):
    """A country code, once; a name; a currency; a team that there is."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if current is not None and "code" in wanted:
            raise Invalid("A market keeps its country code: leads and customers name it. Add another market instead.", field="code")
        if current is None:
            wanted = {name: value for name, value in wanted.items() if value is not None}
            wanted["code"] = read_market(wanted.get("code") or "")
            if self.session.scalar(text("select true from crm.markets where code = :code"), {"code": wanted["code"]}):
                raise Invalid(f"{wanted['code']} is a market already.", field="code")
        after = {**(current or {}), **wanted}
        if not after.get("name") or not after.get("currency"):
            raise Invalid("A market needs a name and a currency.", field="name")
        if "currency" in wanted:
            wanted["currency"] = wanted["currency"].upper()
            if not _CURRENCY.match(wanted["currency"]):
                raise Invalid(f"“{wanted['currency'][:20]}” is not a currency code such as USD or AED.", field="currency")
        team = wanted.get("team_id")
        if team and not self.session.scalar(text("select true from crm.teams where id = :id and deleted_at is null"), {"id": team}):
            raise Invalid("There is no such team.", field="team_id")
        return wanted


class HolidayChecks(Checks):
    """A day with a name, once for each market or for all."""

    def settle(self, current: Mapping[str, Any] | None, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted.get("deleted_at"):
            return wanted
        after = {**(current or {}), **wanted}
        if not after.get("day") or not after.get("name"):
            raise Invalid("A holiday needs a day and a name.", field="day")
        if wanted.get("market"):
            wanted["market"] = after["market"] = read_market(wanted["market"])
            if not self.session.scalar(text("select true from crm.markets where code = :code"), {"code": wanted["market"]}):
                raise Invalid(f"{wanted['market']} is no market of yours. Add it first.", field="market")
        taken = self.session.scalar(
            text("""
                select name from crm.holidays
                where day = :day and market is not distinct from cast(:market as char(2)) and deleted_at is null and id is distinct from cast(:id as bigint)
            """),
            {"day": after["day"], "market": after.get("market"), "id": after.get("id")},
        )
        if taken:
            raise Invalid(f"That day is “{taken}” already.", field="day")
        return wanted


def _of_the_organisation(name: str, table: str, label: str, fields: tuple[Field, ...], checks: type[Checks], *, is_deletable: bool) -> RecordType:
    return register(
        RecordType(
            name=name,
            table=table,
            label=label,
            resource="settings",
            fields={field.name: field for field in fields},
            checks=checks,
            grant="configure",
            team_sql="null::bigint",
            owner_sql="null::bigint",
            is_deletable=is_deletable,
        )
    )


SETTING = _of_the_organisation(
    "setting", "crm.organisation_settings", "Setting", (Field("key", "Name", is_required=True), AnyValue("value", "Value", "json", is_required=True)),
    SettingChecks, is_deletable=False,
)  # fmt: skip
MARKET = _of_the_organisation(
    "market", "crm.markets", "Market",
    (
        Field("code", "Country", is_required=True), Field("name", "Name", is_required=True), Field("currency", "Currency", is_required=True),
        Field("team_id", "Team", "id"),
    ),
    MarketChecks, is_deletable=False,
)  # fmt: skip
HOLIDAY = _of_the_organisation(
    "holiday", "crm.holidays", "Holiday", (Field("day", "Day", "date", is_required=True), Field("name", "Name", is_required=True), Field("market", "Market")),
    HolidayChecks, is_deletable=True,
)  # fmt: skip
