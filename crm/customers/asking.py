"""Asking for a reading of production: from any door, as often as one likes, and it runs once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from crm.access import Person, as_system
from crm.customers.mirror_state import MirrorState, mirror_state
from crm.customers.rules import MIRROR_MINUTES
from crm.db import queue
from crm.errors import Invalid, Refused

DIFFERENCE, FULL = "sync_orders", "sync_orders_fully"
TURNS = "sync_orders"
"""Jobs of both kinds run one after the other."""
ASKING_LOCK = 7_261_500_418
NOT_CONNECTED = "No production is connected, so there are no orders to read. An admin can set METABASE_URL and METABASE_API_KEY and start again."


def ask_for_sync(person: Person, *, by_hand: bool = False, is_full: bool = False) -> bool:
    """Whether a reading of production was asked for now, in the background.

    Screens call it when somebody looks; then it asks only where the mirror is older than a few minutes and nothing was tried
    since. `by_hand` asks at once, `is_full` (by admins) for everything. Where one waits or runs already there is nothing to ask.
    By hand, raises `Refused` without the grant and `Invalid` where no production is connected; otherwise nobody is told.
    """
    if by_hand:
        person.require(*(("settings", "configure") if is_full else ("customer", "view")))
        person.refuse_if_viewed()
        if person.is_read_only:
            raise Refused("This key may only read. Make one that may write under My account.", grant="a key that may write")
    if person.is_viewed:  # whoever looks as somebody else leaves no trace in their name
        return False
    with as_system() as session:
        state = mirror_state(session)
        if not state.is_configured:
            if by_hand:
                raise Invalid(NOT_CONNECTED)
            return False
        if not by_hand and (not person.may("customer", "view") or not _is_due(state)):
            return False
        session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ASKING_LOCK})  # 30 tabs at once go through here one by one
        if queue.is_asked(session, FULL) or (not is_full and (queue.is_asked(session, DIFFERENCE) or mirror_state(session).running is not None)):
            return False
        if not by_hand and not _is_due(mirror_state(session)):
            return False
        queue.ask(session, FULL if is_full else DIFFERENCE, lock=TURNS, asked_by_id=person.id or None)
        return True


def _is_due(state: MirrorState) -> bool:
    """Old, and not tried a moment ago: a production that is down is not asked again by every tab that opens."""
    tried_at = max((run.started_at for run in (state.failed, state.last_good) if run), default=None)
    return state.running is None and state.is_old and (tried_at is None or state.at - tried_at > timedelta(minutes=MIRROR_MINUTES))
