"""Which of a record's fields a page shows, and which it lets be changed, for somebody whose roles close some of them.

The reads have emptied what is hidden, and the write path refuses what is closed; this only spares people the sight of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from crm.access import Person
from crm.ui.drafts import WRITES

FIELD_OF: Mapping[str, str] = {**WRITES, "value_usd": "value", "-value_usd": "value", "closing": "expected_close_on", "overdue": "expected_close_on"}
"""What a page calls a column, an order or a quick view -> the lead's field that it shows."""


def without_hidden(person: Person, named: Mapping[str, str]) -> Mapping[str, str]:
    """Columns, orders or quick views (name -> label) without those of hidden fields."""
    hidden = person.hidden_fields("lead")
    return {name: label for name, label in named.items() if FIELD_OF.get(name, name) not in hidden} if hidden else named


def shows(person: Person, field: str, *, of: str = "lead") -> bool:
    return field not in person.hidden_fields(of)


def is_open(person: Person, field: str, *, of: str = "lead") -> bool:
    """Whether they may write the field, as far as fields go."""
    return field not in person.fields_not_open(of)
