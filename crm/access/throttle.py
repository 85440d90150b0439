"""How often somebody may try to sign in, so that guessing is hopeless and nobody can be locked out by a stranger.

Three counts over the last hour, each with a wait that doubles from 30 seconds to 15 minutes:

* the name from this address: five tries are free. It is the only count that can keep a person waiting at an address
  they have signed in from before, and only that address feeds it.
* the address, whatever the names: fifty are free. It stops one password tried on many names. It does not hold for a
  person at an address they know, so one colleague's (or one stranger's in the same building) tries never keep the rest out.
* the name, whatever the addresses: past twenty, an address this person has never signed in from gets one free try
  instead of five. It slows guessing from many addresses down, and the person themselves, at a new address, still gets in
  with the first right try. There is deliberately no limit for a name as such: that would be a lock anybody could turn.

An IPv6 caller is their /64 network, since one machine has all of it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.clock import now
from crm.errors import TooMany

WINDOW = timedelta(hours=1)
FREE_FOR_PAIR = 5
FREE_FOR_STRANGER_TO_A_HUNTED_NAME = 1
FREE_FOR_ADDRESS = 50
HUNTED_FROM = 20
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tries:
    """Failed tries in the window, and when the last one was."""

    of_pair: int = 0
    of_pair_last: datetime | None = None
    of_address: int = 0
    of_address_last: datetime | None = None
    of_name: int = 0
    is_known_address: bool = False


def wait_after(failures: int, free: int) -> timedelta:
    """How long to wait after that many failures: nothing within the free ones, then doubling."""
    if failures < free:
        return timedelta(0)
    doublings: int = 2 ** min(failures - free, 16)
    return min(FIRST_WAIT * doublings, LONGEST_WAIT)


def open_at(tries: Tries) -> datetime | None:
    """When the next try is allowed; None when it never was in doubt."""
    is_hunted = tries.of_name >= HUNTED_FROM and not tries.is_known_address
    moments = []
    if tries.of_pair_last:
        moments.append(tries.of_pair_last + wait_after(tries.of_pair, FREE_FOR_STRANGER_TO_A_HUNTED_NAME if is_hunted else FREE_FOR_PAIR))
    if tries.of_address_last and not tries.is_known_address:
        moments.append(tries.of_address_last + wait_after(tries.of_address, FREE_FOR_ADDRESS))
    return max(moments, default=None)


def network_of(address: str) -> str:
    """The address as it is counted: IPv4 as it is, IPv6 by its /64; whatever else as written."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))


_COUNT = text("""
    select
        count(*) filter (where email = :email and address = :address) as of_pair,
        max(at) filter (where email = :email and address = :address) as of_pair_last,
        count(*) filter (where address = :address) as of_address,
        max(at) filter (where address = :address) as of_address_last,
        count(*) filter (where email = :email) as of_name
    from crm.sign_in_attempts
    where (email = :email or address = :address) and at > :since
""")


def admit(session: Session, *, email: str, address: str, known_addresses: set[str]) -> None:
    """Count this try as failed until `forgive` says otherwise, or raise `TooMany`. Runs as the system role.

    The lock makes tries from one address take their turn, so a burst cannot pass the count together.
    """
    moment = now()
    session.execute(text("select pg_advisory_xact_lock(hashtextextended('sign-in ' || :address, 0))"), {"address": address})
    row = session.execute(_COUNT, {"email": email, "address": address, "since": moment - WINDOW}).one()
    opens = open_at(Tries(row.of_pair, row.of_pair_last, row.of_address, row.of_address_last, row.of_name, address in known_addresses))
    if opens and opens > moment:
        seconds = int((opens - moment).total_seconds()) + 1
        raise TooMany(f"Too many tries. Wait {_in_words(seconds)}, then try again.", retry_after_seconds=seconds)
    session.execute(
        text("insert into crm.sign_in_attempts (email, address, at) values (:email, :address, :now)"), {"email": email, "address": address, "now": moment}
    )


def forgive(session: Session, *, email: str, address: str) -> None:
    """The right password: this name starts afresh at this address."""
    session.execute(text("delete from crm.sign_in_attempts where email = :email and address = :address"), {"email": email, "address": address})


def _in_words(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
