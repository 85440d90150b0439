"""The company beside a lead's facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, undo
from crm.companies import reads, use_cases
from tests.pages.parts import press, said

Visit = Callable[..., AppTest]


@pytest.fixture
def petra(cast: Any) -> int:
    """A company of the Gulf team, to which Al Noor Trading belongs."""
    with acting_as(OPERATOR) as session:
        made = apply(session, [Edit("company", None, {"name": "Petra", "team_id": cast.teams["Gulf"]})], source="test", on_conflict="refuse")
        apply(session, [Edit("lead", cast.leads["Al Noor Trading"], {"company_id": made.results[0].record_id}, 1)], source="test", on_conflict="refuse")
    return made.results[0].record_id or 0


def open_lead(visit: Visit, cast: Any, who: str) -> AppTest:
    return visit(who, "pages/lead.py", id=str(cast.leads["Al Noor Trading"]))


def test_it_says_the_company_and_whoever_may_only_read_has_no_way_to_change_it(visit: Visit, cast: Any, petra: int) -> None:
    page = open_lead(visit, cast, "ana")
    assert "<b>Petra</b>" in said(page) and [b.label for b in page.button if b.key == "lead.company"] == ["Change"]
    reader = open_lead(visit, cast, "vera")
    assert "Petra" in said(reader) and not [b for b in reader.button if b.key == "lead.company"]


def test_the_dialog_offers_what_is_called_so_and_a_new_one(visit: Visit, cast: Any, petra: int) -> None:
    with acting_as(cast.who("ana")) as session:
        apply(session, [Edit("company", None, {"name": "Delta Group", "team_id": cast.teams["Gulf"]})], source="test", on_conflict="refuse")
    page = press(open_lead(visit, cast, "ana"), "lead.company")
    page.text_input(key=f"lead.company.q.{cast.leads['Al Noor Trading']}").set_value("delta")
    press(page, "lead.company")
    assert page.radio[0].options == ["Delta Group · 0 leads", "New company “delta”"]


def test_without_letters_it_only_offers_to_take_the_company_away(visit: Visit, cast: Any, petra: int) -> None:
    page = press(open_lead(visit, cast, "ana"), "lead.company")
    assert page.radio[0].options == ["No company"]


DETAILS = {"website": "petra.example", "phone": "+971 4 555", "market": "AE", "custom.size": 12}


@pytest.fixture
def known(cast: Any, petra: int) -> int:
    """The same company, with what is known of it."""
    with acting_as(OPERATOR) as session:
        apply(session, [Edit("company", petra, DETAILS, 1)], source="test", on_conflict="refuse")
    return petra


def opened(look: Visit, cast: Any, who: str, *, by: str = "open_for") -> AppTest:
    """The company's dialog, on what is known of it. `by` "draw_one": as the dialog runs again while it stands open."""
    script = f"""
from crm.access import acting_as
from crm.leads import reads
from crm.ui import company_dialog
from crm.ui.viewer import viewer
person = viewer("lead")
with acting_as(person) as session:
    row = reads.lead(session, {cast.leads["Al Noor Trading"]})
company_dialog.{by}(row)
"""
    page = look(script, who).run()
    page.button_group(key="lead.company.way").set_value("details").run()
    assert not page.exception
    return page


def edited(cast: Any, who: str, company: int, **values: Any) -> None:
    """A colleague says something else of the company, over what stands."""
    with acting_as(cast.who(who)) as session:
        apply(session, [Edit("company", company, values, 2)], source="test", on_conflict="refuse")


def rule(db: Any, record_type: str, **fields: str) -> None:
    """What reps may not see, or may only read."""
    with db.owner().begin() as connection:
        for field, how in fields.items():
            connection.execute(
                text("insert into crm.field_rules (role_id, record_type, field, rule) select id, :t, :f, :r from crm.roles where name = 'rep'"),
                {"t": record_type, "f": field.replace("__", "."), "r": how},
            )
        connection.execute(text("update crm.access_stamps set version = version + 1"))


@pytest.mark.parametrize("who", ["ana", "vera"])
def test_what_is_known_of_the_company_stands_beside_it_custom_fields_too(visit: Visit, cast: Any, known: int, who: str) -> None:
    assert "petra.example · +971 4 555 · AE · Size: 12" in said(open_lead(visit, cast, who))


