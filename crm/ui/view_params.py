"""A page's filters as texts of an address, and back: what a saved view keeps, and what of it still means something.

A text that names nothing here (a stage that was renamed, a colleague out of sight) is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.pipelines.reads import PipelineRow
from crm.ui.lookups import Lookups
from crm.views.rules import Address

NO_FILTER = frozenset({"view", "q", "pipeline", "sort", "group", "columns"})
"""What says where to begin, in which order and how to show it, but narrows no list on the quiet."""


@dataclass(frozen=True, slots=True)
class Param:
    """One filter: its choices by what the address calls them (None: any text that `parse` can read), and what it is without being asked for."""

    default: Any
    choices: Mapping[str, Any] | None = None
    is_many: bool = False
    is_said_always: bool = False
    """Where the default depends on who looks, so that a view means the same to everybody."""
    parse: Callable[[str], Any] = str
    write: Callable[[Any], str] = str

    def read(self, texts: Sequence[str]) -> tuple[Any, int]:
        """(the value, how many of the texts name nothing here)."""
        if self.choices is None:
            return self._parse(texts)
        known = [self.choices[text] for text in texts if text in self.choices]
        missed = len(texts) - len(known)
        if self.is_many:
            return (known or self.default), missed
        return (known[0] if known else self.default), missed

    def _parse(self, texts: Sequence[str]) -> tuple[Any, int]:
        try:
            return (self.parse(texts[0]) if texts else self.default), 0
        except ValueError:
            return self.default, len(texts)

    def say(self, value: Any) -> list[str]:
        if self.choices is None:
            return [] if value is None or value == "" else [self.write(value)]
        values = value if self.is_many else [value]
        said = {repr(choice): text for text, choice in reversed(list(self.choices.items()))}
        return [said[repr(each)] for each in values if repr(each) in said]


@dataclass(frozen=True, slots=True)
class Screen:
    """A page that keeps views: what it is called in them, in the menu, and its filters by their names in the address."""

    page: str
    title: str
    params: Mapping[str, Param]
    only_in_address: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    """Filters that no widget holds: what their text says, or "" where it means nothing here."""

    def narrowing(self, state: MutableMapping[Any, Any]) -> int:
        """How many filters narrow the list now, beside what anybody sees at a glance."""
        return sum(
            name not in NO_FILTER and _plain(state.get(name, param.default)) != _plain(param.default)
            for name, param in self.params.items()
        )  # fmt: skip


def pipelines(lookups: Lookups, offered: Sequence[PipelineRow], more: Mapping[str, Any]) -> Param:
    """The pipeline by its label, or by its bare name where only one has it."""
    labels = {lookups.pipeline_label(each.id): each.id for each in offered}
    names = {each.name: each.id for each in reversed(offered) if each.name not in labels}
    return Param(offered[0].id, {**labels, **names, **more}, is_said_always=True)


def by_text(names: Mapping[str, str]) -> dict[str, str]:
    return {text: name for name, text in names.items()}


def address_now(screen: Screen, state: MutableMapping[Any, Any], given: Mapping[str, str]) -> Address:
    """What the filters ask for now, as a view keeps it. `given`: the address."""
    found = screen.params
    beside = {name: [given[name]] for name, say in screen.only_in_address.items() if name in given and say(given[name])}
    values = {name: state.get(name, param.default) for name, param in found.items()}
    said = {name: found[name].say(value) for name, value in values.items() if found[name].is_said_always or value != found[name].default}
    return {name: texts for name, texts in sorted((said | beside).items()) if texts}


def ask_for(address: Address, screen: Screen, state: MutableMapping[Any, Any], given: MutableMapping[str, str]) -> int:
    """Set the filters, those of the address `given` included, to what a view asks for; answers how many of its texts name nothing here."""
    missed, found = 0, screen.params
    for name, param in found.items():
        state[name], lost = param.read(address.get(name, ()))
        missed += lost
    for name, say in screen.only_in_address.items():
        given.pop(name, None)
        if texts := address.get(name):
            given[name] = texts[0]
            missed += not say(texts[0])
    state.pop("page", None)  # a view begins at its beginning
    known = {*found, *screen.only_in_address, "pipeline"}
    return missed + sum(len(texts) for name, texts in address.items() if name not in known)


def same(address: Address, screen: Screen, state: MutableMapping[Any, Any], given: Mapping[str, str]) -> bool:
    """Whether the filters stand as a view asks."""
    found = screen.params
    if any(address.get(name, [""])[0] != given.get(name, "") for name in screen.only_in_address):
        return False
    wanted = {name: param.read(address.get(name, ()))[0] for name, param in found.items()}
    return all(_plain(wanted[name]) == _plain(state.get(name, param.default)) for name, param in found.items())


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, (list, tuple)) else None if value == "" else value
