"""Columns find their fields, rows their names, stages their kinds."""

from datetime import date

import pytest

from crm.errors import Invalid
from crm.imports.mapping import check_pairs, choose_key, map_columns, read_pairs
from crm.imports.rules import Reading, Row, check_dates, lay_out_stages, name_of, news, read_row, stage_kind


def fields(header, *pairs):
    return map_columns(header, read_pairs(pairs)).as_json()


def test_columns_map_themselves_by_their_usual_names():
    assert fields(["Opportunity Name", "Account", "Deal Stage", "Amount", "Lead Owner", "Colour"]) == {
        "Opportunity Name": "name", "Account": "company", "Deal Stage": "stage", "Amount": "value", "Lead Owner": "owner",
    }  # fmt: skip


def test_given_pairs_stand_beside_columns_called_like_fields_and_leave_the_rest_out():
    found = map_columns(["deal_stage", "Status", "email", "product"], read_pairs(["deal_stage=stage", "product=custom.product"]))
    assert found.as_json() == {"deal_stage": "stage", "product": "custom.product", "email": "email"}
    assert found.ignored == ("Status",)


def test_a_column_can_be_left_out_on_purpose():
    assert fields(["name", "email"], "email=-") == {"name": "name"}


@pytest.mark.parametrize(("pairs", "words"), [
    (["stage"], "COLUMN=field"), (["=stage"], "COLUMN=field"), (["a=colour"], "no field"), (["a=stage", "b=stage"], "Two columns"),
    (["a=stage", "A=name"], "twice"),
    (["a=custom."], "no field"), (["a=custom.x'y"], "no field"),
])  # fmt: skip
def test_a_pair_that_cannot_be_meant_is_refused(pairs, words):
    with pytest.raises(Invalid, match=words):
        read_pairs(pairs)


def test_a_pair_for_a_column_that_no_file_has_is_refused_with_the_columns_there_are():
    with pytest.raises(Invalid, match="Columns are: name, Stage"):
        check_pairs(read_pairs(["deal_stage=stage"]), [("name", "Stage")])


def test_two_columns_of_one_name_are_refused_only_where_they_are_meant():
    assert fields(["name", "x", "x"]) == {"name": "name"}
    with pytest.raises(Invalid, match="Two columns are called “Name”"):
        fields(["Name", "name"])


def test_the_key_is_the_external_id_where_it_is_mapped():
    maps = [map_columns(["name", "external_id"], {})]
    assert (choose_key(None, maps), choose_key("none", maps), choose_key(None, [map_columns(["name"], {})])) == ("external_id", None, None)
    with pytest.raises(Invalid, match="not among the mapped"):
        choose_key("email", maps)
    with pytest.raises(Invalid, match="cannot find a lead"):
        choose_key("stage", maps)


def row(**given):
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    found = Row("leads.csv", 2, texts, custom=given.get("custom", {}))
    found.created_on, found.closed_on = given.get("created"), given.get("closed")
    return found


@pytest.mark.parametrize(("given", "name"), [
    (row(name="Big deal", company="Acme"), "Big deal"), (row(company="Acme"), "Acme"), (row(company="Acme", external_id="7"), "Acme"),
    (row(company="Acme", custom={"custom.product": "GTX"}), "Acme – GTX"), (row(external_id="7", custom={"custom.product": "GTX"}), "GTX – 7"),
    (row(external_id="7"), "7"), (row(contact="Joy Santos"), "Joy Santos"), (row(email="joy@acme.example"), "joy@acme.example"),
])  # fmt: skip
def test_a_lead_without_a_name_is_called_by_company_and_product_or_its_id(given, name):
    assert name_of(given) == name


def test_a_row_with_nothing_to_call_it_by_is_refused():
    with pytest.raises(Invalid, match="nothing to call"):
        name_of(row(stage="Won"))


@pytest.mark.parametrize(("given", "words"), [
    (row(created=date(2017, 5, 2), closed=date(2017, 5, 1), stage="Won"), "before it was created"), (row(created=date(2030, 1, 1)), "future"),
    (row(closed=date(2017, 5, 1)), "no stage"), (row(created=date(1900, 1, 1)), "too long ago"),
])  # fmt: skip
def test_a_life_that_cannot_have_been_is_refused(given, words):
    with pytest.raises(Invalid, match=words):
        check_dates(given, date(2026, 1, 1))


def test_a_row_with_more_cells_than_the_header_is_refused_and_one_with_fewer_says_less():
    columns = map_columns(["name", "email", "phone"], {})
    assert read_row("f", 2, ["Nile"], columns, Reading()).texts == {"name": "Nile"}
    assert read_row("f", 2, ["Nile", "", "", "", " "], columns, Reading()).texts == {"name": "Nile"}
    with pytest.raises(Invalid, match="4 cells where the header has 3"):
        read_row("f", 2, ["Nile", "a", "b", "c"], columns, Reading())


@pytest.mark.parametrize(("name", "kind"), [
    ("Won", "won"), ("Closed won", "won"), ("Active Account", "won"), ("Lost", "lost"), ("Closed Lost", "lost"), ("Churned", "lost"), ("On hold", "dormant"),
    ("Prospecting", "open"), ("Negotiation", "open"), ("Wonderful start", "open"),
])  # fmt: skip
def test_a_stages_kind_is_guessed_from_its_name(name, kind):
    assert stage_kind(name) == kind


def test_new_stages_stand_from_early_to_late_with_the_ends_last():
    laid = lay_out_stages(["Won", "Engaging", "Lost", "Prospecting", "Negotiation"])
    assert [stage.name for stage in laid] == ["Prospecting", "Engaging", "Negotiation", "Won", "Lost"]
    assert [float(stage.probability) for stage in laid] == [0.25, 0.5, 0.75, 1, 0]


def test_a_file_says_only_what_it_did_not_say_before():
    current = {"value": 150, "next_step": "call", "source": None}
    assert news(current, {"value": 100, "next_step": "visit", "source": "web"}, {"value": 100, "next_step": "mail"}) == {"next_step": "visit", "source": "web"}
