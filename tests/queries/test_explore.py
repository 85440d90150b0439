"""Explore: every measure over any two dimensions equals what is counted by hand; nothing that is typed becomes part of a query."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from crm.access import OPERATOR, acting_as, as_system
from crm.changes import Edit, apply
from crm.errors import Invalid, Refused
from crm.explore.use_cases import Wanted, explore, explore_as, run_exploration
from crm.ledger.fold import fold
from crm.reports import caching, exploring
from crm.reports.use_cases import run
from tests.db.ledgers import add_lead, at, change
from tests.queries.test_win_rate import begin
from tests.roles import hide_from

PERIOD = {"from": "2026-01-01", "to": "2026-03-31"}
HOSTILE = ("no_such", "owner; drop table crm.leads", "custom.", "' or true --", "custom.product'--", "by_own.word", "\x00", "stage_id", "x" * 5000)


@pytest.fixture(autouse=True)
def forgotten() -> None:
    caching._kept.clear()


@pytest.fixture
def quarter(db: Any, cast: Any) -> dict[str, int]:
    return begin(db, cast)


def rows(person: Any = OPERATOR, as_of: date | None = None, **asked: str) -> list[dict[str, Any]]:
    return run(person, "explore", asked, as_of).rows


def found(column: str, person: Any = OPERATOR, as_of: date | None = None, **asked: str) -> dict[Any, Any]:
    """Group, or (group, split) -> the column."""
    answered = rows(person, as_of, **asked)
    return {(row["group"], row["split"]) if asked.get("split") else row["group"]: row[column] for row in answered}


def test_leads_and_value_of_those_that_ended(db: Any, cast: Any, quarter: Any) -> None:
    assert found("leads", which="ended", by="owner", **PERIOD) == {"Ana": 3, "Bruno": 1, "Carla": 1}
    assert found("value_usd", measure="value", which="won", by="owner", **PERIOD) == {"Ana": Decimal("150.50"), "Carla": 1000}
    assert list(found("value_usd", measure="value", which="won", by="source", **PERIOD)) == ["Fair", "Web"]
    assert found("leads", which="lost", by="lost_reason", **PERIOD) == {"Price": 2}
    assert found("leads", which="ended", by="kind", split="market", **PERIOD) == {
        ("Won", "AE"): 1, ("Won", "Not given"): 2, ("Lost", "Not given"): 2,
    }  # fmt: skip


def test_win_rate_and_days_are_no_sums(db: Any, cast: Any, quarter: Any) -> None:
    answered = rows(measure="win_rate", by="owner", split="product", totals="yes", **PERIOD)
    whole = {(row["part"], row["group"], row["split"]): (row["won"], row["lost"], row["win_rate"]) for row in answered}
    assert whole["by", "Ana", None] == (2, 1, Decimal("0.6667"))
    assert whole["split", None, "Rice"] == (1, 1, Decimal("0.5"))
    assert whole["cell", "Ana", "Oil"] == (1, 0, 1)
    assert whole["all", None, None] == (3, 2, Decimal("0.6"))
    days = rows(measure="days_to_close", which="won", by="team", totals="yes", **PERIOD)
    assert {row["group"]: (row["median_days"], row["mean_days"]) for row in days if row["part"] == "cell"} == {"Gulf": (25, 25), "Levant": (64, 64)}
    assert next(row["median_days"] for row in days if row["part"] == "all") == 40


def test_months_quarters_and_the_fiscal_year(db: Any, cast: Any, quarter: Any) -> None:
    assert found("leads", which="won", by="ended_month", **{"from": "2025-12-01", "to": "2026-03-31"}) == {
        "Dec 2025": 1, "Jan 2026": 1, "Feb 2026": 1, "Mar 2026": 1,
    }  # fmt: skip
    assert found("leads", which="won", by="ended_quarter", **{"from": "2025-12-01", "to": "2026-03-31"}) == {"Q4 2025": 1, "Q1 2026": 3}
    assert found("leads", which="ended", by="began_month", **PERIOD) == {"Jan 2026": 5}
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.organisation_settings (key, value) values ('fiscal_year_starts_in_month', '2')"
                                " on conflict (key) do update set value = '2', version = crm.organisation_settings.version + 1"))  # fmt: skip
    assert found("leads", which="won", by="ended_quarter", **{"from": "2025-12-01", "to": "2026-03-31"}) == {"Q4 2025/26": 2, "Q1 2026/27": 2}


def test_open_leads_weighted_and_as_of_a_past_day(db: Any, cast: Any, quarter: Any) -> None:
    made = add_lead(cast, "Gulf", "ana", when=at("2026-01-02 10:00"), value="200", stage="Negotiation")
    chance = db.value("select probability from crm.stages where id = :id", id=cast.stages["Gulf"]["Negotiation"])
    assert found("weighted_usd", measure="weighted", by="stage", team="Gulf", owner="ana")["Negotiation"] == 200 * chance
    change(db, made, when=at("2026-04-02 10:00"), stage_id=cast.stages["Gulf"]["Won"])
    then = found("value_usd", measure="value", which="open", by="owner", split="stage", as_of=date(2026, 1, 3))
    assert then == {("Ana", "Lead · Gulf"): Decimal("150.50"), ("Ana", "Negotiation"): 200} or then[("Ana", "Negotiation")] == 200
    with pytest.raises(Invalid, match="stand at a moment"):
        rows(which="open", **PERIOD)


def test_every_measure_with_every_dimension_adds_up_to_the_same_whole(db: Any, cast: Any, quarter: Any) -> None:
    for measure in exploring.MEASURES.values():
        which = measure.which[-1]
        asked = {"measure": measure.name, "which": which, "totals": "yes", **({} if which in exploring.STANDING else PERIOD)}
        wholes = set()
        for by in exploring.DIMENSIONS:
            answered = rows(by=by, split="product", **asked)
            (whole,) = [row for row in answered if row["part"] == "all"]
            wholes.add((whole["leads"], whole["value_usd"], whole["win_rate"], whole["median_days"]))
            for part in ("cell", "by", "split"):
                assert sum(row["leads"] for row in answered if row["part"] == part) == whole["leads"], (measure.name, by, part)
        assert len(wholes) == 1, measure.name


def test_what_stands_equals_a_recount_of_the_leads(db: Any, cast: Any, quarter: Any) -> None:
    leads = db.rows("select l.*, s.kind from crm.leads as l join crm.stages as s on s.id = l.stage_id where l.deleted_at is null")
    names = {number: name.capitalize() for name, number in cast.people.items()}
    expected = Counter((names[lead["owner_id"]], lead["kind"].capitalize()) for lead in leads)
    assert found("leads", which="all", by="owner", split="kind") == expected
    value = {kind: sum(lead["value_usd"] or 0 for lead in leads if lead["kind"] == kind) for kind in ("open", "won", "lost")}
    assert found("value_usd", measure="value", which="all", by="kind") == {kind.capitalize(): amount for kind, amount in value.items()}


DAYS = {"began": ("2025-11-15", "2026-02-14"), "ended": ("2026-01-20", "2026-03-05"), "won": ("2025-12-01", "2026-02-28"), "lost": ("2026-01-02", "2026-01-09")}
FOLDED = (
    ("value", "open", "stage", "owner"), ("weighted", "open", "owner", "began_quarter"), ("value", "all", "ended_month", "kind"),
    ("leads", "all", "source", "began_month"), ("weighted", "open", "closes_quarter", "stage"),
    ("value", "began", "owner", "began_month"), ("win_rate", "began", "source", "kind"), ("win_rate", "ended", "ended_month", "owner"),
    ("leads", "won", "team", "began_quarter"), ("value", "lost", "owner", "stage"),
)  # fmt: skip
"""Measure, which leads, and both dimensions: of each fold those that it answers, with days that begin and end within months."""


@pytest.mark.parametrize("day", [None, date(2026, 2, 10), date(2026, 1, 31), date(2025, 12, 31), date(2001, 1, 1)])
@pytest.mark.parametrize("is_folded", [True, False])
def test_what_folds_know_equals_what_stays_say(db: Any, cast: Any, quarter: Any, monkeypatch: pytest.MonkeyPatch, day: date | None, is_folded: bool) -> None:
    if is_folded:
        fold()
        add_lead(cast, "Gulf", "ana", value="7", stage="Contacted", source="Fair", expected_close_on="2026-05-02")  # not folded yet
        change(db, quarter["reopened"], source="Call")
    folds, by_fold = set(), exploring.Grouping.fold
    for measure, which, by, split in FOLDED:
        if day and which in DAYS:
            continue
        days = dict(zip(("from", "to"), DAYS[which], strict=True)) if which in DAYS else {}
        asked = {"measure": measure, "which": which, "by": by, "split": split, "totals": "yes", **days}
        for person, more in ((OPERATOR, {}), (cast.who("carla"), {}), (OPERATOR, {"source": "Fair"})):
            monkeypatch.setattr(exploring.Grouping, "fold", lambda self, *narrowed: folds.add(found := by_fold(self, *narrowed)) or found)
            known = rows(person, day, **{**asked, **more})
            monkeypatch.setattr(exploring.Grouping, "fold", lambda self, *narrowed: "")
            assert known == rows(person, day, **{**asked, **more}), (asked, more)
    assert folds == {"postings", "standing", "sources", "closing", ""}


FIELDS = (
    ("Size", "number", ("5", "-2", "1250.5", "0.5"), {"5": "1 to 10", "-2": "Below 0", "1250.5": "1,000 to 10,000", "0.5": "0 to 1"}),
    ("Budget", "money", ("USD 99.99",), {"USD 99.99": "10 to 100"}),
    ("Tasted on", "date", ("2026-02-28",), {"2026-02-28": "Feb 2026"}),
    ("Vip", "flag", ("yes",), {"yes": "Yes"}),
    ("Buys", "choices", ("Oil, Rice",), {"Oil, Rice": "Oil, Rice"}),
    ("Site", "link", ("https://acme.example",), {"https://acme.example": "https://acme.example"}),
    ("Buyer", "person", ("Bruno",), {"Bruno": "Bruno"}),
    ("Remark", "text", ("<b>'; drop--",), {"<b>'; drop--": "<b>'; drop--"}),
)


@pytest.mark.parametrize(("label", "kind", "values", "expected"), FIELDS)
def test_custom_fields_of_every_kind_tell_groups_apart(db: Any, cast: Any, label: str, kind: str, values: tuple[str, ...], expected: dict[str, str]) -> None:
    with acting_as(OPERATOR) as session:
        options = {"options": ["Oil", "Rice"]} if kind == "choices" else {}
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": label, "kind": kind, **options})], source="test")
    key = label.lower().replace(" ", "_")
    for value in values:
        add_lead(cast, "Gulf", "ana", value="10", **{f"custom.{key}": value})
    counted = found("leads", by=f"custom.{key}", owner="ana")
    assert {name: count for name, count in counted.items() if name != "Not given"} == {expected[value]: 1 for value in values}
    assert counted["Not given"] == 2 and list(counted)[-1] == "Not given"


def test_groups_of_both_dimensions_stand_in_their_own_order(db: Any, cast: Any, quarter: Any) -> None:
    for number in range(3):
        add_lead(cast, "Gulf", "bruno", stage="Negotiation", source=f"Source {number}")
    answered = rows(which="all", by="owner", split="stage", team="Gulf", totals="yes")
    stages = ["Lead", "Contacted", "Negotiation", "Won", "Lost"]
    found_stages = [row["split"] for row in answered if row["part"] == "split"]
    assert found_stages == sorted(found_stages, key=stages.index) and len(found_stages) > 2
    sizes = [row["leads"] for row in answered if row["part"] == "by"]
    assert sizes == sorted(sizes, reverse=True)


def test_only_the_largest_groups_stand_for_themselves(db: Any, cast: Any) -> None:
    for number in range(25):
        add_lead(cast, "Gulf", "ana", value=str(1000 - number), source=f"Source {number:02}")
    asked = {"measure": "value", "by": "source", "owner": "ana"}
    answered = rows(**asked)
    assert [row["group"] for row in answered[:2]] == ["Source 00", "Source 01"] and len(answered) == 22
    assert [(row["group"], row["group_is_rest"], row["group_key"]) for row in answered[-2:]] == [("Not given", False, None), ("The rest", True, None)]
    assert answered[-1]["value_usd"] == sum(1000 - number for number in range(20, 25)) and answered[-1]["leads"] == 5
    assert len(rows(**asked, top="3")) == 5
    assert len(rows(**asked, top="200")) == 26


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("given", HOSTILE)
@pytest.mark.parametrize("name", ["measure", "which", "by", "split"])
def test_only_what_is_on_a_list_is_taken(db: Any, cast: Any, name: str, given: str) -> None:
    with pytest.raises(Invalid):
        rows(**{name: given})


@pytest.mark.leaves_no_trace
@pytest.mark.parametrize("asked", [{"top": "0"}, {"top": "201"}, {"top": "-1"}, {"top_split": "x"}, {"totals": "1"}, {"by": "owner", "split": "owner"},
    {"measure": "weighted", "which": "won"}, {"measure": "win_rate", "which": "open"}, {"measure": "revenue"}, {"measurement": "leads"}])  # fmt: skip
def test_what_makes_no_sense_is_refused(db: Any, cast: Any, asked: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        rows(**asked)


def test_a_field_of_another_team_tells_no_groups_apart(db: Any, cast: Any) -> None:
    with acting_as(OPERATOR) as session:
        wanted = {"record_type": "lead", "label": "Berth", "kind": "text", "team_id": cast.teams["Gulf"]}
        apply(session, [Edit("custom_field", None, wanted)], source="test")
    add_lead(cast, "Gulf", "ana", **{"custom.berth": "7"})
    for person in (OPERATOR, cast.who("alma"), cast.who("mona"), cast.who("ana")):
        assert found("leads", person, by="custom.berth")["7"] == 1
    for report in ("explore", "win_rate"):
        with pytest.raises(Invalid, match="tells no groups apart"):
            run(cast.who("carla"), report, {"by": "berth"})


def test_of_ten_thousand_values_the_most_stand_for_themselves(db: Any, cast: Any) -> None:
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": "Remark", "kind": "text"})], source="test")
    with db.owner().begin() as connection:
        connection.execute(
            text("""
                insert into crm.leads (name, team_id, pipeline_id, stage_id, source, value_amount, value_currency, custom)
                select 'Lead', :team, :pipeline, :stage, 'Source ' || n, n, 'USD', jsonb_build_object('remark', 'Value ' || n)
                from generate_series(1, 10000) as n
            """),
            {"team": cast.teams["Gulf"], "pipeline": cast.pipelines["Gulf"], "stage": cast.stages["Gulf"]["Lead"]},
        )
    answered = rows(by="source", split="custom.remark", measure="value", top="200", top_split="200", totals="yes")
    named = [row["group"] for row in answered if row["part"] == "by" and not row["group_is_rest"] and row["group_key"]]
    assert len(named) == 200 and named[0] == "Source 10000"
    (rest,) = [row for row in answered if row["part"] == "by" and row["group_is_rest"]]
    assert (rest["leads"], rest["value_usd"]) == (9800, 9800 * 9801 // 2)


ODD = ("1e40", "-3.5", '"2026-99-99"', '"0000-01"', '{"amount": "x", "currency": "USD"}', '{"amount": "1", "currency": "ZZZ"}', "[]", "null", "{}", '""')


@pytest.mark.parametrize("kind", ["person", "number", "money", "date", "choices", "flag", "choice", "link"])
def test_what_a_field_held_before_it_was_of_this_kind_breaks_nothing(db: Any, cast: Any, kind: str) -> None:
    """Old values may stay when a field is made another kind, and a file of another system may bring any."""
    with acting_as(OPERATOR) as session:
        options = {"options": ["Oil", "Rice"]} if kind in ("choices", "choice") else {}
        apply(session, [Edit("custom_field", None, {"record_type": "lead", "label": "Odd", "kind": kind, **options})], source="test")
    made = [add_lead(cast, "Gulf", "ana") for _ in ODD]
    with db.owner().begin() as connection:
        for lead_id, held in zip(made, ODD, strict=True):
            connection.execute(
                text("update crm.leads set custom = jsonb_build_object('odd', cast(:held as jsonb)), version = version + 1 where id = :id"),
                {"held": held, "id": lead_id},
            )
    answered = rows(by="custom.odd", split="owner", totals="yes")
    assert sum(row["leads"] for row in answered if row["part"] == "cell") == next(row["leads"] for row in answered if row["part"] == "all")


def test_a_source_is_a_value_and_never_a_part_of_the_query(db: Any, cast: Any, quarter: Any) -> None:
    assert rows(source="Fair' or true --", which="all") == []


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("value", {"measure": "value"}), ("value", {"measure": "weighted"}), ("source", {"by": "source"}), ("market", {"split": "market"}),
        ("source", {"source": "Fair"}), ("lost_reason", {"by": "lost_reason"}), ("expected_close_on", {"by": "closes_month"}),
        ("custom.product", {"by": "product"}), ("custom.product", {"split": "custom.product"}),
    ],
)  # fmt: skip
def test_a_hidden_field_is_no_measure_no_dimension_and_no_filter(db: Any, cast: Any, quarter: Any, field: str, asked: dict[str, str]) -> None:
    bruno = hide_from(cast, "bruno", field)
    with pytest.raises(Refused, match=f"lead.{field}: view"):
        rows(bruno, **asked)
    assert rows(cast.who("mona"), **asked) is not None


def test_counts_stay_and_amounts_go_where_values_are_hidden(db: Any, cast: Any, quarter: Any) -> None:
    answered = rows(hide_from(cast, "bruno", "value"), by="owner", which="all")
    assert answered and all(row["value_usd"] is None and row["weighted_usd"] is None and row["leads"] for row in answered)


def test_everybody_explores_their_own_reach(db: Any, cast: Any, quarter: Any) -> None:
    assert set(found("leads", cast.who("carla"), which="all", by="owner")) == {"Carla"}
    assert set(found("leads", cast.who("mona"), which="all", by="team")) == {"Gulf"}
    for who in ("mona", "carla", "mona"):
        with acting_as(cast.who(who), resource="report", action="view") as session:
            whole = explore(session, Wanted("leads", {"which": "all", "by": "team"}))
        assert [group.name for group in whole.groups] == ["Gulf" if who == "mona" else "Levant"]


def test_months_without_a_lead_stand_in_line(db: Any, cast: Any, quarter: Any) -> None:
    whole = explore_as(cast.who("alma"), Wanted("leads", {"which": "won", "by": "ended_month", "from": "2025-11-01", "to": "2026-03-31"}))
    assert [group.name for group in whole.groups] == ["Dec 2025", "Jan 2026", "Feb 2026", "Mar 2026"]
    few = explore_as(cast.who("alma"), Wanted("leads", {"which": "won", "by": "ended_month", "from": "2025-11-01", "to": "2026-03-31", "source": "Fair"}))
    assert [(group.name, few.value(group.row)) for group in few.groups] == [("Jan 2026", 1), ("Feb 2026", None), ("Mar 2026", 1)]


# Orders


@pytest.fixture
def orders(db: Any, cast: Any) -> None:
    with as_system() as session:
        for number, (name, market, team) in enumerate((("Sahara", "AE", "Gulf"), ("Petra", "AE", "Gulf"), ("Nile", "EG", "Levant"))):
            made = session.scalar(
                text("insert into crm.customers (external_id, name, market, segment, team_id) values (:k, :n, :m, 'B2B', :t) returning id"),
                {"k": f"c{number}", "n": name, "m": market, "t": cast.teams[team]},
            )
            for day, amount in (("2026-01-10", 100), ("2026-02-10", 50 * number)):
                session.execute(
                    text("""
                        insert into crm.orders (external_id, customer_id, ordered_at, amount, currency, amount_usd, market, team_id)
                        values (:k, :c, cast(:d as timestamptz), :a, 'AED', :a, :m, :t)
                    """),
                    {"k": f"o{number}{day}", "c": made, "d": day, "a": amount, "m": market, "t": cast.teams[team]},
                )
            session.execute(text("select crm.refresh_customer_totals(:ids)"), {"ids": [made]})


def ordered(person: Any = OPERATOR, **asked: str) -> dict[Any, Any]:
    answered = run_exploration(person, {"measure": "revenue", **PERIOD, **asked}).rows
    return {(row["group"], row["split"]) if asked.get("split") else row["group"]: row["revenue_usd"] for row in answered}


def test_revenue_by_market_month_and_customer(db: Any, cast: Any, orders: None) -> None:
    assert ordered(by="market") == {"AE": 250, "EG": 200}
    assert ordered(by="ordered_month", split="market") == {("Jan 2026", "AE"): 200, ("Jan 2026", "EG"): 100, ("Feb 2026", "AE"): 50, ("Feb 2026", "EG"): 100}
    assert ordered(by="customer") == {"Nile": 200, "Petra": 150, "Sahara": 100}
    assert ordered(by="customer", top="1") == {"Nile": 200, "The rest": 250}
    assert ordered(by="first_quarter") == {"Q1 2026": 450} and ordered(by="currency") == {"AED": 450} and ordered(by="segment") == {"B2B": 450}
    assert ordered(cast.who("carla"), by="team") == {"Levant": 200}


@pytest.mark.parametrize("given", [*HOSTILE, "owner", "custom.product"])
def test_orders_know_their_own_dimensions_only(db: Any, cast: Any, orders: None, given: str) -> None:
    with pytest.raises(Invalid):
        ordered(by=given)


def test_every_dimension_of_orders_adds_up_to_the_same_whole(db: Any, cast: Any, orders: None) -> None:
    for measure in exploring.ORDER_MEASURES:
        for by in exploring.ORDER_DIMENSIONS:
            answered = run_exploration(OPERATOR, {"measure": measure, "by": by, "split": "segment" if by != "segment" else "", "totals": "yes", **PERIOD}).rows
            assert {sum(row["orders"] for row in answered if row["part"] == part) for part in ("cell", "by", "split", "all")} == {6}, by


def test_who_sees_no_customers_explores_no_orders(db: Any, cast: Any, orders: None) -> None:
    with db.owner().begin() as connection:
        connection.execute(text("delete from crm.grants where resource = 'customer'"))
        connection.execute(text("update crm.access_stamps set version = version + 1"))
    with pytest.raises(Refused, match="customer: view"):
        ordered(cast.who("mona"))
    with pytest.raises(Refused, match="customer: view"):
        explore_as(cast.who("mona"), Wanted("revenue", {}))