def test_the_dialog_saves_what_differs_custom_fields_too(look: Visit, cast: Any, db: Any, known: int) -> None:
    page = opened(look, cast, "ana")
    page.text_input(key=f"lead.company.{known}.2.website").set_value("petra.com")
    page.text_input(key=f"lead.company.{known}.2.custom.size").set_value("13.5")
    press(page, "lead.company.details.save")
    row = db.rows("select website, phone, custom from crm.companies where id = :id", id=known)[0]
    assert row == {"website": "petra.com", "phone": "+971 4 555", "custom": {"size": 13.5}}
    touched = "select array_agg(k order by k) from crm.changes, jsonb_object_keys(fields) as k where record_type = 'company' and version = 3"
    assert db.value(touched) == ["custom.size", "website"]


def test_what_is_typed_of_a_company_stays_and_is_saved_beside_what_a_colleague_changed_meanwhile(look: Visit, cast: Any, db: Any, known: int) -> None:
    page = opened(look, cast, "ana", by="draw_one")
    edited(cast, "bruno", known, phone="+971 4 999")
    page.text_input(key=f"lead.company.{known}.2.website").set_value("petra.com")
    press(page, "lead.company.details.save")
    assert db.rows("select website, phone from crm.companies where id = :id", id=known) == [{"website": "petra.com", "phone": "+971 4 999"}]


def test_what_a_colleague_changed_first_is_not_overwritten_and_mine_stays_typed(look: Visit, cast: Any, db: Any, known: int) -> None:
    page = opened(look, cast, "ana", by="draw_one")
    edited(cast, "bruno", known, name="Petra & Sons")
    page.text_input(key=f"lead.company.{known}.2.name").set_value("Petra Group")
    page = press(page, "lead.company.details.save")
    assert page.error[0].value.startswith("Somebody else changed the same field")
    assert page.text_input(key=f"lead.company.{known}.2.name").value == "Petra Group"
    assert db.value("select name from crm.companies where id = :id", id=known) == "Petra & Sons"


def test_a_save_without_a_change_says_so(look: Visit, cast: Any, known: int) -> None:
    page = press(opened(look, cast, "ana"), "lead.company.details.save")
    assert "Nothing differs, nothing to save." in [each.value for each in page.caption]


def test_what_a_company_cannot_be_is_said_and_stays_typed(look: Visit, cast: Any, db: Any, known: int) -> None:
    page = opened(look, cast, "ana")
    page.text_input(key=f"lead.company.{known}.2.custom.size").set_value("many")
    page = press(page, "lead.company.details.save")
    assert page.error[0].value.startswith("Size")
    assert page.text_input(key=f"lead.company.{known}.2.custom.size").value == "many"
    assert db.value("select version from crm.companies where id = :id", id=known) == 2


def test_fields_that_a_role_closes_are_closed_in_the_dialog_and_beside_the_lead(look: Visit, visit: Visit, cast: Any, db: Any, known: int) -> None:
    rule(db, "company", website="hidden", custom__size="hidden", phone="read_only")
    line = said(open_lead(visit, cast, "ana"))
    assert "petra.example" not in line and "Size" not in line and "+971 4 555" in line
    page = opened(look, cast, "ana")
    inputs = {each.key: each.disabled for each in page.text_input}
    assert {key: shut for key, shut in inputs.items() if key.startswith("lead.company.")} == {
        f"lead.company.{known}.2.name": False, f"lead.company.{known}.2.phone": True, f"lead.company.{known}.2.market": False,
    }  # fmt: skip


@pytest.fixture
def maha(cast: Any, known: int) -> int:
    """A contact of the company, in whose fields there is a birthday."""
    with acting_as(cast.who("alma")) as session:
        field = {"record_type": "contact", "label": "Birthday", "kind": "date"}
        apply(session, [Edit("custom_field", None, field)], source="test", on_conflict="refuse")
    with acting_as(cast.who("ana")) as session:
        values = {"name": "Maha Saleh", "title": "buyer", "email": "maha@petra.example", "custom.birthday": "1990-05-01"}
        return use_cases.add_contact(session, {**values, "company_id": known}, source="test").results[0].record_id or 0


