"""Each person changes exactly what role and scope allow: through the write path, and by the walls alone, in raw SQL."""

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm import clock
from crm.access import acting_as, writing
from crm.changes import Edit, apply, delete_edit, undo
from crm.errors import CrmError, NotFound, Refused
from tests.access.organisation import KINDS, PEOPLE, TEAMS, Plain

# kind -> (the word in grants, the field that is edited, its new value, the column that makes a record one's own)
WRITTEN = {
    "lead": ("lead", "next_step", "'by hand'", "owner_id"), "company": ("company", "website", "'by hand'", "owner_id"),
    "contact": ("contact", "title", "'by hand'", "owner_id"), "activity": ("activity", "body", "'by hand'", "person_id"),
    "pipeline": ("pipeline", "position", "77", None), "stage": ("pipeline", "target_days", "77", None), "person": ("person", "time_zone", "'Asia/Dubai'", None),
    "team": ("team", "name", "'Team ' || id", None), "alert": ("alert", "text", "'by hand'", "person_id"),
    "role": ("role", "description", "'by hand'", None), "grant": ("role", "scope", "case scope when 'all' then 'team' else 'all' end", None),
    "field_rule": ("role", "rule", "'hidden'", None),
    "view": ("view", "position", "77", "owner_id"), "assignment_rule": ("pipeline", "position", "77", None),
    "market": ("settings", "name", "'by hand'", None), "holiday": ("settings", "name", "'by hand'", None),
    "custom_field": ("field", "position", "77", None), "goal": ("goal", "amount_usd", "77", None),
    "dashboard": ("view", "name", "'Dashboard ' || id", "owner_id"), "dashboard_block": ("view", "position", "77", None),
    "template": ("template", "body", "'by hand'", None),
}  # fmt: skip
CONFIGURED = ("pipeline", "stage", "person", "team", "role", "grant", "field_rule", "assignment_rule", "market", "holiday", "custom_field", "goal")
KEPT = ("view", "dashboard", "dashboard_block")
"""What people keep under a name, for themselves or for others, and what hangs on it."""


@contextmanager
def trying(plain, name):
    """A transaction of the person's that leaves no trace."""
    with acting_as(plain.who(name)) as session:
        yield session
        session.rollback()


@contextmanager
def aside(session):
    """Whatever happens inside is taken back."""
    savepoint = session.begin_nested()
    yield
    savepoint.rollback()


def rows_of(plain: Plain, kind: str) -> list:
    """Every record of the kind, but for the grants of the one role that somebody must keep."""
    (admin,) = [role["id"] for role in plain.rows["roles"] if role["name"] == "admin"]
    return [row for row in plain.rows[KINDS[kind]] if kind != "grant" or row["role_id"] != admin]


def scoped(plain: Plain, kind: str, row) -> dict:
    """The row with the team and owner that its scope goes by."""
    if kind in ("activity", "alert"):
        (lead,) = plain.of("leads", [row["lead_id"]])
        return {**row, "team_id": lead["team_id"], "owner_id": row["person_id"]}
    if kind == "stage":
        (pipeline,) = plain.of("pipelines", [row["pipeline_id"]])
        return {**row, "team_id": pipeline["team_id"], "owner_id": None}
    if kind in ("pipeline", "assignment_rule", "custom_field", "goal", "template"):
        return {**row, "owner_id": None}
    if kind in ("person", "team", "role", "grant", "field_rule", "market", "holiday"):
        return {**row, "team_id": None, "owner_id": None}
    if kind == "dashboard_block":
        (row,) = plain.of("dashboards", [row["dashboard_id"]])
    if kind in KEPT:
        return {**row, "team_id": row["for_team_id"]}
    return row


def in_reach(plain, name, kind, action, row) -> bool:
    resource = WRITTEN[kind][0]
    if kind == "person" and action == "edit" and row["id"] == plain.people[name]:
        return True  # one's own name and time zone
    if kind == "dashboard_block":  # whoever edits the dashboard adds, changes and removes its blocks
        action = "edit"
    if kind in KEPT and not may_stand(plain, name, action, scoped(plain, kind, row)):
        return False
    return plain.covered(name, resource, "configure" if kind in CONFIGURED else action, scoped(plain, kind, row))


