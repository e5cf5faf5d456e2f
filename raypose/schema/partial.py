"""What holds for a file with a `base`: what is required may be there, and not in the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raypose.schema.dimensions import PREFIX, SHARED, Schema

SUFFIX = "-in-part"


def in_part(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Variants, with names of their own, of the definitions that demand keys, directly or by what they refer to.

    Example:
        >>> in_part({"a": {"required": ["b"]}, "c": {"items": {"$ref": "#/definitions/a"}}})
        {'a-in-part': {}, 'c-in-part': {'items': {'$ref': '#/definitions/a-in-part'}}}
    """
    changed: set[str] = set()
    own = {name: schema for name, schema in definitions.items() if name not in SHARED}
    while more := {name for name, schema in own.items() if _lenient(schema, changed) != schema} - changed:
        changed |= more
    return {name + SUFFIX: _lenient(own[name], changed) for name in own if name in changed}


def _lenient(schema: Any, changed: set[str]) -> Any:
    """A schema, or what is in one, that demands no keys. Questions stay as they are."""
    if isinstance(schema, list):
        return [_lenient(each, changed) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: part for key, part in schema.items() if not (key == "required" and isinstance(part, list))}
    found = {key: part if key == "if" else _lenient(part, changed) for key, part in kept.items()}
    name = str(schema.get("$ref", "")).removeprefix(PREFIX)
    return {"$ref": PREFIX + name + SUFFIX} if name in changed else found
