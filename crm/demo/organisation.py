"""The demo's organisation: a wholesaler of food that sells to restaurants, hotels and shops. Facts only, and the use cases that enter them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from crm.changes import Edit, apply
from crm.demo.chance import Weighted
from crm.demo.names import SEGMENTS
from crm.fields.records import CUSTOM_FIELD
from crm.people.use_cases import add_person, add_team, disable_person, role_id
from crm.pipelines.records import PIPELINE, STAGE

PASSWORD = "throughline-demo"  # noqa: S105 -- printed on the sign-in page; demo mode binds to this machine only
SOURCE = "demo"


@dataclass(frozen=True)
class Stage:
    """`stays_days` is the usual time here; `moves_on` and `is_lost` are the shares that go to the next stage and to the lost one."""

    name: str
    kind: str
    probability: float
    target_days: int | None = None
    stays_days: float = 0.0
    moves_on: float = 0.0
    is_lost: float = 0.0
    talk: str = "early"
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shape:
    """One kind of pipeline. `median_usd` and `spread` are of a lead's value (log-normal); `ends_again` is the share of won leads lost later."""

    name: str
    stages: tuple[Stage, ...]
    median_usd: float
    spread: float
    ends_again: float = 0.0
    is_deal: bool = False


ACCOUNTS = Shape(
    "Accounts",
    (
        Stage("Lead", "open", 0.1, 7, 10, 0.81, 0.09, "early"),
        Stage("Contacted", "open", 0.2, 7, 12, 0.76, 0.13, "talking"),
        Stage("Negotiation", "open", 0.45, 14, 19, 0.77, 0.13, "terms"),
        Stage("Trial Order", "open", 0.65, 21, 23, 0.85, 0.09, "trial"),
        Stage("Active Account", "won", 1.0, None, talk="won"),
        Stage("Churned", "lost", 0.0, None, talk="over"),
    ),
    median_usd=7_400, spread=0.95, ends_again=0.17,
)  # fmt: skip
OUTBOUND = Shape(
    "Outbound",
    (
        Stage("Prospect", "open", 0.05, 5, 10, 0.7, 0.12, "early"),
        Stage("In sequence", "open", 0.1, 21, 19, 0.42, 0.3, "early"),
        Stage("Replied", "open", 0.25, 5, 6, 0.68, 0.18, "talking"),
        Stage("Meeting booked", "open", 0.5, 14, 12, 0.66, 0.18, "talking"),
        Stage("Qualified", "won", 1.0, None, talk="won"),
        Stage("Not now", "dormant", 0.0, None, talk="over"),
        Stage("Not a fit", "lost", 0.0, None, talk="over"),
    ),
    median_usd=4_800, spread=0.8,
)  # fmt: skip
DEALS = Shape(
    "Deals",
    (
        Stage("Discovery", "open", 0.1, 10, 12, 0.74, 0.18, "early"),
        Stage("Tasting", "open", 0.25, 14, 15, 0.74, 0.18, "talking"),
        Stage("Proposal", "open", 0.45, 14, 17, 0.66, 0.26, "terms"),
        Stage("Negotiation", "open", 0.65, 14, 16, 0.74, 0.2, "terms"),
        Stage("Contract", "open", 0.85, 10, 9, 0.9, 0.07, "terms", ("expected_close_on",)),
        Stage("Won", "won", 1.0, None, talk="won"),
        Stage("Lost", "lost", 0.0, None, talk="over"),
    ),
    median_usd=21_500, spread=1.05, is_deal=True,
)  # fmt: skip


@dataclass(frozen=True)
class Team:
    """`share` of all leads; `pipelines` with the share of the team's leads in each, the team's first pipeline first."""

    name: str
    markets: Weighted[str]
    pipelines: Weighted[Shape]
    share: float
    time_zone: str
    utc_hours: int