def may_stand(plain, name, action, row) -> bool:
    """A private view is its maker's alone; one that others see is written by who may share so far, and deleted by whoever may delete it."""
    if row["audience"] == "private":
        return row["owner_id"] == plain.people[name]
    share = plain.reach(name, "view", "share")
    return action == "delete" or share.everywhere or (row["audience"] == "team" and row["for_team_id"] in share.teams)


def is_seen(plain, name, kind, row) -> bool:
    if kind in ("person", "team", "role", "market", "holiday"):
        return True
    return row["id"] in getattr(plain, KINDS[kind])(name)


def holds_leads(plain: Plain, kind: str, row) -> bool:
    """Whether a stage, or an open stage of a pipeline, has leads in it: then it is not simply removed."""
    if kind not in ("stage", "pipeline"):
        return False
    open_stages = {stage["id"] for stage in plain.rows["stages"] if stage["kind"] == "open"}
    return any(
        lead["deleted_at"] is None and lead[f"{kind}_id"] == row["id"] and (kind == "stage" or lead["stage_id"] in open_stages) for lead in plain.rows["leads"]
    )


def expected(plain, name, kind, action, row) -> str:
    if not is_seen(plain, name, kind, row) or (row.get("deleted_at") and action != "delete"):
        return "not_found"
    if not in_reach(plain, name, kind, action, row):
        return "denied"
    if action == "edit" and kind == "grant" and row["scope"] == "all":
        return "unchanged"
    if action == "delete" and (kind == "team" or holds_leads(plain, kind, row)):
        return "invalid"
    return "unchanged" if action == "delete" and row["deleted_at"] else "applied"


@pytest.mark.parametrize("name", PEOPLE)
def test_editing_reaches_exactly_what_may_be_edited(wide_db, plain, name):
    values = {"lead": "x", "company": "x", "contact": "x", "activity": "x", "alert": "x", "pipeline": 77, "stage": 77, "person": "Asia/Dubai", "role": "x",
              "grant": "all", "field_rule": "hidden", "view": 77, "assignment_rule": 77, "custom_field": 77, "goal": 77,
              "dashboard_block": 77, "template": "x"}  # fmt: skip
    with trying(plain, name) as session:
        for kind, (_, field, _, _) in WRITTEN.items():
            rows = rows_of(plain, kind)
            edits = [Edit(kind, row["id"], {field: values.get(kind, f"Team {row['id']}")}, row["version"]) for row in rows]
            with aside(session):
                results = apply(session, edits, source="test").results
            assert {r.record_id: r.status for r in results} == {row["id"]: expected(plain, name, kind, "edit", row) for row in rows}, kind


@pytest.mark.parametrize("name", PEOPLE)
def test_deleting_reaches_exactly_what_may_be_deleted(wide_db, plain, name):
    with trying(plain, name) as session:
        for kind in (
            "lead",
            "company",
            "contact",
            "activity",
            "alert",
            "stage",
            "pipeline",
            "team",
            "view",
            "assignment_rule",
            "holiday",
            "custom_field",
            "goal",
            "dashboard",
            "dashboard_block",
            "template",
        ):
            rows = plain.rows[KINDS[kind]]
            with aside(session):
                results = apply(session, [delete_edit(kind, row["id"], row["version"]) for row in rows], source="test").results
            assert {r.record_id: r.status for r in results} == {row["id"]: expected(plain, name, kind, "delete", row) for row in rows}, kind


@pytest.mark.parametrize("name", PEOPLE)
def test_leads_are_given_only_to_where_one_may_assign(wide_db, plain, name):
    assign = plain.reach(name, "lead", "assign")
    rows = [row for row in plain.rows["leads"] if expected(plain, name, "lead", "edit", row) == "applied"]
    with trying(plain, name) as session:
        for owner in ("nils", "sara", "solveig", name, None):
            owner_id = plain.people.get(owner or "")
            with aside(session):
                results = apply(session, [Edit("lead", row["id"], {"owner_id": owner_id}, row["version"]) for row in rows], source="test").results
            for row, result in zip(rows, results, strict=True):
                may = assign.covers(row["team_id"], owner_id == plain.people[name])
                assert result.status == ("unchanged" if row["owner_id"] == owner_id else "applied" if may else "denied")
        for team in TEAMS:
            team_id = plain.teams[team]
            with aside(session):
                results = apply(session, [Edit("lead", row["id"], {"team_id": team_id}, row["version"]) for row in rows], source="test").results
            for row, result in zip(rows, results, strict=True):
                line = [team, TEAMS[team]]
                belongs = row["owner_id"] in {
                    plain.people[who] for who, places in PEOPLE.items() if set(places) & {*line, None} - ({None} if TEAMS[team] else set())
                }
                stays_mine = row["owner_id"] == plain.people[name] and belongs
                may = assign.covers(team_id, row["owner_id"] == plain.people[name]) and assign.covers(team_id, stays_mine)
                assert result.status == ("unchanged" if row["team_id"] == team_id else "applied" if may else "denied"), (team, row)


