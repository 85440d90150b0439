"""Lists of leads: filters by id and name, sorts, cursors, and lists as of a past moment."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crm.clock import now
from tests.db.ledgers import add_lead, change


def names(rows):
    return [row["name"] for row in rows]


@pytest.fixture
def many(cast, db):
    """Sixty more leads of the Gulf team, many alike in what they are sorted by."""
    with db.owner().begin() as connection:
        connection.exec_driver_sql(f"""
            insert into crm.leads (name, team_id, pipeline_id, stage_id, owner_id, value_amount, value_currency, expected_close_on)
            select 'Lead ' || mod(i, 7), {cast.teams["Gulf"]}, {cast.pipelines["Gulf"]}, {cast.stages["Gulf"]["Contacted"]}, {cast.people["ana"]},
                nullif(mod(i, 5), 0) * 100, case when mod(i, 5) > 0 then 'USD' end, case when mod(i, 3) > 0 then date '2026-01-01' + mod(i, 4) end
            from generate_series(1, 60) as i
        """)


def test_each_sees_what_their_role_and_team_allow(api):
    assert sorted(names(api("ana").rows("/leads"))) == ["Al Noor Trading", "Delta Foods", "Petra Supplies"]
    assert names(api("carla").rows("/leads")) == ["Nile Mart"]
    assert len(api("alma").rows("/leads")) == 4


def test_filters_take_ids_and_names_and_several_of_them(api, cast):
    client = api("alma")
    assert names(client.rows("/leads", owner="Bruno")) == ["Petra Supplies"]
    assert names(client.rows("/leads", owner=cast.people["bruno"])) == ["Petra Supplies"]
    assert sorted(names(client.rows("/leads", owner=["Bruno", "Carla"]))) == ["Nile Mart", "Petra Supplies"]
    assert len(client.rows("/leads", team="Gulf")) == 3
    assert len(client.rows("/leads", stage="Lead")) == 4
    assert len(client.rows("/leads", stage=cast.stages["Gulf"]["Lead"])) == 3
    assert len(client.rows("/leads", pipeline="Accounts", team="Levant")) == 1
    assert client.rows("/leads", owner="none") == []
    assert sorted(names(api("ana").rows("/leads", owner="me"))) == ["Al Noor Trading", "Delta Foods"]
    assert client.rows("/leads", source="fair") == []
    assert names(client.rows("/leads", q="petra")) == ["Petra Supplies"]
    assert names(client.rows("/leads", q="et")) == ["Petra Supplies"]
    assert client.rows("/leads", updated_since=(now() + timedelta(days=1)).isoformat()) == []
    assert len(client.rows("/leads", updated_since="2020-01-01T00:00:00+04:00")) == 4


def test_a_filter_on_what_is_hidden_finds_nothing(api, cast):
    assert api("ana").rows("/leads", team=cast.teams["Levant"]) == []
    assert api("ana").rows("/leads", q="nile") == []
    assert api("ana").rows("/leads", owner="Carla") == []


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"team": "Nowhere"}, "team"), ({"owner": "Nobody"}, "owner"), ({"stage": "Nowhere"}, "stage"), ({"pipeline": "Nowhere"}, "pipeline"),
        ({"sort": "colour"}, "sort"),
        ({"limit": 0}, "limit"), ({"limit": 201}, "limit"), ({"limit": "many"}, "limit"), ({"colour": "red"}, "colour"),
        ({"cursor": "abc"}, "cursor"), ({"cursor": ""}, "cursor"),
        ({"updated_since": "yesterday"}, "updated_since"), ({"updated_since": "2026-01-01T00:00:00"}, "updated_since"), ({"as_of": "2026-13-01"}, "as_of"),
        ({"updated_since": "0001-01-01T00:00:00+23:00"}, "updated_since"), ({"as_of": "9999-12-31"}, "as_of"), ({"known_on": "soon"}, "known_on"),
        ({"known_on": "9999-12-31"}, "known_on"), ({"known_on": "0001-01-01", "as_of": "2026-01-01"}, "known_on"), ({"known_on": ""}, "known_on"),
        ({"known_on": "2026-01-01", "updated_since": "2026-01-01T00:00:00Z"}, "updated_since"), ({"q": "a\x00b"}, "q"),
        ({"sort": ["name", "id"]}, "sort"),
        ({"as_of": "2026-01-01", "updated_since": "2026-01-01T00:00:00Z"}, "updated_since"), ({"team": "9" * 30}, "team"),
    ],
)  # fmt: skip
def test_a_parameter_that_cannot_be_used_is_a_422_that_names_it(api, params, field):
    answer = api("alma").get("/leads", **params)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field


@pytest.mark.parametrize(
    "sort",
    [
        "name",
        "-name",
        "value_usd",
        "-value_usd",
        "expected_close_on",
        "-expected_close_on",
        "-updated_at",
        "updated_at",
        "id",
        "-id",
        "-lifetime_usd",
        "last_contacted_at",
    ],
)
def test_pages_together_hold_every_lead_once_in_order(api, many, sort):
    rows = api("ana").rows("/leads", sort=sort, limit=7)
    assert len(rows) == len({row["id"] for row in rows}) == 63
    assert [row["id"] for row in rows] == [row["id"] for row in api("ana").rows("/leads", sort=sort, limit=200)]


def test_a_lead_written_between_two_pages_is_neither_lost_nor_twice(api, many):
    first = api("ana").get("/leads", sort="id", limit=10).json()
    api("ana").patch(f"/leads/{first['data'][9]['id']}", {"next_step": "x"}, version=1)
    api("ana").post("/leads", {"name": "Newest", "team": "Gulf"})
    rest = api("ana").rows("/leads", first["next_cursor"], sort="id", limit=10)
    assert len({row["id"] for row in [*first["data"], *rest]}) == 10 + len(rest) == 64


def test_a_cursor_serves_only_the_list_it_came_from(api, many):
    cursor = api("ana").get("/leads", sort="name", limit=5).json()["next_cursor"]
    assert api("ana").get("/leads", sort="name", limit=9, cursor=cursor).status_code == 200
    for params in ({"sort": "-name"}, {"sort": "name", "owner": "me"}, {"sort": "name", "as_of": "2026-01-01"}):
        assert api("ana").get("/leads", **params, cursor=cursor).status_code == 422
    assert api("ana").get("/people", cursor=cursor).status_code == 422


def test_a_cursor_that_was_changed_is_refused(api, many):
    cursor = api("ana").get("/leads", limit=5).json()["next_cursor"]
    for place in range(0, len(cursor), 5):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert api("ana").get("/leads", cursor=changed).status_code == 422


def test_a_cursor_of_somebody_who_sees_more_shows_no_more(api, many, cast):
    cursor = api("alma").get("/leads", sort="id", limit=1).json()["next_cursor"]
    answer = api("carla").get("/leads", sort="id", cursor=cursor)
    assert names(answer.json()["data"]) == ["Nile Mart"]


# As of a past moment


@pytest.fixture
def past(db, cast):
    """Moves the standing leads' beginning forty days back; answers a way to say "n days ago"."""
    with db.owner().begin() as connection:
        connection.exec_driver_sql("""
            alter table crm.leads disable trigger user;
            update crm.leads set created_at = now() - interval '40 days', effective_at = now() - interval '40 days',
                stage_entered_at = now() - interval '40 days';
            alter table crm.leads enable trigger user;
            update crm.stays set entered_at = now() - interval '40 days', stage_entered_at = now() - interval '40 days';
            update crm.changes set at = now() - interval '40 days';
        """)
    return lambda days: (now() - timedelta(days=days)).isoformat()


