"""An organisation for the matrix: three teams (one below another), roles of every scope, and records of every kind.

`GRANTS` and `PEOPLE` say in plain data who may do what; `Plain` works out from them, in plain Python and without any of
the app's own decisions, what each person should see and change. The tests compare that with what the database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine, text

import crm.records  # noqa: F401 - registers every kind of record
from crm import clock
from crm.access import OPERATOR, Person, acting_as, as_system, load, writing
from crm.changes import Edit, apply, delete_edit
from crm.configuration.drafts import DraftEdit, keep_draft
from crm.customers.order_months import fold_orders
from crm.exports import asking as exports
from crm.exports import making
from crm.goals.rules import months_on, quarter_start
from crm.ledger.fold import fold
from crm.people.use_cases import add_person, add_team, role_id
from crm.reports.export import Wanted
from tests.conftest import Database

TEAMS: Mapping[str, str | None] = {"north": None, "fjord": "north", "south": None}
ALL = {"view": "all", "create": "all", "edit": "all", "delete": "all", "assign": "all"}
OWN = dict.fromkeys(ALL, "own")
KEEPS_OWN = {"create": "own", "edit": "own", "delete": "own"}
# Of the shipped roles, what the migration says; of our own, what is made here.
GRANTS: dict[str, dict[str, dict[str, str]]] = {
    "admin": {
        "lead": {**ALL, "bulk": "all", "import": "all", "export": "all"}, "company": ALL, "contact": ALL,
        "activity": {"create": "all", "edit": "all", "delete": "all"}, "customer": {"view": "all", "export": "all"},
        "alert": {"create": "all", "edit": "all", "delete": "all", "assign": "all"}, "report": {"view": "all", "export": "all"},
        "settings": {"configure": "all"}, "view": {"create": "all", "edit": "all", "delete": "all", "share": "all"},
        "audit": {"view": "all", "export": "all"},
        **{resource: {"view": "all", "configure": "all"} for resource in ("pipeline", "team", "role")},
        "person": {"view": "all", "configure": "all", "view_as": "all"},
        "field": {"configure": "all"}, "goal": {"configure": "all"}, "template": ALL,
    },
    "manager": {
        "lead": {**dict.fromkeys(("view", "create", "edit", "delete", "bulk", "import", "export"), "team"), "assign": "all"},
        "company": dict.fromkeys(ALL, "team"), "contact": dict.fromkeys(ALL, "team"), "activity": {"create": "team", "edit": "team", "delete": "team"},
        "customer": {"view": "team", "export": "team"}, "alert": {"create": "team", "edit": "team", "delete": "team", "assign": "all"},
        "pipeline": {"view": "team", "configure": "team"}, "person": {"view": "team"}, "team": {"view": "team"}, "report": {"view": "team", "export": "team"},
        "role": {"view": "team"}, "view": {**KEEPS_OWN, "share": "team"},
        "field": {"configure": "team"}, "goal": {"configure": "team"}, "template": dict.fromkeys(ALL, "team"),
    },
    "rep": {
        "lead": {**dict.fromkeys(("view", "create", "edit", "assign", "bulk", "import"), "team"), "delete": "own"},
        "company": dict.fromkeys(("view", "create", "edit", "assign"), "team"), "contact": dict.fromkeys(("view", "create", "edit", "assign"), "team"),
        "customer": {"view": "team"}, "alert": {"create": "team", "edit": "team", "delete": "own", "assign": "team"},
        "activity": {"create": "team", "edit": "own", "delete": "own"}, "pipeline": {"view": "team"}, "person": {"view": "team"}, "team": {"view": "team"},
        "report": {"view": "team"}, "view": KEEPS_OWN, "template": {"view": "team"},
    },
    "viewer": {
        **{resource: {"view": "team"} for resource in ("lead", "company", "contact", "customer", "pipeline", "person", "team", "report", "template")},
        "view": KEEPS_OWN,
    },
    "solo": {"lead": {**OWN, "assign": "team"}, "company": OWN, "contact": OWN, "activity": {"create": "own", "edit": "own", "delete": "own"},
             "customer": {"view": "own"}, "alert": {"create": "own", "edit": "own", "delete": "own"}, "pipeline": {"view": "team"}, "report": {"view": "own"},
             "view": {"create": "own", "edit": "own"}, "template": {"view": "team", "edit": "team"}},
    "hermit": {"lead": {"view": "own", "edit": "own"}, "report": {"view": "own"}, "view": {"create": "own", "edit": "team", "share": "team"}},
    "watcher": {"lead": {"view": "all"}, "report": {"view": "all"}},
    "giver": {"lead": {"view": "team", "edit": "own", "assign": "all", "create": "own", "delete": "none"}, "alert": {"edit": "own", "assign": "team"},
              "customer": {"view": "own", "export": "all"}, "company": {"view": "all", "create": "none"},
              "view": {"create": "own", "edit": "own", "share": "all"}, "goal": {"configure": "all"},
              "template": {"view": "team", "create": "all", "edit": "all"}},
    "carer": {"template": {"create": "team", "delete": "team"},
              "company": {"view": "team", "create": "team", "edit": "team"}, "contact": {"view": "own", "create": "own", "edit": "own"}},
    "nobody": {},
    "auditor": {"audit": {"view": "all"}, "role": {"view": "all"}, "person": {"view": "all"}},
    "clerk": {"template": {"view": "all", "delete": "team"}, "lead": {"view": "team"}, "person": {"view": "all", "configure": "all"}},
}  # fmt: skip
SHIPPED = ("admin", "manager", "rep", "viewer")
# person -> role in each team; a role of the whole organisation stands under None.
PEOPLE: dict[str, dict[str | None, str]] = {
    "alma": {None: "admin"}, "mona": {"north": "manager"}, "nils": {"north": "rep"}, "nora": {"north": "rep"}, "finn": {"fjord": "rep"},
    "freja": {"fjord": "manager"},
    "sara": {"south": "rep"}, "vera": {"north": "viewer"}, "solveig": {"north": "solo"}, "hugo": {"south": "hermit"}, "wanda": {"south": "watcher"},
    "gitte": {"north": "giver"}, "karl": {"south": "carer"}, "nemo": {"north": "nobody"}, "olga": {"south": "auditor"}, "pia": {"fjord": "clerk"},
    "mixed": {"south": "rep", "north": "solo"}, "torn": {"fjord": "viewer", "south": "solo"}, "double": {"fjord": "manager", "south": "viewer"}, "loner": {},
}  # fmt: skip
OWNERS: Sequence[str | None] = (None, "nils", "nora", "finn", "sara", "solveig", "hugo", "gitte", "mixed", "torn", "nemo")
KINDS = {"lead": "leads", "company": "companies", "contact": "contacts", "activity": "activities", "pipeline": "pipelines", "stage": "stages",
         "person": "people", "team": "teams", "alert": "alerts", "role": "roles", "grant": "grants", "field_rule": "field_rules",
         "view": "views", "assignment_rule": "assignment_rules", "market": "markets", "holiday": "holidays", "custom_field": "custom_fields",
         "goal": "goals", "dashboard": "dashboards", "dashboard_block": "dashboard_blocks",
         "template": "templates"}  # fmt: skip
# Seen by everybody who is signed in.
OF_THE_ORGANISATION = {"setting": "organisation_settings", "market": "markets", "holiday": "holidays"}


@dataclass(frozen=True)
class Reach:
    """How far one grant goes, worked out anew: everywhere, these teams, one's own."""

    everywhere: bool
    teams: frozenset[int]
    own: bool

    def covers(self, team_id: int | None, is_own: bool) -> bool:
        return self.everywhere or team_id in self.teams or (self.own and is_own)

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.teams) or self.own