@pytest.mark.parametrize("name", PEOPLE)
def test_new_records_are_made_only_where_one_may_create(wide_db, plain, name):
    me = plain.people[name]
    for kind in ("lead", "company", "contact"):
        reach = plain.reach(name, kind, "create")
        with trying(plain, name) as session:
            for team in TEAMS:
                for owner_id in (me, plain.people["nils"], None):
                    with aside(session):
                        edit = Edit(kind, None, {"name": "New", "team_id": plain.teams[team], "owner_id": owner_id})
                        (result,) = apply(session, [edit], source="test").results
                    may = reach.covers(plain.teams[team], owner_id == me)
                    sees_pipeline = kind != "lead" or any(
                        p["id"] in plain.pipelines(name) and p["team_id"] in (plain.teams[team], plain.teams.get(TEAMS[team] or ""))
                        for p in plain.rows["pipelines"]
                    )
                    # Without a pipeline in sight there is nowhere to put the lead, whatever the grant.
                    wanted = {"applied"} if may and sees_pipeline else {"denied", "invalid"} if not sees_pipeline else {"denied"}
                    assert result.status in wanted, (kind, team, owner_id, result)


@pytest.mark.parametrize("name", PEOPLE)
def test_activities_are_added_only_to_leads_one_sees_and_may_work_with(wide_db, plain, name):
    reach, seen = plain.reach(name, "activity", "create"), plain.leads(name)
    rows = plain.rows["leads"]
    with trying(plain, name) as session:
        results = apply(session, [Edit("activity", None, {"lead_id": row["id"], "kind": "call"}) for row in rows], source="test").results
    for row, result in zip(rows, results, strict=True):
        if not reach:
            assert result.status == "denied"
        elif row["id"] not in seen or row["deleted_at"]:
            assert result.status == "not_found"
        else:
            assert result.status == ("applied" if reach.covers(row["team_id"], True) else "denied")


@pytest.mark.parametrize("name", PEOPLE)
def test_alerts_are_set_only_on_leads_one_sees_and_for_whom_one_may(wide_db, plain, name):
    me, seen = plain.people[name], plain.leads(name)
    create = plain.reach(name, "alert", "create")
    rows = plain.rows["leads"]
    for person_id in (me, plain.people["nils"]):
        with trying(plain, name) as session:
            edits = [Edit("alert", None, {"lead_id": row["id"], "person_id": person_id, "due_at": clock.now()}) for row in rows]
            results = apply(session, edits, source="test").results
        for row, result in zip(rows, results, strict=True):
            if not create:
                assert result.status == "denied"
            elif row["id"] not in seen or row["deleted_at"]:
                assert result.status == "not_found"
            elif person_id != me and row["id"] not in plain.leads("nils"):
                assert result.status == "invalid" and "does not see this lead" in result.error.detail
            else:
                assert result.status == ("applied" if create.covers(row["team_id"], person_id == me) else "denied")


@pytest.mark.parametrize("name", PEOPLE)
def test_an_alert_is_handed_over_only_by_whom_and_to_whom_one_may(wide_db, plain, name):
    me = plain.people[name]
    edit, assign = plain.reach(name, "alert", "edit"), plain.reach(name, "alert", "assign")
    with trying(plain, name) as session:
        for to in (name, "nora", "finn"):
            person_id = plain.people[to]
            with aside(session):
                results = apply(
                    session, [Edit("alert", row["id"], {"person_id": person_id}, row["version"]) for row in plain.rows["alerts"]], source="test"
                ).results
            for row, result in zip(plain.rows["alerts"], results, strict=True):
                before = expected(plain, name, "alert", "edit", row)
                (lead,) = plain.of("leads", [row["lead_id"]])
                may = any(reach.covers(lead["team_id"], person_id == me) for reach in (edit, assign))
                wanted = before if before != "applied" else "unchanged" if row["person_id"] == person_id else "applied" if may else "denied"
                if wanted in ("applied", "denied") and before == "applied" and lead["id"] not in plain.leads(to):
                    wanted = "invalid"
                assert result.status == wanted, (person_id, row)


