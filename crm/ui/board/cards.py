"""What the board's cards and columns say, as data for the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

from crm import clock, money
from crm.access import Person
from crm.leads.board import MOST_CARDS, Card, Column
from crm.pipelines.rules import COLOURS
from crm.ui import words
from crm.ui.lookups import Lookups

FOLDED = ("lost", "dormant")
FIRST_TINT, LAST_TINT = 34, 100
"""How much of the accent the first and the last open stage take, in percent."""
_FIELDS = (
    "id", "version", "name", "company", "market", "value_amount", "value_currency", "value_usd", "lifetime_usd", "stage_entered_at", "last_contacted_at",
)  # fmt: skip
_values = itemgetter(*_FIELDS)
MINUTES_KEPT = 10
"""A card's words are made once and kept, also for the next who looks at it; they speak of time, so not for longer."""


def encoded(
    columns: Sequence[Column], person: Person, lookups: Lookups, *, before: datetime | None, shows_owner: bool, may_move: bool, due: Mapping[int, datetime]
) -> bytes:
    """The columns as JSON, read by wall.js. `due`: lead -> when its next alert is due. `before`: the past moment that is looked at; None for now."""
    covers, names, zone = person.reach("lead", "edit").covers, lookups.names, lookups.names.time_zone
    tints = _tints(columns)
    kept_for = int(clock.now().timestamp() // (60 * MINUTES_KEPT))

    def card(row: Card, stage: tuple[str, int | None]) -> str:
        moves = may_move and covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id)
        owner = ("", "") if row["owner_id"] is None else (names.people.get(row["owner_id"], ""), "" if before else names.absence(row["owner_id"]))
        return _card(_values(row), owner, shows_owner, moves, due.get(row["id"]), stage, zone, before, kept_for)

    stages = []
    for column in columns:
        stage = column.stage
        head = {
            "id": stage.id, "name": stage.name, "kind": stage.kind, "tint": tints.get(stage.id, LAST_TINT), "folds": stage.kind in FOLDED,
            "leads": column.leads, "sum": money.short(column.value_usd) if column.leads else "",
            "more": len(column.cards) < MOST_CARDS and (column.leads or MOST_CARDS) > len(column.cards) > 0,
        }  # fmt: skip
        target = (stage.name, stage.target_days if stage.kind == "open" else None)
        stages.append(f'{json.dumps(head)[:-1]},"cards":[{",".join([card(row, target) for row in column.cards])}]}}')
    return f'{{"stages":[{",".join(stages)}],"moves":{json.dumps(may_move)}}}'.encode()


def _tints(columns: Sequence[Column]) -> dict[int, int]:
    """One hue from light to dark in the order of the open stages, or as deep as somebody chose."""
    open_stages = [column.stage.id for column in columns if column.stage.kind == "open"]
    step = (LAST_TINT - FIRST_TINT) / max(len(open_stages) - 1, 1)
    chosen = {column.stage.id: COLOURS[column.stage.colour] for column in columns if column.stage.colour}
    return {stage_id: round(FIRST_TINT + step * place) for place, stage_id in enumerate(open_stages)} | chosen


@lru_cache(maxsize=20_000)
def _card(
    values: tuple[Any, ...], owner: tuple[str, str], shows_owner: bool, moves: bool, due_at: datetime | None, stage: tuple[str, int | None], zone: str,
    before: datetime | None, kept_for: int,
) -> str:  # fmt: skip
    """One card as JSON. Made of nothing but what it is given, so whoever may see the same values may be given it.

    `owner`: a name, and that they are away, both empty where there is nothing to say.
    """
    name, absence = owner
    row, at = dict(zip(_FIELDS, values, strict=True)), before or clock.now()
    said = {
        **_names(row), "market": row["market"], "owner": f"{name}, {absence}" if absence else name, "who": _initials(name) if shows_owner else "",
        "away": bool(absence) and shows_owner, **_money(row), **_stay(row, stage, at),
        **_contact(row["last_contacted_at"], zone, at), **_due(due_at, zone, at), "moves": moves,
    }  # fmt: skip
    return json.dumps({"id": row["id"], "version": row["version"], **{name: each for name, each in said.items() if each}}, separators=(",", ":"))


def _names(row: Card) -> dict[str, str]:
    title = row["company"] or row["name"]
    name = row["name"].removeprefix(title).lstrip(" –-·:") if row["name"].startswith(title) else row["name"]
    return {"title": title, "name": name}


def _initials(name: str) -> str:
    parts = name.split()
    return (parts[0][:1] + (parts[-1][:1] if len(parts) > 1 else parts[0][1:2])).upper() if parts else ""


def _money(row: Card) -> dict[str, str]:
    own = row["value_currency"] or money.BASE_CURRENCY
    in_own = "" if row["value_amount"] is None or own == money.BASE_CURRENCY else money.short(row["value_amount"], own)
    value = money.short(row["value_usd"]) if row["value_amount"] is not None else ""
    life = f"{money.short(row['lifetime_usd'])} lifetime" if row["lifetime_usd"] else ""
    return {"value": value or in_own or words.NOTHING, "own": in_own if value else "", "life": life}


def _stay(row: Card, stage: tuple[str, int | None], at: datetime) -> dict[str, str]:
    """Days in the stage against its target: amber when near, red when over."""
    name, target = stage
    days = max((at - row["stage_entered_at"]).days, 0)
    title = f"{words.count(days, 'day')} in {name}"
    if not target:
        return {"days": f"{days} d", "daysTitle": title}
    mood = "over" if days > target else "near" if days >= target * 0.8 else ""
    return {"days": f"{days}/{target} d", "mood": mood, "daysTitle": f"{title}, target {target}"}


def _contact(last: datetime | None, zone: str, at: datetime) -> dict[str, str]:
    if last is None:
        return {"last": "no contact", "lastTitle": "Nobody has called, met or written yet"}
    return {"last": clock.ago(last, at=at) if last <= at else "", "lastTitle": f"Last contact {words.moment(last, zone)}"}


def _due(due_at: datetime | None, zone: str, at: datetime) -> dict[str, str]:
    if due_at is None:
        return {}
    today, day = words.local_day(at, zone), words.local_day(due_at, zone)
    said = words.when(due_at, zone) if day <= today else "tomorrow" if day == today + timedelta(days=1) else words.day(day, today=today)
    return {"due": said, "dueMood": "late" if due_at < at else "soon" if due_at < at + timedelta(days=1) else ""}