@dataclass
class Plain:
    """Ids by name, and the rows of every table as their owner reads them."""

    teams: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def who(self, name: str) -> Person:
        with as_system() as session:
            return load(session, self.people[name])

    def below(self, team: str) -> set[int]:
        return {self.teams[team], *(self.teams[other] for other, parent in TEAMS.items() if parent == team)}

    def reach(self, name: str, resource: str, action: str) -> Reach:
        everywhere, teams, own = False, set[int](), False
        for team, role in PEOPLE[name].items():
            scope = GRANTS[role].get(resource, {}).get(action, "none")
            everywhere |= scope == "all"
            own |= scope == "own"
            if scope == "team" and team is not None:
                teams |= self.below(team)
        return Reach(everywhere, frozenset(teams), own)

    def covered(self, name: str, resource: str, action: str, row: Mapping[str, Any], owner: str = "owner_id") -> bool:
        return self.reach(name, resource, action).covers(row.get("team_id"), row.get(owner) == self.people[name])

    def of(self, table: str, wanted: Iterable[int]) -> list[dict[str, Any]]:
        ids = set(wanted)
        return [row for row in self.rows[table] if row["id"] in ids]

    # What somebody sees

    def leads(self, name: str) -> set[int]:
        return {lead["id"] for lead in self.rows["leads"] if self.covered(name, "lead", "view", lead)}

    def companies(self, name: str) -> set[int]:
        through_leads = {lead["company_id"] for lead in self.of("leads", self.leads(name))}
        return {c["id"] for c in self.rows["companies"] if c["id"] in through_leads or self.covered(name, "company", "view", c)}

    def contacts(self, name: str) -> set[int]:
        leads, companies = self.leads(name), self.companies(name)
        through_leads = {link["contact_id"] for link in self.rows["lead_contacts"] if link["lead_id"] in leads}
        return {c["id"] for c in self.rows["contacts"] if c["id"] in through_leads or c["company_id"] in companies or self.covered(name, "contact", "view", c)}

    def activities(self, name: str) -> set[int]:
        leads = self.leads(name)
        return {a["id"] for a in self.rows["activities"] if a["lead_id"] in leads}

    def unfolded_activities(self, name: str) -> set[int]:
        """Leads whose activities are not folded yet."""
        leads = self.leads(name)
        return {row["id"] for row in self.rows["unfolded_activities"] if row["lead_id"] in leads}

    def alerts(self, name: str) -> set[int]:
        leads = self.leads(name)
        return {a["id"] for a in self.rows["alerts"] if a["lead_id"] in leads}

    def of_my_teams(self, name: str) -> set[int]:
        return {team for place in PEOPLE[name] if place is not None for team in self.below(place)}

    def views(self, name: str) -> set[int]:
        return self.kept(name, "views")

    def dashboards(self, name: str) -> set[int]:
        return self.kept(name, "dashboards")

    def dashboard_blocks(self, name: str) -> set[int]:
        seen = self.dashboards(name)
        return {block["id"] for block in self.rows["dashboard_blocks"] if block["dashboard_id"] in seen}

    def kept(self, name: str, table: str) -> set[int]:
        """One's own, those of one's teams, everyone's; who shares everywhere sees whatever is shared."""
        teams, everywhere = self.of_my_teams(name), self.reach(name, "view", "share").everywhere
        return {
            v["id"] for v in self.rows[table]
            if v["owner_id"] == self.people[name] or v["audience"] == "everyone" or (v["audience"] == "team" and (everywhere or v["for_team_id"] in teams))
        }  # fmt: skip

    def lead_reasons(self, name: str) -> set[int]:
        leads = self.leads(name)
        return {reason["lead_id"] for reason in self.rows["lead_reasons"] if reason["lead_id"] in leads}

    def assignment_rules(self, name: str) -> set[int]:
        reach = self.reach(name, "pipeline", "view")
        return {rule["id"] for rule in self.rows["assignment_rules"] if reach.covers(rule["team_id"], False)}

    def goals(self, name: str) -> set[int]:
        """Those of teams whose people they see, and their own."""
        reach = self.reach(name, "person", "view")
        return {goal["id"] for goal in self.rows["goals"] if reach.covers(goal["team_id"], False) or goal["person_id"] == self.people[name]}

    def templates(self, name: str) -> set[int]:
        """Those of teams in reach; everybody's, for whoever sees any."""
        reach = self.reach(name, "template", "view")
        return {each["id"] for each in self.rows["templates"] if reach.covers(each["team_id"], False) or (reach and each["team_id"] is None)}

    def lead_assignments(self, name: str) -> set[int]:
        leads = self.leads(name)
        return {given["lead_id"] for given in self.rows["lead_assignments"] if given["lead_id"] in leads}

    def customers(self, name: str) -> set[int]:
        reach = self.reach(name, "customer", "view")
        mine = {lead["company_id"] for lead in self.rows["leads"] if lead["owner_id"] == self.people[name] and lead["deleted_at"] is None} - {None}
        return {c["id"] for c in self.rows["customers"] if reach.covers(c["team_id"], c["company_id"] in mine)}

    def orders(self, name: str) -> set[int]:
        """Each carries the team of its own day; whose own customer it is of, sees it too."""
        reach = self.reach(name, "customer", "view")
        mine = {lead["company_id"] for lead in self.rows["leads"] if lead["owner_id"] == self.people[name] and lead["deleted_at"] is None} - {None}
        own = {c["id"] for c in self.rows["customers"] if c["company_id"] in mine}
        return {o["id"] for o in self.rows["orders"] if reach.covers(o["team_id"], o["customer_id"] in own)}

    def orders_of_lead(self, name: str, lead: Mapping[str, Any]) -> set[int]:
        """Whoever sees a lead sees what its company ordered."""
        of = {c["id"] for c in self.rows["customers"] if c["company_id"] is not None and c["company_id"] == lead["company_id"] and c["gone_at"] is None}
        found = {o["id"] for o in self.rows["orders"] if o["customer_id"] in of and o["gone_at"] is None}
        return found if self.covered(name, "lead", "view", lead) else set()

    def pipelines(self, name: str) -> set[int]:
        reach = self.reach(name, "pipeline", "view")
        of_own_leads = {lead["pipeline_id"] for lead in self.of("leads", self.leads(name)) if lead["owner_id"] == self.people[name]}
        return {p["id"] for p in self.rows["pipelines"] if p["id"] in of_own_leads or reach.everywhere or p["team_id"] in reach.teams}

    def stages(self, name: str) -> set[int]:
        pipelines = self.pipelines(name)
        return {s["id"] for s in self.rows["stages"] if s["pipeline_id"] in pipelines}

    def configuration_drafts(self, name: str) -> set[int]:
        return {draft["id"] for draft in self.rows["configuration_drafts"] if draft["person_id"] == self.people[name]}

    def exports(self, name: str) -> set[int]:
        return {asked["id"] for asked in self.rows["exports"] if asked["person_id"] == self.people[name]}

    def stage_moves(self, name: str) -> set[int]:
        stages = self.stages(name)
        return {move["id"] for move in self.rows["stage_moves"] if move["from_stage_id"] in stages}

    def changes(self, name: str) -> set[int]:
        keeps_people = self.reach(name, "person", "view").everywhere
        seen = {
            "lead": self.leads(name), "company": self.companies(name), "contact": self.contacts(name), "activity": self.activities(name),
            "pipeline": self.pipelines(name), "stage": self.stages(name), "alert": self.alerts(name), "view": self.views(name),
            "assignment_rule": self.assignment_rules(name), "goal": self.goals(name), "template": self.templates(name),
            "dashboard": self.dashboards(name), "dashboard_block": self.dashboard_blocks(name),
            **{kind: {row["id"] for row in self.rows[table]} for kind, table in OF_THE_ORGANISATION.items()},
            "lead_rule": {rule["id"] for rule in self.rows["lead_rules"]},
            "custom_field": {field["id"] for field in self.rows["custom_fields"]},
        }  # fmt: skip
        by_grant = {"person": keeps_people, "team": keeps_people, **dict.fromkeys(("role", "grant", "field_rule"), self.sees_roles(name))}
        return {c["id"] for c in self.rows["changes"] if by_grant.get(c["record_type"]) or c["record_id"] in seen.get(c["record_type"], ())}

    def sees_roles(self, name: str) -> bool:
        return self.reach(name, "role", "view").everywhere

    def grants(self, name: str) -> set[int]:
        return {row["id"] for row in self.rows["grants"]} if self.sees_roles(name) else set()

    def field_rules(self, name: str) -> set[int]:
        return {row["id"] for row in self.rows["field_rules"]} if self.sees_roles(name) else set()

    def may_place(self, name: str, row: Mapping[str, Any]) -> bool:
        """Whether they hold, as far, whatever the role of this membership would grant in its team."""
        if not self.reach(name, "person", "configure").everywhere:
            return False
        (role,) = self.of("roles", [row["role_id"]])
        is_mine = row["person_id"] == self.people[name]
        for resource, actions in GRANTS[role["name"]].items():
            for action, scope in actions.items():
                reach = self.reach(name, resource, action)
                is_held = {
                    "none": True, "all": False, "own": reach.own or (not is_mine and bool(reach)),
                    "team": row["team_id"] is None or row["team_id"] in reach.teams,
                }[scope]  # fmt: skip
                if not (is_held or reach.everywhere):
                    return False
        return True

    def change_sets(self, name: str) -> set[int]:
        through_changes = {c["change_set_id"] for c in self.of("changes", self.changes(name))}
        return {s["id"] for s in self.rows["change_sets"] if s["id"] in through_changes or s["person_id"] == self.people[name]}

    def conflicts(self, name: str) -> set[int]:
        return {c["id"] for c in self.rows["conflicts"] if c["person_id"] == self.people[name]}

    def memberships(self, name: str) -> set[int]:
        reach = self.reach(name, "person", "view")
        return {m["id"] for m in self.rows["memberships"] if m["person_id"] == self.people[name] or reach.everywhere or m["team_id"] in reach.teams}

    def custom_fields(self, name: str) -> set[int]:
        """What fields are called is known to everybody who is signed in."""
        return {field["id"] for field in self.rows["custom_fields"]}

    def buckets(self, name: str, table: str, resource: str = "lead") -> set[int]:
        """Postings, stays and their sums carry team and owner of their own."""
        return {row["id"] for row in self.rows[table] if self.covered(name, resource, "view", row)}

    def expected(self, name: str, table: str) -> set[Any] | None:
        """Ids that this person should see in a table; None where they may not even ask."""
        if table in ("assignment_turns", "access_stamps", "credentials", "sessions", "one_time_links", "sign_in_attempts", "api_keys", "idempotency_keys",
                     "lead_search_texts", "lead_custom_values", "downloads", "export_parts",
                     "alembic_version"):  # fmt: skip
            return None
        if table in ("postings", "stays", "posting_days", "posting_months", "move_days", "move_months", "standing_months", "source_months", "closing_months",
                     "stood_days", "stood_months", "stood_source_days", "stood_source_months", "stood_closing_days", "stood_closing_months",
                     "late_days", "late_months", "passage_months", "arrival_months", "folded_activities",
                     "unfolded_stays", "unfolded_postings"):  # fmt: skip
            return self.buckets(name, table)
        if table == "folded_targets":
            return self.stages(name) & {row["stage_id"] for row in self.rows[table]}
        if table == "order_months":
            return {row["id"] for row in self.rows[table] if self.covered(name, "customer", "view", {**row, "owner_id": None})}
        if table == "lead_contacts":
            leads = self.leads(name)
            return {link["id"] for link in self.rows[table] if link["lead_id"] in leads}
        if table == "audit_events":
            return {row["id"] for row in self.rows[table]} if self.reach(name, "audit", "view").everywhere else set()
        if hasattr(self, table) and table not in ("teams", "people", "rows"):
            return getattr(self, table)(name)
        return {row["id"] for row in self.rows[table]}


