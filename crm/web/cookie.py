"""The session cookie: HttpOnly, SameSite=Lax, Secure where people come over https. Only the server ever reads it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from crm.access.sessions import LIFETIME
from crm.settings import Settings, current


def is_secure(settings: Settings) -> bool:
    return settings.address.startswith("https://")


def name(settings: Settings | None = None) -> str:
    """`__Host-` ties the cookie to this very host; over plain http the port keeps two installations on one host apart."""
    settings = settings or current()
    return "__Host-throughline" if is_secure(settings) else f"throughline_{settings.port}"


def token_in(cookies: Mapping[str, str]) -> str | None:
    return cookies.get(name()) or None


def put(response: Response, token: str) -> None:
    response.set_cookie(name(), token, max_age=int(LIFETIME.total_seconds()), path="/", httponly=True, samesite="lax", secure=is_secure(current()))


def drop(response: Response) -> None:
    response.delete_cookie(name(), path="/", httponly=True, samesite="lax", secure=is_secure(current()))
