"""Passwords: bcrypt, which reads no more than 72 bytes. Nobody's name costs a hash too, so timing tells nothing."""

from __future__ import annotations

import bcrypt

from crm.errors import Invalid

SHORTEST = 10
LONGEST_BYTES = 72

# The hash of a random password that was thrown away, at the same cost as everybody's.
NOBODYS_HASH = "$2b$12$BcJOBwOgugSxcCbK9NkAHu1mOqraEPa9mq8OHl3JyOqCQDHQoNTTq"


def cleaned(password: str) -> str:
    """The password as it is hashed: the sign-in form strips spaces at both ends, so every other door does."""
    return password.strip()


def is_too_long(password: str) -> bool:
    return len(cleaned(password).encode()) > LONGEST_BYTES


def check_new(password: str, *, email: str = "", name: str = "") -> str:
    """A new password, cleaned. Raises `Invalid` in words that say what it needs."""
    found = cleaned(password)
    if len(found) < SHORTEST:
        raise Invalid(f"A password needs at least {SHORTEST} characters. A few words in a row are easy to keep in mind.", field="password")
    if is_too_long(found) or "\x00" in found:
        raise Invalid(f"A password can have up to {LONGEST_BYTES} bytes: {LONGEST_BYTES} plain letters, fewer in other scripts.", field="password")
    if len(set(found)) < 4 or found.lower() in {email.lower(), name.lower(), email.split("@")[0].lower()}:
        raise Invalid("This password is too easy to guess. Take a few words that do not belong together.", field="password")
    return found


def hashed(password: str) -> str:
    """bcrypt of a password that `check_new` let through."""
    return bcrypt.hashpw(cleaned(password).encode(), bcrypt.gensalt()).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password; costs one hash in any case."""
    is_possible = password_hash is not None and not is_too_long(password)
    candidate = cleaned(password).encode() if is_possible else b""
    return bcrypt.checkpw(candidate, (password_hash if is_possible and password_hash else NOBODYS_HASH).encode()) and is_possible