# The tables whose key is not called id.
KEYS = {"folded_activities": "lead_id || '-' || activity_id", "folded_order_months": "month", "folded_targets": "stage_id",
        "lead_contacts": "lead_id || '-' || contact_id", "unfolded_postings": "posting_id",
        "exchange_rates": "currency || valid_from", "lead_reasons": "lead_id", "lead_assignments": "lead_id", "assignment_turns": "rule_id",
        "lead_search_texts": "lead_id", "lead_custom_values": "lead_id", "credentials": "person_id", "alembic_version": "version_num"}  # fmt: skip


def key(table: str) -> str:
    return KEYS.get(table, "id")


def read(db: Database, found: Plain) -> Plain:
    """Every row of every table, as the owner reads them."""
    for table in db.rows("select relname from pg_class where relnamespace = 'crm'::regnamespace and relkind = 'r'"):
        name = table["relname"]
        found.rows[name] = [dict(row) for row in db.rows(f"select t.*, {key(name)} as id from crm.{name} as t")]
    return found


def set_up(engine: Engine) -> Plain:
    """Made through the write path, as the command line and then as people."""
    plain = Plain()
    with acting_as(OPERATOR, engine=engine) as session:
        for name, parent in TEAMS.items():
            plain.teams[name] = add_team(session, name, parent_id=plain.teams.get(parent or ""), source="test")
        with writing(session, "role", "configure"):
            _roles(session)
        for name, places in PEOPLE.items():
            told = [(plain.teams[team] if team else None, role_id(session, role)) for team, role in places.items()]
            plain.people[name] = add_person(session, {"email": f"{name}@demo.example", "name": name.capitalize()}, told, source="test")
        with writing(session, "settings", "configure"):
            session.execute(text("insert into crm.exchange_rates values ('AED', '2015-01-01', 0.25)"))
            session.execute(text("insert into crm.markets values ('AE', 'Emirates', 'AED')"))
        apply(session, [Edit("holiday", None, {"day": "2026-12-02", "name": "National day", "market": "AE"})], source="test", on_conflict="refuse")
        pipelines = _pipelines(session, plain)
        _fields(session, plain)
    _leads(plain, pipelines)
    _moves(pipelines)
    fold()
    _work(plain)
    _production(plain)
    _alerts(plain)
    _configuration(plain)
    _views(plain)
    _dashboards(plain)
    _assignment(plain)
    _goals(plain)
    _templates(plain)
    _exports(plain)
    return plain


