"""Every kind of file that leaves the app: what may ask for it, what writes it, what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from crm.access import Person
from crm.audit import export as audit_export
from crm.configuration import as_file
from crm.errors import NotFound
from crm.exports import picture
from crm.reports import export as report_export

CSV = "text/csv; charset=utf-8"
YAML = "application/yaml; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Wanted = Mapping[str, Any]
Told = Callable[[int], None]
"""Is told how many rows there are so far."""
Written = tuple[int, Mapping[str, Any]]
"""How many rows, and what the audit says when the file leaves: `subject` and whatever else helps."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`check` raises `Refused` without the grants: as it is asked for, made and handed out. `look_over` raises `Invalid` for a question without sense.

    `write` asks for the grants itself.
    """

    check: Callable[[Person, Wanted], object]
    write: Callable[[Person, Wanted, Any, Told], Written]
    name: Callable[[Wanted], str]
    media_type: str = CSV
    is_text: bool = True
    look_over: Callable[[Session, Wanted], object] | None = None


KINDS: Mapping[str, Kind] = {
    as_file.KIND: Kind(as_file.check, as_file.write_download, lambda _: as_file.FILE_NAME, YAML),
    audit_export.KIND: Kind(audit_export.check, audit_export.write_csv, lambda _: audit_export.FILE_NAME),
    report_export.CSV: Kind(
        report_export.check, report_export.write_csv, partial(report_export.file_name, report_export.CSV), look_over=report_export.look_over
    ),
    report_export.XLSX: Kind(
        report_export.check, report_export.write_xlsx, partial(report_export.file_name, report_export.XLSX), XLSX, is_text=False,
        look_over=report_export.look_over,
    ),
    picture.KIND: Kind(picture.check, picture.write_png, picture.file_name, picture.MEDIA_TYPE, is_text=False, look_over=picture.look_over),
}  # fmt: skip


def kind_named(name: str) -> Kind:
    """`NotFound` for what no release, or an older one, makes."""
    found = KINDS.get(name)
    if found is None:
        raise NotFound("This release cannot make that file.")
    return found