@pytest.mark.parametrize("name", ["vera", "solveig", "hugo", "nemo", "wanda"])
def test_a_denied_alert_leaves_row_and_history_untouched(wide_db, plain, name):
    tables = ("alerts", "changes", "change_sets", "conflicts")
    before = {table: wide_db.rows(f"select * from crm.{table} order by 1") for table in tables}
    denied = [row for row in plain.rows["alerts"] if expected(plain, name, "alert", "edit", row) in ("denied", "not_found")]
    edits = [Edit("alert", row["id"], wanted, row["version"]) for row in denied for wanted in ({"text": "x"}, {"done_at": clock.now()})]
    edits += [delete_edit("alert", row["id"], row["version"]) for row in denied if expected(plain, name, "alert", "delete", row) in ("denied", "not_found")]
    edits += [Edit("alert", None, {"lead_id": row["id"], "due_at": clock.now()}) for row in plain.rows["leads"] if row["id"] not in plain.leads(name)]
    with acting_as(plain.who(name)) as session:
        results = apply(session, edits, source="test").results
    assert results and all(result.error is not None for result in results)
    assert {table: wide_db.rows(f"select * from crm.{table} order by 1") for table in tables} == before


# The walls alone


@contextmanager
def walls_alone(session, resource, action):
    """The write role as `writing` sets it; where the person lacks the grant, with a reach of nothing."""
    try:
        with writing(session, resource, action):
            yield True
    except Refused:
        yield False


@pytest.mark.parametrize("name", PEOPLE)
def test_raw_updates_touch_exactly_what_lies_in_the_write_scope(wide_db, plain, name):
    with trying(plain, name) as session:
        for kind, (resource, field, value, _) in WRITTEN.items():
            action = "configure" if kind in CONFIGURED else "edit"
            inside = {row["id"] for row in rows_of(plain, kind) if in_reach(plain, name, kind, action, row)}
            if kind in ("activity", "alert"):  # its lead must be seen, too
                inside = {row["id"] for row in plain.of(KINDS[kind], inside) if row["lead_id"] in plain.leads(name)}
            if not plain.reach(name, resource, action):
                with pytest.raises(Refused), writing(session, resource, action):
                    pass
                continue
            statement = text(f"update crm.{KINDS[kind]} set {field} = {value}, version = version + 1 where id = any(:ids) returning id")
            everything = [row["id"] for row in rows_of(plain, kind)]
            with aside(session), writing(session, resource, action):
                assert set(session.scalars(statement, {"ids": sorted(inside)})) == inside, kind
            for each in sorted(set(everything) - inside):
                with aside(session), writing(session, resource, action):
                    assert _touched(session, statement, {"ids": [each]}) == [], (kind, each)


def _touched(session, statement, parameters):
    try:
        with session.begin_nested():
            return session.scalars(statement, parameters).all()
    except DBAPIError as error:
        if error.orig.sqlstate != "42501":
            raise
        return []


@pytest.mark.parametrize("name", PEOPLE)
def test_a_raw_update_moves_a_lead_only_to_where_one_may_assign(wide_db, plain, name):
    edit, assign = plain.reach(name, "lead", "edit"), plain.reach(name, "lead", "assign")
    if not edit:
        return
    me = plain.people[name]
    rows = [row for row in plain.rows["leads"] if in_reach(plain, name, "lead", "edit", row)][:6]
    with trying(plain, name) as session:
        for row in rows:
            for team_id in plain.teams.values():
                for owner_id in (me, plain.people["sara"], None):
                    if (team_id, owner_id) == (row["team_id"], row["owner_id"]):
                        continue
                    statement = text("update crm.leads set team_id = :t, owner_id = :o, version = version + 1 where id = :id returning id")
                    with aside(session), writing(session, "lead", "edit"):
                        moved = _touched(session, statement, {"t": team_id, "o": owner_id, "id": row["id"]})
                    assert bool(moved) == any(reach.covers(team_id, owner_id == me) for reach in (edit, assign))


