"""The labels of a choice's options."""

from __future__ import annotations

from raypose.space.traverse import as_written
from raypose.space.tree import Mapping, Node, Scalar, Sequence, compact


def labels(options: Sequence) -> list[str]:
    """The labels of options as read, in the file's order; repeats get `_2`, `_3`."""
    found: list[str] = []
    for item in options.items:
        found.append(_unique(_label(item), found))
    return found


def is_word(node: Node) -> bool:
    """Whether a node can be a label."""
    return isinstance(node, Scalar) and node.written not in (None, "")


def _label(item: Node) -> str:
    """`label:`, else `type`, else `constructor`, else the value as compact JSON."""
    own = item.entries if isinstance(item, Mapping) else {}
    fixed = own.get("fixed") if not own.keys() - {"fixed", "label"} else None
    inner = fixed.entries if isinstance(fixed, Mapping) else own
    for entries, key in ((own, "label"), (inner, "type"), (inner, "constructor")):
        node = entries.get(key)
        if isinstance(node, Scalar) and is_word(node):
            return node.written if isinstance(node.written, str) else compact(node.written)
    return compact(as_written(item if fixed is None else fixed))


def _unique(label: str, taken: list[str]) -> str:
    candidate, number = label, 1
    while candidate in taken:
        number += 1
        candidate = f"{label}_{number}"
    return candidate
