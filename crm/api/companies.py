"""Companies and the contacts in them: the same version rules as leads, custom fields included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from crm.api import cursors
from crm.api.answers import answer, listing, named
from crm.api.calls import SOURCE, Call
from crm.api.door import Caller, Door
from crm.api.lead_form import conflicts_of
from crm.api.names import field_of
from crm.api.parameters import CompanyQuery, ContactQuery
from crm.api.problems import problem
from crm.api.requests import CompanyFields, ContactFields, NewCompany, NewContact
from crm.changes import Outcome, Result
from crm.companies import reads, use_cases
from crm.companies.records import COMPANY, CONTACT
from crm.errors import NotFound, Stale
from crm.leads.references import References, names_of

routes = APIRouter(prefix="/v1", route_class=Door, tags=["companies"])
Fields = CompanyFields | ContactFields


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two, and what the API says of it beside custom fields and references."""

    name: str
    path: str
    plain: tuple[str, ...]
    refers_to: tuple[str, ...]
    add: Callable[..., Outcome]
    edit: Callable[..., Outcome]
    remove: Callable[..., Outcome]


_COMPANY = Kind(
    COMPANY.name, "companies", ("name", "website", "phone", "market"), ("team_id", "owner_id"),
    use_cases.add_company, use_cases.edit_company, use_cases.remove_company,
)  # fmt: skip
_CONTACT = Kind(
    CONTACT.name, "contacts", ("name", "title", "email", "phone"), ("company_id", "team_id", "owner_id"),
    use_cases.add_contact, use_cases.edit_contact, use_cases.remove_contact,
)  # fmt: skip
_POINTS_TO = {"team_id": "team", "owner_id": "person", "company_id": "company"}


@routes.get("/companies")
def list_companies(call: Caller, query: Annotated[CompanyQuery, Query()]) -> Response:
    """Companies you may see, in the order they were made."""
    return _list(call, _COMPANY, query, reads.RecordFilter(q=query.q))


@routes.get("/contacts")
def list_contacts(call: Caller, query: Annotated[ContactQuery, Query()]) -> Response:
    """Contacts you may see, in the order they were made; `company=4`: those of one company."""
    return _list(call, _CONTACT, query, reads.RecordFilter(q=query.q, company_id=query.company))


def _list(call: Call, kind: Kind, query: CompanyQuery | ContactQuery, wanted: reads.RecordFilter) -> Response:
    belongs_to = [kind.path, query.model_dump(exclude={"cursor", "limit"})]
    last = cursors.read(query.cursor, belongs_to) or 0
    with call.acting() as session:
        rows = reads.records(session, kind.name, wanted, after=last, limit=query.limit + 1)
        page = rows[: query.limit]
        return listing(_said(session, kind, page), cursors.write(page[-1]["id"], belongs_to) if len(rows) > len(page) else None)


def _said(session: Session, kind: Kind, rows: Sequence[reads.Record]) -> list[dict[str, Any]]:
    """Rows of `crm.companies.reads` as the API says them."""
    names = names_of(session, {_POINTS_TO[column]: {row[column] for row in rows if row[column]} for column in kind.refers_to})
    return [
        {
            **{name: row[name] for name in ("id", "version", *kind.plain)},
            **{field_of(column): named(row[column], names.get((_POINTS_TO[column], row[column] or 0))) for column in kind.refers_to},
            **{name: row[name] for name in ("custom", "created_at", "updated_at")},
        }
        for row in rows
    ]


def _standing(session: Session, kind: Kind, record_id: int) -> reads.Record:
    """Raises `NotFound` for a hidden, missing, deleted or merged one."""
    row = reads.record(session, kind.name, record_id)
    if row is None:
        raise NotFound(f"There is no such {kind.name}, or you may not see it.")
    return row


