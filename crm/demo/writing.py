"""Stories into tables, set-based and through the walls: inserted as they began, then moved change by change, so triggers write history, postings and stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import writing
from crm.demo.organisation import SOURCE
from crm.demo.stories import Company, Contact, Event, Story

Row = dict[str, Any]

COMPANY = {
    "name": "text", "team_id": "bigint", "owner_id": "bigint", "market": "text", "website": "text", "phone": "text", "created_at": "timestamptz",
    "updated_at": "timestamptz",
}  # fmt: skip
CONTACT = {
    "company_id": "bigint", "name": "text", "email": "text", "phone": "text", "title": "text", "team_id": "bigint", "owner_id": "bigint",
    "created_at": "timestamptz", "updated_at": "timestamptz",
}  # fmt: skip
STATE = {
    "stage_id": "bigint", "owner_id": "bigint", "value_amount": "numeric", "value_currency": "text", "expected_close_on": "date", "next_step": "text",
    "lost_reason": "text", "deleted_at": "timestamptz",
}  # fmt: skip
LEAD = {
    "name": "text", "team_id": "bigint", "pipeline_id": "bigint", "company_id": "bigint", "source": "text", "market": "text", "email": "text", "phone": "text",
    "custom": "jsonb", "last_contacted_at": "timestamptz", "created_by_id": "bigint", **STATE,
}  # fmt: skip
ACTIVITY = {
    "lead_id": "bigint", "person_id": "bigint", "kind": "text", "body": "text", "happened_at": "timestamptz", "duration_minutes": "int",
}  # fmt: skip

_ACT = text("select set_config('crm.person', :person, true), set_config('crm.source', :source, true), set_config('crm.change_set', '', true)")


def _record(columns: Mapping[str, str]) -> str:
    return f"json_to_recordset(cast(:rows as json)) as r ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows).decode()


def insert_rows(session: Session, table: str, columns: Mapping[str, str], rows: Sequence[Row], *, more: Mapping[str, str] | None = None) -> list[int]:
    """One INSERT of all rows; answers their ids in order. `more` are columns worked out from the others, as SQL."""
    more = more or {}
    targets = ", ".join([*columns, *more])
    values = ", ".join([*(f"r.{name}" for name in columns), *more.values()])
    numbered = {"n": "int", **columns}
    numbered_rows = [{"n": n, **row} for n, row in enumerate(rows)]
    statement = text(f"insert into crm.{table} ({targets}) select {values} from {_record(numbered)} order by r.n returning id")
    return list(session.scalars(statement, {"rows": _json(numbered_rows)}))


def act_as(session: Session, person_id: int | None) -> None:
    """Who the triggers write down; the walls still ask for the operator's reach."""
    session.execute(_ACT, {"person": str(person_id or ""), "source": SOURCE})


def write_stories(session: Session, stories: Sequence[Story], *, saves_since: datetime | None = None) -> None:
    """Companies and contacts, then leads as they began, then their changes in order, then the talks.

    Changes from `saves_since` on belong to a change set for each person and day, so that people find saves to take back.
    """
    _write_companies(session, stories)
    with writing(session, "lead", "edit"):
        _begin(session, stories)
        _link_contacts(session, stories)
        saves: dict[tuple[int, date], int] = {}
        for step in range(max((len(story.events) for story in stories), default=0)):
            _change(session, [(story.id, story.events[step]) for story in stories if len(story.events) > step], saves, saves_since)
    with writing(session, "activity", "create"):
        _talk(session, stories)
    act_as(session, None)  # the operator again


def _write_companies(session: Session, stories: Sequence[Story]) -> None:
    found = {id(story.company): story.company for story in stories if not story.company.id}
    companies = list(found.values())
    with writing(session, "company", "create"):
        act_as(session, None)
        for company, company_id in zip(companies, insert_rows(session, "companies", COMPANY, [_company(c) for c in companies]), strict=True):
            company.id = company_id
    pairs = [(company, contact) for company in companies for contact in company.contacts]
    with writing(session, "contact", "create"):
        act_as(session, None)
        ids = insert_rows(session, "contacts", CONTACT, [_contact(company, contact) for company, contact in pairs])
    for (company, _), contact_id in zip(pairs, ids, strict=True):
        company.contact_ids.append(contact_id)


def _company(company: Company) -> Row:
    return {
        "name": company.name, "team_id": company.team_id, "owner_id": company.owner_id, "market": company.market, "website": company.website,
        "phone": company.phone, "created_at": company.founded_at, "updated_at": company.founded_at,
    }  # fmt: skip


