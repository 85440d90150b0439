"""The shapes of requests: what is checked before a use case sees it, and what OpenAPI says about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictInt, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from crm.activities.records import KINDS as ACTIVITY_KINDS
from crm.dashboards.rules import EXPLORE, FIGURES, KINDS, MOST_BLOCKS, PERIODS, WIDTHS
from crm.pipelines.ready_made import READY_MADE
from crm.pipelines.rules import ACTIVITY_WORDS, COLOURS
from crm.views.rules import AUDIENCES

LARGEST_ID = 2**63 - 1
DEEPEST_CUSTOM_VALUE = 8


def _reference(given: Any) -> int | str | None:
    if given is None or (type(given) is int and 1 <= given <= LARGEST_ID) or (isinstance(given, str) and 1 <= len(given) <= 300):
        return given
    raise PydanticCustomError("reference", "Give an id (a whole number) or an exact name")


def _depth(given: Any, left: int) -> bool:
    if left < 0:
        return False
    if isinstance(given, dict):
        return all(_depth(part, left - 1) for part in given.values())
    return not isinstance(given, list) or all(_depth(part, left - 1) for part in given)


def _custom(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise PydanticCustomError("custom", "Give an object of custom fields")
    for key, value in given.items():
        if not 1 <= len(key) <= 63:
            raise PydanticCustomError("custom", "The name of a custom field has 1 to 63 characters")
        if isinstance(value, (dict, list)) and not _depth(value, DEEPEST_CUSTOM_VALUE):
            raise PydanticCustomError("custom", "A custom value is nested too deeply")
    return given


Reference = Annotated[
    Any, PlainValidator(_reference),
    WithJsonSchema({
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}, {"type": "null"}],
        "description": "An id, or an exact name",
    }),
]  # fmt: skip
Custom = Annotated[
    Any, PlainValidator(_custom),
    WithJsonSchema({"type": "object", "additionalProperties": True, "description": "Custom fields by key; null takes a value away, keys left out stay"}),
]  # fmt: skip
Id = Annotated[StrictInt, Field(ge=1, le=LARGEST_ID)]
VersionNumber = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]


class Request(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Money(Request):
    """An amount in one currency."""

    amount: Annotated[str, Field(max_length=40)] | StrictInt | float = Field(description="With up to two decimals; text keeps them exact", examples=["1250.00"])
    currency: Annotated[str, Field(min_length=3, max_length=3)] = Field(description="ISO 4217", examples=["AED"])


class LeadFields(Request):
    """What a writer may set. A field left out stays as it is; null empties it."""

    name: str | None = Field(None, examples=["Al Noor Trading"])
    company: Reference = None
    team: Reference = Field(None, examples=["Gulf"])
    pipeline: Reference = None
    stage: Reference = Field(None, examples=["Negotiation"])
    owner: Reference = None
    value: Money | None = None
    expected_close_on: str | None = Field(None, json_schema_extra={"format": "date"}, examples=["2026-12-31"])
    next_step: str | None = None
    source: str | None = None
    market: str | None = Field(None, description="ISO 3166 country, two letters", examples=["AE"])
    email: str | None = None
    phone: str | None = None
    lost_reason: str | None = None
    external_id: str | None = Field(None, description="The record's key in another system; one lead of a team has it")
    custom: Custom = Field(default_factory=dict)


class CompanyName(Request):
    name: Annotated[str, Field(min_length=1, max_length=300)]


def _company(given: Any) -> Any:
    return CompanyName.model_validate(given) if isinstance(given, dict) else _reference(given)


class NewLead(LeadFields):
    """Needs `name` and `team`; pipeline, stage and owner have defaults."""

    company: Annotated[
        Any, PlainValidator(_company),
        WithJsonSchema({
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}, {"$ref": "#/components/schemas/CompanyName"}, {"type": "null"}],
            "description": 'An id, an exact name, or {"name": "..."}, which makes the company where there is none of that name',
        }),
    ] = None  # fmt: skip


class HandOver(Request):
    """Where the lead goes on, and how it ends where it is."""

    pipeline: Annotated[Any, PlainValidator(_reference), WithJsonSchema({
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}], "description": "An id, or an exact name",
    })] = Field(examples=["Deals"])  # fmt: skip
    ends_in: Reference = Field(None, description="A won stage of the lead's own pipeline, id or exact name; the first one, when left out")


class CompanyFields(Request):
    """What a writer may set. A field left out stays as it is; null empties it."""

    name: str | None = Field(None, examples=["Petra Supplies LLC"])
    team: Reference = None
    owner: Reference = None
    website: str | None = None
    phone: str | None = None
    market: str | None = Field(None, description="ISO 3166 country, two letters", examples=["AE"])
    custom: Custom = Field(default_factory=dict)


class NewCompany(CompanyFields):
    """Needs `name`."""


class ContactFields(Request):
    """What a writer may set. A field left out stays as it is; null empties it."""

    name: str | None = Field(None, examples=["Maha Saleh"])
    company: Reference = None
    team: Reference = None
    owner: Reference = None
    title: str | None = None
    email: str | None = None
    phone: str | None = None
    custom: Custom = Field(default_factory=dict)


class NewContact(ContactFields):
    """Needs `name`."""


class LeadEdit(Request):
    id: Id
    version: VersionNumber = Field(description="The version you saw")
    set: dict[str, Any] = Field(description="Fields as in PATCH /leads/{id}")


class LeadEdits(Request):
    edits: Annotated[list[LeadEdit], Field(min_length=1, max_length=1000)]


class NewActivity(Request):
    kind: str = Field(description=f"One of {', '.join(ACTIVITY_KINDS)}", examples=["call"], json_schema_extra={"enum": list(ACTIVITY_KINDS)})
    body: str | None = Field(None, examples=["Asked for a price list."])
    happened_at: str | None = Field(None, description="RFC 3339, not in the future; now, when left out", json_schema_extra={"format": "date-time"})
    duration_minutes: Annotated[StrictInt, Field(ge=0, le=100_000)] | None = None


class AlertFields(Request):
    """What a writer may set. A field left out stays as it is."""

    due_at: Annotated[str, Field(max_length=40)] | None = Field(None, description="RFC 3339", json_schema_extra={"format": "date-time"})
    text: str | None = Field(None, description="What to do", examples=["call about the samples"])
    person: Reference = Field(None, description="Whom it reminds: id or exact name")
    is_done: bool = Field(False, description="Done now, or open again")


class NewAlert(AlertFields):
    """Needs `lead` and `due_at`; it reminds you, unless you say otherwise."""

    lead: Id = Field(description="The lead it belongs to")


class PipelineFields(Request):
    """What a writer may set. A field left out stays as it is."""

    name: Annotated[str, Field(min_length=1, max_length=300)] = Field("", examples=["Deals"])
    position: Annotated[StrictInt, Field(ge=0, le=10_000)] = Field(0, description="The team's first pipeline takes new leads")
    is_archived: bool = Field(False, description="True archives it; undo of the change set brings it back")


Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(max_length=30)]


class StageFields(Request):
    """What a writer may set. A field left out stays as it is."""

    name: Annotated[str, Field(min_length=1, max_length=300)] = Field("", examples=["Trial order"])
    kind: Literal["open", "won", "lost", "dormant"] = "open"
    position: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    probability: Annotated[float, Field(ge=0, le=1)] = 0
    target_days: Annotated[StrictInt, Field(ge=0, le=3650)] | None = None
    colour: Literal[tuple(COLOURS)] | None = None  # type: ignore[valid-type]
    required_fields: Words = Field([], description="Fields of a lead, custom ones as custom.<key>")
    required_activity: Literal[tuple(ACTIVITY_WORDS)] | None = None  # type: ignore[valid-type]
    lost_reasons: Words = []


class NewStage(StageFields):
    """Needs `name`."""

    name: Annotated[str, Field(min_length=1, max_length=300)]


class StageChange(StageFields):
    """As a new stage; or `is_removed`."""

    is_removed: bool = Field(False, description="True removes it; undo of the change set brings it and its leads back")
    leads_to: Reference = Field(None, description="Where the leads of a removed stage go: id or exact name of a stage of this pipeline")


class NewPipeline(Request):
    """Needs `name` and `team`."""

    name: Annotated[str, Field(min_length=1, max_length=300)]
    team: Reference
    begin_with: Literal[tuple(READY_MADE)] = Field("empty", description="A ready-made pipeline, where you give no stages")  # type: ignore[valid-type]
    stages: Annotated[list[NewStage], Field(max_length=40)] = []


class DashboardFilters(Request):
    """What a dashboard opens with. What you leave out is open."""

    team: Id | None = None
    owner: Id | None = None
    market: Annotated[str, Field(max_length=2)] | None = Field(None, description="ISO 3166 country")
    period: Literal[tuple(PERIODS)] | None = None  # type: ignore[valid-type]


class BlockParameters(Request):
    """What a block is narrowed to where the dashboard's filters leave it open."""

    team: Id | None = None
    owner: Id | None = None
    pipeline: Id | None = None
    source: Annotated[str, Field(max_length=200)] | None = None
    market: Annotated[str, Field(max_length=2)] | None = Field(None, description="ISO 3166 country")
    address: Annotated[dict[str, Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=60)]], Field(max_length=40)] | None = Field(
        None, description="Of an exploration, and nothing beside it: what Explore is asked, by the names of its URL parameters"
    )


class BlockFields(Request):
    """What a writer may set. A field left out stays as it is; `parameters` are replaced as a whole."""

    title: Annotated[str, Field(min_length=1, max_length=80)] | None = Field(None, description="Null: what the figure is called by itself")
    width: Literal[tuple(WIDTHS)] = "half"  # type: ignore[valid-type]
    position: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    parameters: BlockParameters = BlockParameters.model_validate({})


class NewBlock(BlockFields):
    """Needs `what`; behind the others, unless you say its position."""

    kind: Literal[tuple(KINDS)] = "report"  # type: ignore[valid-type]
    what: Literal[(*FIGURES, EXPLORE)] = Field(description="A figure of a report; `explore` for an exploration")  # type: ignore[valid-type]


class DashboardFields(Request):
    """What a writer may set. A field left out stays as it is; `filters` are replaced as a whole."""

    name: Annotated[str, Field(min_length=1, max_length=60)] = Field("", examples=["Gulf this quarter"])
    audience: Literal[tuple(AUDIENCES)] = Field("private", description="Who sees it; sharing needs “view: share”")  # type: ignore[valid-type]
    team: Reference = Field(None, description="Of the audience `team`: which one, by id or exact name")
    filters: DashboardFilters = DashboardFilters.model_validate({})


class NewDashboard(DashboardFields):
    """Needs `name`; its blocks stand in the order you give them."""

    name: Annotated[str, Field(min_length=1, max_length=60)] = Field(examples=["Gulf this quarter"])
    blocks: Annotated[list[NewBlock], Field(max_length=MOST_BLOCKS)] = []


class TemplateFields(Request):
    """What a writer may set. A field left out stays as it is."""

    name: str | None = Field(None, examples=["First contact"])
    team: Reference = Field(None, description="Whose it is: id or exact name; null for everybody's, which needs the grant everywhere")
    subject: str | None = Field(None, description="One line, with merge fields", examples=["{{ lead.company }} and us"])
    body: str | None = Field(
        None, description="Plain text, with merge fields: `{{ lead.name }}`, `{{ lead.custom.<key> }}`, `{{ contact.name | default(\"there\") }}`",
        examples=['Hello {{ contact.name | default("there") }},'],
    )  # fmt: skip


class NewTemplate(TemplateFields):
    """Needs `name` and `body`."""


class Resolution(Request):
    choice: Literal["mine", "theirs"] = Field(description="`mine` writes your value, `theirs` leaves the record as it is")


class NewExport(Request):
    """Needs `report` and `format`."""

    report: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="A report's name", examples=["win_rate"])
    format: Literal["csv", "xlsx", "png"] = Field(
        description="XLSX is typed, and has a sheet that says what was asked; PNG is the report's chart, for those that have one"
    )
    chart: Annotated[str, Field(max_length=100)] = Field(
        "", description="Of a PNG: which chart, where the report has several; the usual one when left out", examples=["months"]
    )
    parameters: dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=300)]] = Field(
        {}, description="The report's own, as text", max_length=30
    )
    as_of: Annotated[str, Field(max_length=40)] | None = Field(None, description="A day: to its end, in the reporting time zone", examples=["2026-03-31"])
    known_on: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="A day: without what was entered after its end; not before `as_of`, and alone both", examples=["2026-03-31"]
    )

    @model_validator(mode="after")
    def _only_pictures_have_charts(self) -> Self:
        if self.chart and self.format != "png":
            raise ValueError("Only a picture is of a chart: leave chart out, or ask for png.")
        return self