def backdate(db, days):
    with db.owner().begin() as connection:
        connection.exec_driver_sql(f"""
            update crm.changes set at = now() - interval '{days} days' where version > 1 and at > now() - interval '1 hour';
            update crm.stays set left_at = now() - interval '{days} days' where left_at > now() - interval '1 hour';
            update crm.stays set entered_at = now() - interval '{days} days' where entered_at > now() - interval '1 hour';
        """)


def test_a_lead_is_read_as_it_stood(api, db, cast, petra, past):
    api("mona").patch(
        petra, {"name": "Petra Group", "stage": "Won", "owner": "Ana", "value": None, "custom": {"color": "large"}, "next_step": "ship"}, version=1
    )
    backdate(db, 10)
    then = api("ana").get(petra, as_of=past(20)).json()
    assert (then["name"], then["stage"]["name"], then["owner"]["name"], then["value"]["amount"], then["custom"], then["next_step"], then["version"]) == (
        "Petra Supplies", "Lead", "Bruno", "9500.00", {}, None, 1,
    )  # fmt: skip
    assert api("ana").get(petra, as_of=past(5)).json()["name"] == "Petra Group"
    assert api("ana").get(petra, as_of=past(50)).status_code == 404
    assert api("carla").get(petra, as_of=past(20)).status_code == 404


def test_a_list_shows_leads_where_they_stood(api, db, cast, petra, past):
    api("mona").patch(petra, {"stage": "Won", "owner": "Ana", "value": {"amount": "1", "currency": "USD"}}, version=1)
    backdate(db, 10)
    assert names(api("ana").rows("/leads", as_of=past(20), owner="Bruno")) == ["Petra Supplies"]
    assert names(api("ana").rows("/leads", owner="Bruno")) == []
    assert len(api("ana").rows("/leads", as_of=past(20), stage="Lead")) == 3
    assert len(api("ana").rows("/leads", as_of=past(5), stage="Lead")) == 2
    assert names(api("ana").rows("/leads", as_of=past(20), sort="-value_usd", limit=1))[:2] == ["Al Noor Trading", "Petra Supplies"]
    assert api("ana").rows("/leads", as_of=past(50)) == []