def _contact(company: Company, contact: Contact) -> Row:
    return {
        "company_id": company.id, "name": contact.name, "email": contact.email, "phone": contact.phone, "title": contact.title,
        "team_id": company.team_id, "owner_id": company.owner_id, "created_at": company.founded_at, "updated_at": company.founded_at,
    }  # fmt: skip


def _by_actor(pairs: Iterable[tuple[int | None, Any]]) -> list[tuple[int | None, list[Any]]]:
    groups: dict[int | None, list[Any]] = defaultdict(list)
    for actor_id, item in pairs:
        groups[actor_id].append(item)
    return list(groups.items())


def _begin(session: Session, stories: Sequence[Story]) -> None:
    moments = dict.fromkeys(("created_at", "updated_at", "effective_at", "stage_entered_at"), "r.at")
    for actor_id, group in _by_actor((story.begins.actor_id, story) for story in stories):
        act_as(session, actor_id)
        rows = [{**story.facts, "company_id": story.company.id, "created_by_id": actor_id, **story.begins.state, "at": story.begins.at} for story in group]
        for story, lead_id in zip(group, _insert_leads(session, rows, moments), strict=True):
            story.id = lead_id


def _insert_leads(session: Session, rows: Sequence[Row], moments: Mapping[str, str]) -> list[int]:
    targets = ", ".join([*LEAD, *moments])
    values = ", ".join([*(f"r.{name}" for name in LEAD), *moments.values()])
    statement = text(f"insert into crm.leads ({targets}) select {values} from {_record({'n': 'int', 'at': 'timestamptz', **LEAD})} order by r.n returning id")
    return list(session.scalars(statement, {"rows": _json([{"n": n, **row} for n, row in enumerate(rows)])}))


def _link_contacts(session: Session, stories: Sequence[Story]) -> None:
    links = [{"lead_id": story.id, "contact_id": contact_id} for story in stories for contact_id in story.company.contact_ids]
    columns = {"lead_id": "bigint", "contact_id": "bigint"}
    statement = text(f"insert into crm.lead_contacts (lead_id, contact_id) select r.lead_id, r.contact_id from {_record(columns)}")
    session.execute(statement, {"rows": _json(links)})


_CHANGE = text(
    f"update crm.leads as l set {', '.join(f'{name} = r.{name}' for name in STATE)},"
    " effective_at = r.at, updated_at = r.at, version = l.version + 1"
    f" from {_record({'id': 'bigint', 'at': 'timestamptz', **STATE})} where l.id = r.id"
)


def _change(session: Session, changes: Sequence[tuple[int, Event]], saves: dict[tuple[int, date], int], saves_since: datetime | None) -> None:
    groups: dict[tuple[int | None, date | None], list[tuple[int, Event]]] = defaultdict(list)
    for lead_id, event in changes:
        is_save = saves_since is not None and event.at >= saves_since
        groups[event.actor_id, event.at.date() if is_save else None].append((lead_id, event))
    for (actor_id, day), group in groups.items():
        act_as(session, actor_id)
        if day is not None and actor_id is not None:
            _save_as(session, saves, actor_id, day, at=max(event.at for _, event in group))
        session.execute(_CHANGE, {"rows": _json([{"id": lead_id, "at": event.at, **event.state} for lead_id, event in group])})


_NEW_SET = text("insert into crm.change_sets (person_id, source, label, created_at) values (:person, :source, 'Edited leads', :at) returning id")


def _save_as(session: Session, saves: dict[tuple[int, date], int], person_id: int, day: date, *, at: datetime) -> None:
    """What follows belongs to the person's change set of that day, made when it is first needed."""
    if (person_id, day) not in saves:
        saves[person_id, day] = session.execute(_NEW_SET, {"person": person_id, "source": SOURCE, "at": at}).scalar_one()
    session.execute(text("select set_config('crm.change_set', :id, true)"), {"id": str(saves[person_id, day])})


def _talk(session: Session, stories: Sequence[Story]) -> None:
    moments = {"created_at": "r.happened_at", "updated_at": "r.happened_at"}
    pairs = [(talk.person_id, (story.id, talk)) for story in stories for talk in story.talks]
    for actor_id, group in _by_actor(pairs):
        act_as(session, actor_id)
        rows = [
            {"lead_id": lead_id, "person_id": talk.person_id, "kind": talk.kind, "body": talk.body, "happened_at": talk.at, "duration_minutes": talk.minutes}
            for lead_id, talk in group
        ]
        insert_rows(session, "activities", ACTIVITY, rows, more=moments)
