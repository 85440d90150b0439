"""`/api/docs`: the OpenAPI document as one plain page. Nothing is loaded from elsewhere and no script runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from crm.api import problems
from crm.api.problems import type_of
from crm.errors import BadSetting, CrmError

STYLE = Path(__file__).with_name("docs.css").read_text()
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Throughline API</title><link rel="stylesheet" href="/api/docs.css"></head><body>"""


def page(document: Mapping[str, Any]) -> str:
    """The whole page for an OpenAPI document."""
    schemas = document["components"]["schemas"]
    groups = [_group(tag, list(_operations(document, tag["name"]))) for tag in document["tags"]]
    contents = "".join(f'<li><a href="#{tag["name"]}">{tag["name"].capitalize()}</a></li>' for tag in document["tags"])
    return "".join([
        _HEAD,
        f'<nav><h1>Throughline API</h1><p>Version {escape(document["info"]["version"])} · <a href="/api/openapi.json">OpenAPI</a></p>',
        f'<ul>{contents}<li><a href="#problems">Problems</a></li><li><a href="#shapes">Shapes</a></li></ul></nav><main>',
        *(f"<p>{_marked(part)}</p>" for part in document["info"]["description"].split("\n\n")),
        '<pre>curl -H "Authorization: Bearer $KEY" https://crm.example.com/api/v1/leads?owner=me</pre>',
        *groups,
        _problems(),
        _shapes(schemas),
        "</main></body></html>",
    ])  # fmt: skip


def _operations(document: Mapping[str, Any], tag: str) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _group(tag: Mapping[str, str], operations: list[tuple[str, str, Mapping[str, Any]]]) -> str:
    parts = "".join(_operation(method, path, operation) for method, path, operation in operations)
    return f'<h2 id="{tag["name"]}">{tag["name"].capitalize()}</h2><p>{_marked(tag["description"])}</p>{parts}'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    title = f'<summary><span class="method {method.lower()}">{method}</span> <code>/api{escape(path)}</code></summary>'
    parts = [f"<p>{_marked(operation.get('description', ''))}</p>"]
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(p['name'])}</code></td><td>{p['in']}{', required' if p.get('required') else ''}</td>"
            f"<td>{_kind(p['schema'])}</td><td>{_marked(p.get('description') or p['schema'].get('description', ''))}</td></tr>"
            for p in parameters
        )
        parts.append(f"<h4>Parameters</h4><table>{rows}</table>")
    if body := operation.get("requestBody"):
        content = body["content"]["application/json"]
        parts.append(f"<h4>Body</h4><p>{_kind(content['schema'])}</p>{_example(content)}")
    rows = ""
    for status, reply in operation["responses"].items():
        shape = "".join(_kind(given["schema"]) for given in reply.get("content", {}).values())
        rows += f"<tr><td>{status}</td><td>{_marked(reply['description'])}</td><td>{shape}</td></tr>"
    parts.append(f"<h4>Answers</h4><table>{rows}</table>")
    examples = [_example(given) for reply in operation["responses"].values() for given in reply.get("content", {}).values()]
    return f'<details id="{operation["operationId"]}">{title}{"".join(parts)}{"".join(examples)}</details>'


def _example(content: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(content['example'], indent=2, ensure_ascii=False))}</pre>" if "example" in content else ""


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words; a shape of its own as a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#shape-{name}">{name}</a>'
    for either in ("anyOf", "oneOf"):
        if either in schema:
            return " or ".join(_kind(part) for part in schema[either])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything"))


def _problems() -> str:
    rows = "".join(_problem(kind) for kind in sorted(_errors(CrmError), key=lambda kind: kind.status))
    words = "Each answer that is not a success is a problem with `type`, `title`, `status` and `detail`, and with more where it helps."
    return f'<h2 id="problems">Problems</h2><p>{_marked(words)}</p><table>{rows}</table>'


def _problem(kind: type[CrmError]) -> str:
    words = (kind.__doc__ or "").strip().splitlines() or [""]
    return f'<tr id="{type_of(kind).split("#")[1]}"><td>{kind.status}</td><td>{escape(kind.title)}</td><td>{_marked(words[0])}</td></tr>'


def _errors(kind: type[CrmError]) -> Iterable[type[CrmError]]:
    for found in kind.__subclasses__():
        if found is not BadSetting and found.__module__ in (CrmError.__module__, problems.__name__):
            yield found


def _shapes(schemas: Mapping[str, Any]) -> str:
    return '<h2 id="shapes">Shapes</h2>' + "".join(_shape(name, schema) for name, schema in sorted(schemas.items()))


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = "".join(_field(field, part, is_required=field in required) for field, part in schema.get("properties", {}).items())
    return f'<h3 id="shape-{name}">{name}</h3><p>{_marked(schema.get("description", ""))}</p><table>{rows}</table>'


def _field(name: str, schema: Mapping[str, Any], *, is_required: bool) -> str:
    optional = "" if is_required else " <small>optional</small>"
    return f"<tr><td><code>{escape(name)}</code>{optional}</td><td>{_kind(schema)}</td><td>{_marked(schema.get('description', ''))}</td></tr>"


def _marked(words: str) -> str:
    """Escaped, with `code` between backticks."""
    parts = escape(words, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
