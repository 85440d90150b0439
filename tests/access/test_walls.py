"""No context, no rows; and what is denied leaves nothing behind: no row, no history, no posting, no change set, no job."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import acting_as, as_system
from crm.activities.use_cases import add_activity, delete_activity, edit_activity
from crm.changes import Edit, apply, delete_edit, resolve, undo
from crm.db.roles import VIEW_SCOPES, DbRoles
from crm.errors import CrmError
from crm.imports.use_cases import Wishes, import_tables
from crm.leads.use_cases import create_lead, delete_leads, edit_leads, edit_leads_in_bulk, save_cells, take_back_change
from crm.people.use_cases import add_person, add_team, change_person, disable_person, make_link, place_person
from tests.access.organisation import PEOPLE
from tests.conftest import INSTALLATION

NAMES = DbRoles(INSTALLATION)


def all_tables(wide_db):
    return [row["relname"] for row in wide_db.rows("select relname from pg_class where relnamespace = 'crm'::regnamespace and relkind = 'r' order by 1")]


def test_the_login_by_itself_may_ask_no_table_anything(wide_db):
    for table in all_tables(wide_db):
        with wide_db.engine.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(text(f"select 1 from crm.{table}"))


@pytest.mark.parametrize("scope", [*VIEW_SCOPES, "write", "system"])
def test_a_role_without_a_person_sees_nobodys_records(wide_db, scope):
    """Only the role of those who see everything needs no person; nothing but `acting_as` takes it on."""
    closed = ("leads", "activities", "lead_contacts", "companies", "contacts", "changes", "change_sets", "conflicts", "postings", "stays", "posting_days",
              "posting_months", "move_days", "move_months", "standing_months", "source_months", "closing_months", "unfolded_stays",
              "stood_days", "stood_months", "stood_source_days", "stood_source_months", "stood_closing_days", "stood_closing_months",
              "late_days", "late_months", "passage_months", "arrival_months", "folded_activities", "unfolded_activities",
              "unfolded_postings", "pipelines", "stages", "people", "teams", "memberships", "grants", "audit_events", "order_months")  # fmt: skip
    with wide_db.engine.connect() as connection:
        connection.execute(text(f'set local role "{getattr(NAMES, scope)}"'))
        for table in closed:
            savepoint = connection.begin_nested()
            try:
                seen = connection.scalar(text(f"select count(*) from crm.{table}"))
            except DBAPIError as error:
                if error.orig.sqlstate != "42501":
                    raise
                seen = 0
            savepoint.rollback()
            of_leads = set(closed[:31]) - {"conflicts"}
            sees_as_writer = scope in ("write", "system") and table not in ("conflicts", "audit_events")
            assert seen == 0 or (scope == "all" and table in of_leads) or sees_as_writer, (scope, table, seen)


@pytest.mark.parametrize("scope", ["write", "system"])
def test_a_writing_role_without_a_person_changes_no_record(wide_db, scope):
    for table in ("leads", "companies", "contacts", "activities", "people", "teams", "pipelines", "stages"):
        with wide_db.engine.connect() as connection:
            connection.execute(text(f'set local role "{getattr(NAMES, scope)}"'))
            try:
                touched = connection.execute(text(f"update crm.{table} set version = version + 1")).rowcount
            except DBAPIError as error:
                if error.orig.sqlstate != "42501":
                    raise
                touched = 0
            assert touched == 0


def test_the_machinery_reaches_no_record_of_the_business(wide_db):
    for table in (
        "leads",
        "companies",
        "contacts",
        "activities",
        "changes",
        "change_sets",
        "conflicts",
        "stays",
        "lead_contacts",
        "lead_search_texts",
        "lead_custom_values",
    ):
        with as_system() as session, pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text(f"select 1 from crm.{table}"))


def test_nothing_of_one_persons_transaction_is_left_for_the_next(wide_db, plain):
    """The pool hands the same connection on: settings and role end with the transaction, also after an error."""
    for end in ("commit", "error", "rollback"):
        try:
            with acting_as(plain.who("alma")) as session:
                pid = session.scalar(text("select pg_backend_pid()"))
                if end == "error":
                    raise ZeroDivisionError
                if end == "rollback":
                    session.rollback()
        except ZeroDivisionError:
            pass
        with wide_db.engine.connect() as connection:
            row = connection.execute(
                text("select pg_backend_pid(), current_user, current_setting('crm.person', true), current_setting('crm.teams', true)")
            ).one()
            assert row[0] == pid, "the test needs the same connection"
            assert row[1] == NAMES.login and not row[2] and not row[3]


# What is denied

STAGE = {"name": "Denied", "kind": "won", "position": 9, "probability": 0}


def fingerprint(db) -> dict[str, tuple[int, int]]:
    """Of every table, how many rows there are and which transaction wrote each; of the jobs too."""
    tables = [f"crm.{name}" for name in all_tables(db)] + ["jobs.procrastinate_jobs", "jobs.procrastinate_events"]
    quiet = ("crm.sessions", "crm.access_stamps")  # people sign in meanwhile; nobody does here
    columns = ", ".join(
        f"(select (count(*), coalesce(sum(hashtext(t.xmin::text || t.ctid::text)), 0))::text from {table} as t)" for table in tables if table not in quiet
    )
    return dict(zip((t for t in tables if t not in quiet), tuple(db.rows(f"select array[{columns}] as found")[0]["found"]), strict=True))


def lead_of(plain, name, *, seen, writable=None):
    """A live lead that the person sees or not, and may edit or not."""
    for row in plain.rows["leads"]:
        is_seen, may = row["id"] in plain.leads(name), plain.covered(name, "lead", "edit", row)
        if row["deleted_at"] is None and is_seen == seen and (writable is None or may == writable):
            return row
    return None


def attempts(plain, name):
    """(what, a callable of the session) for everything this person must not be able to do."""
    found = []
    for row in (lead_of(plain, name, seen=False), lead_of(plain, name, seen=True, writable=False)):
        if row is None:
            continue
        lead, version = row["id"], row["version"]
        found += [
            ("edit", lambda s, i=lead, v=version: edit_leads(s, [(i, v, {"next_step": "denied"})], source="test", on_conflict="refuse")),
            ("edit, keeping", lambda s, i=lead, v=version: edit_leads(s, [(i, v, {"next_step": "denied"})], source="test")),
            ("stale edit, keeping", lambda s, i=lead: edit_leads(s, [(i, 1, {"next_step": "denied", "name": "denied"})], source="test")),
            ("cells", lambda s, i=lead, v=version: save_cells(s, [(i, v, {"next_step": "denied", "owner_id": plain.people[name]})], source="test")),
            ("bulk", lambda s, i=lead, v=version: edit_leads_in_bulk(s, [(i, v, {"next_step": "denied"})], source="test")),
            ("take back", lambda s, i=lead, v=version: take_back_change(s, i, v)),
            ("take for oneself", lambda s, i=lead, v=version: edit_leads(s, [(i, v, {"owner_id": plain.people[name]})], source="test", on_conflict="refuse")),
        ]
        if not plain.covered(name, "lead", "delete", row):
            found += [("delete", lambda s, i=lead, v=version: delete_leads(s, [(i, v)], source="test")),
                      ("delete, refusing", lambda s, i=lead, v=version: delete_leads(s, [(i, v)], source="test", on_conflict="refuse"))]  # fmt: skip
        if row["id"] not in plain.leads(name) or not plain.reach(name, "activity", "create"):
            found.append(("note", lambda s, i=lead: add_activity(s, i, {"kind": "note", "body": "denied"}, source="test")))
    for team_id in plain.teams.values():
        if not plain.reach(name, "lead", "create").covers(team_id, True):
            found += [
                ("create", lambda s, t=team_id: create_lead(s, {"name": "Denied", "team_id": t}, source="test")),
                ("create with a company", lambda s, t=team_id: create_lead(s, {"name": "Denied", "team_id": t}, company_name="Denied too", source="test")),
            ]
    for row in plain.rows["activities"]:
        if row["lead_id"] not in plain.leads(name):
            found += [("edit a call", lambda s, a=row: edit_activity(s, a["id"], a["version"], {"body": "denied"}, source="test")),
                      ("delete a call", lambda s, a=row: delete_activity(s, a["id"], a["version"], source="test"))]  # fmt: skip
            break
    if not plain.reach(name, "person", "configure"):
        other = next(row for row in plain.rows["people"] if row["id"] == plain.people["nils" if name != "nils" else "nora"])
        admin = next(role["id"] for role in plain.rows["roles"] if role["name"] == "admin")
        found += [
            ("add a person", lambda s: add_person(s, {"email": "d@demo.example", "name": "Denied"}, [(None, admin)], source="test")),
            ("make oneself admin", lambda s: place_person(s, plain.people[name], [(None, admin)])),
            ("rename somebody", lambda s: change_person(s, other["id"], other["version"], {"name": "Denied"}, source="test")),
            ("disable somebody", lambda s: disable_person(s, other["id"], other["version"], source="test")),
            ("a way into somebody's account", lambda s: make_link(plain.who(name), other["id"])),
        ]
    if not plain.reach(name, "team", "configure"):
        found.append(("add a team", lambda s: add_team(s, "Denied", source="test")))
    for row in plain.rows["pipelines"]:
        if not plain.covered(name, "pipeline", "configure", {**row, "owner_id": None}):
            found += [
                ("rename a pipeline", lambda s, p=row: apply(s, [Edit("pipeline", p["id"], {"name": "Denied"}, p["version"])], source="test")),
                ("add a stage", lambda s, p=row: apply(s, [Edit("stage", None, {"pipeline_id": p["id"], **STAGE})], source="test", on_conflict="refuse")),
            ]
            break
    for row in plain.rows["change_sets"]:
        if row["id"] not in plain.change_sets(name):
            found.append(("undo", lambda s, c=row: undo(s, c["id"])))
            break
    for row in plain.rows["conflicts"]:
        if row["person_id"] != plain.people[name]:
            found += [("settle", lambda s, c=row: resolve(s, {c["id"]: "mine"})), ("leave", lambda s, c=row: resolve(s, {c["id"]: "theirs"}))]
            break
    for kind, table in (("company", "companies"), ("contact", "contacts")):
        hidden = next((row for row in plain.rows[table] if row["id"] not in getattr(plain, table)(name)), None)
        if hidden:
            found += [(f"edit a {kind}", lambda s, k=kind, r=hidden: apply(s, [Edit(k, r["id"], {"name": "Denied"}, r["version"])], source="test")),
                      (f"delete a {kind}", lambda s, k=kind, r=hidden: apply(s, [delete_edit(k, r["id"], r["version"])], source="test"))]  # fmt: skip
    if not plain.reach(name, "lead", "import"):
        found.append(("import", lambda s: import_tables(s, [], Wishes(team="north"))))
    return found


@pytest.mark.parametrize("name", PEOPLE)
def test_what_is_denied_leaves_everything_as_it_was(wide_db, plain, name):
    """Also where the caller swallows the refusal and its transaction commits."""
    before = fingerprint(wide_db)
    tried = attempts(plain, name)
    for what, attempt in tried:
        with acting_as(plain.who(name)) as session:
            try:
                outcome = attempt(session)
            except CrmError:
                pass
            else:
                results = getattr(outcome, "results", None)
                assert (results is None or all(r.error is not None for r in results)) and not getattr(outcome, "saved", None), (what, outcome)
    assert fingerprint(wide_db) == before, [what for what, _ in tried]
    assert len(tried) > 5 or name == "alma"


def test_a_refused_save_of_many_leaves_everything_as_it_was(wide_db, plain):
    """One denied edit among good ones, in a call that is all or nothing."""
    good, bad = lead_of(plain, "nils", seen=True, writable=True), lead_of(plain, "nils", seen=False)
    before = fingerprint(wide_db)
    with acting_as(plain.who("nils")) as session, pytest.raises(CrmError):
        edit_leads(
            session, [(good["id"], good["version"], {"next_step": "x"}), (bad["id"], bad["version"], {"next_step": "x"})], source="test", on_conflict="refuse"
        )
    assert fingerprint(wide_db) == before


def test_a_conflict_that_refuses_leaves_everything_as_it_was(wide_db, plain):
    row = next(
        row for row in plain.rows["leads"] if row["next_step"] and row["deleted_at"] is None and row["team_id"] == plain.teams["north"] and row["version"] > 1
    )
    before = fingerprint(wide_db)
    with acting_as(plain.who("mona")) as session, pytest.raises(CrmError):
        edit_leads(session, [(row["id"], 1, {"next_step": "something else"})], source="test", on_conflict="refuse")
    assert fingerprint(wide_db) == before