TEAMS = (
    Team("Gulf", Weighted((("AE", 60), ("SA", 30), ("KW", 10))), Weighted(((ACCOUNTS, 0.78), (OUTBOUND, 0.22))), 0.38, "Asia/Dubai", 4),
    Team("Levant", Weighted((("EG", 62), ("JO", 38))), Weighted(((ACCOUNTS, 1.0),)), 0.23, "Asia/Amman", 3),
    Team("Europe", Weighted((("DE", 42), ("GB", 38), ("PL", 20))), Weighted(((DEALS, 0.7), (OUTBOUND, 0.3))), 0.22, "Europe/Berlin", 1),
    Team("Africa", Weighted((("ZA", 42), ("KE", 33), ("MA", 25))), Weighted(((ACCOUNTS, 0.6), (DEALS, 0.4))), 0.17, "Africa/Nairobi", 3),
)
# (mail name, full name, [(team or None, role)]); the first five are the ones that documentation and sign-in page name.
PEOPLE: tuple[tuple[str, str, tuple[tuple[str | None, str], ...]], ...] = (
    ("alma", "Alma Lindqvist", ((None, "admin"),)),
    ("mona", "Mona Farouk", (("Gulf", "manager"),)),
    ("ana", "Ana Ribeiro", (("Gulf", "rep"),)),
    ("bruno", "Bruno Keller", (("Gulf", "rep"),)),
    ("carla", "Carla Sabbagh", (("Levant", "rep"),)),
    ("yasmin", "Yasmin Saleh", (("Gulf", "rep"),)),
    ("priya", "Priya Menon", (("Gulf", "rep"),)),
    ("omar", "Omar Khalil", (("Gulf", "rep"), ("Levant", "rep"))),
    ("dalia", "Dalia Nasser", (("Gulf", "viewer"),)),
    ("karim", "Karim Haddad", (("Levant", "manager"),)),
    ("nadine", "Nadine Mansour", (("Levant", "rep"),)),
    ("salma", "Salma Zaki", (("Levant", "rep"),)),
    ("tamer", "Tamer Fahmy", (("Levant", "rep"),)),
    ("ines", "Ines Brandt", (("Europe", "manager"), ("Africa", "viewer"))),
    ("jonas", "Jonas Weber", (("Europe", "rep"),)),
    ("olivia", "Olivia Hart", (("Europe", "rep"),)),
    ("marek", "Marek Nowak", (("Europe", "rep"),)),
    ("hannah", "Hannah Fuchs", (("Europe", "rep"),)),
    ("peter", "Peter Lang", (("Europe", "viewer"),)),
    ("grace", "Grace Wanjiru", (("Africa", "manager"),)),
    ("samuel", "Samuel Otieno", (("Africa", "rep"),)),
    ("thandi", "Thandi Nkosi", (("Africa", "rep"),)),
    ("youssef", "Youssef Amrani", (("Africa", "rep"),)),
    ("faith", "Faith Mwangi", (("Africa", "rep"),)),
)
LEFT = "tamer"
LEFT_DAYS_AGO = 140


@dataclass
class Organisation:
    """Ids by name of what was entered."""

    teams: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    pipelines: dict[tuple[str, str], int] = field(default_factory=dict)
    stages: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)

    def sellers(self, team: Team) -> list[str]:
        """Who owns leads in the team: its reps."""
        return [name for name, _, places in PEOPLE if (team.name, "rep") in places]

    def manager(self, team: Team) -> str:
        return next(name for name, _, places in PEOPLE if (team.name, "manager") in places)


def found_organisation(session: Session) -> Organisation:
    """Enter teams, pipelines, stages and people through the use cases that people use."""
    made = Organisation()
    for team in TEAMS:
        made.teams[team.name] = add_team(session, team.name, source=SOURCE)
        for position, shape in enumerate(team.pipelines[0]):
            _found_pipeline(session, made, team, shape, position)
    _found_fields(session)
    roles = {name: role_id(session, name) for name in ("admin", "manager", "rep", "viewer")}
    zones = {team.name: team.time_zone for team in TEAMS}
    for mail_name, name, places in PEOPLE:
        values = {"email": f"{mail_name}@demo.example", "name": name, "time_zone": zones.get(places[0][0] or "Gulf", "UTC")}
        made.people[mail_name] = add_person(session, values, [(made.teams[team] if team else None, roles[role]) for team, role in places], source=SOURCE)
    return made


def let_go(session: Session, made: Organisation) -> None:
    """Disable the one who left; to be called when the leads have changed hands."""
    disable_person(session, made.people[LEFT], 1, source=SOURCE)


def _found_fields(session: Session) -> None:
    """What every team writes down about a lead."""
    segments = list(dict.fromkeys([*(found for _, found in SEGMENTS), "Retail"]))
    fields = (
        {"label": "Segment", "kind": "choice", "options": segments, "help": "What kind of customer it is"},
        {"label": "Outlets", "kind": "number", "help": "How many shops or branches they have"},
    )
    apply(session, [Edit(CUSTOM_FIELD.name, None, {"record_type": "lead", **field}) for field in fields], source=SOURCE, label="Demo", on_conflict="refuse")


def _found_pipeline(session: Session, made: Organisation, team: Team, shape: Shape, position: int) -> None:
    values = {"team_id": made.teams[team.name], "name": shape.name, "position": position}
    outcome = apply(session, [Edit(PIPELINE.name, None, values)], source=SOURCE, label="Demo", on_conflict="refuse")
    key = (team.name, shape.name)
    made.pipelines[key] = outcome.results[0].record_id or 0
    edits = [
        Edit(STAGE.name, None, {
            "pipeline_id": made.pipelines[key], "name": stage.name, "kind": stage.kind, "position": place, "probability": stage.probability,
            "target_days": stage.target_days, "requirements": {"fields": list(stage.requires)} if stage.requires else {},
        })
        for place, stage in enumerate(shape.stages)
    ]  # fmt: skip
    outcome = apply(session, edits, source=SOURCE, label="Demo", on_conflict="refuse")
    made.stages[key] = tuple(result.record_id or 0 for result in outcome.results)
