"""Role x route: what each of the cast gets of the Gulf team's records, over every route there is."""

import pytest
from sqlalchemy import text

from crm.access import acting_as, as_system
from crm.changes import Edit
from crm.exports import asking, making
from crm.goals.use_cases import set_goals
from crm.reports.export import Wanted

STRANGER, VIEWER, REP, TEAMMATE, MANAGER, ADMIN = "carla", "vera", "bruno", "ana", "mona", "alma"
CAST = (STRANGER, VIEWER, REP, TEAMMATE, MANAGER, ADMIN)
# What only the Gulf team has. None of it may appear in any answer to a stranger.
SECRETS = (
    "Petra Supplies",
    "Al Noor Trading",
    "Delta Foods",
    "9500",
    "12400",
    "secret step",
    "secret note",
    "secret alert",
    "secret customer",
    "secret order",
    "secret@buyer",
    "777.77",
    "bruno@demo.example",
    "mona@demo.example",
    "Petra LLC",
    "secret contact",
    "31337",
    "secret dashboard",
    "secret block",
    "secret template",
)


@pytest.fixture
def world(api, cast, petra):
    """The Gulf team's records of every kind; answers the ids that paths take."""
    made = api("mona").post("/leads", {"name": "Delta Foods 2", "team": "Gulf", "company": {"name": "Petra LLC"}}).json()
    change = api("ana").patch(petra, {"next_step": "secret step", "stage": "Won"}, version=1)
    api("bruno").patch("/leads", {"edits": [{"id": cast.leads["Petra Supplies"], "version": 1, "set": {"stage": "Lost"}}]})
    api("bruno").post(f"{petra}/activities", {"kind": "note", "body": "secret note"})
    (conflict,) = api("bruno").rows("/conflicts")
    alert = api("bruno").post("/alerts", {"lead": cast.leads["Petra Supplies"], "due_at": "2027-03-01T09:00:00Z", "text": "secret alert"}).json()
    company = made["company"]["id"]
    contact = api("mona").post("/contacts", {"name": "secret contact", "company": company}).json()
    template = api("mona").post("/templates", {"name": "secret template", "body": "secret template of {{ lead.name }}"}).json()
    _goal(cast)
    blocks = [{"what": "wins.months", "title": "secret block"}]
    dashboard = api("mona").post("/dashboards", {"name": "secret dashboard", "audience": "team", "team": "Gulf", "blocks": blocks}).json()
    return {
        "company_id": company, "contact_id": contact["id"], "template_id": template["id"],
        "lead_id": cast.leads["Petra Supplies"], "pipeline_id": cast.pipelines["Gulf"], "stage_id": cast.stages["Gulf"]["Lead"],
        "change_set_id": int(change.headers["x-change-set"]),
        "conflict_id": conflict["id"], "name": "pipeline_by_stage", "other_lead_id": made["id"], "customer_id": _customer(cast),
        "alert_id": alert["id"], "dashboard_id": dashboard["id"], "block_id": dashboard["blocks"][0]["id"], "export_id": _export(cast),
    }  # fmt: skip


def _goal(cast):
    """What bruno means to win."""
    values = {"team_id": cast.teams["Gulf"], "person_id": cast.people["bruno"], "starts_on": "2026-10-01", "amount_usd": "31337.00"}
    with acting_as(cast.who("mona")) as session:
        set_goals(session, [Edit("goal", None, values)], source="test")


def _export(cast):
    """What mona asked for, ready to be fetched."""
    with acting_as(cast.who(MANAGER)) as session:
        export_id = asking.ask(session, "report.csv", Wanted("pipeline_by_stage", {}).as_json())
    making.make(export_id)
    return export_id


def _customer(cast):
    """A customer of the Gulf team, with an order."""
    with as_system() as session:
        made = session.scalar(
            text("insert into crm.customers (external_id, name, team_id, email) values ('c1', 'secret customer', :t, 'secret@buyer.example') returning id"),
            {"t": cast.teams["Gulf"]},
        )
        session.execute(
            text(
                "insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, team_id) values ('secret order', :c, now(), 777.77, 'AED', :t)"
            ),
            {"c": made, "t": cast.teams["Gulf"]},
        )
    return made


