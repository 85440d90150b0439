"""Proving who one is: a try to sign in, a new password, links that let somebody set one. Machinery: `as_system`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from crm.access import audit, links, passwords, sessions, throttle
from crm.access.acting import as_system
from crm.clock import now
from crm.errors import Invalid, TooMany

LONGEST_EMAIL = 254


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says they are `email`, from `address`. Unknown and disabled people have nobody's hash and no id."""

    email: str
    address: str
    person_id: int | None
    name: str
    password_hash: str


def claim(email: str, *, address: str) -> Claim:
    """Count the try and look one person up. Raises `TooMany` with `retry_after_seconds`."""
    email = email.strip().lower()[:LONGEST_EMAIL]
    network = throttle.network_of(address)
    with as_system() as session:
        row = session.execute(
            text("""
                select p.id, p.name, c.password_hash
                from crm.people as p
                join crm.credentials as c on c.person_id = p.id
                where p.email = :email and p.disabled_at is null
            """),
            {"email": email},
        ).one_or_none()
        throttle.admit(session, email=email, address=network, known_addresses=_known_addresses(session, row.id) if row else set())
    if row is None:
        return Claim(email, network, None, "", passwords.NOBODYS_HASH)
    return Claim(email, network, row.id, row.name, row.password_hash)


def settle(claimed: Claim, *, is_right: bool) -> str | None:
    """After the hash was checked: a ticket for the session route (30 seconds, once), or None."""
    with as_system() as session:
        if not is_right or claimed.person_id is None:
            subject = f"person {claimed.person_id}" if claimed.person_id else ""
            audit.record(session, "session.refused", person_id=None, subject=subject, address=claimed.address)
            return None
        throttle.forgive(session, email=claimed.email, address=claimed.address)
        return links.issue(session, "ticket", claimed.person_id)


def redeem_ticket(ticket: str, *, address: str, device: str) -> str:
    """A session for the ticket's person; answers the cookie's token. Raises `NotFound`."""
    with links.redeeming(ticket, "ticket") as redeemed:
        assert redeemed.person_id is not None
        return sessions.start(redeemed.session, redeemed.person_id, address=address, device=device)


def set_password(session: Session, person_id: int, password: str) -> None:
    """Keep the hash of a checked new password; nothing else. Runs as the system role. Raises `Invalid`."""
    row = session.execute(text("select email, name from crm.people where id = :id"), {"id": person_id}).one()
    found = passwords.check_new(password, email=row.email, name=row.name)
    set_password_hash(session, person_id, passwords.hashed(found))


def set_password_hash(session: Session, person_id: int, password_hash: str) -> None:
    """Keep a hash made with `passwords.hashed`. Runs as the system role."""
    session.execute(
        text("""
            insert into crm.credentials (person_id, password_hash, changed_at) values (:id, :hash, :now)
            on conflict (person_id) do update set password_hash = excluded.password_hash, changed_at = excluded.changed_at
        """),
        {"id": person_id, "hash": password_hash, "now": now()},
    )


def change_password(person_id: int, *, old: str, new: str, address: str, token: str | None) -> int:
    """One's own password, proved by the old one; every other session ends. Answers how many ended.

    The old one is throttled as signing in is, so an unattended page is no way to guess it.
    """
    with as_system() as session:
        email = session.scalar(text("select email from crm.people where id = :id"), {"id": person_id})
    claimed = claim(str(email), address=address)
    if not passwords.matches(old, claimed.password_hash):
        raise Invalid("The old password is not right. Nothing was changed.", field="old_password")
    with as_system() as session:
        throttle.forgive(session, email=claimed.email, address=claimed.address)
        set_password(session, person_id, new)
        ended = sessions.end_all(session, person_id, but_token=token)
        audit.record(session, "password.changed", person_id=person_id, subject=f"person {person_id}", address=address)
    return ended


def make_reset_link(person_id: int, *, by: int | None) -> str:
    """A secret that lets this person set a password; older ones stop working. Callers check the grant."""
    with as_system() as session:
        token = links.issue(session, "reset", person_id)
        audit.record(session, "link.made", person_id=by, subject=f"person {person_id}")
    return token


def make_invitation(person_id: int, *, by: int | None) -> str:
    """A secret with which somebody new chooses their first password; older ones stop working. Callers check the grant."""
    with as_system() as session:
        token = links.issue(session, "invitation", person_id)
        audit.record(session, "invitation.made", person_id=by, subject=f"person {person_id}")
    return token


def withdraw_invitation(person_id: int, *, by: int | None) -> bool:
    """Whether there was one that could have been used. Callers check the grant."""
    with as_system() as session:
        was_live = bool(links.withdraw(session, "invitation", person_id))
        if was_live:
            audit.record(session, "invitation.withdrawn", person_id=by, subject=f"person {person_id}")
    return was_live


def reset_password(token: str, password: str, *, address: str) -> str:
    """Set the password a reset link stands for; every session of the person ends. Answers a sign-in ticket.

    Raises `NotFound` for a used or old link; `Invalid` leaves the link unused.
    """
    return _choose_password(token, "reset", password, address=address, event="password.reset")


def accept_invitation(token: str, password: str, *, address: str) -> str:
    """The first password of somebody who was invited, as `reset_password` sets one."""
    return _choose_password(token, "invitation", password, address=address, event="invitation.accepted")


def _choose_password(token: str, purpose: links.Purpose, password: str, *, address: str, event: str) -> str:
    with links.redeeming(token, purpose) as redeemed:
        session, person_id = redeemed.session, redeemed.person_id
        if person_id is None or not session.scalar(text("select true from crm.people where id = :id and disabled_at is null"), {"id": person_id}):
            raise Invalid("This person is disabled. Ask an admin.")
        set_password(session, person_id, password)
        sessions.end_all(session, person_id)
        links.withdraw_all(session, person_id)
        audit.record(session, event, person_id=person_id, subject=f"person {person_id}", address=address)
        return links.issue(session, "ticket", person_id)


def _known_addresses(session: Session, person_id: int) -> set[str]:
    """Where this person has signed in from, as long as the session rows are kept (about a month)."""
    found = session.scalars(text("select distinct address from crm.sessions where person_id = :id"), {"id": person_id})
    return {throttle.network_of(address) for address in found}


__all__ = [
    "Claim", "TooMany", "accept_invitation", "change_password", "claim", "make_invitation", "make_reset_link", "redeem_ticket", "reset_password",
    "set_password", "set_password_hash", "settle", "withdraw_invitation",
]  # fmt: skip
