"""A new lead and the company it names are one act: both are written, or neither."""

import pytest

from crm.access import acting_as
from crm.changes import Edit, apply
from crm.errors import CrmError, Invalid, Refused
from crm.leads.use_cases import create_lead
from tests.db.acts import counts, record


def create(cast, who, company_name, **values):
    """In a transaction that commits, also where the refusal was passed over."""
    with acting_as(cast.who(who)) as session:
        try:
            return create_lead(session, {"name": "Sohar Steel", "team_id": cast.teams["Gulf"], **values}, company_name=company_name, source="test")
        except CrmError as error:
            return error


def test_a_new_company_and_its_lead_are_one_change_set(db, cast):
    made = create(cast, "ana", " Sohar Group ")
    assert record(db, "leads", made.results[-1].record_id)["company_id"] == db.value("select id from crm.companies where name = 'Sohar Group'")
    assert db.value("select count(*) from crm.changes where change_set_id = :id", id=made.change_set_id) == 2


def test_a_known_company_is_found_by_its_name_and_not_made_again(db, cast):
    create(cast, "ana", "Sohar Group")
    create(cast, "bruno", "sohar group")
    assert db.value("select count(*) from crm.companies") == 1
    assert db.value("select count(distinct company_id) from crm.leads where name = 'Sohar Steel'") == 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"name": " "}, Invalid), ({"value": "12 apples"}, Invalid), ({"stage_id": 987654}, Invalid), ({"owner_id": 987654}, Invalid),
        ({"expected_close_on": "soon"}, Invalid), ({"shoe_size": 44}, Invalid), ({"came_from_lead_id": 987654}, Invalid),
    ],
)  # fmt: skip
def test_a_refused_lead_leaves_no_company(db, cast, values, kind):
    before = counts(db)
    assert isinstance(create(cast, "ana", "Sohar Group", **values), kind)
    assert counts(db) == before


def test_a_lead_for_a_team_out_of_reach_leaves_no_company(db, cast):
    before = counts(db)
    assert isinstance(create(cast, "ana", "Sohar Group", team_id=cast.teams["Levant"]), Refused)
    assert isinstance(create(cast, "vera", "Sohar Group"), Refused)
    assert counts(db) == before


def test_after_a_refused_lead_the_transaction_goes_on(db, cast):
    with acting_as(cast.who("ana")) as session:
        values = {"name": "Sohar Steel", "team_id": cast.teams["Gulf"]}
        with pytest.raises(Invalid):
            create_lead(session, {**values, "value": "12 apples"}, company_name="Sohar Group", source="test")
        create_lead(session, values, company_name="Sohar Group", source="test")
    assert db.value("select count(*) from crm.companies") == db.value("select count(*) from crm.leads where name = 'Sohar Steel'") == 1


def test_a_new_lead_begins_in_the_first_open_stage_whatever_stands_before_it(db, cast):
    with acting_as(cast.who("alma")) as session:
        edit = Edit("stage", cast.stages["Gulf"]["Lead"], {"kind": "dormant"}, 1)
        apply(session, [edit], source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        made = create_lead(session, {"name": "New", "team_id": cast.teams["Gulf"]}, source="test").results[-1].record_id
    assert db.value("select stage_id from crm.leads where id = :id", id=made) == cast.stages["Gulf"]["Contacted"]
