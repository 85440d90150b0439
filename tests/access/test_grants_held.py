"""Nobody grants what they do not hold, moves themselves up, or takes away the last admin: by the use cases and by the walls alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm.access import OPERATOR, RESOURCES, acting_as, as_system, keys, sessions, writing
from crm.access.person import SCOPES
from crm.changes import Edit, apply, undo
from crm.errors import CrmError, Invalid, Refused, Stale
from crm.people.use_cases import add_person, disable_person, enable_person, place_person, role_id
from crm.roles import rules
from crm.roles.reads import list_roles, one_role
from crm.roles.use_cases import add_role, remove_role, role_edits, save_role
from tests.access.organisation import PEOPLE

VIEW = ("lead", "view")


@pytest.mark.parametrize("name", PEOPLE)
def test_the_wall_and_the_rule_say_the_same_of_what_somebody_holds(wide_db, plain, name):
    person = plain.who(name)
    north, fjord, south = (plain.teams[team] for team in ("north", "fjord", "south"))
    asked = [
        (resource, action, scope, teams, is_mine)
        for resource, actions in RESOURCES.items() for action in actions for scope in SCOPES
        for teams in ([], [north], [fjord], [south], [fjord, south]) for is_mine in (True, False)
    ]  # fmt: skip
    statement = text(
        "select array(select crm.holds_grant(a->>0, a->>1, a->>2, array(select jsonb_array_elements_text(a->3)::bigint), (a->>4)::boolean)"
        " from jsonb_array_elements(cast(:asked as jsonb)) with ordinality as t (a, n) order by n)"
    )
    with wide_db.owner().begin() as connection:
        connection.execute(text("select set_config('crm.person', :id, true)"), {"id": str(person.id)})
        wall = connection.scalar(statement, {"asked": json.dumps(asked)})
    rule = [rules.is_held(person.reach(resource, action), scope, teams, is_mine=is_mine) for resource, action, scope, teams, is_mine in asked]
    assert wall == rule
    assert all(rule) == (name == "alma")


@pytest.fixture
def shaper(db, cast):
    """Petra shapes roles and places people, but sees the leads of Gulf only, and edits her own."""
    with acting_as(OPERATOR) as session:
        made = add_role(session, "Shaper", source="test").results[0].record_id
        cells = {("role", "view"): "all", ("role", "configure"): "all", ("person", "view"): "all", ("person", "configure"): "all",
                 VIEW: "team", ("lead", "edit"): "own"}  # fmt: skip
        save_role(session, role_edits(one_role(session, made), grants=cells), name="Shaper", source="test")
        cast.people["petra"] = add_person(session, {"email": "petra@demo.example", "name": "Petra"}, [(cast.teams["Gulf"], made)], source="test")
        cast.roles = {role.name: role.id for role in list_roles(session)}
    return cast


def grant(cast, who, role, cells):
    with acting_as(cast.who(who)) as session:
        seen = one_role(session, cast.roles[role])
        return save_role(session, role_edits(seen, grants=cells), name=role, source="test")


def wall_takes(cast, who, role, cell, scope):
    """Whether the database itself lets the raw update through."""
    statement = text("update crm.grants set scope = :s, version = version + 1 where role_id = :role and resource = :r and action = :a")
    with acting_as(cast.who(who)) as session:
        try:
            with session.begin_nested(), writing(session, "role", "configure"):
                session.execute(statement, {"s": scope, "role": cast.roles[role], "r": cell[0], "a": cell[1]})
        except DBAPIError as error:
            return {"TL004": False}[error.orig.sqlstate]
        session.rollback()
    return True


@pytest.mark.parametrize(
    ("role", "cell", "scope", "is_held"),
    [
        ("viewer", VIEW, "all", False),
        ("viewer", ("lead", "edit"), "own", True),
        ("viewer", ("lead", "edit"), "team", False),
        ("viewer", ("lead", "export"), "own", False),
        ("viewer", ("lead", "view"), "none", True),
        # carla holds rep in Levant, which Petra does not reach
        ("rep", ("lead", "delete"), "team", False),
        # her own role: not an inch more
        ("Shaper", ("lead", "edit"), "team", False),
        ("Shaper", VIEW, "all", False),
        ("Shaper", ("customer", "view"), "own", False),
        ("Shaper", ("lead", "edit"), "none", True),
    ],
)
def test_a_grant_reaches_no_further_than_ones_own(shaper, role, cell, scope, is_held):
    assert wall_takes(shaper, "petra", role, cell, scope) is is_held
    assert wall_takes(shaper, "alma", role, cell, scope)
    if is_held:
        assert grant(shaper, "petra", role, {cell: scope}).change_set_id
        return
    with pytest.raises(Refused) as refused:
        grant(shaper, "petra", role, {cell: scope})
    assert refused.value.facts["grant"] == f"{cell[0]}: {cell[1]}"


def test_a_new_role_is_a_copy_only_as_far_as_one_holds_it(shaper, db):
    before = db.value("select count(*) from crm.grants")
    with acting_as(shaper.who("petra")) as session, pytest.raises(Refused):
        add_role(session, "My admin", like=shaper.roles["admin"], source="test")
    assert db.value("select count(*) from crm.grants") == before
    assert db.value("select count(*) from crm.roles where name = 'My admin'") == 0
    with acting_as(shaper.who("petra")) as session:
        add_role(session, "Nothing yet", source="test")


def test_a_new_role_has_a_row_for_every_cell_and_copies_what_the_other_grants_and_closes(db, cast):
    with acting_as(cast.who("alma")) as session:
        rep = next(role for role in list_roles(session) if role.name == "rep")
        save_role(session, role_edits(rep, fields={("lead", "value"): "hidden"}), name="rep", source="test")
        made = one_role(session, add_role(session, "Trainee", like=rep.id, source="test").results[0].record_id)
        rep = one_role(session, rep.id)
    assert set(made.grants) == set(rules.cells())
    assert {cell: grant.scope for cell, grant in made.grants.items()} == {cell: rep.cell(*cell).scope for cell in rules.cells()}
    assert {field: rule.rule for field, rule in made.fields.items()} == {("lead", "value"): "hidden"}
    assert (made.people, made.is_shipped) == (0, False)


@pytest.mark.parametrize(
    ("role", "team", "is_held"), [("viewer", "Gulf", False), ("Shaper", "Gulf", True), ("Shaper", "Levant", False), ("admin", None, False)]
)
def test_a_place_grants_no_more_than_one_holds(shaper, db, role, team, is_held):
    """Even the viewer sees customers and reports, which Petra does not."""
    place = (shaper.teams[team] if team else None, shaper.roles[role])
    with acting_as(shaper.who("petra")) as session:
        if is_held:
            place_person(session, shaper.people["bruno"], [place])
        else:
            with pytest.raises(Refused, match="do not hold"):
                place_person(session, shaper.people["bruno"], [place])
            with pytest.raises(Refused):
                add_person(session, {"email": "new@demo.example", "name": "New"}, [place], source="test")
            with pytest.raises(Refused):
                place_person(
                    session,
                    shaper.people["petra"],
                    [(shaper.teams["Gulf"], shaper.roles["Shaper"]), *([place] if team != "Gulf" else [(None, shaper.roles["admin"])])],
                )


def test_what_somebody_holds_already_is_granted_by_nobody_anew(shaper):
    """Petra could not make carla a rep of Levant, but may give her a place beside it."""
    with acting_as(shaper.who("petra")) as session:
        place_person(session, shaper.people["carla"], [(shaper.teams["Levant"], shaper.roles["rep"]), (shaper.teams["Gulf"], shaper.roles["Shaper"])])
    assert {m.role for m in shaper.who("carla").memberships} == {"rep", "Shaper"}


def test_taking_away_is_no_granting(shaper):
    with acting_as(shaper.who("petra")) as session:
        place_person(session, shaper.people["carla"], [])
    assert not shaper.who("carla").memberships


# Fields that are closed to oneself

VALUE = ("lead", "value")


@pytest.fixture
def narrow(shaper):
    """Petra's own role hides what leads are worth. Nobody holds “Peeping”, which shows it, nor “Blind”, which shows no lead."""
    with acting_as(OPERATOR) as session:
        own = one_role(session, shaper.roles["Shaper"])
        save_role(session, role_edits(own, fields={VALUE: "hidden", ("company", "phone"): "read_only"}), name="Shaper", source="test")
        for name, cells in (("Peeping", {VIEW: "team"}), ("Blind", {("person", "view"): "team"}), ("Discreet", {VIEW: "team"})):
            made = add_role(session, name, source="test").results[0].record_id
            closed = {VALUE: "hidden", ("company", "phone"): "hidden"} if name == "Discreet" else {}
            save_role(session, role_edits(one_role(session, made), grants=cells, fields=closed), name=name, source="test")
            shaper.roles[name] = made
    return shaper


