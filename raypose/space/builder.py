"""A tree as read -> a search space: dimensions, labels, names, variables, paths."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from raypose.errors import Problem
from raypose.space import strings
from raypose.space.kinds import KINDS, Number, broken_rule, ends
from raypose.space.schema import plain
from raypose.space.traverse import as_written, descend
from raypose.space.tree import Choice, Dimension, Mapping, Node, Option, Range, Scalar, Sequence, Written, compact


def build(root: Node, folder: Path, expand: bool = True) -> tuple[Node, list[Problem]]:
    """The search space of a tree, and what is wrong with it."""
    builder = _Builder(folder, expand)
    tree = builder.node(root, (), None)
    seen: set[str] = set()
    for _, node in descend(tree):
        if isinstance(node, Dimension):
            if node.name in seen:
                builder.refuse(node, f"two dimensions have the name '{node.name}'", "duplicate-name")
            seen.add(node.name)
    return tree, builder.problems


class _Builder:
    def __init__(self, folder: Path, expand: bool) -> None:
        self.folder = folder
        self.expand = expand
        self.problems: list[Problem] = []

    def node(self, node: Node, path: tuple[str, ...], key: Any) -> Node:
        """The node with all below it built; `key` is that of the mapping above, for the paths."""
        if isinstance(node, Scalar):
            return self.scalar(node, key)
        if isinstance(node, Sequence):
            items = enumerate(node.items)
            return Sequence(node.mark, tuple(self.node(item, (*path, str(i)), key) for i, item in items))
        if not isinstance(node, Mapping):
            return node
        kind = next(iter(node.entries)) if len(node.entries) == 1 else None
        if kind == "choice":
            return self.choice(node, path, key)
        if kind in KINDS:
            return self.range(node, kind, ".".join(path))
        entries = {k: self.node(child, (*path, str(k)), k) for k, child in node.entries.items()}
        return Mapping(node.mark, entries, node.key_marks)

    def scalar(self, node: Scalar, key: Any) -> Scalar:
        if not isinstance(node.value, str) or not self.expand:
            return node
        try:
            text = strings.expand(node.value, os.environ)
        except KeyError as error:
            hint = f"set it, or write ${{{error.args[0]}:-default}}"
            return self.refuse(node, f"the environment variable {error.args[0]} is not set", "unset-variable", hint)
        except ValueError:
            hint = "write ${NAME} or ${NAME:-default}, or $${ for a literal ${"
            return self.refuse(node, f"'{node.value}' holds a '${{' that names no variable", "bad-variable", hint)
        value = text if node.quoted or text == node.value else plain(text)
        if not isinstance(value, str):
            return Scalar(node.mark, value, node.written, value)
        path = strings.locate(value, key, self.folder)
        moved = path != value and not value.startswith(("~", os.sep))
        portable = strings.escape(f"{self.folder}{os.sep}") + node.written if moved else node.written
        if moved and text == node.value:
            portable = strings.escape(path)
        return Scalar(node.mark, path, node.written, Written(portable) if "${" in portable else portable)

    def choice(self, node: Mapping, path: tuple[str, ...], key: Any) -> Node:
        options = node.entries["choice"]
        if not isinstance(options, Sequence):
            return self.refuse(options, "`choice` takes a list of options", "bad-choice")
        if not options.items:
            return self.refuse(options, "`choice` needs at least one option, but got []", "empty-choice")
        built: list[Option] = []
        for item in options.items:
            label = _unique(self.label(item), {option.label for option in built})
            bare = item.without("label") if isinstance(item, Mapping) else item
            built.append(Option(label, self.node(bare, (*path, label), key)))
        return Choice(node.mark, ".".join(path), "choice", tuple(built))

    def label(self, item: Node) -> str:
        """`label:`, else `type`, else `constructor`, else the value as compact JSON."""
        entries = item.entries if isinstance(item, Mapping) else {}
        given = entries.get("label")
        if given is not None and not (isinstance(given, Scalar) and given.written not in (None, "")):
            self.refuse(given, "a label must be a word", "bad-label")
        for key in ("label", "type", "constructor"):
            node = entries.get(key)
            if isinstance(node, Scalar) and node.written not in (None, ""):
                return node.written if isinstance(node.written, str) else compact(node.written)
        return compact(as_written(item))

    def range(self, node: Mapping, kind: str, name: str) -> Node:
        given = node.entries[kind]
        facts = KINDS[kind]
        args = self.numbers(given, kind)
        if args is None:
            return Scalar(node.mark, None, None, None)
        if broken := broken_rule(facts, args):
            return self.refuse(given, broken, "bad-range")
        return Range(node.mark, name, kind, args, *ends(facts, args))

    def numbers(self, given: Node, kind: str) -> tuple[Number, ...] | None:
        facts = KINDS[kind]
        names = "[low, high, q]" if facts.quantized else "[low, high]"
        before = len(self.problems)
        items = tuple(self.node(item, (), None) for item in given.items) if isinstance(given, Sequence) else ()
        if len(self.problems) > before:
            return None
        counts = (2, 3) if kind == "qrandint" else (3,) if facts.quantized else (2,)  # Ray's qrandint has q=1
        if len(items) not in counts:
            self.refuse(given, f"`{kind}` takes {names}, but got {compact(as_written(given))}", "bad-range")
            return None
        wanted, what = (int, "integers") if facts.integer else ((int, float), "finite numbers")
        for item in items:
            value = item.value if isinstance(item, Scalar) else None
            if not isinstance(value, wanted) or isinstance(value, bool) or not math.isfinite(value):
                self.refuse(item, f"`{kind}` takes {what}, but got {compact(as_written(item))}", "bad-range")
                return None
        return tuple(item.value for item in items if isinstance(item, Scalar))

    def refuse(self, node: Node, message: str, rule: str, hint: str = "") -> Scalar:
        self.problems.append(node.mark.problem(message, rule, hint))
        return Scalar(node.mark, None, None, None)


def _unique(label: str, taken: set[str]) -> str:
    candidate, number = label, 1
    while candidate in taken:
        number += 1
        candidate = f"{label}_{number}"
    return candidate