INSERTED = {
    "leads": ("lead", "name, team_id, pipeline_id, stage_id, owner_id"), "companies": ("company", "name, team_id, owner_id"),
    "contacts": ("contact", "name, team_id, owner_id"), "activities": ("activity", "lead_id, person_id, kind"),
    "alerts": ("alert", "lead_id, person_id, due_at"),
    "pipelines": ("pipeline", "team_id, name, position"), "stages": ("pipeline", "pipeline_id, name, kind, position"),
    "views": ("view", "owner_id, audience, for_team_id, page, name, address"),
    "dashboards": ("view", "owner_id, audience, for_team_id, name, filters"), "dashboard_blocks": ("view", "dashboard_id, kind, what, parameters"),
    "assignment_rules": ("pipeline", "team_id, name, method"), "goals": ("goal", "team_id, person_id, starts_on, amount_usd"),
    "templates": ("template", "team_id, name, body"),
    "people": ("person", "email, name"), "teams": ("team", "name"), "roles": ("role", "name"),
    "memberships": ("person", "person_id, team_id, role_id"), "grants": ("role", "role_id, resource, action, scope"),
    "field_rules": ("role", "role_id, record_type, field, rule"),
    "organisation_settings": ("settings", "key, value"), "markets": ("settings", "code, name, currency"),
    "holidays": ("settings", "day, name, market"), "exchange_rates": ("settings", "currency, valid_from, usd_per_unit"),
}  # fmt: skip
JSONS = ("value", "address", "filters", "parameters")
CLOSED = ("changes", "postings", "stays", "lead_search_texts", "posting_days", "posting_months", "move_days", "move_months",
          "standing_months", "source_months", "closing_months", "unfolded_stays",
          "stood_days", "stood_months", "stood_source_days", "stood_source_months", "stood_closing_days", "stood_closing_months",
          "late_days", "late_months", "passage_months", "arrival_months", "folded_targets", "folded_activities", "unfolded_activities",
          "unfolded_postings", "fold_stamps", "credentials", "sessions",
          "one_time_links", "sign_in_attempts", "api_keys", "idempotency_keys", "access_stamps", "alembic_version", "customers", "orders", "order_months",
          "folded_order_months", "sync_runs", "alarms",
          "lead_reasons", "downloads", "export_parts", "lead_assignments", "assignment_turns", "lead_custom_values")  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_raw_inserts_stand_only_in_the_scope_one_may_create_in(wide_db, plain, name):
    with trying(plain, name) as session:
        for table, (resource, columns) in INSERTED.items():
            kind = next((kind for kind, its in KINDS.items() if its == table), None)
            action = "create" if resource in ("lead", "company", "contact", "activity", "alert", "view", "template") else "configure"
            if table == "dashboard_blocks":
                action = "edit"
            if not plain.reach(name, resource, action):
                continue
            for row in plain.rows[table][::3]:
                if table == "memberships":
                    may = plain.may_place(name, row)
                elif kind:
                    may = in_reach(plain, name, kind, "create", row)
                    if kind == "alert":  # one may make one for whom one may hand one over to
                        may = may or plain.covered(name, "alert", "assign", scoped(plain, kind, row))
                    may = may and (kind not in ("activity", "alert") or row["lead_id"] in plain.leads(name))
                else:
                    may = plain.reach(name, resource, action).everywhere
                values = ", ".join(f"cast(:{column} as jsonb)" if column in JSONS else f":{column}" for column in columns.split(", "))
                parameters = {name: json.dumps(value) if name in JSONS else value for name, value in row.items()}
                with aside(session), writing(session, resource, action):
                    assert _inserts(session, f"insert into crm.{table} ({columns}) values ({values})", parameters) == may, (table, row)


def _inserts(session, statement, parameters) -> bool:
    """Whether the wall lets the row through; a unique index may then still refuse the twin."""
    try:
        with session.begin_nested():
            session.execute(text(statement), parameters)
    except DBAPIError as error:
        if error.orig.sqlstate not in ("42501", "23505", "TL004"):
            raise
        return error.orig.sqlstate == "23505"
    return True


