"""Over the API too: a hidden field is in no answer, and no request filters, sorts or writes by it."""

import pytest
from sqlalchemy import text


@pytest.fixture
def closed(api, db, cast):
    """Reps do not see a lead's value and mail, and may not change its phone number."""
    with db.owner().begin() as connection:
        for field, rule in (("value", "hidden"), ("email", "hidden"), ("phone", "read_only")):
            connection.execute(
                text("insert into crm.field_rules (role_id, record_type, field, rule) select id, 'lead', :f, :r from crm.roles where name = 'rep'"),
                {"f": field, "r": rule},
            )
    api("mona").patch(f"/leads/{cast.leads['Petra Supplies']}", {"email": "secret@buyer.example", "phone": "1"}, version=1)
    return cast.leads["Petra Supplies"]


def test_no_answer_holds_it(api, closed):
    asked = [
        ("/leads", {}), (f"/leads/{closed}", {}),("/leads", {"as_of": "2999-12-30"}), (f"/leads/{closed}/changes", {}), ("/reports/pipeline_by_stage", {}),
    ]  # fmt: skip
    for path, params in asked:
        answer = api("bruno").get(path, **params)
        assert answer.status_code == 200, answer.text
        assert "secret@buyer" not in answer.text and "9500" not in answer.text, path
    for path, params in asked[:3]:
        assert "secret@buyer" in api("mona").get(path, **params).text and "9500" in api("mona").get(path, **params).text, path
    assert api("bruno").get("/reports/pipeline_by_stage").json()["left_out"] == ["value_usd"]
    assert sum(row["value_usd"] for row in api("mona").get("/reports/pipeline_by_stage").json()["rows"]) == 21900


def test_it_is_no_order_and_no_search(api, closed):
    answer = api("bruno").get("/leads", sort="-value_usd")
    assert (answer.status_code, answer.json()["grant"]) == (403, "lead.value: view")
    assert api("bruno").rows("/leads", q="secret@buyer") == []


@pytest.mark.parametrize(("values", "grant"), [({"value": {"amount": "1", "currency": "USD"}}, "lead.value: view"), ({"phone": "2"}, "lead.phone: edit")])
def test_it_is_not_written(api, db, closed, values, grant):
    answer = api("bruno").patch(f"/leads/{closed}", values, version=2)
    assert (answer.status_code, answer.json()["grant"]) == (403, grant)
    (result,) = api("bruno").patch("/leads", {"edits": [{"id": closed, "version": 2, "set": values}]}).json()["results"]
    assert result["status"] == "denied"
    assert db.value("select version from crm.leads where id = :id", id=closed) == 2
