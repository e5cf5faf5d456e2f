"""A tree as read -> a search space: dimensions, labels, names, variables, paths."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from raypose.errors import Problem, RayPoseError
from raypose.space.forms import form
from raypose.space.kinds import KINDS, Number, broken_rule, ends
from raypose.space.labels import is_word, labels
from raypose.space.reading.scalars import expanded
from raypose.space.refs import link
from raypose.space.traverse import as_written, descend
from raypose.space.tree import Choice, Dimension, Mapping, Node, Option, Range, Ref, Scalar, Sequence, Unread, compact


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
    tree, more = link(tree)
    return tree, builder.problems + more


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
        kind = form(node.entries)
        if kind in KINDS:
            return self.range(node, kind, ".".join(path))
        if kind == "choice":
            return self.choice(node, path, key)
        if kind == "ref":
            return self.ref(node)
        if kind == "fixed":
            return self.literal(node.entries["fixed"], key)
        entries = {k: self.node(child, (*path, str(k)), k) for k, child in node.entries.items()}
        return Mapping(node.mark, entries, node.key_marks)

    def scalar(self, node: Scalar, key: Any) -> Node:
        if not self.expand:
            return node
        try:
            return expanded(node, key, self.folder)
        except RayPoseError as error:
            self.problems += error.problems
            return Unread(node.mark)

    def choice(self, node: Mapping, path: tuple[str, ...], key: Any) -> Node:
        options = node.entries["choice"]
        if not isinstance(options, Sequence):
            return self.refuse(options, "`choice` takes a list of options", "bad-choice")
        if not options.items:
            return self.refuse(options, "`choice` needs at least one option, but got []", "empty-choice")
        built = []
        for label, item in zip(labels(options), options.items, strict=True):
            given = item.entries.get("label") if isinstance(item, Mapping) else None
            if given is not None and not is_word(given):
                self.refuse(given, "a label must be a word", "bad-label")
            bare = item.without("label") if isinstance(item, Mapping) else item
            built.append(Option(label, self.node(bare, (*path, label), key)))
        return Choice(node.mark, ".".join(path), "choice", tuple(built))

    def ref(self, node: Mapping) -> Node:
        """A ref whose target is not known yet: see `refs`."""
        named, times = node.entries["ref"], node.entries.get("times")
        if not isinstance(named, Scalar) or not isinstance(named.value, str):
            return self.refuse(named, f"`ref` takes the name of a dimension, but got {_shown(named)}", "bad-ref")
        before = len(self.problems)
        factor = self.node(times, (), None) if times is not None else None
        value = factor.value if isinstance(factor, Scalar) else None
        if times is not None and not _is_finite(value):
            if len(self.problems) == before:
                self.refuse(times, f"`times` takes a finite number, but got {_shown(times)}", "bad-ref")
            return Unread(node.mark)
        return Ref(node.mark, named.value, value, Dimension(node.mark, named.value, "ref"))

    def literal(self, node: Node, key: Any) -> Node:
        """What is `fixed`: no dimensions in it, but variables and paths."""
        if isinstance(node, Mapping):
            entries = {k: self.literal(child, k) for k, child in node.entries.items()}
            return Mapping(node.mark, entries, node.key_marks)
        if isinstance(node, Sequence):
            return Sequence(node.mark, tuple(self.literal(item, key) for item in node.items))
        return self.node(node, (), key)

    def range(self, node: Mapping, kind: str, name: str) -> Node:
        given = node.entries[kind]
        facts = KINDS[kind]
        args = self.numbers(given, kind)
        if args is None:
            return Unread(node.mark)
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
            self.refuse(given, f"`{kind}` takes {names}, but got {_shown(given)}", "bad-range")
            return None
        wanted, what = (int, "integers") if facts.integer else ((int, float), "finite numbers")
        for item in items:
            value = item.value if isinstance(item, Scalar) else None
            if not _is_finite(value, wanted):
                self.refuse(item, f"`{kind}` takes {what}, but got {_shown(item)}", "bad-range")
                return None
        return tuple(item.value for item in items if isinstance(item, Scalar))

    def refuse(self, node: Node, message: str, rule: str, hint: str = "") -> Unread:
        self.problems.append(node.mark.problem(message, rule, hint))
        return Unread(node.mark)


def _is_finite(value: Any, wanted: Any = (int, float)) -> bool:
    return isinstance(value, wanted) and not isinstance(value, bool) and math.isfinite(value)


def _shown(node: Node) -> str:
    return compact(as_written(node))
