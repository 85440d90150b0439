"""Edits in the grid stay bound to the lead and to the row as the person saw it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crm.errors import Invalid
from crm.pipelines.reads import PipelineRow, StageRow
from crm.ui import drafts
from crm.ui.drafts import Draft
from crm.ui.lookups import Lookups
from crm.ui.words import Names

STAGES = tuple(StageRow(i, 7, name, "open", i, 0.1, 7, (), 1) for i, name in ((1, "Lead"), (2, "Negotiation")))
LOOKUPS = Lookups(Names(3, "UTC", people={3: "Ana", 4: "Bruno"}), [PipelineRow(7, 1, "Accounts", 0, STAGES, 1)], (3, 4), ("AED", "USD"))


def row(lead_id: int = 11, **values: Any) -> dict[str, Any]:
    return {
        "id": lead_id, "version": 5, "name": f"Lead {lead_id}", "pipeline_id": 7, "pipeline": "Accounts", "stage": "Lead", "owner": "Ana",
        "value_amount": Decimal("9500.00"), "value_currency": "AED", "next_step": None, "expected_close_on": date(2026, 12, 1), "source": None,
        "market": "AE", "email": None, "phone": None, **values,
    }  # fmt: skip


def test_positions_become_leads_of_the_rows_as_they_were_shown() -> None:
    found = drafts.fold({}, [row(11), row(12)], {1: {"next_step": "call"}})
    assert {lead_id: draft.cells for lead_id, draft in found.items()} == {12: {"next_step": "call"}}
    assert found[12].row["version"] == 5


def test_typing_the_old_value_again_is_no_edit() -> None:
    edited = {0: {"value": 9500, "next_step": "", "expected_close_on": "2026-12-01T00:00:00.000", "name": " Lead 11 "}}
    assert drafts.fold({}, [row()], edited) == {}


def test_a_draft_keeps_the_version_it_was_typed_over_when_the_lead_shows_again() -> None:
    typed = {11: Draft(row(), {"next_step": "call"})}
    later = row(version=9, next_step="visit")
    found = drafts.fold(typed, [later], {0: {"source": "fair"}})
    assert found[11].row["version"] == 5
    assert found[11].cells == {"next_step": "call", "source": "fair"}


def test_unknown_columns_and_rows_are_left_out() -> None:
    assert drafts.fold({}, [row()], {0: {"lifetime_usd": 5, "version": 9}, 7: {"next_step": "x"}, -1: {"next_step": "x"}}) == {}


def test_the_bar_counts_cells_and_rows() -> None:
    found = drafts.fold({}, [row(11), row(12)], {0: {"next_step": "call", "source": "fair"}, 1: {"source": "fair"}})
    assert drafts.cells_and_rows(found) == "3 cells in 2 rows"
    assert drafts.cells_and_rows({11: found[12]}) == "1 cell in 1 row"


def test_names_become_ids_of_the_leads_own_pipeline() -> None:
    values, refused = drafts.wanted(Draft(row(), {"stage": "negotiation", "owner": "Bruno"}), LOOKUPS)
    assert values == {"stage_id": 2, "owner_id": 4}
    assert refused == {}


def test_an_emptied_owner_is_nobody() -> None:
    assert drafts.wanted(Draft(row(), {"owner": None}), LOOKUPS)[0] == {"owner_id": None}


def test_a_value_that_is_no_option_is_refused_in_words_and_the_rest_goes_on() -> None:
    values, refused = drafts.wanted(Draft(row(), {"stage": "Won already", "owner": "Nemo", "next_step": "call"}), LOOKUPS)
    assert values == {"next_step": "call"}
    assert refused["stage_id"].detail == "“Won already” is not a stage of Accounts. Its stages are: Lead, Negotiation."
    assert "Nemo" in refused["owner_id"].detail


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ({"value": 9000}, {"amount": "9000.0", "currency": "AED"}),
        ({"currency": "USD"}, {"amount": "9500.0", "currency": "USD"}),
        ({"value": 0.1, "currency": "USD"}, {"amount": "0.1", "currency": "USD"}),
        ({"value": None}, None),
    ],
)
def test_value_and_currency_are_one_field(cells: dict[str, Any], wanted: Any) -> None:
    assert drafts.wanted(Draft(row(), cells), LOOKUPS)[0] == {"value": wanted}


def test_a_first_value_without_a_currency_is_in_usd() -> None:
    empty = row(value_amount=None, value_currency=None)
    assert drafts.wanted(Draft(empty, {"value": 12}), LOOKUPS)[0]["value"]["currency"] == "USD"


def test_both_columns_of_a_refused_value_stay_typed() -> None:
    assert drafts.columns_of({"value", "stage_id"}) == {"value", "currency", "stage"}


def test_refusals_carry_their_field() -> None:
    _, refused = drafts.wanted(Draft(row(), {"stage": None}), LOOKUPS)
    assert isinstance(refused["stage_id"], Invalid)
    assert refused["stage_id"].field == "stage_id"