@pytest.mark.parametrize("name", ["alma", "mona", "nils", "nemo"])
def test_what_only_triggers_and_the_machinery_write_is_closed_to_every_writer(wide_db, plain, name):
    with trying(plain, name) as session:
        for resource in ("lead", "person", "account", "settings"):
            if resource != "account" and not plain.who(name).may_write(resource):
                continue
            with writing(session, resource, "edit" if resource == "lead" else "configure"):
                for table in CLOSED:
                    for statement in (
                        f"insert into crm.{table} default values",
                        f"delete from crm.{table}",
                        f"update crm.{table} set {_a_column(plain, table)} = null",
                    ):
                        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
                            session.execute(text(statement))


def _a_column(plain, table):
    columns = [column for row in plain.rows[table][:1] for column in row if column != "id"]
    return columns[0] if columns else {"sign_in_attempts": "id", "alembic_version": "id", "lead_custom_values": "lead_id"}.get(table, "person_id")


@pytest.mark.parametrize("name", PEOPLE)
def test_raw_deletes_remove_only_links_and_places_in_reach(wide_db, plain, name):
    with trying(plain, name) as session:
        removable = {
            "lead_contacts": ("lead", "edit", "lead_id || '-' || contact_id"), "memberships": ("person", "configure", "id"),
        }  # fmt: skip
        for table, (resource, action, key) in removable.items():
            reach = plain.reach(name, resource, action)
            if not reach:
                continue
            if table == "lead_contacts":
                leads = {row["id"]: row for row in plain.rows["leads"]}
                inside = {row["id"] for row in plain.rows[table] if plain.covered(name, "lead", "edit", leads[row["lead_id"]])}
            else:
                inside = {row["id"] for row in plain.rows[table]} if reach.everywhere else set()
            kept = {row["id"] for row in plain.rows["memberships"] if row["person_id"] == plain.people["alma"]} if table == "memberships" else {0}
            with aside(session), writing(session, resource, action):
                removed = session.scalars(text(f"delete from crm.{table} where {key}::text <> all(:kept) returning {key}"), {"kept": list(map(str, kept))})
                assert set(removed) == inside - kept, table
        for table in (*KINDS.values(), "conflicts", "change_sets", "audit_events", "organisation_settings", "markets", "exchange_rates"):
            for resource in ("lead", "company", "person", "role"):
                action = "configure" if resource in ("person", "role") else "edit"
                if plain.reach(name, resource, action):
                    refused = pytest.raises(DBAPIError, match="permission denied")
                    with writing(session, resource, action), refused, session.begin_nested():
                        session.execute(text(f"delete from crm.{table}"))


def test_a_grant_for_one_resource_opens_no_other(wide_db, plain):
    """An admin may write everything; but what was opened as a write of companies touches companies only."""
    resources = {"lead": "edit", "company": "edit", "contact": "edit", "activity": "edit",
                 "alert": "edit", "view": "edit", "template": "edit", "pipeline": "configure", "person": "configure", "team": "configure",
                 "role": "configure", "settings": "configure"}  # fmt: skip
    of = {**{KINDS[kind]: its[0] for kind, its in WRITTEN.items()}, "memberships": "person",
          "organisation_settings": "settings", "markets": "settings", "exchange_rates": "settings"}  # fmt: skip
    changes = {KINDS[kind]: f"{its[1]} = {its[2]}, version = version + 1" for kind, its in WRITTEN.items()}
    changes |= {"memberships": "role_id = role_id", "grants": "scope = scope", "organisation_settings": "value = value",
                "markets": "name = name", "exchange_rates": "usd_per_unit = usd_per_unit"}  # fmt: skip
    with trying(plain, "alma") as session:
        for resource, action in resources.items():
            for table, change in changes.items():
                with aside(session), writing(session, resource, action):
                    touched = session.execute(text(f"update crm.{table} set {change}")).rowcount
                assert (touched > 0) == (of[table] == resource), (resource, table)


def test_ones_own_account_is_all_that_account_opens(wide_db, plain):
    with trying(plain, "nils") as session, writing(session, "account", "edit"):
        statement = text("update crm.people set time_zone = 'Asia/Dubai', version = version + 1 returning id")
        assert session.scalars(statement).all() == [plain.people["nils"]]
        for table in ("leads", "companies", "teams", "memberships", "grants", "roles", "pipelines", "activities"):
            column = {"memberships": "role_id = role_id", "grants": "scope = scope", "roles": "name = name"}.get(table, "version = version")
            assert session.execute(text(f"update crm.{table} set {column}")).rowcount == 0


