"""Decisions about the organisation's own facts: no session, no clock."""

from __future__ import annotations

from crm.errors import Invalid


def read_market(given: str) -> str:
    """The country code in the one form it is kept in. Raises `Invalid`."""
    code = given.strip().upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise Invalid(f"“{given[:63]}” is not a market: write its two-letter country code, such as AE.", field="market")
    return code