BODIES = {
    ("post", "/v1/leads"): {"name": "New", "team": "Gulf"},
    ("patch", "/v1/leads"): {"edits": [{"id": "lead_id", "version": 1, "set": {"phone": "1"}}]},
    ("patch", "/v1/leads/{lead_id}"): {"phone": "1"},
    ("post", "/v1/leads/{lead_id}/activities"): {"kind": "call"},
    ("post", "/v1/leads/{lead_id}/hand-over"): {"pipeline": "Accounts"},
    ("post", "/v1/conflicts/{conflict_id}/resolve"): {"choice": "theirs"},
    ("post", "/v1/alerts"): {"lead": "lead_id", "due_at": "2027-03-01T09:00:00Z"},
    ("patch", "/v1/alerts/{alert_id}"): {"text": "taken"},
    ("post", "/v1/companies"): {"name": "Taken", "team": "Gulf"},
    ("patch", "/v1/companies/{company_id}"): {"name": "Taken"},
    ("post", "/v1/contacts"): {"name": "Taken", "team": "Gulf"},
    ("patch", "/v1/contacts/{contact_id}"): {"name": "Taken"},
    ("post", "/v1/templates"): {"name": "Taken", "team": "Gulf", "body": "Taken"},
    ("patch", "/v1/templates/{template_id}"): {"body": "Taken"},
    ("post", "/v1/dashboards"): {"name": "Taken", "audience": "team", "team": "Gulf"},
    ("patch", "/v1/dashboards/{dashboard_id}"): {"name": "Taken"},
    ("post", "/v1/dashboards/{dashboard_id}/blocks"): {"what": "wins.months"},
    ("patch", "/v1/dashboards/{dashboard_id}/blocks/{block_id}"): {"title": "Taken"},
    ("post", "/v1/pipelines"): {"name": "Taken", "team": "Gulf"},
    ("patch", "/v1/pipelines/{pipeline_id}"): {"name": "Taken"},
    ("post", "/v1/pipelines/{pipeline_id}/stages"): {"name": "Taken"},
    ("patch", "/v1/pipelines/{pipeline_id}/stages/{stage_id}"): {"name": "Taken"},
    ("post", "/v1/exports"): {"report": "pipeline_by_stage", "format": "csv"},
}
# What a stranger gets where a path names a record of the Gulf team, or where they would write into it.
REFUSED = {("post", "/v1/leads"): 403, ("patch", "/v1/leads"): 200, ("post", "/v1/alerts"): 404, ("post", "/v1/pipelines"): 403,
           ("post", "/v1/dashboards"): 403, ("post", "/v1/companies"): 403, ("post", "/v1/contacts"): 403, ("post", "/v1/exports"): 403,
           ("post", "/v1/templates"): 403}  # fmt: skip


def everything(document):
    return [(method, path) for path, operations in document["paths"].items() for method in operations]


def ask(client, method, path, world):
    body = BODIES.get((method, path))
    if body and "edits" in body:
        body = {"edits": [{**body["edits"][0], "id": world["lead_id"]}]}
    if body and "lead" in body:
        body = {**body, "lead": world["lead_id"]}
    filled = path.removeprefix("/v1").format(**world) + (f"?lead={world['lead_id']}" if path.endswith("/preview") else "")
    is_versioned = method in ("patch", "delete") or path.endswith("/hand-over")
    return client.request(method.upper(), filled, version=2 if is_versioned else None, **({"json": body} if body else {}))


def test_a_stranger_learns_nothing_over_any_route_and_changes_nothing(api, db, document, world):
    before = (
        db.rows("select id, version from crm.leads order by id"),
        db.value("select count(*) from crm.changes"),
        db.value("select count(*) from crm.postings"),
    )
    for method, path in everything(document):
        answer = ask(api(STRANGER), method, path, world)
        assert not [secret for secret in SECRETS if secret in answer.text], (method, path, answer.text)
        if "{" in path and "{name}" not in path:
            assert answer.status_code == 404, (method, path, answer.text)
        elif method != "get":
            assert answer.status_code == REFUSED[method, path]
    assert (
        db.rows("select id, version from crm.leads order by id"),
        db.value("select count(*) from crm.changes"),
        db.value("select count(*) from crm.postings"),
    ) == before
    assert db.value("select count(*) from crm.conflicts where resolved_at is null") == 1


def test_a_viewer_reads_and_changes_nothing(api, db, document, world):
    before = db.value("select count(*) from crm.changes")
    for method, path in everything(document):
        answer = ask(api(VIEWER), method, path, world)
        if method == "get":
            assert answer.status_code == (404 if "export_id" in path else 200), (path, answer.text)
        elif "conflict" in path:
            assert answer.status_code == 404
        else:
            assert answer.status_code == 403, (method, path, answer.text)
    assert db.value("select count(*) from crm.changes") == before


@pytest.mark.parametrize("who", [REP, TEAMMATE, MANAGER, ADMIN])
def test_who_works_there_reads_over_every_route(api, document, world, who):
    for method, path in everything(document):
        if method == "get":
            answer = ask(api(who), method, path, world)
            is_anothers = "export_id" in path and who != MANAGER
            assert answer.status_code == (404 if is_anothers else 200), (path, answer.text)


@pytest.mark.parametrize("who", CAST)
def test_a_list_holds_exactly_what_the_walls_show(api, db, world, cast, who):
    seen = {row["id"] for row in api(who).rows("/leads", limit=2)}
    team = {STRANGER: "Levant", ADMIN: None}.get(who, "Gulf")
    allowed = db.rows(
        "select id from crm.leads where deleted_at is null and (cast(:team as bigint) is null or team_id = :team)", team=cast.teams[team] if team else None
    )
    assert seen == {row["id"] for row in allowed}
    searched = {row["id"] for name in ("petra", "nile", "delta", "noor") for row in api(who).rows("/leads", q=name)}
    assert searched == seen
    then = {row["id"] for row in api(who).rows("/leads", as_of="2999-12-30")}
    assert then == seen


def test_a_person_of_an_own_scope_sees_their_own_only(api, db, cast, world):
    with db.owner().begin() as connection:
        connection.exec_driver_sql(
            "update crm.grants set scope = 'own', version = version + 1 where"
            " resource = 'lead' and scope = 'team' and role_id = (select id from crm.roles where name = 'rep')"
        )
    assert {row["name"] for row in api("bruno").rows("/leads")} == {"Petra Supplies"}
    assert api("bruno").get(f"/leads/{cast.leads['Al Noor Trading']}").status_code == 404
    assert {row["name"] for row in api("bruno").rows("/leads", q="al noor")} == set()
    given = api("bruno").patch(f"/leads/{cast.leads['Petra Supplies']}", {"owner": None}, version=2)
    assert given.status_code == 403
