"""What is below one path goes to an app of its own at once: the middlewares and routes of pages cost more than most of its answers."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Apart:
    """ASGI middleware: `other` answers HTTP requests below `path`, as if it were mounted there."""

    def __init__(self, app: ASGIApp, *, path: str, other: ASGIApp) -> None:
        self.app, self.path, self.other = app, path, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(f"{self.path}/"):
            await self.other({**scope, "root_path": scope.get("root_path", "") + self.path}, receive, send)
        else:
            await self.app(scope, receive, send)
