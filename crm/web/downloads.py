"""Files that leave the app: fetched by the person who asked for them, with their cookie, once, and made as they are fetched.

Nothing of it passes through `/media`, which Streamlit shows to whoever knows the address.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from crm.access import Person, downloads, sessions
from crm.audit import export as audit_export
from crm.configuration import as_file
from crm.errors import CrmError, NotFound
from crm.reports import export as report_export
from crm.web import cookie

PATH = "/download/"
IN_MEMORY_BYTES = 4 * 1024 * 1024
PART_BYTES = 64 * 1024
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Maker:
    """What writes a kind of file, and checks the person's grant itself. `name`: what it is called, by what it was asked for."""

    write: Callable[[Person, Mapping[str, Any], Any], Any]
    name: Callable[[Mapping[str, Any]], str]
    media_type: str = CSV
    is_text: bool = True


MAKERS: Mapping[str, Maker] = {
    as_file.KIND: Maker(as_file.write_download, lambda _: as_file.FILE_NAME, "application/yaml; charset=utf-8"),
    audit_export.KIND: Maker(audit_export.write_csv, lambda _: audit_export.FILE_NAME),
    report_export.CSV: Maker(report_export.write_csv, partial(report_export.file_name, report_export.CSV)),
    report_export.XLSX: Maker(report_export.write_xlsx, partial(report_export.file_name, report_export.XLSX), XLSX, is_text=False),
}


async def fetch(request: Request) -> Response:
    """The file behind a one-time address; 401 without a sign-in, 404 for whatever is not theirs, used or old."""
    if request.method != "GET":  # a look at the headers must not use it up
        return PlainTextResponse("Fetch it with GET.", 405)
    signed_in = await to_thread.run_sync(sessions.find, cookie.token_in(request.cookies))
    if signed_in is None:
        return PlainTextResponse("Sign in first.", 401)
    try:
        maker, name, file = await to_thread.run_sync(_make, request.path_params["token"], signed_in.person)
    except CrmError as error:
        return PlainTextResponse(str(error), error.status)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(_parts(file), media_type=maker.media_type, headers=headers)


def _make(token: str, person: Person) -> tuple[Maker, str, IO[Any]]:
    wanted = downloads.redeem(token, person)
    if wanted.kind not in MAKERS:
        raise NotFound("This release cannot make that file.")
    maker = MAKERS[wanted.kind]
    how = {"mode": "w+", "encoding": "utf-8", "newline": ""} if maker.is_text else {"mode": "w+b"}
    file: IO[Any] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, **how)  # type: ignore[call-overload]  # noqa: SIM115 - closed when it was sent
    try:
        maker.write(person, wanted.filters, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return maker, maker.name(wanted.filters), file


def _parts(file: IO[Any]) -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part.encode() if isinstance(part, str) else part
