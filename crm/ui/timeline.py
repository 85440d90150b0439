"""A lead's story, newest first: what people did with it and what changed about it, in one list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from sqlalchemy.orm import Session

from crm.activities.reads import activities_of, known_activities_of
from crm.alerts.reads import AlertFilter, list_alerts
from crm.changes import changes_of
from crm.changes.records import DELETED
from crm.errors import CrmError
from crm.leads.as_of import Past
from crm.leads.records import LEAD
from crm.leads.references import names_of
from crm.ui import words
from crm.ui.words import Names

SHOWN: Mapping[str, str] = {"all": "All", "call": "Calls", "meeting": "Meetings", "mail": "Mails", "note": "Notes", "changes": "Changes"}
KINDS = {"call": ("call",), "meeting": ("meeting",), "note": ("note",), "mail": ("mail_in", "mail_out", "message")}
PAGE = 25
HIDDEN = "Something changed that your role does not show."


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the story. `change` is the change row, where it is one that can be taken back."""

    at: datetime
    icon: str
    title: str
    body: str
    who: str
    change: Mapping[Any, Any] | None = None


def story(session: Session, lead_id: int, names: Names, *, show: str = "all", most: int = PAGE, past: Past | None = None) -> list[Entry]:
    """The newest `most` + 1 entries up to the past moment, as far as they were known then (None: all); one more than asked for tells that there are more."""
    entries: list[Entry] = []
    before = past.before if past else None
    if show != "changes":
        rows = _activities(session, lead_id, past, most=500 if show in KINDS else most + 1)
        entries += [_of_activity(row, names) for row in rows if show not in KINDS or row["kind"] in KINDS[show]]
    if show == "all":
        done = list_alerts(session, AlertFilter(lead_id=lead_id, is_done=True), limit=200)
        entries += [_of_alert(row, names) for row in done if before is None or row["done_at"] < before]
    if show in ("all", "changes"):
        changes = changes_of(session, "lead", lead_id, most=500 if before else most + 1)
        companies = _companies(session, changes)
        entries += [_of_change(row, names, companies) for row in changes if past is None or _is_of(row, past)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[: most + 1]


def _activities(session: Session, lead_id: int, past: Past | None, *, most: int) -> Sequence[Mapping[Any, Any]]:
    if past and past.known_before:
        return known_activities_of(session, lead_id, before=past.before, known_before=past.known_before, most=most)
    return activities_of(session, lead_id, before=(past.before, 0) if past else None, most=most)


def _is_of(row: Mapping[Any, Any], past: Past) -> bool:
    return bool(_when(row) < past.before and (past.known_before is None or row["at"] < past.known_before))


def _companies(session: Session, changes: Sequence[Mapping[Any, Any]]) -> Mapping[tuple[str, int], str]:
    """What the companies in these changes are called, as far as they are seen."""
    ids = {company_id for row in changes for company_id in row["fields"].get("company_id", ()) if company_id and row["version"] > 1}
    return names_of(session, {"company": ids})


def _when(row: Mapping[Any, Any]) -> datetime:
    found: datetime = row["effective_at"] or row["at"]
    return found


def _of_activity(row: Mapping[Any, Any], names: Names) -> Entry:
    title = words.ACTIVITIES.get(row["kind"], row["kind"])
    if row["duration_minutes"]:
        title += f", {row['duration_minutes']} min"
    return Entry(row["happened_at"], row["kind"], title, row["body"] or "", names.person(row["person_id"]))


def _of_alert(row: Mapping[Any, Any], names: Names) -> Entry:
    return Entry(row["done_at"], "alert", "Alert done", row["text"], names.person(row["done_by_id"]))


def _of_change(row: Mapping[Any, Any], names: Names, companies: Mapping[tuple[str, int], str]) -> Entry:
    door = words.door(row["source"])
    who = names.person(row["person_id"], otherwise="the system")
    if row["version"] == 1:
        return Entry(_when(row), "created", "Created", "", f"{who}, {door}")
    if not row["fields"]:  # and nothing there to take back, for whoever does not see it
        return Entry(_when(row), "change", "", HIDDEN, f"{who}, {door}")
    lines = [_line(name, old, new, names, companies) for name, (old, new) in row["fields"].items() if name not in ("merged_into_id",)]
    return Entry(_when(row), "change", "", "\n".join(lines), f"{who}, {door}", row)


def _line(name: str, old: Any, new: Any, names: Names, companies: Mapping[tuple[str, int], str]) -> str:
    if name == "deleted_at":
        return "deleted" if new else "brought back"
    try:
        label = (DELETED if name == "deleted_at" else LEAD.field(name)).label
    except CrmError:
        label = name
    if name == "company_id":
        before, after = (companies.get(("company", value), "a company you do not see") if value else "" for value in (old, new))
    else:
        before, after = names.plain(name, old), names.plain(name, new)
    return f"{names.field(name, label)}: {before or words.NOTHING} → {after or words.NOTHING}"


def html_of(entry: Entry, names: Names) -> str:
    """The entry as a row; whatever people wrote is escaped."""
    exact = escape(words.moment(entry.at, names.time_zone))
    body = escape(entry.body).replace("\n", "<br>")
    title = f"<b>{escape(entry.title)}</b> " if entry.title else ""
    return (
        f"<div class='tl-entry tl-k-{escape(entry.icon)}'><time title='{exact}'>{escape(words.when(entry.at, names.time_zone))}</time>"
        f"<div>{title}{body}<small>{escape(entry.who)}</small></div></div>"
    )


def grouped(entries: Sequence[Entry], stands_alone: Callable[[Entry], bool]) -> list[list[Entry]]:
    """Runs of entries that can be drawn as one element; those with a button of their own stand alone."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if groups and not stands_alone(entry) and not stands_alone(groups[-1][0]):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups
