"""The one fixed cast of most tests: two teams, five people, two pipelines, a few leads."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from crm.access import OPERATOR, Person, acting_as, as_system, load
from crm.changes import Edit, apply
from crm.fields.records import CUSTOM_FIELD
from crm.leads.records import LEAD
from crm.people.use_cases import add_person, add_team, role_id
from crm.pipelines.records import PIPELINE, STAGE

PASSWORD = "throughline-demo"
STAGES = (("Lead", "open", 0.1, 7), ("Contacted", "open", 0.2, 7), ("Negotiation", "open", 0.5, 14), ("Won", "won", 1, None), ("Lost", "lost", 0, None))


@dataclass
class Cast:
    """Ids by name; `who("ana")` is the person as of now."""

    teams: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    pipelines: dict[str, int] = field(default_factory=dict)
    stages: dict[str, dict[str, int]] = field(default_factory=dict)
    leads: dict[str, int] = field(default_factory=dict)

    def who(self, name: str, *, engine: Engine | None = None) -> Person:
        with as_system(engine=engine) as session:
            return load(session, self.people[name])


def set_up(engine: Engine) -> Cast:
    """Make the cast through the same use cases that people use."""
    cast = Cast()
    with acting_as(OPERATOR, engine=engine) as session:
        for currency, rate in (("AED", "0.272294"), ("EUR", "1.10")):
            _rate(session, currency, rate)
        for name in ("Gulf", "Levant"):
            cast.teams[name] = add_team(session, name, source="test")
            _pipeline(session, cast, name)
        _fields(session)
        roles = {name: role_id(session, name) for name in ("admin", "manager", "rep", "viewer")}
        for name, role, team in (
            ("alma", "admin", None), ("mona", "manager", "Gulf"), ("ana", "rep", "Gulf"), ("bruno", "rep", "Gulf"), ("carla", "rep", "Levant"),
            ("vera", "viewer", "Gulf"),
        ):  # fmt: skip
            place = (cast.teams[team] if team else None, roles[role])
            cast.people[name] = add_person(session, {"email": f"{name}@demo.example", "name": name.capitalize()}, [place], source="test")
        for name, team, owner, value in (
            ("Al Noor Trading", "Gulf", "ana", "12400.00"), ("Petra Supplies", "Gulf", "bruno", "9500.00"),
            ("Delta Foods", "Gulf", "ana", None), ("Nile Mart", "Levant", "carla", "8900.00"),
        ):  # fmt: skip
            money = {"amount": value, "currency": "USD"} if value else None
            values = {"name": name, "team_id": cast.teams[team], "owner_id": cast.people[owner], "value": money}
            outcome = apply(session, [Edit(LEAD.name, None, values)], source="test", on_conflict="refuse")
            cast.leads[name] = outcome.results[0].record_id or 0
    return cast


def _fields(session: Session) -> None:
    """Everybody's: leads and companies have a size, leads a colour."""
    fields = (("lead", "Size", "number"), ("company", "Size", "number"), ("lead", "Color", "text"))
    edits = [Edit(CUSTOM_FIELD.name, None, {"record_type": on, "label": label, "kind": kind}) for on, label, kind in fields]
    apply(session, edits, source="test", on_conflict="refuse")


def _rate(session: Session, currency: str, rate: str) -> None:
    from crm.access import writing

    with writing(session, "settings", "configure"):
        session.execute(text("insert into crm.exchange_rates values (:c, '2015-01-01', :r)"), {"c": currency, "r": rate})


def _pipeline(session: Session, cast: Cast, team: str) -> None:
    outcome = apply(session, [Edit(PIPELINE.name, None, {"team_id": cast.teams[team], "name": "Accounts", "position": 0})], source="test", on_conflict="refuse")
    pipeline = cast.pipelines[team] = outcome.results[0].record_id or 0
    edits = [
        Edit(STAGE.name, None, {"pipeline_id": pipeline, "name": name, "kind": kind, "position": i, "probability": probability, "target_days": days})
        for i, (name, kind, probability, days) in enumerate(STAGES)
    ]
    made = apply(session, edits, source="test", on_conflict="refuse")
    cast.stages[team] = {stage[0]: result.record_id or 0 for stage, result in zip(STAGES, made.results, strict=True)}
