"""What the audit calls things: kinds of events in groups that people look for, and which records shape the work."""

from __future__ import annotations

from collections.abc import Mapping

import crm.records  # noqa: F401 - registers every kind of record
from crm.changes.records import RecordType, registered

WORK = ("lead", "company", "contact", "activity", "alert", "view", "template")
"""Resources that teams work with all day; a change of any other kind of record shapes the work, and belongs to the audit."""

SHAPING, SIGN_INS, REFUSED, SECRETS, KEYS, DATA, VIEWS = "shaping", "sign-ins", "refused", "secrets", "keys", "data", "views"
GROUPS: Mapping[str, str] = {
    SHAPING: "Configuration", SIGN_INS: "Sign-ins", REFUSED: "Failed sign-ins", SECRETS: "Passwords and links", KEYS: "API keys",
    DATA: "Exports and imports", VIEWS: "Looked as somebody",
}  # fmt: skip
KINDS: Mapping[str, tuple[str, str]] = {
    "session.started": (SIGN_INS, "Signed in"), "session.ended": (SIGN_INS, "Signed out"), "session.refused": (REFUSED, "Failed to sign in"),
    "password.changed": (SECRETS, "Changed their password"), "password.reset": (SECRETS, "Set a password by a link"), "link.made": (SECRETS, "Made a link"),
    "invitation.made": (SECRETS, "Invited"), "invitation.withdrawn": (SECRETS, "Withdrew the invitation of"),
    "invitation.accepted": (SECRETS, "Chose their first password"),
    "key.created": (KEYS, "Made an API key"), "key.revoked": (KEYS, "Revoked an API key"), "key.first_used": (KEYS, "First used an API key"),
    "exported": (DATA, "Exported"), "imported": (DATA, "Imported"),
    "view_as.started": (VIEWS, "Began to look as"), "view_as.ended": (VIEWS, "Stopped looking as"),
    "person.placed": (SHAPING, "Changed teams and roles of"), "person.disabled": (SHAPING, "Disabled"), "person.enabled": (SHAPING, "Enabled"),
    "person.set_up": (SHAPING, "Set up the first admin"), "order_lens_connected": (SHAPING, "Connected production"),
    "configuration.applied": (SHAPING, "Applied a draft"),
}  # fmt: skip


def label(kind: str) -> str:
    """ "Signed in"; a kind that nobody has named here yet is shown as it is called."""
    return KINDS[kind][1] if kind in KINDS else kind.replace("_", " ").replace(".", ": ").capitalize()


_BETWEEN: Mapping[str, str] = {"session.refused": " as ", "link.made": " for ", "configuration.applied": ": ", "order_lens_connected": ""}


def sentence(kind: str, subject: str) -> str:
    """ "Made a link for Ana", "Exported audit"; without a subject, the label alone."""
    between = _BETWEEN.get(kind, " ")
    return f"{label(kind)}{between}{subject}" if subject and between else label(kind)


def kinds_of(group: str) -> tuple[str, ...]:
    return tuple(kind for kind, (of, _) in KINDS.items() if of == group)


def shaping_types() -> Mapping[str, RecordType]:
    """Every kind of record whose changes belong to the audit."""
    return {kind.name: kind for kind in registered() if kind.resource not in WORK}
