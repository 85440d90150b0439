"""Lists and details of leads, for screens and API. Row security decides what is in them; these add comfort."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.changes import hiding
from crm.db import direct
from crm.errors import Invalid
from crm.fields.catalogue import catalogue
from crm.fields.filters import CustomFilter
from crm.fields.filters import condition as custom_condition
from crm.leads.naming import naming
from crm.letters import legible


@dataclass(frozen=True, slots=True)
class Sort:
    """A column that lists may be sorted by. `nulls`: where empty ones stand when ascending ("" where there are none)."""

    column: str
    sql_type: str
    nulls: Literal["", "first", "last"] = ""

    def order(self, *, descending: bool, alias: str) -> str:
        direction = "desc" if descending else "asc"
        nulls = f" nulls {'last' if self.nulls_come_last(descending=descending) else 'first'}" if self.nulls else ""
        return f"{alias}.{self.column} {direction}{nulls}, {alias}.id {direction}"

    def nulls_come_last(self, *, descending: bool) -> bool:
        return self.nulls == "last" or descending


# Empty ones come last, except where being empty is the news: a lead never contacted. The indexes are made for these orders.
SORTS: Mapping[str, Sort] = {
    "updated_at": Sort("updated_at", "timestamptz"),
    "created_at": Sort("created_at", "timestamptz"),
    "name": Sort("name", "text"),
    "value_usd": Sort("value_usd", "numeric", "first"),
    "lifetime_usd": Sort("lifetime_usd", "numeric"),
    "expected_close_on": Sort("expected_close_on", "date", "last"),
    "last_contacted_at": Sort("last_contacted_at", "timestamptz", "first"),
    "stage_entered_at": Sort("stage_entered_at", "timestamptz"),
    "id": Sort("id", "bigint"),
}

CAN_MISS = ("source", "market", "lost_reason")
_SEARCHED = ("email", "phone", "external_id")
_SORTED_BY = {"value_usd": "value"}
_FILTERED_BY = {
    "sources": "source", "markets": "market", "closes_from": "expected_close_on", "closes_before": "expected_close_on",
    "has_no_close": "expected_close_on", "lost_reasons": "lost_reason",
}  # fmt: skip

COLUMNS = """
    l.id, l.version, l.name, l.team_id, l.pipeline_id, l.stage_id, l.owner_id, l.company_id, l.value_amount, l.value_currency, l.value_usd,
    l.expected_close_on, l.next_step, l.source, l.market, l.email, l.phone, l.lost_reason, l.external_id, l.custom, l.came_from_lead_id,
    l.lifetime_usd, l.last_order_at, l.last_contacted_at, l.stage_entered_at, l.created_at, l.updated_at, l.deleted_at, l.merged_into_id"""
_WITH_COMPANY = """select p.*, c.company from page as p
left join crm.companies_of_leads(array(select id from page)) as c on c.lead_id = p.id"""


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Every part narrows the list; None or empty leaves it open. `owner_ids` may hold 0 for "nobody"."""

    team_ids: tuple[int, ...] = ()
    pipeline_ids: tuple[int, ...] = ()
    stage_ids: tuple[int, ...] = ()
    owner_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    company_id: int | None = None
    q: str = ""
    updated_since: datetime | None = None
    not_contacted_days: int | None = None
    closes_from: date | None = None
    closes_before: date | None = None
    has_no_close: bool = False
    in_stage_since: datetime | None = None
    in_stage_before: datetime | None = None
    created_since: datetime | None = None
    created_before: datetime | None = None
    stage_kinds: tuple[str, ...] = ()
    open_only: bool = False
    custom: tuple[CustomFilter, ...] = ()
    custom_is: tuple[tuple[str, Any], ...] = ()
    """(key, value): a custom field that holds just this, in its JSON form; None for nothing."""
    lost_reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Names of `CAN_MISS`: leads where nothing is given."""


LeadRow = dict[str, Any]
"""The columns of `COLUMNS`, and company, team, pipeline, stage, stage_kind, target_days and owner as names."""


@dataclass(frozen=True, slots=True)
class LeadPage:
    """`rows` in order; `next_after` continues the list by key (None at its end)."""

    rows: Sequence[Mapping[Any, Any]]
    next_after: tuple[Any, int] | None = None


def list_leads(
    session: Session, wanted: LeadFilter, *, sort: str = "-updated_at", limit: int = 100, offset: int = 0, after: tuple[Any, int] | None = None
) -> LeadPage:
    """One page of leads. `sort` is a name of `SORTS`, "-" for descending; `after` is the last page's `next_after`."""
    return page_of(session, "crm.leads", {}, wanted, sort=sort, limit=limit, offset=offset, after=after)


