"""From a lead's page one change of this lead is taken back, and nothing else."""

import pytest

from crm.access import acting_as
from crm.errors import Invalid, NotFound, Refused
from crm.leads.use_cases import take_back_change
from tests.db.acts import edit, row, save

LEAD, OTHER = "Petra Supplies", "Delta Foods"


def take_back(cast, who, lead, version):
    with acting_as(cast.who(who)) as session:
        return take_back_change(session, cast.leads[lead], version)


def test_of_a_change_of_many_leads_only_this_leads_part(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"), edit(cast, OTHER, 1, next_step="visit"))
    assert take_back(cast, "ana", LEAD, 2) == []
    assert (row(db, cast, LEAD)["next_step"], row(db, cast, OTHER)["next_step"]) == (None, "visit")


def test_also_where_the_other_lead_was_given_away_by_it_and_is_out_of_sight(db, cast):
    save(cast, "mona", edit(cast, LEAD, 1, next_step="visit"), edit(cast, OTHER, 1, team_id=cast.teams["Levant"]))
    take_back(cast, "mona", LEAD, 2)
    assert (row(db, cast, LEAD)["next_step"], row(db, cast, OTHER)["team_id"]) == (None, cast.teams["Levant"])


def test_what_changed_since_is_left_alone_and_named(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit", phone="1"))
    save(cast, "bruno", edit(cast, LEAD, 2, next_step="call"))
    assert take_back(cast, "ana", LEAD, 2) == ["Next step"]
    after = row(db, cast, LEAD)
    assert (after["next_step"], after["phone"]) == ("call", None)


@pytest.mark.parametrize(("who", "lead", "version"), [("ana", LEAD, 1), ("ana", LEAD, 9), ("carla", LEAD, 2)])
def test_the_first_version_one_that_never_was_and_a_hidden_one_are_not_found(db, cast, who, lead, version):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    with pytest.raises(NotFound):
        take_back(cast, who, lead, version)
    assert row(db, cast, LEAD)["version"] == 2


def test_a_viewer_takes_nothing_back(db, cast):
    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    with pytest.raises(Refused):
        take_back(cast, "vera", LEAD, 2)


def test_a_deleted_lead_says_so(db, cast):
    from crm.changes import delete_edit

    save(cast, "ana", edit(cast, LEAD, 1, next_step="visit"))
    save(cast, "mona", delete_edit("lead", cast.leads[LEAD], 2))
    with pytest.raises(Invalid, match="deleted"):
        take_back(cast, "ana", LEAD, 2)
    take_back(cast, "mona", LEAD, 3)
    assert row(db, cast, LEAD)["deleted_at"] is None