@pytest.mark.parametrize(("role", "missing"), [("Peeping", "company.phone: edit"), ("Blind", None), ("Discreet", None), ("Shaper", None)])
def test_a_place_opens_no_field_that_is_closed_to_whoever_gives_it(narrow, db, role, missing):
    place = (narrow.teams["Gulf"], narrow.roles[role])
    with acting_as(narrow.who("petra")) as session:
        if missing is None:
            place_person(session, narrow.people["bruno"], [place])
            return
        for give in (
            lambda: place_person(session, narrow.people["bruno"], [place]),
            lambda: add_person(session, {"email": "new@demo.example", "name": "New"}, [place], source="test"),
        ):
            with pytest.raises(Refused) as refused:
                give()
            assert refused.value.facts["grant"] == missing
    assert db.value("select count(*) from crm.people where name = 'New'") == 0
    with acting_as(narrow.who("alma")) as session:
        place_person(session, narrow.people["bruno"], [place])


def test_nobody_opens_a_field_to_themselves_by_a_second_role(narrow):
    with acting_as(narrow.who("petra")) as session:
        places = [(narrow.teams["Gulf"], narrow.roles["Shaper"]), (narrow.teams["Levant"], narrow.roles["Peeping"])]
        with pytest.raises(Refused):
            place_person(session, narrow.people["petra"], places)
    assert narrow.who("petra").hidden_fields("lead") == {"value"}


