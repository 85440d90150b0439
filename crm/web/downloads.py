"""Files that leave the app: fetched by the person who asked for them, with their cookie, once, and made as they are fetched.

Nothing of it passes through `/media`, which Streamlit shows to whoever knows the address.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from crm.access import Person, downloads, sessions
from crm.audit import export as audit_export
from crm.errors import CrmError, NotFound
from crm.web import cookie

PATH = "/download/"
IN_MEMORY_BYTES = 4 * 1024 * 1024
PART_BYTES = 64 * 1024
Maker = Callable[[Person, Mapping[str, Any], IO[str]], Any]
MAKERS: Mapping[str, tuple[str, Maker]] = {audit_export.KIND: (audit_export.FILE_NAME, audit_export.write_csv)}
"""kind -> (file name, what writes it). Each checks the person's grant itself."""


async def fetch(request: Request) -> Response:
    """The file behind a one-time address; 401 without a sign-in, 404 for whatever is not theirs, used or old."""
    if request.method != "GET":  # a look at the headers must not use it up
        return PlainTextResponse("Fetch it with GET.", 405)
    signed_in = await to_thread.run_sync(sessions.find, cookie.token_in(request.cookies))
    if signed_in is None:
        return PlainTextResponse("Sign in first.", 401)
    try:
        name, file = await to_thread.run_sync(_make, request.path_params["token"], signed_in.person)
    except CrmError as error:
        return PlainTextResponse(str(error), error.status)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(_parts(file), media_type="text/csv; charset=utf-8", headers=headers)


def _make(token: str, person: Person) -> tuple[str, IO[str]]:
    wanted = downloads.redeem(token, person)
    if wanted.kind not in MAKERS:
        raise NotFound("This release cannot make that file.")
    name, write = MAKERS[wanted.kind]
    file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, "w+", encoding="utf-8", newline="")  # noqa: SIM115 - closed when it was sent
    try:
        write(person, wanted.filters, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return name, file


def _parts(file: IO[str]) -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part.encode()
