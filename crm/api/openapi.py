"""The OpenAPI document: what FastAPI reads from the endpoints, and what every route shares, said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from crm import __version__
from crm.api import replies
from crm.api.answers import PROBLEM
from crm.api.requests import CompanyName
from crm.exports import picture
from crm.exports.kinds import CSV, XLSX

ABOUT = """A key acts as its person, with that person's role and scope, never more: send `Authorization: Bearer <key>`.

Times are RFC 3339 in UTC. Money is `{"amount": "1250.00", "currency": "AED"}`. Hidden and missing things are both 404; what you see but may not do is 403.
Errors are `application/problem+json`. Lists answer `{"data": [...], "next_cursor": ...}`. POSTs take an `Idempotency-Key`: the first answer is given again
for 24 hours. Unknown fields and parameters are refused."""
TAGS = (
    ("leads", "Work leads: every write says which version it saw, and nobody's edit is overwritten."),
    ("timeline", "What happened with a lead."),
    ("alerts", "Follow-up reminders on leads; the same version rules."),
    ("companies", "Organisations and the humans in them; the same version rules."),
    ("templates", "Texts with merge fields, and what they come to for a lead; the same version rules."),
    ("customers", "Who orders in production, and what: read-only."),
    ("settling", "Undo, and conflicts that wait for you."),
    ("lookups", "Who you are, and what a lead can refer to."),
    ("reports", "Always current; any of them as of a past day."),
    ("dashboards", "Figures of reports put together; the same version rules."),
)


@dataclass(frozen=True, slots=True)
class Says:
    """What one operation answers beside the problems that all share."""

    replies: Mapping[int, tuple[str, type[BaseModel] | None]]
    problems: tuple[int, ...] = ()
    stale: bool | str = False
    """Whether a 412 can be the answer; a text: the schema of its problem."""
    files: tuple[str, ...] = ()
    """The media types of a 200 that is a file."""
    words: Mapping[int, str] = field(default_factory=dict)
    """What a problem means here, where that is not what it means elsewhere."""


_ONE = (404, 410)
FILES = (CSV.partition(";")[0], XLSX, picture.MEDIA_TYPE)
_LEAD = ("The lead", replies.leads.Lead)
_ALERT = ("The alert", replies.leads.Alert)
_COMPANY = ("The company", replies.companies.Company)
_CONTACT = ("The contact", replies.companies.Contact)
_TEMPLATE = ("The template", replies.organisation.Template)
_DASHBOARD = ("The dashboard", replies.reports.Dashboard)
_BLOCK = ("The block", replies.reports.Block)
SAYS: Mapping[str, Says] = {
    "read_me": Says({200: ("You", replies.organisation.Me)}),
    "list_leads": Says({200: ("A page of leads", replies.leads.LeadList)}),
    "read_lead": Says({200: _LEAD}, _ONE),
    "create_lead": Says({201: _LEAD}, (409,)),
    "change_lead": Says({200: _LEAD}, (*_ONE, 428), stale=True),
    "hand_lead_over": Says({201: ("The lead that goes on", replies.leads.Lead)}, (*_ONE, 409, 428), stale=True),
    "delete_lead": Says({204: ("Deleted", None)}, (*_ONE, 428), stale=True),
    "change_leads": Says({200: ("What became of each edit, in their order", replies.leads.BulkResult)}),
    "list_changes": Says({200: ("A page of changes", replies.leads.ChangeList)}, _ONE),
    "list_activities": Says({200: ("A page of activities", replies.leads.ActivityList)}, _ONE),
    "add_activity": Says({201: ("The activity", replies.leads.Activity)}, (*_ONE, 409)),
    "list_customers": Says({200: ("A page of customers", replies.companies.CustomerList)}),
    "read_customer": Says({200: ("The customer", replies.companies.Customer)}, (404,)),
    "list_orders": Says({200: ("A page of orders", replies.companies.OrderList)}, (404,)),
    "list_orders_of_lead": Says({200: ("A page of orders", replies.companies.OrderList)}, _ONE),
    "list_alerts": Says({200: ("A page of alerts", replies.leads.AlertList)}),
    "read_alert": Says({200: _ALERT}, (404,)),
    "set_alert": Says({201: _ALERT}, (404, 409)),
    "change_alert": Says({200: _ALERT}, (404, 428), stale="StaleAlertProblem"),
    "delete_alert": Says({204: ("Deleted", None)}, (404, 428), stale="StaleAlertProblem"),
    "list_companies": Says({200: ("A page of companies", replies.companies.CompanyList)}),
    "read_company": Says({200: _COMPANY}, (404,)),
    "add_company": Says({201: _COMPANY}, (409,)),
    "change_company": Says({200: _COMPANY}, (404, 428), stale="StaleCompanyProblem"),
    "delete_company": Says({204: ("Deleted", None)}, (404, 428), stale="StaleCompanyProblem"),
    "list_contacts": Says({200: ("A page of contacts", replies.companies.ContactList)}),
    "read_contact": Says({200: _CONTACT}, (404,)),
    "add_contact": Says({201: _CONTACT}, (404, 409)),
    "change_contact": Says({200: _CONTACT}, (404, 428), stale="StaleContactProblem"),
    "delete_contact": Says({204: ("Deleted", None)}, (404, 428), stale="StaleContactProblem"),
    "list_templates": Says({200: ("A page of templates", replies.organisation.TemplateList)}),
    "read_template": Says({200: _TEMPLATE}, (404,)),
    "preview_template": Says({200: ("What it comes to", replies.organisation.TemplatePreview)}, (404,)),
    "add_template": Says({201: _TEMPLATE}, (409,)),
    "change_template": Says({200: _TEMPLATE}, (404, 428), stale="StaleTemplateProblem"),
    "delete_template": Says({204: ("Deleted", None)}, (404, 428), stale="StaleTemplateProblem"),
    "undo_change_set": Says({200: ("What was taken back, and what was left alone", replies.settling.Undone)}, (404, 409)),
    "list_conflicts": Says({200: ("A page of conflicts", replies.settling.ConflictList)}),
    "resolve_conflict": Says({200: ("Settled", replies.settling.Resolved)}, (*_ONE, 409), stale=True),
    "list_pipelines": Says({200: ("A page of pipelines", replies.organisation.PipelineList)}),
    "add_pipeline": Says({201: ("The pipeline", replies.organisation.Pipeline)}, (409,)),
    "change_pipeline": Says({200: ("The pipeline", replies.organisation.Pipeline), 204: ("Archived", None)}, (404, 428), stale="StaleStageProblem"),
    "add_stage": Says({201: ("The stage", replies.organisation.Stage)}, (404, 409)),
    "change_stage": Says({200: ("The stage", replies.organisation.Stage), 204: ("Removed", None)}, (404, 428), stale="StaleStageProblem"),
    "list_stages": Says({200: ("A page of stages", replies.organisation.StageList)}, (404,)),
    "list_teams": Says({200: ("A page of teams", replies.organisation.TeamList)}),
    "list_goals": Says({200: ("A page of goals", replies.organisation.GoalList)}),
    "list_people": Says({200: ("A page of people", replies.organisation.PersonList)}),
    "list_dashboards": Says({200: ("A page of dashboards", replies.reports.DashboardList)}),
    "read_dashboard": Says({200: _DASHBOARD}, (404,)),
    "add_dashboard": Says({201: _DASHBOARD}, (409,)),
    "change_dashboard": Says({200: _DASHBOARD}, (404, 428), stale="StaleDashboardProblem"),
    "delete_dashboard": Says({204: ("Deleted", None)}, (404, 428), stale="StaleDashboardProblem"),
    "add_block": Says({201: _BLOCK}, (404, 409)),
    "change_block": Says({200: _BLOCK}, (404, 428), stale="StaleDashboardProblem"),
    "delete_block": Says({204: ("Deleted", None)}, (404, 428), stale="StaleDashboardProblem"),
    "list_reports": Says({200: ("A page of reports", replies.reports.ReportList)}),
    "read_report": Says({200: ("The report", replies.reports.Report)}, (404,)),
    "read_exploration": Says({200: ("The report", replies.reports.Report)}),
    "ask_for_export": Says({202: ("What was asked for", replies.reports.Export)}, (404, 409)),
    "read_export": Says({200: ("How it stands", replies.reports.Export)}, (404,)),
    "fetch_export": Says(
        {200: ("The file", None)},
        (404, 409, 410),
        files=FILES,
        words={409: "Still being made; Retry-After says when to ask again", 410: "Fetched already, not made, too old, or your roles have changed since"},
    ),
}
_WORDS = {
    400: "The request cannot be read",
    401: "No valid key",
    403: "Visible, but not permitted",
    404: "Hidden or missing",
    409: "The first request with this Idempotency-Key is still running",
    410: "Merged into another record; `merged_into` is its id",
    412: "Somebody else changed the same field first; nothing was written",
    413: "Larger than 5 MB",
    415: "Not JSON",
    422: "A value, field or parameter cannot be used",
    428: "If-Match is missing",
    429: "Too many requests; Retry-After says when",
    500: "A mistake of the server",
    503: "The database is away or too busy; Retry-After says when",
}
_ALWAYS = (401, 403, 422, 429, 500, 503)
_WITH_BODY = (400, 413, 415)
_EXAMPLE_LEAD = {
    "id": 7, "version": 3, "name": "Al Noor Trading", "company": {"id": 4, "name": "Al Noor Trading LLC"}, "team": {"id": 1, "name": "Gulf"},
    "pipeline": {"id": 1, "name": "Accounts"}, "stage": {"id": 3, "name": "Negotiation", "kind": "open"}, "owner": {"id": 12, "name": "Ana"},
    "value": {"amount": "12400.00", "currency": "AED"}, "value_usd": {"amount": "3376.45", "currency": "USD"}, "expected_close_on": "2026-12-20",
    "next_step": "send samples", "source": "fair", "market": "AE", "email": "buyer@alnoor.example", "phone": "+97145550123", "lost_reason": None,
    "external_id": None, "custom": {"size": "large"}, "lifetime_usd": {"amount": "0.00", "currency": "USD"}, "last_order_at": None,
    "last_contacted_at": "2026-11-02T09:30:00Z", "stage_entered_at": "2026-10-28T07:12:44.120931Z", "created_at": "2026-09-01T06:00:00Z",
    "updated_at": "2026-11-02T09:31:10.482113Z",
}  # fmt: skip
_EXAMPLE_STALE = {
    "type": "/api/docs#stale", "title": "Somebody else changed this first", "status": 412,
    "detail": "Somebody else changed the same field since you looked. Nothing was written.",
    "conflicts": [{"field": "stage", "seen": {"id": 2, "name": "Contacted"}, "theirs": {"id": 4, "name": "Won"}, "mine": {"id": 3, "name": "Negotiation"},
                   "their_person": {"id": 13, "name": "Bruno"}, "their_at": "2026-11-02T09:31:10Z"}],
    "current": _EXAMPLE_LEAD,
}  # fmt: skip
_REQUEST_EXAMPLES: Mapping[str, Any] = {
    "create_lead": {"name": "Al Noor Trading", "team": "Gulf", "value": {"amount": "12400.00", "currency": "AED"}, "custom": {"size": "large"}},
    "change_lead": {"stage": "Negotiation", "expected_close_on": "2026-12-20"},
    "hand_lead_over": {"pipeline": "Deals", "ends_in": "Won"},
    "change_leads": {"edits": [{"id": 7, "version": 3, "set": {"stage": "Negotiation"}}, {"id": 9, "version": 1, "set": {"owner": 12}}]},
    "add_activity": {"kind": "call", "body": "Asked for a price list.", "duration_minutes": 10},
    "set_alert": {"lead": 7, "due_at": "2026-11-24T07:00:00Z", "text": "call about the samples"},
    "change_alert": {"is_done": True},
    "resolve_conflict": {"choice": "mine"},
    "add_company": {"name": "Petra Supplies LLC", "team": "Gulf", "website": "petra.example", "custom": {"size": 12}},
    "change_company": {"custom": {"size": 14}},
    "add_contact": {"name": "Maha Saleh", "company": "Petra Supplies LLC", "title": "buyer", "email": "maha@petra.example"},
    "change_contact": {"title": "owner"},
    "add_template": {"name": "First contact", "team": "Gulf", "subject": "{{ lead.company }} and us", "body": 'Hello {{ contact.name | default("there") }},'},
    "change_template": {"subject": "Hello from {{ me.name }}"},
    "add_pipeline": {"name": "Deals", "team": "Gulf", "begin_with": "deals"},
    "change_pipeline": {"name": "Accounts"},
    "add_stage": {"name": "Trial order", "probability": 0.6, "target_days": 14, "required_fields": ["expected_close_on"], "required_activity": "call"},
    "change_stage": {"is_removed": True, "leads_to": "Contacted"},
    "add_dashboard": {"name": "Gulf this quarter", "audience": "team", "team": "Gulf", "filters": {"period": "quarter"}, "blocks": [{"what": "wins.owners"}]},
    "change_dashboard": {"name": "Gulf, week by week"},
    "add_block": {"what": "stale.leads", "title": "Who waits", "width": "full"},
    "change_block": {"position": 0},
    "ask_for_export": {"report": "win_rate", "format": "xlsx", "parameters": {"by": "owner", "from": "2026-01-01"}},
}
_REPLY_EXAMPLES: Mapping[str, Any] = {"read_lead": _EXAMPLE_LEAD, "create_lead": _EXAMPLE_LEAD, "change_lead": _EXAMPLE_LEAD, "hand_lead_over": _EXAMPLE_LEAD}
_IF_MATCH = {
    "name": "If-Match", "in": "header", "required": True, "description": "The version you saw, in quotes", "example": '"3"',
    "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,8}"$'},
}  # fmt: skip
_IDEMPOTENCY = {
    "name": "Idempotency-Key", "in": "header", "required": False, "description": "Of your choice; the same request with the same key is done once",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}  # fmt: skip
_HEADERS = {
    "ETag": {"description": "The version, in quotes, for If-Match", "schema": {"type": "string"}},
    "Location": {"description": "Where the new record is", "schema": {"type": "string"}},
    "X-Change-Set": {"description": "The change set that the write made; undo it by POST /change-sets/{id}/undo", "schema": {"type": "string"}},
}
_SENDS = {
    "read_lead": ("ETag",), "create_lead": ("ETag", "Location", "X-Change-Set"), "change_lead": ("ETag", "X-Change-Set"),
    "hand_lead_over": ("ETag", "Location", "X-Change-Set"), "delete_lead": ("X-Change-Set",),
    "add_activity": ("ETag", "X-Change-Set"), "read_alert": ("ETag",), "set_alert": ("ETag", "Location", "X-Change-Set"),
    "change_alert": ("ETag", "X-Change-Set"), "delete_alert": ("X-Change-Set",),
    "read_company": ("ETag",), "add_company": ("ETag", "Location", "X-Change-Set"), "change_company": ("ETag", "X-Change-Set"),
    "delete_company": ("X-Change-Set",), "read_contact": ("ETag",), "add_contact": ("ETag", "Location", "X-Change-Set"),
    "change_contact": ("ETag", "X-Change-Set"), "delete_contact": ("X-Change-Set",),
    "read_template": ("ETag",), "add_template": ("ETag", "Location", "X-Change-Set"), "change_template": ("ETag", "X-Change-Set"),
    "delete_template": ("X-Change-Set",),
    "add_pipeline": ("ETag", "Location", "X-Change-Set"), "change_pipeline": ("ETag", "X-Change-Set"), "add_stage": ("ETag", "X-Change-Set"),
    "change_stage": ("ETag", "X-Change-Set"), "read_dashboard": ("ETag",), "add_dashboard": ("ETag", "Location", "X-Change-Set"),
    "change_dashboard": ("ETag", "X-Change-Set"), "delete_dashboard": ("X-Change-Set",), "add_block": ("ETag", "X-Change-Set"),
    "change_block": ("ETag", "X-Change-Set"), "delete_block": ("X-Change-Set",), "ask_for_export": ("Location",),
}  # fmt: skip


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The whole document, paths as they are under `/api`."""
    found = get_openapi(
        title="Throughline", version=__version__, description=ABOUT, routes=routes, servers=[{"url": "/api"}],
        tags=[{"name": name, "description": words} for name, words in TAGS],
    )  # fmt: skip
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    models = {model for says in SAYS.values() for _, model in says.replies.values() if model} | {
        replies.problems.Problem, replies.problems.StaleProblem, replies.problems.StaleAlertProblem, replies.problems.StaleStageProblem,
        replies.problems.StaleCompanyProblem, replies.problems.StaleContactProblem, replies.problems.StaleTemplateProblem,
        replies.problems.StaleDashboardProblem, replies.leads.LeadOutOfSight, CompanyName,
    }  # fmt: skip
    shapes: list[tuple[Any, Literal["serialization"]]] = [(model, "serialization") for model in sorted(models, key=lambda m: m.__name__)]
    _, definitions = models_json_schema(shapes, ref_template="#/components/schemas/{model}")
    schemas |= definitions.get("$defs", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for route in routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                _complete(found["paths"][route.path_format][method.lower()], route.name, method.lower())
    return found


def _complete(operation: dict[str, Any], name: str, method: str) -> None:
    says = SAYS[name]
    operation["operationId"] = name
    operation["responses"] = {str(status): _reply(name, words, model) for status, (words, model) in says.replies.items()}
    problems = {*_ALWAYS, *says.problems, *(_WITH_BODY if "requestBody" in operation else ()), *((400,) if 428 in says.problems else ())}
    for status in sorted(problems):
        operation["responses"][str(status)] = _problem(status, "Problem", words=says.words.get(status))
    if says.files:
        operation["responses"]["200"]["content"] = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in says.files}
    if says.stale:
        operation["responses"]["412"] = _stale(says)
    parameters = operation.setdefault("parameters", [])
    if 428 in says.problems:
        parameters.append(_IF_MATCH)
    if method == "post":
        parameters.append(_IDEMPOTENCY)
    if not parameters:
        del operation["parameters"]
    if name in _REQUEST_EXAMPLES:
        operation["requestBody"]["content"]["application/json"]["example"] = _REQUEST_EXAMPLES[name]


def _reply(name: str, words: str, model: type[BaseModel] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"description": words}
    if model is not None:
        schema: dict[str, Any] = {"$ref": f"#/components/schemas/{model.__name__}"}
        if name in ("create_lead", "change_lead", "hand_lead_over"):
            schema = {"anyOf": [schema, {"$ref": "#/components/schemas/LeadOutOfSight"}]}
        content: dict[str, Any] = {"schema": schema}
        if name in _REPLY_EXAMPLES:
            content["example"] = _REPLY_EXAMPLES[name]
        found["content"] = {"application/json": content}
    if name in _SENDS:
        found["headers"] = {header: _HEADERS[header] for header in _SENDS[name]}
    return found


def _stale(says: Says) -> dict[str, Any]:
    return _problem(412, says.stale) if isinstance(says.stale, str) else _problem(412, "StaleProblem", example=_EXAMPLE_STALE)


def _problem(status: int, schema: str, *, example: Any = None, words: str | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        content["example"] = example
    found: dict[str, Any] = {"description": words or _WORDS[status], "content": {PROBLEM: content}}
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return found
