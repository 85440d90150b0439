"""The board at work: what one session's wall shows, what it asks for and is answered, and the news that it is brought."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session

from crm import clock
from crm.access import Person, acting_as
from crm.alerts.reads import due_by_lead
from crm.errors import CrmError
from crm.leads import board
from crm.leads.board import BoardFilter, Column
from crm.ui import messages
from crm.ui.board import cards, moves, wall
from crm.ui.board.asks import Asked
from crm.ui.lookups import Lookups

STATE = "board.showing"
MET = "board.met"
REMEMBERED = 100


@dataclass(slots=True)
class Showing:
    """What this session's wall shows. `rev` grows with each reading; `answers` are what its moves came to."""

    name: str = field(default_factory=lambda: secrets.token_hex(4))
    asked: Asked | None = None
    person: tuple[int, int] = (0, 0)
    rev: int = 0
    stamp: str = ""
    data: bytes = b"{}"
    most: dict[int, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)
    mount: str = ""
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    news: bytes = b"{}"

    def wanted(self) -> BoardFilter:
        assert self.asked is not None
        return replace(self.asked.wanted, most=dict(self.most))

    def whole(self) -> bytes:
        """Everything the wall is to know, as JSON."""
        head = {"of": self.name, "rev": self.rev, "answers": {"mount": self.mount, "of": self.answers}}
        return json.dumps(head).encode()[:-1] + b"," + self.data[1:]


def showing() -> Showing:
    found: Showing = st.session_state.setdefault(STATE, Showing())
    return found


def turn_to(person: Person, lookups: Lookups, asked: Asked) -> Showing:
    """Make the wall show what is asked for, read anew."""
    found = showing()
    if asked != found.asked or found.person[0] != person.id:
        found.asked, found.most = asked, {}
    found.person = (person.id, person.stamp)
    read(found, person, lookups)
    return found


def read(found: Showing, person: Person, lookups: Lookups) -> None:
    """The columns as they stand, and the stamp by which a change of them is seen."""
    asked, wanted = found.asked, found.wanted()
    assert asked is not None
    columns: Sequence[Column]
    with acting_as(person) as session:
        if asked.past:
            columns, found.stamp = board.board_as_of(session, asked.pipeline, wanted, asked.past), ""
        else:
            now = board.board(session, asked.pipeline, wanted)
            columns, found.stamp = now.columns, _dated(now.stamp, person)
        found.names = {card["id"]: card["name"] for column in columns for card in column.cards}
        found.due = {} if asked.past else due_by_lead(session, list(found.names))
    found.data = _data(columns, person, lookups, asked, found.due)
    found.rev += 1


def _dated(stamp: str, person: Person) -> str:
    """Also of who may do what, and of the hour: cards speak of days."""
    return f"{stamp} {person.stamp} {clock.now():%Y-%m-%d %H}"


def _is_news(session: Session, found: Showing, person: Person) -> bool:
    assert found.asked is not None
    now = board.stamp(session, found.asked.pipeline, found.wanted())
    return _dated(now, person) != found.stamp or due_by_lead(session, list(found.names)) != found.due


def _data(columns: Sequence[Column], person: Person, lookups: Lookups, asked: Asked, due: Mapping[int, datetime]) -> bytes:
    encoded = cards.encoded(
        columns, person, lookups, before=asked.past.before if asked.past else None, shows_owner=len(asked.wanted.owner_ids) != 1,
        may_move=not asked.past and person.may("lead", "edit"), due=due,
    )  # fmt: skip
    if any(column.cards for column in columns):
        return encoded
    if asked.is_narrow:
        empty = ("No leads here.", "Nobody's lead fits these filters. Look at everybody's, or search for less.")
    elif asked.past:
        empty = (
            "No leads then.",
            "This pipeline was empty on that day, as far as was known. Choose a later one."
            if asked.known_on
            else "This pipeline was empty on that day. Choose a later one.",
        )
    else:
        empty = ("No leads in this pipeline yet.", "Add one with + Lead, or import a file.")
    return encoded[:-1] + b',"empty":' + json.dumps(empty).encode() + b"}"


def listen(found: Showing, person: Person, lookups: Lookups) -> None:
    """Do what the wall asks for in this run, whoever wrote it there."""
    given = wall.heard()
    try:
        if "more" in given:
            _show_more(found, moves.read_id(given["more"], "stage"))
        if "moves" in given:
            _move(found, person, lookups, given["moves"])
    except CrmError as error:
        messages.leave(error.detail)
    if given.keys() & {"moves", "more"}:
        read(found, person, lookups)


def _show_more(found: Showing, stage_id: int) -> None:
    assert found.asked is not None
    if any(stage.id == stage_id for stage in found.asked.pipeline.stages):
        found.most[stage_id] = found.most.get(stage_id, board.CARDS) + board.CARDS


def _move(found: Showing, person: Person, lookups: Lookups, given: Any) -> None:
    """Write the moves that are new; the wall repeats those it has no answer to yet."""
    mount, listed = moves.read(given)
    if mount != found.mount:
        found.mount, found.answers = mount, {}
    fresh = [move for move in listed if move.number not in found.answers]
    if not fresh:
        return
    done = moves.write(person, fresh, lookups, found.names)
    found.answers = dict(list({**found.answers, **done.answers}.items())[-REMEMBERED:])
    if done.said:
        messages.leave(done.said, done.change_set_id)
    if done.met:
        st.session_state[MET] = done.met[0]


def bring_news(found: Showing, person: Person, lookups: Lookups) -> None:
    """Ask whether anything has moved since the wall was drawn; if so, send it."""
    with acting_as(person) as session:
        is_new = _is_news(session, found, person)
    if is_new:
        read(found, person, lookups)
        found.news = found.whole()
    wall.draw_news(found.news)