def test_a_role_that_people_hold_begins_to_show_no_more_than_whoever_shapes_it_sees(narrow):
    with acting_as(OPERATOR) as session:
        place_person(session, narrow.people["vera"], [(narrow.teams["Gulf"], narrow.roles["Blind"])])
    with pytest.raises(Refused, match="Close that field") as refused:
        grant(narrow, "petra", "Blind", {VIEW: "own"})
    assert refused.value.facts["grant"] == "company.phone: edit"
    assert not wall_takes(narrow, "petra", "Blind", VIEW, "own") and wall_takes(narrow, "alma", "Blind", VIEW, "own")
    grant(narrow, "petra", "Peeping", {VIEW: "own"})  # nobody holds it: whoever gives it to somebody is asked then
    with acting_as(narrow.who("petra")) as session:
        closed = {VALUE: "hidden", ("company", "phone"): "read_only"}
        save_role(session, role_edits(one_role(session, narrow.roles["Blind"]), fields=closed), name="Blind", source="test")
    assert grant(narrow, "petra", "Blind", {VIEW: "own"}).change_set_id


@pytest.mark.parametrize(("statement", "is_taken"), [
    ("update crm.field_rules set rule = 'read_only', version = version + 1 where role_id = :r and field = 'value'", False),
    ("update crm.field_rules set deleted_at = now(), version = version + 1 where role_id = :r and field = 'value'", False),
    ("update crm.field_rules set deleted_at = now(), version = version + 1 where role_id = :r and field = 'phone'", False),
    ("update crm.field_rules set rule = 'read_only', version = version + 1 where role_id = :r and field = 'phone'", True),
])  # fmt: skip
def test_the_wall_alone_opens_no_field_further_than_it_is_open_to_whoever_asks(narrow, statement, is_taken):
    for who, expected in (("petra", is_taken), ("alma", True)):
        with acting_as(narrow.who(who)) as session:
            taken = True
            try:
                with session.begin_nested(), writing(session, "role", "configure"):
                    session.execute(text(statement), {"r": narrow.roles["Discreet"]})
            except DBAPIError as error:
                taken = {"TL004": False}[error.orig.sqlstate]
            session.rollback()
        assert taken is expected, who


