"""Under which names this server may be asked, and from which pages. Exact: no wildcard, no "same site".

A foreign Host is refused (DNS rebinding), and so is a foreign Origin (cross-site requests and sockets).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from crm.settings import Settings

DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def allowed(settings: Settings) -> dict[str, str]:
    """Host header -> the one Origin a page under that name has."""
    found = dict(_pair("http", host, settings.port) for host in LOOPBACK)
    if not is_wildcard(settings.host):
        found.update([_pair("http", f"[{settings.host}]" if ":" in settings.host else settings.host, settings.port)])
    if settings.base_url:
        parts = urlsplit(settings.base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        found.update([_pair(parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme])])
    return found


def is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pair(scheme: str, host: str, port: int) -> tuple[str, str]:
    netloc = host.lower() if port == DEFAULT_PORTS[scheme] else f"{host.lower()}:{port}"
    return netloc, f"{scheme}://{netloc}"
