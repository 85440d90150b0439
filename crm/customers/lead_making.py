"""Leads that arrive by themselves: customers who order and have none, by the rules that admins keep. Every one says why it was made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import OPERATOR, acting_as
from crm.access.acting import stepping_aside
from crm.changes import Edit, apply
from crm.clock import now
from crm.companies.records import COMPANY
from crm.customers.rules import lead_name, reason, within
from crm.errors import Invalid
from crm.leads.records import LEAD
from crm.leads.rules import check_entry, check_pipeline, default_pipeline
from crm.pipelines.layout import Layout, own_layout
from crm.pipelines.reads import PipelineRow

BATCH = 500
SOURCE = "sync"
LABEL = "Leads from orders"
MOST_ORDERS_NAMED = 20

_RULES = text("""
    select id, name, segment, market, ordered_within_days, team_id, pipeline_id from crm.lead_rules
    where is_active and deleted_at is null order by position, id
""")
# By company and by reason apart: an OR between the two would read every lead for each customer.
_LEADS_OF = (
    "select from crm.leads as l where l.company_id = c.company_id and {}",
    "select from crm.lead_reasons as r join crm.leads as l on l.id = r.lead_id where r.customer_id = c.id and {}",
)
_HAS_ONE = "(l.deleted_at is null and l.merged_into_id is null or l.deleted_at >= c.last_order_at)"
_NO_LEAD = " and ".join(f"not exists ({of.format(_HAS_ONE)})" for of in _LEADS_OF)
# Who has a lead needs none. Whose lead somebody deleted gets none before they order again.
_CANDIDATES = text(f"""
    select c.id, c.external_id, c.name, c.market, c.email, c.phone, coalesce(cast(:team_id as bigint), c.team_id) as team_id,
        coalesce(k.merged_into_id, k.id) as company_id, c.company_id as linked_id, k.version as company_version,
        k.deleted_at is not null and k.merged_into_id is null as company_was_deleted
    from crm.customers as c
    left join crm.companies as k on k.id = c.company_id
    where c.id > :after and c.gone_at is null and c.last_order_at >= :since
        and (cast(:segment as text) is null or lower(c.segment) = lower(:segment))
        and (cast(:market as text) is null or c.market = :market)
        and {_NO_LEAD}
    order by c.id
    limit :size
""")
# The first look hashes everybody's leads once: most readings find a handful of customers, and that look is all of the work. Where there are
# more, the next batches start from where the last one ended, in the order of their key: hashing all leads again for each, or sorting all
# customers that are left, would be most of the work. The tables that the run itself has just filled look small to the planner, so it is told.
_HASH = {"enable_nestloop": "off"}
_WALK = dict.fromkeys(("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_sort", "enable_bitmapscan"), "off")
_PLAN = text("select set_config(key, value, true) from jsonb_each_text(cast(:settings as jsonb))")
_ALWAYS = {"max_parallel_workers_per_gather": "0", "jit": "off"}
_ORDERS = text("""
    select o.customer_id, count(*) as orders, sum(o.amount_usd) as usd, (array_agg(o.id order by o.ordered_at desc, o.id desc))[1 : :most] as ids
    from crm.orders as o
    where o.customer_id = any(:ids) and o.ordered_at >= :since and o.is_counted and o.gone_at is null
    group by o.customer_id
""")
_LINK = text("""
    update crm.customers as c set company_id = n.company_id
    from unnest(cast(:ids as bigint[]), cast(:companies as bigint[])) as n (id, company_id) where c.id = n.id
""")
_REASONS = text("""
    insert into crm.lead_reasons (lead_id, rule_id, customer_id, text, order_ids, created_at)
    select r.lead_id, :rule_id, r.customer_id, r.text, r.order_ids, :now
    from jsonb_to_recordset(cast(:reasons as jsonb)) as r (lead_id bigint, customer_id bigint, text text, order_ids bigint[])
