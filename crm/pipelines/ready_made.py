"""Pipelines to start from. Each is a list of stages as a draft would make them; nothing of it is fixed afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LOST_REASONS = ("Price", "No need", "A competitor", "No answer", "Bad timing")


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A pipeline's usual name, what it is for, and its stages in order."""

    name: str
    says: str
    stages: Sequence[Mapping[str, Any]]


def _stage(name: str, kind: str, probability: float, target_days: int | None = None, **asks: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "probability": probability, "target_days": target_days, "requirements": asks}


_LOST = _stage("Lost", "lost", 0, lost_reasons=list(LOST_REASONS))
READY_MADE: Mapping[str, ReadyMade] = {
    "accounts": ReadyMade("Accounts", "customers who order again and again", (
        _stage("Lead", "open", 0.1, 7), _stage("Contacted", "open", 0.2, 7), _stage("Negotiation", "open", 0.4, 14, fields=["value"]),
        _stage("Trial order", "open", 0.6, 14, fields=["expected_close_on"], activity="call"), _stage("Active", "won", 1), _stage("Dormant", "dormant", 0.1),
        _stage("Churned", "lost", 0, lost_reasons=list(LOST_REASONS)),
    )),
    "prospecting": ReadyMade("Prospecting", "finding out who is worth talking to", (
        _stage("New", "open", 0.05, 3), _stage("Researched", "open", 0.1, 5), _stage("Contacted", "open", 0.2, 7), _stage("Qualified", "won", 1),
        _stage("Not a fit", "lost", 0, lost_reasons=["Too small", "No need", "No answer", "Another market"]),
    )),
    "deals": ReadyMade("Deals", "one offer at a time, won or lost", (
        _stage("Discovery", "open", 0.2, 10), _stage("Offer", "open", 0.4, 10, fields=["value"]),
        _stage("Negotiation", "open", 0.6, 14, fields=["value", "expected_close_on"]), _stage("Contract", "open", 0.9, 7), _stage("Won", "won", 1), _LOST,
    )),
    "empty": ReadyMade("New pipeline", "one open stage, and the rest is yours", (_stage("New", "open", 0.1), _stage("Won", "won", 1), _LOST)),
}  # fmt: skip