def page_of(
    session: Session, source: str, given: Mapping[str, Any], wanted: LeadFilter, *, sort: str, limit: int, offset: int = 0, after: tuple[Any, int] | None = None
) -> LeadPage:  # fmt: skip
    """`list_leads` over any `source` (SQL, with parameters `given`) that has the columns of `COLUMNS`."""
    name, descending = _sort(sort)
    hiding.refuse(session, "lead", [_SORTED_BY.get(name, name)], doing="sort by")
    where, parameters = conditions(session, wanted, is_now=source == "crm.leads")
    parameters |= given
    if after is not None:
        where.append(_after(SORTS[name], descending, after, parameters))
    order, page_order = (SORTS[name].order(descending=descending, alias=alias) for alias in ("l", "p"))
    # Limit and offset as they are, not as parameters: Postgres can then tell a plan worth keeping.
    part = f"limit {int(limit) + 1}" + (f" offset {int(offset)}" if offset else "")
    page = f"with page as materialized (select {COLUMNS} from {source} as l where {' and '.join(where)} order by {order} {part})"
    rows = _named(session, *direct.table(session, f"{page} {_WITH_COMPANY} order by {page_order}", parameters))
    if len(rows) <= limit:
        return LeadPage(rows)
    last = rows[limit - 1]
    return LeadPage(rows[:limit], (last[name], last["id"]))


def _sort(sort: str) -> tuple[str, bool]:
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise Invalid(f"Leads cannot be sorted by “{name}”. Take one of: {', '.join(SORTS)}; a minus turns it round.", field="sort")
    return name, sort.startswith("-")


def _after(sort: Sort, descending: bool, after: tuple[Any, int], parameters: dict[str, Any]) -> str:
    """What comes behind the row that `after` (its key and id) names."""
    key, parameters["after_id"] = after
    sign = "<" if descending else ">"
    column = f"l.{sort.column}"
    nulls_come_last = sort.nulls_come_last(descending=descending)
    if key is None:
        same = f"({column} is null and l.id {sign} :after_id)"
        return same if nulls_come_last else f"({same} or {column} is not null)"
    parameters["after_key"] = key
    ahead = f"({column}, l.id) {sign} (cast(:after_key as {sort.sql_type}), cast(:after_id as bigint))"
    return f"({ahead} or {column} is null)" if sort.nulls and nulls_come_last else ahead


_BOUNDS = {
    "closes_from": "l.expected_close_on >= :closes_from", "closes_before": "l.expected_close_on < :closes_before",
    "in_stage_since": "l.stage_entered_at >= :in_stage_since", "in_stage_before": "l.stage_entered_at < :in_stage_before",
    "created_since": "l.created_at >= :created_since", "created_before": "l.created_at < :created_before",
}  # fmt: skip


