"""Texts with merge fields: names and defaults, nothing else; whatever somebody tries is a sentence with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import Invalid
from crm.templates.merging import MOST_MERGES, Merge, Value, check_known, fill, merges, parse

KNOWN = {"lead.name": "Lead", "contact.name": "Contact", "lead.custom.vat_number": "VAT number", 'lead.custom["vat no."]': "Old VAT"}


def names(text: str) -> list[str]:
    return [merge.name for merge in merges(parse(text, field="body"))]


def refusal(text: str) -> str:
    with pytest.raises(Invalid) as refused:
        check_known(parse(text, field="body"), KNOWN, field="body")
    assert refused.value.field == "body"
    return refused.value.detail


def test_a_text_is_its_words_and_its_fields() -> None:
    assert parse('Hi {{ contact.name | default("there") }},\n\n{{lead.name}}!', field="body") == [
        "Hi ", Merge("contact.name", "there", 1), ",\n\n", Merge("lead.name", None, 3), "!",
    ]  # fmt: skip


def test_a_field_whose_key_is_several_words_stands_in_brackets() -> None:
    assert names("""{{ lead.custom["vat no."] }} {{ lead.custom['vat no.'] }}""") == ['lead.custom["vat no."]'] * 2
    assert names('{{ lead.custom["vat_number"] }}') == ["lead.custom.vat_number"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ constructor }}", "there is no field “constructor”"),
        ("{{ lead.__class__ }}", "there is no field “lead.__class__”"),
        ("{{ lead.name.__class__.__mro__ }}", "there is no field"),
        ("one\n{% for x in lead %}{% endfor %}", "In line 2 of the text, “{%” is not offered here"),
        ("{# remark #}", "“{#” is not offered"),
        ("one\n\n{{ lead.name", "In line 3 of the text, the braces are not closed"),
        ("{{ lead.name }", "not closed"),
        ("{ lead.name }}", "close nothing"),
        ("{{{ lead.name }}}", "not closed"),
        ("{{ lead.name() }}", "more than the name of a field"),
        ("{{ 7 * 7 }}", "more than the name of a field"),
        ("{{ lead['name'] + 'x' }}", "more than the name of a field"),
        ("{{ lead.name | upper }}", "more than the name of a field"),
        ("{{ lead.name | default(me.name) }}", "more than the name of a field"),
        ('{{ lead.name | default("a\\" }}") }}', "more than the name of a field"),
        ("{{ lead.name | default(“there”) }}", "curly quotes"),
        ("{{ }}", "no name between the braces"),
        ("{{ lead\n.name }}", "not closed"),
        ("{{ lead.name" + " " * 20_000 + "}}", "more than the name of a field"),
        ("{{ a" + "b.c" * 5_000 + "!}}", "more than the name of a field"),
        ("{{" * 10_000, "not closed"),
        ("{{ lead.name }}" * (MOST_MERGES + 1), f"up to {MOST_MERGES} fields"),
        ("{{ lead.name }}" * 10_000, f"up to {MOST_MERGES} fields"),
    ],
)
def test_whatever_is_no_name_is_refused_in_words(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{{ lead.nmae }}", "lead.name"),
        ("{{ Lead.Name }}", "lead.name"),
        ("{{ lead.vat_number }}", "lead.custom.vat_number"),
        ("{{ VAT number }}", "lead.custom.vat_number"),
        ("{{ contact_name }}", "contact.name"),
    ],
)
def test_what_was_perhaps_meant_is_said(text: str, meant: str) -> None:
    assert f"Did you mean {{{{ {meant} }}}}?" in refusal(text)


def test_a_value_is_a_value_whatever_it_looks_like() -> None:
    hostile = "{{ me.name }} {% for %} =HYPERLINK(1) <b>x</b> [Contact]"
    said, gaps = fill(parse("{{ lead.name }}.", field="body"), {"lead.name": Value("Lead", hostile)}, has_lines=True)
    assert (said, gaps) == (hostile + ".", [])


def test_a_subject_is_one_line_whatever_stands_in_a_value() -> None:
    said, _ = fill(parse("About {{ lead.name }}", field="subject"), {"lead.name": Value("Lead", "x\r\nBcc: all@demo.example\u2028y\u202ez")}, has_lines=False)
    assert said == "About x Bcc: all@demo.example yz"


def test_a_missing_value_leaves_a_gap_and_a_default_closes_it() -> None:
    values = {"lead.name": Value("Lead", why="none")}
    said, gaps = fill(parse('{{ lead.name }}/{{ lead.name | default("it") }}', field="body"), values, has_lines=True)
    assert (said, [(gap.mark, gap.why) for gap in gaps]) == ("[Lead]/it", [("[Lead]", "none")])


def test_a_default_does_not_hide_that_a_value_is_kept_back() -> None:
    values = {"lead.name": Value("Lead", why="hidden", is_kept_back=True)}
    said, gaps = fill(parse('{{ lead.name | default("it") }}', field="body"), values, has_lines=True)
    assert (said, [(gap.mark, gap.why) for gap in gaps]) == ("it", [("", "hidden")])


def test_a_field_that_is_gone_leaves_a_gap_that_says_so() -> None:
    said, gaps = fill(parse("{{ lead.custom.old }}", field="body"), {}, has_lines=True)
    assert said == "[lead.custom.old]" and "any more" in gaps[0].why


@given(st.text(alphabet="{}%#|\"'[]().a_ \n\u200b“", max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        pieces = parse(text, field="body")
    except Invalid:  # words, and nothing else that a person would see as a failure
        return
    said, _ = fill(pieces, {}, has_lines=True)
    assert merges(pieces) or said == text.replace("\u200b", "").strip()