def entered(db, days, *, since):
    """What was entered since the moment was entered so many days ago."""
    with db.owner().begin() as connection:
        for table, column in (("postings", "posted_at"), ("changes", "at")):
            connection.execute(
                text(f"update crm.{table} set {column} = now() - make_interval(days => :days) where {column} > :since"), {"days": days, "since": since}
            )


@pytest.mark.parametrize("who", ["alma", "mona", "ana", "carla", "vera"])
def test_what_was_entered_late_is_in_no_list_of_what_was_known_then(api, db, cast, who):
    """Entered on the twentieth day: a lead. On the tenth: that it had been won on the fifteenth, and another one that began on the thirtieth."""
    begun = db.value("select clock_timestamp()")
    lead = add_lead(cast, "Gulf", "ana", when=now() - timedelta(days=20), value="500", name="Sohar Steel")
    entered(db, 20, since=begun)
    begun = db.value("select clock_timestamp()")
    change(db, lead, when=now() - timedelta(days=15), stage_id=cast.stages["Gulf"]["Won"], owner_id=cast.people["bruno"], name="Sohar Works")
    add_lead(cast, "Gulf", "ana", when=now() - timedelta(days=30), name="Old Mill")
    entered(db, 10, since=begun)
    day, before, since = ((now() - timedelta(days=days)).date().isoformat() for days in (14, 12, 9))

    def shown(**asked):
        return {row["name"]: (row["stage"]["name"], row["owner"]["name"]) for row in api(who).rows("/leads", as_of=day, **asked)}

    now_known, then_known = shown(), shown(known_on=before)
    assert shown(known_on=since) == now_known
    if who == "carla":
        assert now_known == then_known == {}
        assert api(who).get(f"/leads/{lead}", as_of=day, known_on=before).status_code == 404
        return
    assert now_known == {"Sohar Works": ("Won", "Bruno"), "Old Mill": ("Lead", "Ana")}
    assert then_known == {"Sohar Steel": ("Lead", "Ana")}
    one = api(who).get(f"/leads/{lead}", as_of=day, known_on=before).json()
    assert (one["name"], one["stage"]["name"], one["version"]) == ("Sohar Steel", "Lead", 1)
    assert {row["name"] for row in api(who).rows("/leads", known_on=before)} == {"Sohar Steel"}
    assert api(who).rows("/leads", as_of=day, known_on=before, stage="Won") == []


def test_a_deleted_lead_stands_in_the_list_of_before(api, db, petra, past):
    api("bruno").delete(petra, version=1)
    backdate(db, 10)
    assert "Petra Supplies" in names(api("ana").rows("/leads", as_of=past(20)))
    assert "Petra Supplies" not in names(api("ana").rows("/leads", as_of=past(5)))


def test_as_of_shows_nobody_more_than_today(api, db, petra, past, cast):
    assert names(api("carla").rows("/leads", as_of=past(20))) == ["Nile Mart"]
    api("mona").patch(petra, {"team": "Levant"}, version=1)
    backdate(db, 10)
    assert "Petra Supplies" not in names(api("ana").rows("/leads", as_of=past(20)))
    assert names(api("carla").rows("/leads", as_of=past(20))) == ["Nile Mart"]
    assert sorted(names(api("carla").rows("/leads", as_of=past(5)))) == ["Nile Mart", "Petra Supplies"]


def test_a_day_means_its_end_in_the_reporting_time_zone(api, db, petra, past):
    with db.owner().begin() as connection:
        connection.exec_driver_sql("update crm.organisation_settings set value = '\"Asia/Dubai\"', version = version + 1 where key = 'reporting_time_zone'")
    api("ana").patch(petra, {"stage": "Won"}, version=1)
    with db.owner().begin() as connection:  # 23:30 in Dubai on the 10th, 19:30 in London
        connection.exec_driver_sql("""
            update crm.stays set entered_at = '2026-03-01T00:00:00Z', stage_entered_at = '2026-03-01T00:00:00Z'
            where left_at is not null or entered_by = 'created';
            update crm.stays set left_at = '2026-03-10T19:30:00Z' where left_at is not null;
            update crm.stays set entered_at = '2026-03-10T19:30:00Z' where entered_by = 'moved';
            update crm.changes set at = '2026-03-10T19:30:00Z' where version > 1;
        """)
    stage = {day: api("ana").get(petra, as_of=day).json()["stage"]["name"] for day in ("2026-03-09", "2026-03-10")}
    assert stage == {"2026-03-09": "Lead", "2026-03-10": "Won"}
    assert api("ana").get(petra, as_of="2026-03-10T19:29:59Z").json()["stage"]["name"] == "Lead"
    assert api("ana").get(petra, as_of="2026-03-10T19:30:00Z").json()["stage"]["name"] == "Won"