def _roles(session: Any) -> None:
    for role, grants in GRANTS.items():
        if role in SHIPPED:
            continue
        made = session.scalar(text("insert into crm.roles (name) values (:n) returning id"), {"n": role})
        rows = [{"i": made, "r": r, "a": a, "s": scope} for r, actions in grants.items() for a, scope in actions.items()]
        if rows:
            session.execute(text("insert into crm.grants (role_id, resource, action, scope) values (:i, :r, :a, :s)"), rows)
        session.execute(text("insert into crm.field_rules (role_id, record_type, field, rule) values (:i, 'company', 'phone', 'read_only')"), {"i": made})


def _pipelines(session: Any, plain: Plain) -> dict[str, tuple[int, list[int]]]:
    """One for north, whose leads those of fjord share, one more of fjord's own, and one for south."""
    found = {}
    for team in TEAMS:
        made = apply(
            session, [Edit("pipeline", None, {"team_id": plain.teams[team], "name": f"{team} deals", "position": 0})], source="test", on_conflict="refuse"
        )
        pipeline = made.results[0].record_id
        stages = [Edit("stage", None, {"pipeline_id": pipeline, "name": n, "kind": k, "position": i, "probability": 0, "target_days": 7})
                  for i, (n, k) in enumerate((("New", "open"), ("Talking", "open"), ("Won", "won")))]  # fmt: skip
        made = apply(session, stages, source="test", on_conflict="refuse")
        found[team] = (pipeline, [result.record_id for result in made.results])
    return found


