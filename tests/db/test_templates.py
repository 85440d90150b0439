"""Templates: written by whom a grant lets, seen team by team, with history, conflicts and undo; filled in as their reader sees the lead."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import crm.records  # noqa: F401 - registers every kind of record
from crm.access import OPERATOR, acting_as
from crm.changes import Edit, apply, undo
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.impact import preview
from crm.errors import Invalid, NotFound, Refused, Stale
from crm.fields.records import CUSTOM_FIELD
from crm.templates import reads, use_cases
from tests.cast import Cast


def make(cast: Cast, who: str = "mona", **values: Any) -> int:
    wanted = {"team_id": cast.teams["Gulf"], "name": "First contact", "body": "Hello", **values}
    with acting_as(cast.who(who)) as session:
        return use_cases.add_template(session, wanted, source="test").results[0].record_id or 0


def edit(cast: Cast, template_id: int, seen_version: int = 1, who: str = "mona", **values: Any) -> Any:
    with acting_as(cast.who(who)) as session:
        return use_cases.edit_template(session, template_id, seen_version, values, name="x", source="test")


def seen(cast: Cast, who: str) -> list[str]:
    with acting_as(cast.who(who)) as session:
        return [each.name for each in reads.templates(session)]


def written(cast: Cast, body: str, who: str = "ana", *, lead: str = "Al Noor Trading", subject: str = "", contact_id: int | None = None) -> use_cases.Written:
    with acting_as(cast.who(who)) as session:
        return use_cases.write(session, cast.leads[lead], subject=subject, body=body, contact_id=contact_id)


def change(record_type: str, record_id: int | None, values: dict[str, Any], version: int | None = None) -> int:
    with acting_as(OPERATOR) as session:
        return apply(session, [Edit(record_type, record_id, values, version)], source="test", on_conflict="refuse").results[0].record_id or 0


def add_field(cast: Cast, label: str = "VAT number", *, team: str | None = "Gulf", on: str = "lead", kind: str = "text", **more: Any) -> int:
    return change(CUSTOM_FIELD.name, None, {"record_type": on, "label": label, "kind": kind, "team_id": cast.teams.get(team or ""), **more})


def close(db: Any, record_type: str, field: str, role: str = "rep") -> None:
    with db.owner().begin() as connection:
        statement = text("insert into crm.field_rules (role_id, record_type, field, rule) select id, :t, :f, 'hidden' from crm.roles where name = :r")
        connection.execute(statement, {"t": record_type, "f": field, "r": role})
        connection.execute(text("update crm.access_stamps set version = version + 1"))


def give_company(cast: Cast, *people: tuple[str, str | None]) -> list[int]:
    """A company for Al Noor Trading, with these people (name, mail) in it."""
    company = change("company", None, {"name": "Al Noor LLC", "team_id": cast.teams["Gulf"], "website": "alnoor.example"})
    change("lead", cast.leads["Al Noor Trading"], {"company_id": company, "email": "maha@alnoor.example"}, 1)
    return [change("contact", None, {"name": name, "email": mail, "company_id": company, "team_id": cast.teams["Gulf"]}) for name, mail in people]


# Whose they are


def test_a_team_sees_its_own_templates_and_everybodys(db: Any, cast: Cast) -> None:
    make(cast)
    make(cast, "alma", name="Levant's", team_id=cast.teams["Levant"])
    make(cast, "alma", name="Everybody's", team_id=None)
    for who in ("ana", "bruno", "mona", "vera"):
        assert seen(cast, who) == ["Everybody's", "First contact"]
    assert seen(cast, "carla") == ["Everybody's", "Levant's"]
    assert seen(cast, "alma") == ["Everybody's", "First contact", "Levant's"]


@pytest.mark.parametrize(("who", "team"), [("ana", "Gulf"), ("vera", "Gulf"), ("carla", "Gulf"), ("mona", "Levant"), ("mona", None)])
def test_who_may_not_write_there_is_told_the_grant(db: Any, cast: Cast, who: str, team: str | None) -> None:
    with pytest.raises(Refused, match="template: create"):
        make(cast, who, team_id=cast.teams.get(team or ""))
    standing = make(cast, "alma", team_id=cast.teams.get(team or ""))
    with pytest.raises((Refused, NotFound)):
        edit(cast, standing, who=who, body="Mine")
    assert db.value("select body from crm.templates") == "Hello"


def test_a_manager_gives_no_template_away_to_everybody(db: Any, cast: Cast) -> None:
    with pytest.raises(Refused, match="template: assign"):
        edit(cast, make(cast), team_id=None)


def test_a_new_one_is_the_makers_teams_unless_they_say_otherwise(db: Any, cast: Cast) -> None:
    for who, values in (("mona", {}), ("alma", {"name": "Other"})):
        with acting_as(cast.who(who)) as session:
            use_cases.add_template(session, {"name": "First contact", "body": "x", **values}, source="test")
    assert [row["team_id"] for row in db.rows("select team_id from crm.templates order by id")] == [cast.teams["Gulf"], None]


# Writing them


def test_two_of_a_team_are_never_called_alike(db: Any, cast: Cast) -> None:
    first = make(cast)
    with pytest.raises(Invalid, match="is called “FIRST contact”"):
        make(cast, name="FIRST contact")
    make(cast, "alma", team_id=cast.teams["Levant"])
    make(cast, "alma", team_id=None)
    with acting_as(cast.who("mona")) as session:
        removed = use_cases.remove_template(session, first, 1, name="x", source="test")
    make(cast)
    with acting_as(cast.who("mona")) as session:
        undone = undo(session, removed.change_set_id or 0)
    assert undone.change_set_id is None and "is called" in undone.left_alone[0].reason
    with pytest.raises(IntegrityError), db.owner().begin() as connection:
        connection.execute(text("insert into crm.templates (name, body) values ('first CONTACT', 'x')"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "cannot be empty"), ({"body": " \u200b "}, "cannot be empty"), ({"name": "x" * 81}, "up to 80"),
        ({"subject": "x" * 301}, "up to 300"), ({"body": "x" * 20_001}, "up to 20,000"), ({"body": "x" * 1_000_000}, "up to 20,000"),
        ({"body": "{{ lead.nmae }}"}, "Did you mean {{ lead.name }}"), ({"subject": "{% if %}"}, "line 1 of the subject"),
        ({"body": "{{ lead.custom.vat_number }}"}, "no field"), ({"team_id": 10**12}, "no such team"), ({"body": 5}, "takes text"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_template_is_refused_in_words(db: Any, cast: Cast, values: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        make(cast, "alma", **values)
    assert db.value("select count(*) from crm.templates") == 0


def test_letters_that_nobody_sees_are_taken_out(db: Any, cast: Cast) -> None:
    make(cast, name="First\u200b contact\u202e", subject="one\r\nBcc: x@demo.example", body="{{ lead\u200b.name }}\r\n\r\nBye")
    (row,) = db.rows("select name, subject, body from crm.templates")
    assert tuple(row.values()) == ("First contact", "one Bcc: x@demo.example", "{{ lead.name }}\n\nBye")


def test_a_field_of_another_team_is_no_field_here(db: Any, cast: Cast) -> None:
    add_field(cast, team="Levant")
    for team in ("Gulf", None):
        with pytest.raises(Invalid, match=r"no field “lead\.custom\.vat_number”"):
            make(cast, "alma", team_id=cast.teams.get(team or ""), body="{{ lead.custom.vat_number }}")
    template = make(cast, "alma", team_id=cast.teams["Levant"], body="{{ lead.custom.vat_number }}")
    with pytest.raises(Invalid, match="no field"):
        edit(cast, template, who="alma", team_id=cast.teams["Gulf"])


def test_edits_of_two_people_are_merged_and_the_same_field_is_told(db: Any, cast: Cast) -> None:
    template = make(cast)
    edit(cast, template, who="alma", subject="Hers")
    assert edit(cast, template, name="Second contact").results[0].status == "merged"
    with pytest.raises(Stale):
        edit(cast, template, subject="Mine")
    (row,) = db.rows("select name, subject, version from crm.templates")
    assert tuple(row.values()) == ("Second contact", "Hers", 3)


def test_history_tells_each_version_and_undo_takes_it_back(db: Any, cast: Cast) -> None:
    template = make(cast)
    done = edit(cast, template, body="Bye")
    with acting_as(cast.who("mona")) as session:
        undo(session, done.change_set_id)
    bodies = [row["fields"].get("body") for row in db.rows("select fields from crm.changes where record_type = 'template' order by version")]
    assert bodies == [[None, "Hello"], ["Hello", "Bye"], ["Bye", "Hello"]]


def test_undo_brings_a_text_back_whose_field_is_gone(db: Any, cast: Cast) -> None:
    field = add_field(cast)
    template = make(cast, body="{{ lead.custom.vat_number }}")
    done = edit(cast, template, body="Bye")
    change(CUSTOM_FIELD.name, field, {"deleted_at": "2026-11-01T00:00:00Z"}, 1)
    with acting_as(cast.who("mona")) as session:
        assert undo(session, done.change_set_id).records == 1
    assert "There is no field “lead.custom.vat_number” any more." in [gap.why for gap in written(cast, "{{ lead.custom.vat_number }}").gaps]


# Filling them in


def test_a_text_says_what_the_lead_says_in_words_for_people(db: Any, cast: Cast) -> None:
    give_company(cast, ("Maha Saleh", "maha@alnoor.example"), ("Omar", None))
    change("lead", cast.leads["Al Noor Trading"], {"expected_close_on": "2026-12-20"}, 2)
    done = written(
        cast, "{{ lead.name }}|{{ lead.company }}|{{ lead.value }}|{{ lead.stage }}|{{ lead.expected_close_on }}|{{ company.website }}|{{ contact.name }}"
        "|{{ owner.name }}|{{ me.name }}", "mona", subject="For {{ contact.name }}",
    )  # fmt: skip
    assert done.body == "Al Noor Trading|Al Noor LLC|USD 12,400|Lead|20 Dec 2026|alnoor.example|Maha Saleh|Ana|Mona"
    assert (done.subject, done.gaps, done.address) == ("For Maha Saleh", [], "maha@alnoor.example")


def test_custom_fields_of_every_kind_come_out_in_words(db: Any, cast: Cast) -> None:
    kinds = {"money": {"amount": "1250.50", "currency": "AED"}, "date": "2026-12-31", "number": 1250, "flag": True, "person": cast.people["bruno"]}
    for kind in kinds:
        add_field(cast, kind.capitalize(), kind=kind)
    add_field(cast, "Some", kind="choices", options=["a", "b"])
    values = {f"custom.{kind}": value for kind, value in {**kinds, "some": ["a", "b"]}.items()}
    change("lead", cast.leads["Al Noor Trading"], values, 1)
    said = written(cast, "|".join(f"{{{{ lead.custom.{key} }}}}" for key in (*kinds, "some"))).body
    assert said == "AED 1,250.50|31 Dec 2026|1,250|yes|Bruno|a, b"


def test_renaming_a_field_changes_no_text(db: Any, cast: Cast) -> None:
    field = add_field(cast)
    change("lead", cast.leads["Al Noor Trading"], {"custom.vat_number": "AE-77"}, 1)
    change(CUSTOM_FIELD.name, field, {"label": "Tax number"}, 1)
    done = written(cast, "{{ lead.custom.vat_number }}")
    assert (done.body, done.gaps) == ("AE-77", [])
    assert written(cast, "{{ lead.custom.vat_number }}", lead="Delta Foods").body == "[Tax number]"


def test_what_is_missing_is_told_once_each(db: Any, cast: Cast) -> None:
    add_field(cast)
    done = written(cast, "{{ lead.custom.vat_number }} {{ lead.custom.vat_number }} {{ lead.company }} {{ contact.name | default('you') }}", lead="Delta Foods")
    assert done.body == "[VAT number] [VAT number] [Company] you"
    assert [gap.why for gap in done.gaps] == ["The lead has no value for “VAT number”.", "The lead has no value for “Company”."]
    assert (done.address, done.contact_id) == ("", None)


def test_whom_it_speaks_to_is_never_guessed_among_several(db: Any, cast: Cast) -> None:
    first, second = give_company(cast, ("Maha", None), ("Omar", None))
    done = written(cast, "{{ contact.name }}")
    assert (done.body, done.contact_id, [each.name for each in done.contacts]) == ("[Contact]", None, ["Maha", "Omar"])
    assert done.gaps[0].why == "The lead has several contacts. Choose whom you write to."
    assert written(cast, "{{ contact.name }}", contact_id=second).body == "Omar"
    with db.owner().begin() as connection:
        connection.execute(text("insert into crm.lead_contacts (lead_id, contact_id) values (:l, :c)"), {"l": cast.leads["Al Noor Trading"], "c": first})
    assert written(cast, "{{ contact.name }}").body == "Maha"
    with pytest.raises(NotFound):
        written(cast, "x", lead="Delta Foods", contact_id=first)


@pytest.mark.parametrize(
    ("closed", "name", "secret"),
    [
        (("lead", "value"), "lead.value", "12,400"), (("lead", "custom.vat_number"), "lead.custom.vat_number", "AE-77"),
        (("lead", "company_id"), "lead.company", "Al Noor LLC"), (("company", "name"), "lead.company", "Al Noor LLC"),
        (("company", "website"), "company.website", "alnoor"), (("contact", "name"), "contact.name", "Maha"), (("lead", "owner_id"), "owner.name", "Ana"),
    ],
)  # fmt: skip
def test_a_hidden_field_never_comes_out_and_the_grant_is_told(db: Any, cast: Cast, closed: tuple[str, str], name: str, secret: str) -> None:
    give_company(cast, ("Maha", "maha@alnoor.example"))
    add_field(cast)
    change("lead", cast.leads["Al Noor Trading"], {"custom.vat_number": "AE-77"}, 2)
    close(db, *closed)
    for body in (f"{{{{ {name} }}}}", f'{{{{ {name} | default("–") }}}}'):
        assert secret in written(cast, body, "mona").body
        done = written(cast, body, "bruno")
        assert secret not in done.body
        assert "hidden from your role" in done.gaps[0].why and f"{closed[0]}.{closed[1]}: view" in done.gaps[0].why


def test_no_text_is_filled_in_from_a_lead_that_one_does_not_see(db: Any, cast: Cast) -> None:
    with pytest.raises(NotFound):
        written(cast, "{{ lead.name }}", "carla")


# What fields come to


def test_removing_a_field_says_which_templates_use_it(db: Any, cast: Cast) -> None:
    field, other = add_field(cast), add_field(cast, "VAT", key="vat")

    def said(field_id: int) -> str:
        removal = DraftEdit("custom_field", field_id, {"deleted_at": "2026-11-01T00:00:00Z"}, 1)
        with acting_as(cast.who("alma")) as session:
            return " ".join(preview(session, Draft("fields:lead:1", "Fields", (removal,))).lines)

    assert "template" not in said(field)
    make(cast, body="{{ lead.custom.vat_number }}")
    make(cast, name="Second", subject='{{ lead.custom["vat_number"] | default("–") }}')
    assert "2 templates use it and will have a gap there." in said(field)
    assert "template" not in said(other)