def conditions(session: Session, wanted: LeadFilter, *, is_now: bool = True) -> tuple[list[str], dict[str, Any]]:
    """What a filter asks of `crm.leads as l`, and the parameters of it. `is_now`: `l` are the leads as they stand."""
    asked = [name for part, name in _FILTERED_BY.items() if getattr(wanted, part)]
    own = [*(each.key for each in wanted.custom), *(key for key, _ in wanted.custom_is)]
    hiding.refuse(session, "lead", [*asked, *wanted.missing, *(f"custom.{key}" for key in own)], doing="filter by")
    where = ["l.deleted_at is null"]
    parameters: dict[str, Any] = {}
    for field, column in (("team_ids", "l.team_id"), ("pipeline_ids", "l.pipeline_id"), ("stage_ids", "l.stage_id")):
        if ids := getattr(wanted, field):
            where.append(f"{column} = any(cast(:{field} as bigint[]))" if len(ids) > 1 else f"{column} = :{field}")
            parameters[field] = list(ids) if len(ids) > 1 else ids[0]
    if wanted.owner_ids:
        where.append(_owned(wanted.owner_ids, parameters))
    for field, column in (("sources", "l.source"), ("markets", "l.market"), ("lost_reasons", "l.lost_reason")):
        if values := getattr(wanted, field):
            where.append(f"{column} = any(cast(:{field} as text[]))")
            parameters[field] = list(values)
    if wanted.company_id is not None:
        where.append("l.company_id = :company_id")
        parameters["company_id"] = wanted.company_id
    if wanted.updated_since is not None:
        where.append("l.updated_at >= :updated_since")
        parameters["updated_since"] = wanted.updated_since
    if wanted.not_contacted_days is not None:
        where.append("coalesce(l.last_contacted_at, l.created_at) < now() - make_interval(days => cast(:not_contacted_days as int))")
        parameters["not_contacted_days"] = wanted.not_contacted_days
    for field, condition in _BOUNDS.items():
        if (bound := getattr(wanted, field)) is not None:
            where.append(condition)
            parameters[field] = bound
    where += [f"coalesce(l.{name}, '') = ''" for name in CAN_MISS if name in wanted.missing]
    where += [_holds(number, key, value, parameters) for number, (key, value) in enumerate(wanted.custom_is)]
    if wanted.has_no_close:
        where.append("l.expected_close_on is null")
    if wanted.stage_kinds:
        where.append("l.stage_id in (select st.id from crm.stages as st where st.kind = any(cast(:stage_kinds as text[])))")
        parameters["stage_kinds"] = list(wanted.stage_kinds)
    if wanted.open_only:
        where.append("l.stage_id in (select st.id from crm.stages as st where st.kind = 'open')")
    for number, part in enumerate(wanted.custom):
        where += custom_condition(session, part, number, parameters, is_now=is_now)
    if q := legible(wanted.q):
        where.append(matching(session, q, parameters))
    return where, parameters


def _owned(owner_ids: Sequence[int], parameters: dict[str, Any]) -> str:
    """The condition that one of these owns a lead `l`; 0 is nobody."""
    people = [owner_id for owner_id in owner_ids if owner_id]
    either = ["l.owner_id is null"] if 0 in owner_ids else []
    if people:
        either.insert(0, "l.owner_id = any(cast(:owner_ids as bigint[]))" if len(people) > 1 else "l.owner_id = :owner_ids")
        parameters["owner_ids"] = people if len(people) > 1 else people[0]
    return f"({' or '.join(either)})"


def _holds(number: int, key: str, value: Any, parameters: dict[str, Any]) -> str:
    """The condition that a lead `l` holds just this value in a custom field; None: nothing."""
    parameters[f"own_key{number}"] = key
    held = f"(l.custom -> cast(:own_key{number} as text))"
    if value is None:
        return f"coalesce({held}, 'null') in ('null', '\"\"', '[]')"
    parameters[f"own{number}"] = json.dumps(value)
    return f"{held} = cast(:own{number} as jsonb)"


def matching(session: Session, q: str, parameters: dict[str, Any]) -> str:
    """The condition that a lead `l` holds the words, in fields that are not hidden from whoever asks.

    By the trigram index where few match; for words that thousands share, the list is walked in its own order instead.
    """
    parameters["q"] = q = q[:200]
    found = "crm.lead_matches(l.id, :q)" if is_common(session, q) else "l.id = any (array(select crm.search_leads(:q, null)))"
    searched = [f"l.{name}" for name in _SEARCHED if not hiding.is_hidden(session, "lead", name)]
    if len(searched) == len(_SEARCHED):
        return found
    # The search text holds what is hidden too: what it finds must be found without that.
    company = "(select nullif(c.name, l.name) from crm.companies as c where c.id = l.company_id)"
    return f"({found} and lower(concat_ws(' ', {', '.join(['l.name', company, *searched])})) like crm.search_pattern(:q))"


