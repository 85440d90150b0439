"""One pool per process, as the runtime login. Who may see what is set per transaction by `crm.access`."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from psycopg.types.json import set_json_loads
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from crm import settings
from crm.db import direct, roles


def make_engine(url: URL | str, *, pool_size: int = 20) -> Engine:
    """An engine for the runtime login. Statements are prepared on second use; errors do not repeat what was given to them."""
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=20, pool_timeout=20, pool_pre_ping=False, hide_parameters=True,
        pool_use_lifo=True,  # the connection used last knows most plans
        connect_args={"options": "-c search_path=crm,public -c timezone=UTC", "application_name": "throughline"},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def prepare_early(connection, _record: ConnectionPoolEntry) -> None:  # type: ignore[no-untyped-def]
        connection.prepare_threshold = 2
        set_json_loads(_read_json, connection)

    direct.keep_plans(engine)
    direct.send_in_order(engine)
    return engine


def _read_json(content: str | bytes) -> Any:
    """Most custom fields are empty, and a list has a hundred of them."""
    return {} if content == b"{}" else json.loads(content)


@lru_cache(maxsize=1)
def owner_url() -> str:
    """DATABASE_URL, or the embedded server's (started when it is not running)."""
    given = settings.current().database_url
    if given:
        return given.get_secret_value()
    from crm.db import embedded  # whoever has a server of their own begins without it

    return embedded.start(settings.current().data_dir)


@lru_cache(maxsize=1)
def runtime_engine() -> Engine:
    """This process's engine, as the login that owns nothing."""
    return make_engine(roles.login_url(settings.current(), owner_url()))


@lru_cache(maxsize=1)
def role_names() -> roles.DbRoles:
    from sqlalchemy import make_url

    return roles.DbRoles(roles.installation_of(settings.current(), make_url(owner_url())))
