"""One tree laid over another, both as read."""

from __future__ import annotations

from typing import Any

from raypose.space.forms import form
from raypose.space.traverse import as_written
from raypose.space.tree import Mapping, Node


def merge(under: Node, over: Node) -> Node:
    """`over` with what only `under` has: mappings merge key by key, all else is replaced.

    Replaced are also dimensions, refs and what is fixed, and components with another `type` (without one, another
    `constructor`).
    """
    if not isinstance(under, Mapping) or not isinstance(over, Mapping) or _replaces(under.entries, over.entries):
        return over
    own = {key: merge(under.entries[key], node) if key in under.entries else node for key, node in over.entries.items()}
    return Mapping(over.mark, {**under.entries, **own}, {**under.key_marks, **over.key_marks})


def _replaces(under: dict[Any, Node], over: dict[Any, Node]) -> bool:
    if form(under) or form(over):
        return True
    key = next((key for key in ("type", "constructor") if key in over), None)
    if key is None or (key == "constructor" and "type" in under):
        return False
    other = under.get("type", under.get("constructor"))
    return other is not None and as_written(other) != as_written(over[key])
