"""`serve`: UI, API and one supervised worker."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    @app.command()
    def serve(
        host: Annotated[str | None, typer.Option(help="The address to bind; CRM_HOST or 127.0.0.1.")] = None,
        port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port; CRM_PORT or 8501.")] = None,
        demo: Annotated[bool | None, typer.Option("--demo/--no-demo", help="Fill an empty database with a demo organisation.")] = None,
        no_worker: Annotated[bool, typer.Option("--no-worker", help="Start no worker; run `python -m crm worker` yourself.")] = False,
    ) -> None:
        """Serve UI and API, with one worker beside it. Ctrl+C stops both."""
        _override(CRM_HOST=host, CRM_PORT=port, CRM_DEMO=None if demo is None else int(demo))
        run(with_worker=not no_worker)


def _override(**given: Any) -> None:
    """Options win over the environment, for this process and the worker it starts."""
    from crm import settings

    os.environ.update({name: str(value) for name, value in given.items() if value is not None})
    settings.current.cache_clear()


def run(*, with_worker: bool) -> None:
    """Serve until a signal. Raises `CrmError` before anything listens."""
    from crm import logs, settings
    from crm.web import start

    now = settings.current()
    logs.set_up()
    _refuse_a_port_in_use(start.bind_address(now), now.port)
    # A plain SIGTERM would end the process without Python's own end, and the embedded database would stay behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    start.options.with_worker, start.options.is_by_command = with_worker, True
    start.prepare()
    _serve(start.bind_address(now), now.port)


def _serve(host: str, port: int) -> None:
    import uvicorn
    from streamlit import config

    import serve as asgi  # the module at the repository's root
    from crm.web.frames import GatheringProtocol

    config.set_option("server.port", port)
    config.set_option("server.address", host)
    config.set_option("server.headless", True)
    uvicorn.run(
        asgi.app, host=host, port=port, ws=GatheringProtocol, ws_ping_interval=30, ws_ping_timeout=30, ws_max_size=50 * 1024 * 1024,
        log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3,
    )  # fmt: skip


def _refuse_a_port_in_use(host: str, port: int) -> None:
    import socket

    from crm.errors import BadSetting

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadSetting(f"CRM_HOST {host} and CRM_PORT {port} cannot be used: {error.strerror}. Choose another with --port.") from None
