"""Decisions about the mirror of production and the leads made of it: no session, no clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

UNCOUNTED = ("cancelled", "canceled", "refunded", "void", "voided", "returned", "rejected", "failed", "chargeback", "charged back")
"""Statuses of orders that are mirrored and shown, but never count as business done."""
KEPT_SHARE = Decimal("0.9")
"""A full answer with a smaller share of what the mirror holds is taken for a part of one."""
OVERLAP = timedelta(days=1)
"""A difference reads so far back before the newest change seen, for rows that were committed late."""
MIRROR_MINUTES = 5
"""A mirror older than this is read anew when somebody looks."""
DOCTOR_MINUTES = 60
"""A mirror older than this has missed several of its regular readings."""
SILENT_MINUTES = 10
"""A run that gave no sign of life for so long is not running any more."""
WRITING = "Writing"
"""How the steps begin in which the mirror changes; before them nothing of a run is kept."""


def is_partial(read: int, held: int) -> bool:
    """Whether a full answer of `read` rows is too small to be all of production, where the mirror holds `held`."""
    return read < held * KEPT_SHARE


def reads_since(seen_until: datetime | None) -> datetime | None:
    """Where a difference begins; None reads everything."""
    return seen_until - OVERLAP if seen_until else None


def reason(orders: int, usd: Decimal | None, days: int, rule: str) -> str:
    """ "3 orders worth $4,120 in the last 120 days (rule: Business customers who order)"."""
    worth = f" worth ${usd:,.0f}" if usd is not None else ""
    return f"{orders:,} {'order' if orders == 1 else 'orders'}{worth} in the last {days:,} days (rule: {rule})"


def lead_name(name: str, external_id: str) -> str:
    """What to call a lead and company of this customer, within what a name may hold."""
    return " ".join(name.split())[:300].strip() or f"Customer {external_id}"[:300]


def within(given: str | None, longest: int = 300) -> str | None:
    """A text that a lead's field takes; nothing in place of one that is too long to be what it says."""
    return given if given and len(given) <= longest else None
