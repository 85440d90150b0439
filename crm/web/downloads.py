"""Files that leave the app: made before, fetched by the person who asked for them, with their cookie, once.

Nothing of it passes through `/media`, which Streamlit shows to whoever knows the address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from crm.access import sessions
from crm.errors import CrmError
from crm.exports import handing
from crm.web import cookie

PATH = "/download/"
PART_BYTES = 64 * 1024


async def fetch(request: Request) -> Response:
    """The file behind a one-time address; 401 without a sign-in, 404 for whatever is not theirs, used or old."""
    if request.method != "GET":  # a look at the headers must not use it up
        return PlainTextResponse("Fetch it with GET.", 405)
    signed_in = await to_thread.run_sync(sessions.find, cookie.token_in(request.cookies))
    if signed_in is None:
        return PlainTextResponse("Sign in first.", 401)
    try:
        file = await to_thread.run_sync(handing.fetch, request.path_params["token"], signed_in.person)
    except CrmError as error:
        return PlainTextResponse(str(error), error.status)
    headers = {"content-disposition": f'attachment; filename="{file.name}"', "content-length": str(file.size_bytes), "cache-control": "no-store"}
    return StreamingResponse(_parts(file.content), media_type=file.media_type, headers=headers)


def _parts(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        while part := content.read(PART_BYTES):
            yield part