def _fields(session: Any, plain: Plain) -> None:
    """A field of everybody's and one of each team's, for each kind of record; one is removed again."""
    edits = [
        Edit("custom_field", None, {"record_type": kind, "label": f"{team or 'Common'} size", "kind": "number", "team_id": plain.teams.get(team or "")})
        for kind in ("lead", "company", "contact") for team in (None, *TEAMS)
    ]  # fmt: skip
    made = apply(session, edits, source="test", on_conflict="refuse").results
    apply(session, [delete_edit("custom_field", made[1].record_id or 0, 1)], source="test", on_conflict="refuse")


def _leads(plain: Plain, pipelines: Mapping[str, tuple[int, list[int]]]) -> None:
    """A lead of each team and owner; companies and contacts of teams, of people, of both and of nobody."""
    with acting_as(OPERATOR) as session:
        owned = [(team, owner) for team in (None, *TEAMS) for owner in (None, "nils", "sara", "solveig", "karl", "mixed")]
        companies = apply(session, [
            Edit("company", None, {"name": f"Company of {team} and {owner}", "team_id": plain.teams.get(team or ""), "owner_id": plain.people.get(owner or "")})
            for team, owner in owned
        ], source="test", on_conflict="refuse").results  # fmt: skip
        ids = [company.record_id for company in companies]
        edits = [
            Edit("lead", None, {
                "name": f"Lead {team} {owner} Åre%_{number}", "team_id": plain.teams[team], "owner_id": plain.people.get(owner or ""),
                "company_id": ids[(number * 7 + index) % len(ids)] if number % 3 else None, "value": {"amount": 100 + number, "currency": "AED"},
                "pipeline_id": pipelines["north" if team == "fjord" and number % 2 else team][0], "email": f"x{number}@demo.example",
            })
            for index, team in enumerate(TEAMS) for number, owner in enumerate(OWNERS)
        ]  # fmt: skip
        leads = [result.record_id for result in apply(session, edits, source="test", on_conflict="refuse").results]
        contacts = apply(session, [
            Edit("contact", None, {"name": f"Contact {i}", "company_id": ids[i % len(ids)] if i % 2 else None, "team_id": plain.teams.get(team or ""),
                                   "owner_id": plain.people.get(owner or "")})
            for i, (team, owner) in enumerate(owned)
        ], source="test", on_conflict="refuse").results  # fmt: skip
        with writing(session, "lead", "edit"):
            session.execute(text("insert into crm.lead_contacts (lead_id, contact_id) values (:l, :c)"),
                            [{"l": leads[(i * 5) % len(leads)], "c": contact.record_id} for i, contact in enumerate(contacts) if i % 3 == 0])  # fmt: skip