def is_common(session: Session, q: str) -> bool:
    """Whether so many leads share the words that finding all of them takes long; the first page of a list does not."""
    q = legible(q)[:200]
    return len(q) < 3 or bool(session.scalar(text("select crm.search_is_common(:q)"), {"q": q}))


def totals(session: Session, wanted: LeadFilter) -> tuple[int, Decimal | None]:
    """Leads and their value in USD (None where values are hidden), for the line above a list."""
    where, parameters = conditions(session, wanted)
    row = session.execute(text(f"select count(*) as n, coalesce(sum(l.value_usd), 0) as usd from crm.leads as l where {' and '.join(where)}"), parameters).one()
    return row.n, None if hiding.is_hidden(session, "lead", "value") else row.usd


def lead(session: Session, lead_id: int) -> LeadRow | None:
    """One lead with its names, deleted and merged ones included; None when hidden or missing."""
    found = direct.table(session, f"with page as (select {COLUMNS} from crm.leads as l where l.id = :id) {_WITH_COMPANY}", {"id": lead_id})
    return next(iter(_named(session, *found)), None)


def leads_by_id(session: Session, ids: Sequence[int]) -> dict[int, LeadRow]:
    """Named rows of these leads, as far as they are seen."""
    found = direct.table(session, f"with page as (select {COLUMNS} from crm.leads as l where l.id = any(:ids)) {_WITH_COMPANY}", {"ids": list(ids)})
    return {row["id"]: row for row in _named(session, *found)}


def _named(session: Session, columns: Sequence[str], found: Sequence[direct.Row]) -> list[LeadRow]:
    """Rows as dictionaries, with what their ids are called."""
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    names = naming(session, rows)
    fields = catalogue(session) if any(row["custom"] for row in rows) else None
    for row in rows:
        row.update(names.of(row))
        if fields and row["custom"]:
            row["custom"] = fields.shown("lead", row["custom"], row["team_id"])
    hiding.blank(session, "lead", rows)
    return rows


def owns_any(session: Session, person_id: int) -> bool:
    """Whether the person owns a lead: then lists begin with their own."""
    return bool(session.scalar(text("select exists (select from crm.leads where owner_id = :id and deleted_at is null)"), {"id": person_id}))


def names_of_people(session: Session) -> dict[int, str]:
    """Everybody's name by id, disabled people included: names are known to all who are signed in."""
    return {row.id: row.name for row in session.execute(text("select id, name from crm.people order by lower(name)"))}


_OWNERS = text("""
    select p.id from crm.people as p
    where p.disabled_at is null and (:everywhere or p.id = :me or exists (
        select from crm.memberships as m where m.person_id = p.id and (m.team_id is null or m.team_id = any(cast(:teams as bigint[])))))
    order by lower(p.name)
""")


def possible_owners(session: Session) -> tuple[int, ...]:
    """Active people to whom the person may give a lead, by name; themselves included."""
    person = person_of(session)
    reach = person.reach("lead", "assign")
    return tuple(session.scalars(_OWNERS, {"everywhere": reach.everywhere, "me": person.id, "teams": sorted(reach.teams)}))


_COLLEAGUES = text("""
    select p.id from crm.people as p
    where :everywhere or p.id = :me or exists (select from crm.memberships as m where m.person_id = p.id and m.team_id = any(cast(:teams as bigint[])))
    order by lower(p.name)
""")


def colleagues(session: Session) -> tuple[int, ...]:
    """The people of the teams whose leads the person sees, by name, disabled ones included: they may own leads yet."""
    person = person_of(session)
    reach = person.reach("lead", "view")
    return tuple(session.scalars(_COLLEAGUES, {"everywhere": reach.everywhere, "me": person.id, "teams": sorted(reach.teams)}))


def names_of_teams(session: Session) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(text("select id, name from crm.teams where deleted_at is null order by lower(name)"))}


def currencies(session: Session) -> tuple[str, ...]:
    """USD and whatever else the organisation has a rate or a market for."""
    rows = session.scalars(text("select currency from crm.exchange_rates union select currency from crm.markets"))
    return tuple(sorted({"USD", *(row.strip() for row in rows)}))
