"""What somebody types into templates and has not saved: one sheet for each, which stays while they look at another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm.changes import Disagreement
from crm.templates.reads import Template

STATE, LAST, ASKED = "templates.sheets", "templates.last", "template"
NEW = 0
FIELDS = ("name", "team_id", "subject", "body")


@dataclass(slots=True)
class Sheet:
    """One template as it was when its form was filled; what is typed is checked against that. `met`: what a colleague wrote first."""

    base: Template
    generation: int
    typed: dict[str, Any] = field(default_factory=dict)
    met: Sequence[Disagreement] = ()

    def key(self, name: str) -> str:
        return f"templates.{self.base.id}.{self.generation}.{name}"

    def value(self, name: str) -> Any:
        return self.typed.get(name, getattr(self.base, name))

    def take_in(self) -> None:
        """Read what the browser has reported, where the form is on the page."""
        for name in FIELDS:
            if (key := self.key(name)) in st.session_state:
                given = st.session_state[key]
                self.typed[name] = given.strip() if isinstance(given, str) else given

    @property
    def changed(self) -> dict[str, Any]:
        """What of the typed differs from what stood."""
        return {name: value for name, value in self.typed.items() if value != getattr(self.base, name)}


def _sheets() -> dict[int, Sheet]:
    found: dict[int, Sheet] = st.session_state.setdefault(STATE, {})
    return found


def take_in() -> None:
    """First of all on the page: what the browser has just reported, of the form that is left by this very click too."""
    for sheet in _sheets().values():
        sheet.take_in()


def sheet_of(template: Template) -> Sheet:
    """The template's sheet; filled from the newest version as long as nothing is typed into it."""
    found = _sheets().get(template.id)
    if found is None or (found.base.version != template.version and not found.changed):
        found = _sheets()[template.id] = Sheet(template, found.generation + 1 if found else 1)
    return found


def begin_anew(template_id: int | None = None) -> None:
    """Forget what was typed into one, or into all."""
    for each in list(_sheets()) if template_id is None else [template_id]:
        if sheet := _sheets().get(each):
            sheet.typed, sheet.met, sheet.generation = {}, (), sheet.generation + 1


def rebase(sheet: Sheet, newest: Template) -> None:
    """Speak of the newest version from now on: what one changed stays, the rest is as it stands now."""
    sheet.typed = {name: sheet.changed.get(name, getattr(newest, name)) for name in FIELDS}
    sheet.base, sheet.met, sheet.generation = newest, (), sheet.generation + 1


def is_unsaved(template_id: int) -> bool:
    found = _sheets().get(template_id)
    return bool(found and found.changed)


def asked_for(listed: Mapping[int, Template]) -> int | None:
    """The template that the address names, or that was looked at last; `NEW` for one that is being written; None for none."""
    given = st.query_params.get(ASKED, "")
    if given == "new":
        return NEW
    if given.isascii() and given.isdecimal() and len(given) < 19:
        return int(given)
    last = st.session_state.get(LAST)
    return last if last in listed else next(iter(listed), None)


def turn_to(template_id: int) -> None:
    """Have this run, or the next, show it; its link stands in the address."""
    st.session_state[LAST] = template_id
    said = str(template_id) if template_id else "new"
    if st.query_params.get(ASKED) != said:
        st.query_params[ASKED] = said
