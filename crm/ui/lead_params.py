"""The Leads page's filters as texts of an address, and back: what a saved view keeps, and what of it still means something.

A text that names nothing here (a stage that was renamed, a colleague out of sight) is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.ui import filters, grid_columns
from crm.ui.lookups import Lookups
from crm.views.rules import Address

SAID_ALWAYS = ("view", "pipeline")
"""What depends on who looks where the address says nothing."""


@dataclass(frozen=True, slots=True)
class Param:
    """One filter: its choices by what the address calls them (None: any text), and what it is without being asked for."""

    default: Any
    choices: Mapping[str, Any] | None = None
    is_many: bool = False

    def read(self, texts: Sequence[str]) -> tuple[Any, int]:
        """(the value, how many of the texts name nothing here)."""
        if self.choices is None:
            return (texts[0] if texts else self.default), 0
        known = [self.choices[text] for text in texts if text in self.choices]
        missed = len(texts) - len(known)
        if self.is_many:
            return (known or self.default), missed
        return (known[0] if known else self.default), missed

    def say(self, value: Any) -> list[str]:
        if self.choices is None:
            return [value] if value else []
        values = value if self.is_many else [value]
        said = {repr(choice): text for text, choice in reversed(list(self.choices.items()))}
        return [said[repr(each)] for each in values if repr(each) in said]


def params(lookups: Lookups, *, begins_with_own: bool) -> dict[str, Param]:
    """Every filter of the page by its name in the address."""
    stages = dict.fromkeys(stage.name for pipeline in lookups.pipelines for stage in pipeline.stages)
    people = {lookups.names.people[person_id]: person_id for person_id in lookups.owners if person_id in lookups.names.people}
    found = {
        "view": Param("mine" if begins_with_own else "team", _by_text(filters.VIEWS)),
        "q": Param(""),
        "stage": Param([], {name: name for name in stages}, is_many=True),
        "owner": Param([], {**people, "Nobody": filters.NOBODY}, is_many=True),
        "sort": Param("-updated_at", _by_text(filters.SORTS)),
        "group": Param("", _by_text(filters.GROUPS)),
        "columns": Param(list(grid_columns.USUAL), _by_text(grid_columns.names_of(lookups)), is_many=True),
    }
    if len(lookups.markets) > 1:
        found["market"] = Param([], _by_text(lookups.markets), is_many=True)
    if len(lookups.pipelines) > 1:
        labels = {lookups.pipeline_label(p.id): p.id for p in lookups.pipelines}
        names = {p.name: p.id for p in reversed(lookups.pipelines)}
        found["pipeline"] = Param(lookups.pipelines[0].id, {**labels, **{n: i for n, i in names.items() if n not in labels}, "All pipelines": None})
    return found


def _by_text(names: Mapping[str, str]) -> dict[str, str]:
    return {text: name for name, text in names.items()}


def address_now(found: Mapping[str, Param], state: MutableMapping[Any, Any]) -> Address:
    """What the filters ask for now, as a view keeps it."""
    values = {name: state.get(name, param.default) for name, param in found.items()}
    said = {name: found[name].say(value) for name, value in values.items() if name in SAID_ALWAYS or value != found[name].default}
    return {name: texts for name, texts in sorted(said.items()) if texts}


def ask_for(address: Address, found: Mapping[str, Param], state: MutableMapping[Any, Any]) -> int:
    """Set the filters to what the address asks for; answers how many of its texts name nothing here."""
    missed = 0
    for name, param in found.items():
        state[name], lost = param.read(address.get(name, ()))
        missed += lost
    state.pop("page", None)  # a view begins at its beginning
    return missed + sum(len(texts) for name, texts in address.items() if name not in found and name != "pipeline")


def same(address: Address, found: Mapping[str, Param], state: MutableMapping[Any, Any]) -> bool:
    """Whether the filters stand as the address asks."""
    wanted = {name: param.read(address.get(name, ()))[0] for name, param in found.items()}
    return all(_plain(wanted[name]) == _plain(state.get(name, param.default)) for name, param in found.items())


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, (list, tuple)) else value or None