@pytest.mark.parametrize("who", ["petra", "alma", "mona", "vera", "carla"])
def test_the_wall_and_the_rule_say_the_same_of_what_a_role_would_open(narrow, db, who):
    with acting_as(OPERATOR) as session:
        place_person(session, narrow.people["vera"], [(narrow.teams["Gulf"], narrow.roles["Discreet"]), (narrow.teams["Levant"], narrow.roles["Blind"])])
        roles = list_roles(session)
    person = narrow.who(who)
    with db.owner().begin() as connection:
        connection.execute(text("select set_config('crm.person', :id, true)"), {"id": str(person.id)})
        for role in roles:
            shown = {resource for (resource, action), cell in role.grants.items() if action == "view" and cell.scope != "none"}
            closed = {key: rule.rule for key, rule in role.fields.items()}
            for newly in (None, "lead", "company"):
                rule = rules.opened_too_far(person, shown | ({newly} if newly else set()), closed)
                assert connection.scalar(text("select crm.opened_too_far(:role, :newly)"), {"role": role.id, "newly": newly}) == rule, (role.name, newly)


# The last admin


def lower(cast, who="alma"):
    return grant(cast, who, "admin", {("role", "configure"): "none"})


def leave(cast, who="alma"):
    with acting_as(cast.who(who)) as session:
        place_person(session, cast.people[who], [(cast.teams["Gulf"], role_id(session, "rep"))])


def be_disabled(cast, who="petra"):
    with acting_as(cast.who(who)) as session:
        disable_person(session, cast.people["alma"], 1, source="test")


@pytest.mark.parametrize("way", [lower, leave, be_disabled])
def test_the_last_who_looks_after_people_and_roles_cannot_be_lost(shaper, db, way):
    # Petra's role holds both as well; without it alma is the last.
    with acting_as(OPERATOR) as session:
        shaped = one_role(session, shaper.roles["Shaper"])
        save_role(session, role_edits(shaped, grants={("role", "configure"): "none"}), name="Shaper", source="test")
    before = (
        db.rows("select * from crm.memberships order by id"),
        db.rows("select * from crm.grants order by id"),
        db.rows("select * from crm.people order by id"),
    )
    with pytest.raises(Refused, match="last admin"):
        way(shaper)
    assert before == (
        db.rows("select * from crm.memberships order by id"), db.rows("select * from crm.grants order by id"), db.rows("select * from crm.people order by id"),
    )  # fmt: skip


@pytest.mark.parametrize("way", [lower, leave, be_disabled])
def test_with_another_one_left_each_way_is_open(shaper, way):
    way(shaper)
    assert shaper.who("petra").reach("role", "configure").everywhere


def test_two_who_take_it_from_each_other_at_once_leave_one(shaper, db):
    start = Barrier(2)

    def take(who, other):
        person = shaper.who(who)
        start.wait()
        try:
            with acting_as(person) as session:
                disable_person(session, shaper.people[other], 1, source="test")
        except CrmError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(take, ("alma", "petra"), ("petra", "alma")))
    assert [type(error) for error in found].count(type(None)) == 1 and any(isinstance(error, Refused) for error in found)
    assert db.value("select count(*) from crm.people where name in ('Alma', 'Petra') and disabled_at is null") == 1


# Records


def test_a_changed_grant_acts_at_once_on_a_page_and_a_key(db, cast):
    """Every rerun and request looks the person up afresh; an open page that stands still is asked about every two seconds."""
    with as_system() as session:
        token = sessions.start(session, cast.people["vera"], address="", device="")
    key = keys.create_key(cast.people["vera"], "test", False, None)
    assert not sessions.find(token).person.may("lead", "edit") and not keys.holder(key).may("lead", "edit")
    with acting_as(cast.who("alma")) as session:
        viewer = next(role for role in list_roles(session) if role.name == "viewer")
        save_role(session, role_edits(viewer, grants={("lead", "edit"): "own"}), name="viewer", source="test")
    assert sessions.find(token).person.may("lead", "edit") and keys.holder(key).may("lead", "edit")


