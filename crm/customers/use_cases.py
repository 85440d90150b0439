"""What people do with customers. Customers themselves are facts; a lead of one is ours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import person_of
from crm.access.acting import stepping_aside
from crm.changes import Outcome
from crm.companies import reads as companies
from crm.companies.use_cases import add_company
from crm.customers import reads
from crm.errors import Invalid, NotFound, Refused
from crm.leads.use_cases import create_lead

KNOWN = ("market", "source", "email", "phone")
"""What the lead has from production, whatever the role lets one write."""
_LINK = text("update crm.customers set company_id = :company_id where id = :id and company_id is null")


def make_lead(session: Session, customer_id: int, *, source: str, team_id: int | None = None) -> Outcome:
    """A lead of this customer, one's own, in the first open stage of its market's team (or `team_id`, or one's own team). The lead is the last result.

    The customer's company is made and linked where there is none, in the same change set. Raises `NotFound`, `Invalid` or `Refused`; nothing is written then.
    """
    row = reads.customer(session, customer_id)
    if row is None:
        raise NotFound("There is no such customer, or you may not see it.")
    if row["has_lead"]:
        raise Invalid("This customer has a lead already." if row["lead_id"] else "A colleague of another team has a lead of this customer already.")
    values: dict[str, Any] = {"name": row["name"], "team_id": team_id or _team_for(session, row), "market": row["market"], "source": "orders"}
    values |= {name: row[name] for name in ("email", "phone") if row[name]}
    with session.begin_nested():  # a new company goes with the lead, or not at all
        if row["company_id"] is None:
            made = add_company(session, {"name": row["name"], "team_id": values["team_id"], "market": row["market"]}, source=source, label="New lead",
                               brought=KNOWN)  # fmt: skip
            values["company_id"] = made.results[0].record_id
            with stepping_aside(session):  # before the lead: its orders then come with it
                session.execute(_LINK, {"company_id": values["company_id"], "id": customer_id})
            return create_lead(session, values, source=source, change_set_id=made.change_set_id, brought=KNOWN)
        if companies.company(session, row["company_id"]) is None:
            raise Refused("This customer's company belongs to another team. Ask them for a lead of it, or an admin for “company: view” there.",
                          grant="company: view")  # fmt: skip
        values["company_id"] = row["company_id"]
        return create_lead(session, values, source=source, brought=KNOWN)


def _team_for(session: Session, row: reads.Row) -> int:
    """The team of the customer's market where the person may make leads there, else the first team where they may."""
    reach = person_of(session).require("lead", "create")
    if row["team_id"] is not None and (reach.everywhere or reach.own or row["team_id"] in reach.teams):
        return int(row["team_id"])
    if reach.teams:
        return min(reach.teams)
    raise Invalid("Nobody looks after this customer's market yet. Say which team the lead belongs to.", field="team_id")
