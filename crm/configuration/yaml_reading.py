"""YAML from outside, read with suspicion: plain values only, each key once, no aliases, not too large and not too deep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import yaml

from crm.errors import Invalid
from crm.letters import legible

LARGEST_BYTES = 500_000
DEEPEST = 12


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # without annotations
    """No aliases: a few hundred bytes of them stand for gigabytes."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):  # type: ignore[no-untyped-call]
            raise Invalid(f"Line {_line(self)}: write it out, aliases (*name) are not read.")
        self.depth += 1
        if self.depth > DEEPEST:
            raise Invalid(f"Line {_line(self)}: this is nested too deeply.")
        found: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[no-untyped-call]
        self.depth -= 1
        return found

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                raise Invalid(f"Line {key.start_mark.line + 1}: a name is expected here.")
            if key.value in seen:
                raise Invalid(f"Line {key.start_mark.line + 1}: “{key.value[:60]}” stands here twice.")
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def _line(loader: _Loader) -> int:
    return int(loader.peek_event().start_mark.line) + 1  # type: ignore[no-untyped-call]


def read(content: str | bytes) -> Any:
    """Its plain values. Raises `Invalid` with the line that is wrong."""
    given = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(given) > LARGEST_BYTES:
        raise Invalid(f"The file is too large: up to {LARGEST_BYTES // 1000:,} kB are read.")
    try:
        return yaml.load(given.decode("utf-8-sig"), _Loader)  # noqa: S506 - a SafeLoader that takes even less
    except UnicodeDecodeError:
        raise Invalid("The file is not text in UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Invalid(f"Line {mark.line + 1 if mark else '?'}: this is not YAML ({error.problem or 'it ends too early'}).") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise Invalid("The file is not YAML that can be read.") from None


def mapping(given: Any, where: str) -> dict[str, Any]:
    """A mapping whose keys are text. Raises `Invalid`."""
    if not isinstance(given, dict):
        raise Invalid(f"{where}: names with what belongs to them are expected.")
    for key in given:
        if not isinstance(key, str):
            raise Invalid(f"{where}: “{key}” is read as something else than a name. Put it in quotes.")
    return given


def sequence(given: Any, where: str) -> list[Any]:
    """A list. Raises `Invalid`."""
    if not isinstance(given, list):
        raise Invalid(f"{where}: a list is expected.")
    return given


def words(given: Any, where: str) -> str:
    """Text that is not empty, as a name is kept. Raises `Invalid`."""
    if not isinstance(given, str) or not (found := legible(given)):
        raise Invalid(f"{where}: text is expected. Put what looks like a number, a date, yes or no in quotes.")
    return found


def number(said: Mapping[str, Any], name: str, where: str, otherwise: float) -> float:
    """The number under `name`. Raises `Invalid`."""
    found = said.get(name, otherwise)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not -1e9 < found < 1e9:
        raise Invalid(f"{where}: {name} takes a number.")
    return found


def flag(said: Mapping[str, Any], name: str, where: str) -> bool:
    """Yes or no; no, when nothing is said. Raises `Invalid`."""
    found = said.get(name, False)
    if not isinstance(found, bool):
        raise Invalid(f"{where}: {name} takes yes or no.")
    return found


def plain(given: Any, where: str) -> Any:
    """A value as JSON keeps it: a day becomes its text. Raises `Invalid`."""
    if isinstance(given, (list, tuple)):
        return [plain(each, where) for each in given]
    if isinstance(given, dict):
        return {words(key, where): plain(value, where) for key, value in given.items()}
    if isinstance(given, (date, datetime)):
        return given.isoformat()
    if given is None or isinstance(given, (bool, str)) or (isinstance(given, (int, float)) and -1e15 < given < 1e15):
        return given
    raise Invalid(f"{where}: this value cannot be read. Put it in quotes.")


def known_parts(given: Mapping[str, Any], known: Collection[str], where: str, what: str) -> None:
    """Raises `Invalid` for a part that there is not."""
    if unknown := given.keys() - set(known):
        raise Invalid(f"{where}: “{min(unknown)[:60]}” is not something that {what} has here. Take some of: {', '.join(known)}.")


def team_of(name: str, ids: Mapping[str, int]) -> int:
    """The team's id, upper and lower case aside. Raises `Invalid`."""
    found = {known.lower(): team_id for known, team_id in ids.items()}.get(name.strip().lower())
    if found is None:
        raise Invalid(f"There is no team “{name[:60]}”. Add it first, or leave it out of the file.")
    return found
