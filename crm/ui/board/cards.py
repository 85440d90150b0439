"""What the board's cards and columns say, as data for the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crm import clock, money
from crm.access import Person
from crm.leads.board import MOST_CARDS, Card, Column
from crm.ui import words
from crm.ui.lookups import Lookups

FOLDED = ("lost", "dormant")
FIRST_TINT, LAST_TINT = 34, 100
"""How much of the accent the first and the last open stage take, in percent."""


def encoded(
    columns: Sequence[Column], person: Person, lookups: Lookups, *, at: datetime, shows_owner: bool, may_move: bool, due: Mapping[int, datetime]
) -> bytes:
    """The columns as JSON, read by wall.js. `due`: lead -> when its next alert is due. `at`: the moment that is looked at."""
    reach = person.reach("lead", "edit")

    def card(row: Card) -> dict[str, Any]:
        found = {**_names(row, lookups, shows_owner=shows_owner), **_money(row), **_time(row, lookups, at), **_due(due.get(row["id"]), lookups, at)}
        moves = may_move and reach.covers(team_id=row["team_id"], owner_id=row["owner_id"], person_id=person.id)
        return {"id": row["id"], "version": row["version"], **({"moves": True} if moves else {}), **{name: said for name, said in found.items() if said}}

    tints = _tints(columns)
    stages = [
        {
            "id": column.stage.id, "name": column.stage.name, "kind": column.stage.kind, "tint": tints.get(column.stage.id, LAST_TINT),
            "folds": column.stage.kind in FOLDED, "leads": column.leads, "sum": money.short(column.value_usd) if column.leads else "",
            "more": len(column.cards) < MOST_CARDS and (column.leads or MOST_CARDS) > len(column.cards) > 0, "cards": [card(row) for row in column.cards],
        }
        for column in columns
    ]  # fmt: skip
    return json.dumps({"stages": stages, "moves": may_move}, separators=(",", ":")).encode()


def _tints(columns: Sequence[Column]) -> dict[int, int]:
    """One hue from light to dark in the order of the open stages."""
    open_stages = [column.stage.id for column in columns if column.stage.kind == "open"]
    step = (LAST_TINT - FIRST_TINT) / max(len(open_stages) - 1, 1)
    return {stage_id: round(FIRST_TINT + step * place) for place, stage_id in enumerate(open_stages)}


def _names(row: Card, lookups: Lookups, *, shows_owner: bool) -> dict[str, Any]:
    title = row["company"] or row["name"]
    name = row["name"].removeprefix(title).lstrip(" –-·:") if row["name"].startswith(title) else row["name"]
    owner = "" if row["owner_id"] is None else lookups.names.people.get(row["owner_id"], "")
    is_named = shows_owner and bool(owner)
    return {"title": title, "name": name, "market": row["market"] or "", "owner": owner, "who": _initials(owner) if is_named else ""}


def _initials(name: str) -> str:
    parts = name.split()
    return (parts[0][:1] + (parts[-1][:1] if len(parts) > 1 else parts[0][1:2])).upper() if parts else ""


def _money(row: Card) -> dict[str, str]:
    own = row["value_currency"] or money.BASE_CURRENCY
    in_own = "" if row["value_amount"] is None or own == money.BASE_CURRENCY else money.short(row["value_amount"], own)
    value = money.short(row["value_usd"]) if row["value_amount"] is not None else ""
    return {
        "value": value or in_own or words.NOTHING,
        "own": in_own if value else "",
        "life": f"{money.short(row['lifetime_usd'])} lifetime" if row["lifetime_usd"] else "",
    }


def _time(row: Card, lookups: Lookups, at: datetime) -> dict[str, str]:
    """Days in the stage against its target: amber when near, red when over; and the last contact."""
    stage = lookups.stages[row["stage_id"]]
    days = max((at - row["stage_entered_at"]).days, 0)
    target = stage.target_days if stage.kind == "open" else None
    mood = "" if not target else "over" if days > target else "near" if days >= target * 0.8 else ""
    last = row["last_contacted_at"]
    return {
        "days": f"{days}/{target} d" if target else f"{days} d", "mood": mood,
        "daysTitle": f"{words.count(days, 'day')} in {stage.name}" + (f", target {target}" if target else ""),
        "last": clock.ago(last, at=at) if last and last <= at else "" if last else "no contact",
        "lastTitle": f"Last contact {words.moment(last, lookups.names.time_zone)}" if last else "Nobody has called, met or written yet",
    }  # fmt: skip


def _due(due_at: datetime | None, lookups: Lookups, at: datetime) -> dict[str, str]:
    if due_at is None:
        return {}
    zone = lookups.names.time_zone
    days = (words.local_day(due_at, zone) - words.local_day(at, zone)).days
    said = words.when(due_at, zone) if days <= 0 else "tomorrow" if days == 1 else words.day(words.local_day(due_at, zone), today=words.local_day(at, zone))
    return {"due": said, "dueMood": "late" if due_at < at else "soon" if due_at < at + timedelta(days=1) else ""}