def test_a_role_has_history_and_can_be_taken_back(db, cast):
    with acting_as(cast.who("alma")) as session:
        rep = next(role for role in list_roles(session) if role.name == "rep")
        edits = role_edits(rep, name="Seller", grants={VIEW: "own", ("lead", "export"): "own"}, fields={("lead", "value"): "read_only"})
        done = save_role(session, edits, name="rep", source="page")
    changed = db.rows("select record_type, fields, source from crm.changes where change_set_id = :c order by id", c=done.change_set_id)
    assert {row["record_type"] for row in changed} == {"role", "grant", "field_rule"}
    assert {"scope": ["team", "own"]} in [row["fields"] for row in changed]
    assert cast.who("ana").reach(*VIEW).own and cast.who("ana").fields_not_open("lead") == {"value": "read_only"}
    with acting_as(cast.who("alma")) as session:
        taken = undo(session, done.change_set_id)
        after = one_role(session, rep.id)
    assert not taken.left_alone
    assert (after.name, after.cell(*VIEW).scope, after.fields) == ("rep", "team", {})


def test_two_admins_at_once_meet_the_version_rules(db, cast):
    with acting_as(cast.who("alma")) as session:
        rep = next(role for role in list_roles(session) if role.name == "rep")
        save_role(session, role_edits(rep, grants={VIEW: "own"}), name="rep", source="page")
    with acting_as(cast.who("alma")) as session, pytest.raises(Stale):
        save_role(session, role_edits(rep, grants={VIEW: "all", ("lead", "export"): "own"}), name="rep", source="page")
    assert db.value("select scope from crm.grants where resource = 'lead' and action = 'export' and role_id = :r", r=rep.id) == "none"


def test_a_role_is_removed_only_when_nobody_holds_it(db, cast):
    with acting_as(cast.who("alma")) as session:
        made = add_role(session, "Trainee", source="test").results[0].record_id
        place_person(session, cast.people["vera"], [(cast.teams["Gulf"], made)])
        with pytest.raises(Invalid, match="1 person holds"):
            remove_role(session, made, 1, source="test")
        place_person(session, cast.people["vera"], [])
        done = remove_role(session, made, 1, source="test")
        assert made not in {role.id for role in list_roles(session)}
        add_role(session, "Trainee", source="test")  # the name is free again
        rep = next(role for role in list_roles(session) if role.name == "rep")
        with pytest.raises(Invalid):
            remove_role(session, rep.id, rep.version, source="test")
    assert done.change_set_id


@pytest.mark.parametrize(
    "values",
    [
        {"resource": "lead", "action": "fly", "scope": "all"}, {"resource": "moon", "action": "view", "scope": "all"},
        {"resource": "lead", "action": "view", "scope": "everything"}, {"resource": "role", "action": "view", "scope": "own"},
        {"resource": "lead", "action": "view", "scope": None}, {"resource": "lead' or 1=1", "action": "view", "scope": "all"},
    ],
)  # fmt: skip
def test_a_grant_that_there_is_not_is_refused(db, cast, values):
    with acting_as(cast.who("alma")) as session:
        result = apply(session, [Edit("grant", None, {"role_id": role_id(session, "rep"), **values})], source="test").results[0]
    assert isinstance(result.error, Invalid)


@pytest.mark.parametrize("who", ["mona", "ana", "vera"])
def test_roles_are_shaped_only_by_those_who_may(db, cast, who):
    with acting_as(cast.who(who)) as session:
        with pytest.raises(Refused, match="role: view"):
            list_roles(session)
        with pytest.raises(Refused, match="role: configure"):
            apply(session, [Edit("role", None, {"name": "Mine"})], source="test", on_conflict="refuse")
        for kind, table in (("grant", "grants"), ("role", "roles")):
            found = db.value(f"select min(id) from crm.{table}")
            with pytest.raises(CrmError):
                apply(session, [Edit(kind, found, {"scope": "all"} if kind == "grant" else {"name": "x"}, 1)], source="test", on_conflict="refuse")


def test_a_disabled_person_comes_back_with_their_roles(db, cast):
    with acting_as(cast.who("alma")) as session:
        disable_person(session, cast.people["vera"], 1, source="test")
        enable_person(session, cast.people["vera"], 2, source="test")
    assert cast.who("vera").may(*VIEW)