""")


@dataclass(slots=True)
class LeadsMade:
    """`change_set_id` undoes all of them; None where none was made. `remarks` say which customers got none though a rule fits, and why."""

    created: int = 0
    change_set_id: int | None = None
    remarks: list[str] = field(default_factory=list)


def make_leads(*, progress: Callable[[int], None] | None = None) -> LeadsMade:
    """Make a lead for each customer whom an active rule names and who has none; the first rule that fits makes it.

    In batches, each a transaction with its companies, leads and reasons, all in one change set of the source "sync".
    Making them again makes nothing. Only the sync calls it, which runs alone.
    """
    done, left_out = LeadsMade(), Counter[str]()
    with acting_as(OPERATOR) as session:
        rules = [dict(row) for row in session.execute(_RULES).mappings()]
    passed: set[int] = set()
    for rule in rules:
        work = _Rule(rule, done, left_out, passed)
        after: int | None = 0
        while after is not None:
            with acting_as(OPERATOR) as session:
                after = work.make_batch(session, after)
            if progress:
                progress(done.created)
    done.remarks = [f"{count:,} {'customer' if count == 1 else 'customers'} got no lead: {why}" for why, count in sorted(left_out.items())]
    return done


class _Rule:
    """One rule at work. `passed`: customers that an earlier rule named, but could not make a lead of; they count once."""

    def __init__(self, rule: Mapping[str, Any], done: LeadsMade, left_out: Counter[str], passed: set[int]) -> None:
        self.rule, self.done, self.left_out, self.passed = rule, done, left_out, passed
        self.now = now()

    @property
    def since(self) -> datetime:
        return self.now - timedelta(days=self.rule["ordered_within_days"])

    def make_batch(self, session: Session, after: int) -> int | None:
        """Leads for the next customers; answers the last one looked at, None at the end."""
        given = {**{name: self.rule[name] for name in ("team_id", "segment", "market")}, "since": self.since, "after": after, "size": BATCH}
        way = _WALK if after else _HASH
        session.execute(_PLAN, {"settings": json.dumps({**_ALWAYS, **way})})
        found = [dict(row) for row in session.execute(_CANDIDATES, given).mappings()]
        session.execute(_PLAN, {"settings": json.dumps(dict.fromkeys(way, "on"))})
        ready = self._placed(session, _one_a_company(found))
        if ready:
            self._make(session, ready)
        return found[-1]["id"] if len(found) == BATCH else None

    def _placed(self, session: Session, customers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that have a pipeline to go to; the others are counted with the reason."""
        layout = own_layout(session) if customers else None
        ready = []
        for customer in customers:
            if customer["id"] in self.passed:
                continue
            assert layout is not None
            customer["name"] = lead_name(customer["name"], customer["external_id"])
            try:
                customer["pipeline_id"] = self._pipeline(layout, customer).id
                ready.append(customer)
            except Invalid as error:
                self.passed.add(customer["id"])
                self.left_out[error.detail] += 1
        return ready

    def _pipeline(self, layout: Layout, customer: Mapping[str, Any]) -> PipelineRow:
        team_id = customer["team_id"]
        if team_id is None:
            raise Invalid(f"market {customer['market']} has no team." if customer["market"] else "they have no market.")
        if team_id not in layout.parents:
            raise Invalid("the team of their market was deleted.")
        line = layout.line(team_id)
        if self.rule["pipeline_id"] is None:
            pipeline = default_pipeline(layout.pipelines, line)
        else:
            pipeline = check_pipeline(next((p for p in layout.pipelines if p.id == self.rule["pipeline_id"] and p.stages), None), line)
        check_entry(pipeline.first_stage, {**_values(customer), "company_id": customer["company_id"] or "a new one"})
        return pipeline

    def _make(self, session: Session, customers: Sequence[dict[str, Any]]) -> None:
        orders = {
            row.customer_id: row for row in session.execute(_ORDERS, {"ids": [c["id"] for c in customers], "since": self.since, "most": MOST_ORDERS_NAMED})
        }
        self._give_companies(session, customers)
        made = self._apply(session, [Edit(LEAD.name, None, _values(customer)) for customer in customers])
        reasons = []
        for customer, result in zip(customers, made, strict=True):
            if result.error:
                self.passed.add(customer["id"])
                self.left_out[result.error.detail] += 1
                continue
            found = orders.get(customer["id"])
            words = reason(found.orders, found.usd, self.rule["ordered_within_days"], self.rule["name"]) if found else f"rule: {self.rule['name']}"
            reasons.append({
                "lead_id": result.record_id, "customer_id": customer["id"], "text": words, "order_ids": list(found.ids) if found else [],
            })  # fmt: skip
        if reasons:
            with stepping_aside(session):
                session.execute(_REASONS, {"reasons": json.dumps(reasons), "rule_id": self.rule["id"], "now": self.now})
        self.done.created += len(reasons)

    def _give_companies(self, session: Session, customers: Sequence[dict[str, Any]]) -> None:
        """Every customer is a company: the linked one (brought back where it was deleted), the one that it was merged into, or a new one."""
        deleted = {c["company_id"]: c["company_version"] for c in customers if c["company_was_deleted"]}
        self._apply(session, [Edit(COMPANY.name, company_id, {"deleted_at": None}, version) for company_id, version in sorted(deleted.items())])
        new = [customer for customer in customers if customer["company_id"] is None]
        edits = [Edit(COMPANY.name, None, {"name": c["name"], "market": c["market"], "team_id": c["team_id"], "phone": within(c["phone"])}) for c in new]
        for customer, result in zip(new, self._apply(session, edits), strict=True):
            customer["company_id"] = result.record_id
        links = {c["id"]: c["company_id"] for c in customers if c["company_id"] is not None and c["company_id"] != c["linked_id"]}
        if links:
            with stepping_aside(session):
                session.execute(_LINK, {"ids": list(links), "companies": list(links.values())})

    def _apply(self, session: Session, edits: Sequence[Edit]) -> Sequence[Any]:
        outcome = apply(session, edits, source=SOURCE, label=LABEL, on_conflict="leave", change_set_id=self.done.change_set_id)
        if outcome.change_set_id is not None:
            self.done.change_set_id = outcome.change_set_id
        return outcome.results


def _one_a_company(customers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Several customers may be one company: the first of them makes its lead, and with it the others have one."""
    firsts = {customer["company_id"] or -customer["id"]: customer for customer in reversed(customers)}
    return sorted(firsts.values(), key=lambda customer: customer["id"])


def _values(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The lead as it begins: nobody's yet, without a value."""
    return {
        "name": customer["name"], "team_id": customer["team_id"], "pipeline_id": customer.get("pipeline_id"), "company_id": customer["company_id"],
        "owner_id": None, "market": customer["market"], "email": within(customer["email"]), "phone": within(customer["phone"]), "source": "orders",
    }  # fmt: skip
