"""The fields that a text can name, and what they come to for one lead: as its reader sees it, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import closed_field, person_of
from crm.changes import hiding
from crm.companies import reads as companies
from crm.companies.reads import ContactRow
from crm.errors import NotFound
from crm.fields.catalogue import Catalogue, catalogue
from crm.fields.kinds import Definition, text_of
from crm.leads import reads as leads
from crm.templates.merging import Value, custom_name

RECORD_TYPES = ("lead", "company", "contact")
MOST_CONTACTS = 20
_LINKED = text("select contact_id from crm.lead_contacts where lead_id = :lead_id order by created_at, contact_id limit :most")


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A field that every lead has. `hidden_with`: the record's fields without which it is not shown either."""

    label: str
    hidden_with: tuple[tuple[str, str], ...]
    read: Callable[[Filling], Any]


def fields_for(known: Catalogue, team_id: int | None) -> dict[str, str]:
    """Name -> label of whatever a text of this team can say; None: of everybody's, which has everybody's custom fields alone."""
    own = {custom_name(kind, each.key): custom_label(each) for kind in RECORD_TYPES for each in known.of_team(kind, team_id)}
    return {name: each.label for name, each in BUILT_IN.items()} | own


def custom_label(definition: Definition) -> str:
    return definition.label if definition.record_type == "lead" else f"{definition.label} ({definition.record_type})"


@dataclass
class Filling:
    """One lead with whom it is about, as the person of `session` sees them. `asked`: the contact they chose; None leaves it to the lead."""

    session: Session
    lead: Mapping[Any, Any]
    asked: int | None = None

    @cached_property
    def company(self) -> companies.CompanyRow | None:
        return companies.company(self.session, self.lead["company_id"]) if self.lead["company_id"] else None

    @cached_property
    def linked(self) -> list[int]:
        return list(self.session.scalars(_LINKED, {"lead_id": self.lead["id"], "most": MOST_CONTACTS}))

    @cached_property
    def contacts(self) -> Sequence[ContactRow]:
        """Those of the lead first, then the others of its company."""
        found = {each.id: each for each in companies.contacts_of(self.session, self.lead["company_id"])} if self.lead["company_id"] else {}
        own = [found.get(each) or companies.contact(self.session, each) for each in self.linked]
        first = [each for each in own if each is not None]
        return [*first, *(each for each in found.values() if each not in first)]

    @cached_property
    def contact(self) -> ContactRow | None:
        """Whom the text speaks to: the one asked for, the lead's only one, the one with the lead's own address, or the only one there is.

        Nobody where that leaves several: a wrong name is worse than a gap. Raises `NotFound` where the one asked for is none of the lead's.
        """
        if self.asked is not None:
            found = next((each for each in self.contacts if each.id == self.asked), None)
            if found is None:
                raise NotFound("There is no such contact with this lead, or you may not see it.")
            return found
        own = [each for each in self.contacts if each.id in self.linked]
        alike = [each for each in self.contacts if each.email and self.lead["email"] and each.email.casefold() == self.lead["email"].casefold()]
        return next((few[0] for few in (own, alike, self.contacts) if len(few) == 1), None)

    @property
    def address(self) -> str:
        """Where the text would be sent; "" where nobody says."""
        return (self.contact.email if self.contact else None) or self.lead["email"] or ""

    @cached_property
    def _people(self) -> Mapping[int, str]:
        return leads.names_of_people(self.session)

    def value(self, name: str) -> Value:
        """What the field comes to for this lead and reader."""
        if name in BUILT_IN:
            return self._built_in(name, BUILT_IN[name])
        return self._custom(name)

    def _built_in(self, name: str, field: BuiltIn) -> Value:
        for record_type, hidden in field.hidden_with:
            if hiding.is_hidden(self.session, record_type, hidden):
                return _kept_back(record_type, hidden, field.label)
        words = in_words(field.read(self))
        return Value(field.label, words, "" if words else self._why(name.partition(".")[0], field.label))

    def _custom(self, name: str) -> Value:
        found = self._named.get(name)
        if found is None:
            return Value(name, why=f"There is no field “{name}” any more.")
        if hiding.is_hidden(self.session, found.record_type, found.name):
            return _kept_back(found.record_type, found.name, custom_label(found))
        row: Any = self.lead["custom"] if found.record_type == "lead" else getattr(getattr(self, found.record_type), "custom", {})
        value = (row or {}).get(found.key)
        is_plain = found.kind not in ("money", "date") or not isinstance(value, (Mapping, str))
        words = text_of(found.kind, value, self._people) if is_plain else in_words(value, is_day=found.kind == "date")
        return Value(custom_label(found), words, "" if words else self._why(found.record_type, custom_label(found)))

    @cached_property
    def _named(self) -> Mapping[str, Definition]:
        return {custom_name(each.record_type, each.key): each for each in catalogue(self.session).fields}

    def _why(self, of: str, label: str) -> str:
        if of == "owner":
            return "Nobody owns the lead yet."
        if of == "company" and self.company is None:
            return "The lead has no company."
        if of == "contact" and self.contact is None:
            return "The lead has several contacts. Choose whom you write to." if self.contacts else "The lead has no contact."
        return f"The {'lead' if of == 'me' else of} has no value for “{label}”."


def _kept_back(record_type: str, name: str, label: str) -> Value:
    return Value(label, why=closed_field(record_type, name, label, is_hidden=True, doing="use").detail, is_kept_back=True)


def in_words(value: Any, *, is_day: bool = False) -> str:
    """Money as "AED 12,400", days as "12 Dec 2026", the rest as it is; "" for none."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return text_of("money", value).removesuffix(".00")
    if is_day:
        try:
            value = date.fromisoformat(str(value))
        except ValueError:
            return str(value)  # of a field that was no date once
    return f"{value.day} {value:%b %Y}" if isinstance(value, date) else str(value)


def _money(amount: Decimal | None, currency: str | None) -> Mapping[str, Any] | None:
    return None if amount is None else {"amount": amount, "currency": currency}


_COMPANY = (("lead", "company_id"), ("company", "name"))
BUILT_IN: Mapping[str, BuiltIn] = {
    "lead.name": BuiltIn("Lead", (("lead", "name"),), lambda it: it.lead["name"]),
    "lead.company": BuiltIn("Company", _COMPANY, lambda it: it.lead["company"]),
    "lead.value": BuiltIn("Value", (("lead", "value"),), lambda it: _money(it.lead["value_amount"], it.lead["value_currency"])),
    "lead.stage": BuiltIn("Stage", (("lead", "stage_id"),), lambda it: it.lead["stage"]),
    "lead.expected_close_on": BuiltIn("Expected close", (("lead", "expected_close_on"),), lambda it: it.lead["expected_close_on"]),
    "company.website": BuiltIn("Website", (("lead", "company_id"), ("company", "website")), lambda it: it.company and it.company.website),
    "contact.name": BuiltIn("Contact", (("contact", "name"),), lambda it: it.contact and it.contact.name),
    "contact.title": BuiltIn("Contact's title", (("contact", "title"),), lambda it: it.contact and it.contact.title),
    "owner.name": BuiltIn("Owner", (("lead", "owner_id"),), lambda it: it.lead["owner"]),
    "me.name": BuiltIn("My name", (), lambda it: person_of(it.session).name),
    "me.email": BuiltIn("My mail", (), lambda it: person_of(it.session).email),
}