def _moves(pipelines: Mapping[str, tuple[int, list[int]]]) -> None:
    """Most leads have gone on a stage, and some were called, before anything is folded."""
    following = {stages[0]: stages[1] for _, stages in pipelines.values()}
    with acting_as(OPERATOR) as session:
        leads = session.execute(text("select id, version, stage_id from crm.leads where id % 3 > 0 order by id")).all()
        apply(session, [Edit("lead", lead.id, {"stage_id": following[lead.stage_id]}, lead.version) for lead in leads], source="test", on_conflict="refuse")
        apply(session, [Edit("activity", None, {"lead_id": lead.id, "kind": "call"}) for lead in leads[::2]], source="test", on_conflict="refuse")


def _work(plain: Plain) -> None:
    """Calls, edits, conflicts, moves and deletions by several people, so that history and ledger have something to hide."""
    for name in ("alma", "mona", "nils", "finn", "sara", "solveig", "mixed", "double"):
        with acting_as(plain.who(name)) as session:
            leads = session.execute(text("select id, version from crm.leads where deleted_at is null order by id")).all()
            notes = [Edit("activity", None, {"lead_id": lead.id, "kind": "call", "body": name}) for lead in leads[::4]]
            apply(session, notes, source="test")
            apply(session, [Edit("lead", lead.id, {"next_step": name}, lead.version) for lead in leads[::3]], source="test")
            apply(session, [Edit("lead", lead.id, {"next_step": f"{name}, late"}, 1) for lead in leads[::5]], source="test")
    with acting_as(plain.who("mona")) as session:
        mine = session.execute(text("select id, version from crm.leads where team_id = :t order by id desc limit 2"), {"t": plain.teams["north"]}).all()
        apply(session, [Edit("lead", lead.id, {"team_id": plain.teams["south"]}, lead.version) for lead in mine], source="test")
    with acting_as(plain.who("alma")) as session:
        for team in TEAMS:
            gone = session.execute(
                text("select id, version from crm.leads where team_id = :t and owner_id is not null order by id limit 2"), {"t": plain.teams[team]}
            )
            apply(session, [delete_edit("lead", lead.id, lead.version) for lead in gone], source="test")


