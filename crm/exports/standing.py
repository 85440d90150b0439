"""What somebody's roles come to, in one word: a file is for who still holds just what it was made with."""

from __future__ import annotations

import hashlib

from crm.access import Person


def standing_of(person: Person) -> str:
    """The same for as long as none of their places, grants, closed fields or teams below changes; other people's do not matter."""
    places = sorted(
        (m.team_id or 0, m.role_id, sorted(m.reaches), sorted(m.grants.items()), sorted(m.fields.items())) for m in person.memberships
    )  # fmt: skip
    return hashlib.sha256(repr(places).encode()).hexdigest()
