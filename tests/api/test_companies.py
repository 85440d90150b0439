"""Companies and contacts over the API: custom fields, closed fields, and the same version rules as leads."""

import pytest
from sqlalchemy import text


@pytest.fixture
def made(api):
    answer = api("ana").post("/companies", {"name": "Petra Group", "website": "petra.example", "market": "AE", "custom": {"size": 12}})
    assert answer.status_code == 201, answer.text
    return answer


@pytest.fixture
def maha(api, made):
    return api("ana").post("/contacts", {"name": "Maha Saleh", "company": "Petra Group", "email": "maha@petra.example"}).json()


def close(db, record_type, field, rule):
    with db.owner().begin() as connection:
        connection.execute(
            text("insert into crm.field_rules (role_id, record_type, field, rule) select id, :t, :f, :r from crm.roles where name = 'rep'"),
            {"t": record_type, "f": field, "r": rule},
        )
        connection.execute(text("update crm.access_stamps set version = version + 1"))


def test_a_new_company_is_the_makers_teams_with_its_custom_fields(api, made):
    body = made.json()
    assert (body["name"], body["market"], body["team"]["name"], body["custom"], body["version"]) == ("Petra Group", "AE", "Gulf", {"size": 12}, 1)
    assert made.headers["location"] == f"/api/v1/companies/{body['id']}"
    assert api("bruno").get(f"/companies/{body['id']}").json() == body
    assert api("carla").get(f"/companies/{body['id']}").status_code == 404


def test_a_new_contact_is_of_its_companys_team_and_ones_own(api, made, maha):
    assert (maha["company"], maha["team"]["name"], maha["owner"]["name"]) == ({"id": made.json()["id"], "name": "Petra Group"}, "Gulf", "Ana")
    assert [row["name"] for row in api("bruno").rows("/contacts", company=made.json()["id"])] == ["Maha Saleh"]
    assert api("carla").rows("/contacts") == []


def test_custom_values_are_merged_key_by_key_and_typed(api, made):
    path = f"/companies/{made.json()['id']}"
    assert api("ana").patch(path, {"custom": {"size": "13.5"}}, version=1).json()["custom"] == {"size": 13.5}
    assert api("ana").patch(path, {"custom": {"size": None}}, version=2).json()["custom"] == {}
    for custom in ({"size": "many"}, {"nothing": 1}, {"size": {"a": 1}}):
        answer = api("ana").patch(path, {"custom": custom}, version=3)
        assert answer.status_code == 422 and answer.json()["field"].startswith("custom."), answer.text


def test_contacts_hold_their_own_fields(api, maha, cast):
    assert api("ana").patch(f"/contacts/{maha['id']}", {"custom": {"size": 1}}, version=1).status_code == 422


def test_a_field_that_moved_on_is_a_412_with_the_record_as_it_is_and_others_are_merged(api, made, maha):
    for path, one, other, field in (
        (f"/companies/{made.json()['id']}", {"website": "a.example"}, {"phone": "1"}, "website"),
        (f"/contacts/{maha['id']}", {"title": "buyer"}, {"phone": "1"}, "title"),
    ):  # fmt: skip
        assert api("ana").patch(path, one).status_code == 428
        api("bruno").patch(path, one, version=1)
        assert api("ana").patch(path, other, version=1).json()["phone"] == "1"
        answer = api("ana").patch(path, {field: "mine"}, version=1)
        assert answer.status_code == 412
        assert [met["field"] for met in answer.json()["conflicts"]] == [field]
        assert answer.json()["current"][field] == one[field]


def test_a_deleted_one_is_gone_and_comes_back_by_undo(api, made, maha):
    for path in (f"/contacts/{maha['id']}", f"/companies/{made.json()['id']}"):
        answer = api("ana").delete(path, version=1)
        if answer.status_code == 403:  # reps delete no companies
            answer = api("mona").delete(path, version=1)
        assert answer.status_code == 204, answer.text
        assert api("mona").get(path).status_code == 404
        api("mona").post(f"/change-sets/{answer.headers['x-change-set']}/undo")
        assert api("mona").get(path).status_code == 200


def test_what_a_role_hides_or_shuts_is_so_here_too(api, db, made, maha):
    close(db, "company", "website", "hidden")
    close(db, "company", "custom.size", "hidden")
    close(db, "contact", "email", "read_only")
    path, contact = f"/companies/{made.json()['id']}", f"/contacts/{maha['id']}"
    seen = api("bruno").get(path).json()
    assert (seen["website"], seen["custom"]) == (None, {})
    assert api("mona").get(path).json()["website"] == "petra.example"
    assert api("bruno").get(contact).json()["email"] == "maha@petra.example"
    for refused, body in ((path, {"website": "x"}), (path, {"custom": {"size": 1}}), (contact, {"email": "x@y.example"})):
        answer = api("bruno").patch(refused, body, version=1)
        assert answer.status_code == 403 and answer.json().get("grant"), answer.text


def test_lists_go_on_by_cursor_and_find_by_name(api, made):
    for name in ("A%b", "B_c"):
        api("ana").post("/companies", {"name": name})
    assert [row["name"] for row in api("ana").rows("/companies", limit=1)] == ["Petra Group", "A%b", "B_c"]
    assert [row["name"] for row in api("ana").rows("/companies", q="%")] == ["A%b"]


@pytest.mark.parametrize("path", ["/companies", "/contacts"])
@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": 5}, {"name": "x" * 5000}, {"name": "X", "team": "Nowhere"}, {"name": "X", "custom": 5}, {"name": "X", "version": 1}]
)
def test_what_cannot_be_one_is_refused_in_words(api, db, path, body):
    answer = api("ana").post(path, body)
    assert answer.status_code == 422 and answer.json()["detail"], answer.text
    assert db.value("select (select count(*) from crm.companies) + (select count(*) from crm.contacts)") == 0


def test_nothing_is_put_into_a_team_that_was_removed(api, db, cast, made, maha):
    with db.owner().begin() as connection:
        gone = connection.scalar(text("insert into crm.teams (name, deleted_at) values ('Gone', now()) returning id"))
    admin = api("alma")
    for answer in (
        admin.post("/companies", {"name": "Lost Group", "team": gone}), admin.post("/contacts", {"name": "Nora", "team": gone}),
        admin.patch(f"/companies/{made.json()['id']}", {"team": gone}, version=1), admin.patch(f"/contacts/{maha['id']}", {"team": gone}, version=1),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["field"]) == (422, "team") and "There is no such team any more" in answer.text