def _production(plain: Plain) -> None:
    """Customers of every team and of none, of companies and of none, with orders; a few of the orders are still of the team before."""
    with acting_as(OPERATOR) as session:
        companies = list(session.scalars(text("select distinct company_id from crm.leads where company_id is not null order by 1")))
        leads = list(session.scalars(text("select id from crm.leads where company_id is not null order by id")))
    teams = [*plain.teams.values(), None]
    customer = text("""
        insert into crm.customers (external_id, name, market, segment, company_id, team_id, orders, lifetime_usd, last_order_at, gone_at)
        values (:key, :name, 'AE', 'B2B', :company, :team, 2, 300, now() - interval '3 days', :gone) returning id
    """)
    order = text("""
        insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
        values (:key, :customer, now() - make_interval(days => :days), 100, 'AED', 25, 'AE', :team)
    """)
    with as_system() as session:
        for number in range(len(companies) * 2):
            team = teams[number % len(teams)]
            company = companies[number // 2] if number % 2 else None
            values = {"key": f"c{number}", "name": f"Customer {number}", "company": company, "team": team, "gone": clock.now() if number % 11 == 5 else None}
            customer_id = session.scalar(customer, values)
            for days in (3, 40):
                of = teams[(number + 1) % len(teams)] if number % 5 == 0 else team
                session.execute(order, {"key": f"o{number}-{days}", "customer": customer_id, "days": days, "team": of})
        for lead_id in leads[::3]:
            session.execute(text("insert into crm.lead_reasons (lead_id, text, order_ids) values (:l, 'because', '{}')"), {"l": lead_id})
        fold_orders(session, clock.now())
        session.execute(text("insert into crm.sync_runs (kind, state, finished_at) values ('full', 'done', now())"))
        session.execute(text("insert into crm.alarms (kind, text) values ('production', 'away')"))


def _alerts(plain: Plain) -> None:
    """Alerts on leads of every team, for people who see them and for people who do not; some done, some deleted."""
    with acting_as(OPERATOR) as session:
        leads = list(session.scalars(text("select id from crm.leads where deleted_at is null order by id")))
        people = [plain.people[name] for name in ("nils", "sara", "solveig", "gitte", "mixed", "alma")]
        alma = plain.people["alma"]
        edits = [
            Edit("alert", None, {"lead_id": lead, "person_id": alma, "due_at": clock.now(), "text": f"secret of lead {lead}"}) for lead in leads
        ]  # fmt: skip
        made = [result.record_id for result in apply(session, edits, source="test", on_conflict="refuse").results]
        with writing(session, "alert", "edit"):  # as if those who do not see the lead had seen it when it became theirs
            moved = text("update crm.alerts set person_id = :p, version = version + 1 where id = :id and person_id <> :p")
            session.execute(moved, [{"p": people[i % len(people)], "id": alert} for i, alert in enumerate(made)])
        versions = {row.id: row.version for row in session.execute(text("select id, version from crm.alerts"))}
        edits = [Edit("alert", alert, {"done_at": clock.now()}, versions[alert]) for alert in made[::5]]
        edits += [delete_edit("alert", alert, versions[alert]) for alert in made[1::7] if alert not in made[::5]]
        apply(session, edits, source="test", on_conflict="refuse")


def _configuration(plain: Plain) -> None:
    """Drafts of several people, and leads of every team's stages that were on their way once."""
    for name in ("alma", "mona", "freja", "nils", "nemo"):
        with acting_as(plain.who(name)) as session:
            keep_draft(session, "pipeline:1", f"secret draft of {name}", [DraftEdit("stage", 1, {"name": "secret"}, 1)])
    with acting_as(OPERATOR) as session:
        stages = session.execute(text("select id, pipeline_id from crm.stages order by id")).all()
        change_set = session.scalar(text("select max(id) from crm.change_sets"))
        moves = [{"c": change_set, "f": one.id, "t": two.id} for one, two in pairwise(stages) if one.pipeline_id == two.pipeline_id]
        with writing(session, "account", "move"):
            session.execute(text("insert into crm.stage_moves (change_set_id, from_stage_id, to_stage_id, leads, state) values (:c, :f, :t, 1, 'done')"), moves)


def _views(plain: Plain) -> None:
    """Views that people keep for themselves, and those they share as far as they may; some deleted."""
    for name in PEOPLE:
        edits = [Edit("view", None, {"page": "leads", "name": f"{name} {i}", "address": {"q": [f"secret of {name}"]}}) for i in range(3)]
        edits += [Edit("view", None, {"page": "leads", "name": f"{name} for {team}", "audience": "team", "for_team_id": plain.teams[team]}) for team in TEAMS]
        edits.append(Edit("view", None, {"page": "board", "name": f"{name} for everyone", "audience": "everyone"}))
        with acting_as(plain.who(name)) as session:
            made = [result.record_id for result in apply(session, edits, source="test").results if result.record_id]
            apply(session, [delete_edit("view", view, 1) for view in made[2:3]], source="test")


def _dashboards(plain: Plain) -> None:
    """Dashboards as far as people may share them, with two blocks each where they may edit them; a block and some dashboards deleted."""
    for name in PEOPLE:
        edits = [Edit("dashboard", None, {"name": f"secret of {name} {i}", "filters": {"team": plain.teams["north"]}}) for i in range(2)]
        edits += [Edit("dashboard", None, {"name": f"{name} for {team}", "audience": "team", "for_team_id": plain.teams[team]}) for team in TEAMS]
        edits.append(Edit("dashboard", None, {"name": f"{name} for everyone", "audience": "everyone"}))
        with acting_as(plain.who(name)) as session:
            made = [result.record_id for result in apply(session, edits, source="test").results if result.record_id]
            blocks = [
                Edit("dashboard_block", None, {"dashboard_id": id_, "what": what}) for id_ in made[:1] + made[2:] for what in ("wins.months", "stale.leads")
            ]
            put = [result.record_id for result in apply(session, blocks, source="test").results if result.record_id]
            apply(session, [delete_edit("dashboard", dashboard, 1) for dashboard in made[1:2]], source="test")
            apply(session, [delete_edit("dashboard_block", block, 1) for block in put[3:4]], source="test")


def _assignment(plain: Plain) -> None:
    """A rule of each team, and a lead that each of them gave to somebody; then none of them acts any more."""
    with acting_as(OPERATOR) as session:
        rules = [Edit("assignment_rule", None, {"team_id": id_, "name": f"Rule of {team}", "method": "least_busy"}) for team, id_ in plain.teams.items()]
        made = apply(session, rules, source="test", on_conflict="refuse").results
        value = {"amount": 50, "currency": "AED"}
        leads = [Edit("lead", None, {"name": f"Given in {team}", "team_id": plain.teams[team], "value": value}) for team in TEAMS]
        apply(session, leads, source="test", on_conflict="refuse")
        apply(session, [Edit("assignment_rule", rule.record_id, {"is_active": False}, 1) for rule in made], source="test", on_conflict="refuse")


def _goals(plain: Plain) -> None:
    """Of every team and of everybody in it, for this quarter and the next; one changed, some taken back."""
    begins = quarter_start(clock.today("UTC"), 1)
    with acting_as(OPERATOR) as session:
        placed = [(team, name) for name, places in PEOPLE.items() for team in places if team] + [(team, None) for team in TEAMS]
        edits = [
            Edit("goal", None, {"team_id": plain.teams[team], "person_id": plain.people.get(name or ""), "starts_on": day, "amount_usd": 1000 + number})
            for number, (team, name) in enumerate(placed) for day in (begins, months_on(begins, 3))
        ]  # fmt: skip
        made = [result.record_id for result in apply(session, edits, source="test", on_conflict="refuse").results]
        apply(session, [delete_edit("goal", goal, 1) for goal in made[1::7]], source="test", on_conflict="refuse")
        apply(session, [Edit("goal", made[0], {"amount_usd": 5}, 1)], source="test", on_conflict="refuse")


def _templates(plain: Plain) -> None:
    """Of every team and of everybody; one of each changed, one removed."""
    with acting_as(OPERATOR) as session:
        edits = [
            Edit("template", None, {"team_id": plain.teams.get(team or ""), "name": f"secret of {team} {number}", "body": "Hello {{ contact.name }}"})
            for team in (None, *TEAMS) for number in range(3)
        ]  # fmt: skip
        made = [result.record_id for result in apply(session, edits, source="test", on_conflict="refuse").results]
        apply(session, [Edit("template", each, {"subject": "{{ lead.name }}"}, 1) for each in made[1::3]], source="test", on_conflict="refuse")
        apply(session, [delete_edit("template", each, 1) for each in made[2::3]], source="test", on_conflict="refuse")


def _exports(plain: Plain) -> None:
    """Files of everybody who may ask for one; half of them are made."""
    for number, name in enumerate(("alma", "mona", "freja", "double")):
        with acting_as(plain.who(name)) as session:
            export_id = exports.ask(session, "report.csv", Wanted("pipeline_by_stage", {}).as_json())
        if number % 2:
            making.make(export_id)