def _one(session: Session, kind: Kind, record_id: int, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    row = _standing(session, kind, record_id)
    return answer(_said(session, kind, [row])[0], status=status, headers={"ETag": f'"{row["version"]}"', **(headers or {})})


@routes.get("/companies/{company_id}")
def read_company(call: Caller, company_id: int) -> Response:
    """One company. Its version is in the ETag too."""
    with call.acting() as session:
        return _one(session, _COMPANY, company_id)


@routes.get("/contacts/{contact_id}")
def read_contact(call: Caller, contact_id: int) -> Response:
    """One contact. Its version is in the ETag too."""
    with call.acting() as session:
        return _one(session, _CONTACT, contact_id)


@routes.post("/companies")
def add_company(call: Caller, body: Annotated[NewCompany, Body()]) -> Response:
    """A new company of your first team, unless you say another."""
    return _add(call, _COMPANY, body)


@routes.post("/contacts")
def add_contact(call: Caller, body: Annotated[NewContact, Body()]) -> Response:
    """A new contact; of its company's team, unless you say another."""
    return _add(call, _CONTACT, body)


def _add(call: Call, kind: Kind, body: Fields) -> Response:
    with call.acting() as session:
        outcome = kind.add(session, _values(session, kind, body), source=SOURCE)
        made = outcome.results[0].record_id or 0
        headers = {"Location": f"/api/v1/{kind.path}/{made}", **_change_set(outcome)}
        return call.first(session, _one(session, kind, made, status=201, headers=headers))


def _change_set(outcome: Outcome) -> dict[str, str]:
    return {"X-Change-Set": str(outcome.change_set_id)} if outcome.change_set_id else {}


def _values(session: Session, kind: Kind, body: Fields) -> dict[str, Any]:
    """What the writer set, by record field."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    find = References(session)
    refers = {"team": ("team_id", find.team), "owner": ("owner_id", find.owner), "company": ("company_id", find.company)}
    values = {name: given[name] for name in kind.plain if name in given}
    values |= {column: read(given[name]) for name, (column, read) in refers.items() if name in given}
    return values | {f"custom.{key}": value for key, value in (given.get("custom") or {}).items()}


@routes.patch("/companies/{company_id}")
def change_company(call: Caller, company_id: int, body: Annotated[CompanyFields, Body()]) -> Response:
    """Change it, for all its leads. All or nothing, as for leads."""
    return _change(call, _COMPANY, company_id, body)


@routes.patch("/contacts/{contact_id}")
def change_contact(call: Caller, contact_id: int, body: Annotated[ContactFields, Body()]) -> Response:
    """Change it. All or nothing, as for leads."""
    return _change(call, _CONTACT, contact_id, body)


def _change(call: Call, kind: Kind, record_id: int, body: Fields) -> Response:
    seen = call.seen_version()
    with call.acting() as session:
        row = _standing(session, kind, record_id)
        try:
            outcome = kind.edit(session, record_id, seen, _values(session, kind, body), name=row["name"], source=SOURCE)
        except Stale as stale:
            return _stale(session, kind, record_id, stale)
        return _one(session, kind, record_id, headers=_change_set(outcome))


@routes.delete("/companies/{company_id}")
def delete_company(call: Caller, company_id: int) -> Response:
    """Delete, softly: undo of the change set (in X-Change-Set) brings it back."""
    return _delete(call, _COMPANY, company_id)


@routes.delete("/contacts/{contact_id}")
def delete_contact(call: Caller, contact_id: int) -> Response:
    """Delete, softly: undo of the change set (in X-Change-Set) brings it back."""
    return _delete(call, _CONTACT, contact_id)


def _delete(call: Call, kind: Kind, record_id: int) -> Response:
    seen = call.seen_version()
    with call.acting() as session:
        row = _standing(session, kind, record_id)
        try:
            outcome = kind.remove(session, record_id, seen, name=row["name"], source=SOURCE)
        except Stale as stale:
            return _stale(session, kind, record_id, stale)
        return Response(status_code=204, headers=_change_set(outcome))


def _stale(session: Session, kind: Kind, record_id: int, stale: Stale) -> Response:
    met = Result(edit=None, status="conflict", record_id=record_id, conflicts=tuple(stale.facts["conflicts"]))  # type: ignore[arg-type]
    row = reads.record(session, kind.name, record_id)
    return problem(stale, conflicts=conflicts_of(session, [met])[record_id], current=_said(session, kind, [row])[0] if row else None)