@pytest.mark.parametrize("name", PEOPLE)
def test_a_conflict_or_change_set_is_written_in_ones_own_name_only(wide_db, plain, name):
    me, other = plain.people[name], plain.people["alma" if name != "alma" else "mona"]
    with trying(plain, name) as session, writing(session, "account", "resolve"):
        for person_id, may in ((me, True), (other, False), (None, False)):
            with aside(session):
                assert _inserts(session, "insert into crm.change_sets (person_id, source) values (:p, 'x')", {"p": person_id}) == may
        conflict = "insert into crm.conflicts (person_id, record_type, record_id, seen_version, their_version, field) values (:p, 'lead', 1, 1, 1, 'name')"
        for person_id, may in ((me, True), (other, False)):
            with aside(session):
                assert _inserts(session, conflict, {"p": person_id}) == may
        touched = set(session.scalars(text("update crm.conflicts set resolved_at = now() returning id")))
        assert touched == plain.conflicts(name)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text("insert into crm.audit_events (person_id, kind) values (:p, 'forged')"), {"p": other})


@pytest.mark.parametrize("name", PEOPLE)
def test_undo_touches_only_what_may_be_changed_or_was_ones_own(wide_db, plain, name):
    seen = plain.change_sets(name)
    for change_set in plain.rows["change_sets"][::3]:
        is_mine = change_set["person_id"] == plain.people[name]
        with trying(plain, name) as session:
            try:
                done = undo(session, change_set["id"])
            except NotFound:
                assert change_set["id"] not in seen
                continue
            except Refused:
                continue
            assert change_set["id"] in seen
            if done.change_set_id is None:
                continue
            with writing(session, "account", "look"):
                touched = session.execute(text("select record_type, record_id from crm.changes where change_set_id = :c"), {"c": done.change_set_id}).all()
            for kind, record_id in touched:
                (row,) = plain.of(KINDS[kind], [record_id])
                assert is_mine or in_reach(plain, name, kind, "edit", row) or in_reach(plain, name, kind, "delete", row), (change_set, kind, row)


@pytest.mark.parametrize("name", PEOPLE)
def test_a_draft_is_written_changed_and_removed_in_ones_own_name_only(wide_db, plain, name):
    me, other = plain.people[name], plain.people["alma" if name != "alma" else "mona"]
    with trying(plain, name) as session, writing(session, "account", "draft"):
        for person_id, may in ((me, True), (other, False)):
            with aside(session):
                drafted = "insert into crm.configuration_drafts (person_id, subject, title) values (:p, 'role:9', 'x')"
                assert _inserts(session, drafted, {"p": person_id}) == may
            with aside(session):
                moved = "insert into crm.stage_moves (change_set_id, person_id, from_stage_id, to_stage_id, leads) values (1, :p, 1, 1, 1)"
                assert _inserts(session, moved, {"p": person_id}) == may
        own = plain.configuration_drafts(name)
        with aside(session):
            assert set(session.scalars(text("update crm.configuration_drafts set title = 'x' returning id"))) == own
        with aside(session):
            assert set(session.scalars(text("delete from crm.configuration_drafts returning id"))) == own
        assert session.scalars(text("update crm.stage_moves set moved = 5 returning id")).all() == []


@pytest.mark.parametrize("name", ["alma", "mona", "nils", "solveig"])
def test_a_key_that_only_reads_writes_nothing(wide_db, plain, name):
    reader = replace(plain.who(name), is_read_only=True, views={}, _reaches={})
    with acting_as(reader) as session:
        assert set(session.scalars(text("select id from crm.leads"))) == plain.leads(name)
        for kind in KINDS:
            row = plain.rows[KINDS[kind]][0]
            results = apply(
                session, [Edit(kind, row["id"], {"name": "x"}, row["version"]), delete_edit(kind, row["id"], row["version"])], source="test"
            ).results
            assert all(result.error is not None for result in results)
        for resource, action in (("lead", "edit"), ("person", "configure"), ("account", "resolve")):
            with pytest.raises(CrmError), writing(session, resource, action):
                pass