@pytest.mark.parametrize("who", ["ana", "vera"])
def test_the_people_there_stand_below_the_company(visit: Visit, cast: Any, maha: int, who: str) -> None:
    page = open_lead(visit, cast, who)
    assert "Maha Saleh" in said(page) and "buyer · maha@petra.example · Birthday: 1990-05-01" in said(page)
    assert bool([b for b in page.button if b.key == f"lead.contact.{maha}"]) == (who == "ana")
    assert bool([b for b in page.button if b.key == "lead.contact.new"]) == (who == "ana")


def test_a_contact_is_added_with_its_custom_fields(look: Visit, cast: Any, db: Any, known: int, maha: int) -> None:
    page = look(f"from crm.ui import contact_dialog; contact_dialog.add({known})", "bruno").run()
    page.text_input(key=f"lead.contact.new.{known}.name").set_value("Omar <b>Haddad</b>")
    page.date_input(key=f"lead.contact.new.{known}.custom.birthday").set_value(date(1980, 1, 2))
    page = press(page, "lead.contact.add")
    assert not page.exception
    row = db.rows("select name, company_id, team_id, owner_id, custom from crm.contacts where id <> :id", id=maha)
    assert row == [{"name": "Omar <b>Haddad</b>", "company_id": known, "team_id": cast.teams["Gulf"], "owner_id": cast.people["bruno"],
                    "custom": {"birthday": "1980-01-02"}}]  # fmt: skip


def test_a_contact_needs_a_name(look: Visit, cast: Any, db: Any, known: int) -> None:
    page = look(f"from crm.ui import contact_dialog; contact_dialog.add({known})", "ana").run()
    page = press(page, "lead.contact.add")
    assert page.error[0].value == "Give it a name."
    assert db.value("select count(*) from crm.contacts") == 0


def test_a_contact_is_changed_and_removed_and_undo_brings_it_back(look: Visit, cast: Any, db: Any, maha: int) -> None:
    script = f"from crm.ui import contact_dialog; contact_dialog.change({maha})"
    page = look(script, "ana").run()
    page.text_input(key=f"lead.contact.{maha}.1.title").set_value("owner")
    page = press(page, "lead.contact.save")
    assert db.value("select title from crm.contacts where id = :id", id=maha) == "owner"
    assert not [button for button in page.button if button.key == "lead.contact.remove"]  # reps remove none
    page = press(look(script, "mona").run(), "lead.contact.remove")
    assert not page.exception
    assert db.value("select deleted_at is not null from crm.contacts where id = :id", id=maha)
    with acting_as(cast.who("mona")) as session:
        undo(session, db.value("select max(change_set_id) from crm.changes"))
        assert reads.contact(session, maha) is not None


def test_what_a_colleague_changed_of_a_contact_meanwhile_stays_and_so_does_what_is_typed(look: Visit, cast: Any, db: Any, maha: int) -> None:
    page = look(f"from crm.ui import contact_dialog; contact_dialog.draw_one({maha})", "ana").run()
    with acting_as(cast.who("mona")) as session:
        use_cases.edit_contact(session, maha, 1, {"phone": "+971 4 999"}, name="Maha Saleh", source="test")
    page.text_input(key=f"lead.contact.{maha}.1.title").set_value("owner")
    press(page, "lead.contact.save")
    assert db.rows("select title, phone from crm.contacts where id = :id", id=maha) == [{"title": "owner", "phone": "+971 4 999"}]


def test_a_stranger_finds_no_contact(look: Visit, cast: Any, maha: int) -> None:
    page = look(f"from crm.ui import contact_dialog; contact_dialog.change({maha})", "carla").run()
    assert not page.text_input and "Maha" not in said(page)


def test_what_a_role_hides_of_contacts_is_neither_shown_nor_asked(look: Visit, visit: Visit, cast: Any, db: Any, maha: int) -> None:
    rule(db, "contact", email="hidden", custom__birthday="read_only")
    line = said(open_lead(visit, cast, "ana"))
    assert "maha@petra.example" not in line and "Birthday: 1990-05-01" in line
    page = look(f"from crm.ui import contact_dialog; contact_dialog.change({maha})", "ana").run()
    assert {each.label for each in page.text_input} == {"Name", "Title", "Phone"} and not page.date_input
