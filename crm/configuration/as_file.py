"""The configuration as one readable file, and a file as a draft of what it would change: written and read again, it changes nothing.

A file speaks only of what it names: a team, pipeline, role or place of fields that it leaves out stays as it is. Of a pipeline that it names the
stages in the file are all there are, of a role the grants, of a place the fields. Other words add sections of their own to `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import yaml
from sqlalchemy.orm import Session

from crm.access import Person, acting_as
from crm.configuration import field_file, pipeline_file, role_file
from crm.configuration.drafts import Draft, DraftEdit
from crm.configuration.yaml_reading import mapping, read
from crm.errors import Invalid

KIND, FILE_NAME = "configuration", "throughline.yaml"
FORMAT = 1
SUBJECT = "file"
HEAD = """# Throughline: how teams shape their work. Change it, read it in again, and look at what it comes to before you apply it.
# What the file leaves out stays as it is. Of a pipeline, a role or a list of fields that it names, this is all there is, in its order.
# To give a stage another name, say what it was: {stage: First call, was: Contacted}. Otherwise the old one is removed, and a new one made.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the file: what stands under its name, and the edits that make it so."""

    write: Callable[[Session], Any]
    read: Callable[[Session, Any], Sequence[DraftEdit]]


def write_file(session: Session) -> str:
    """Everything that the person may configure, as YAML."""
    document: dict[str, Any] = {"throughline": FORMAT}
    for name, section in SECTIONS.items():
        if written := section.write(session):
            document[name] = written
    return f"{HEAD}{yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)}"


def check(person: Person, _wanted: Mapping[str, Any]) -> None:
    """Whoever shapes nothing gets a file of nothing: there is no grant to ask for."""


def write_download(person: Person, _wanted: Mapping[str, Any], file: IO[str], _told: Callable[[int], None]) -> tuple[int, dict[str, Any]]:
    """Write what the person may shape as of now; answers that it has no rows, and what the audit says of it."""
    with acting_as(person) as session:
        file.write(write_file(session))
    return 0, {"subject": KIND}


def read_file(session: Session, content: str | bytes) -> Draft:
    """The differences between the file and what stands, as a draft that nobody has kept yet. Raises `Invalid` with what is wrong."""
    document = mapping(read(content), "The file")
    if document.pop("throughline", None) != FORMAT:
        raise Invalid(f"The file does not begin with “throughline: {FORMAT}”: it is none of ours, or of another release.")
    if unknown := document.keys() - SECTIONS.keys():
        raise Invalid(f"“{min(unknown)[:60]}” is not a part of the configuration. Take some of: {', '.join(SECTIONS)}.")
    edits = [edit for name, given in document.items() for edit in SECTIONS[name].read(session, given)]
    return Draft(SUBJECT, "Configuration from a file", tuple(edits))


SECTIONS: dict[str, Section] = {
    "teams": Section(pipeline_file.write, pipeline_file.read),
    "fields": Section(field_file.write, field_file.read),
    "roles": Section(role_file.write, role_file.read),
}
