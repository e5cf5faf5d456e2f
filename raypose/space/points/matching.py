"""A partial configuration held against a space, node by node."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

from raypose.errors import Problem, RayPoseError, nearest
from raypose.space.points.options import same, shown, take
from raypose.space.traverse import as_written, branches, children
from raypose.space.tree import Choice, Dimension, Mapping, Mark, Node, Range, Ref, Scalar, Sequence
from raypose.space.walker import cast


class Matcher:
    """Collects the values that dimensions must have, and what cannot be."""

    def __init__(self, tree: Mapping) -> None:
        self.tree = tree
        self.dimensions = {each.name: (each, taken) for taken, each in branches(tree) if isinstance(each, Dimension)}
        self.params: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def whole(self, given: Mapping) -> None:
        """Match a point: full names of dimensions first, since they settle which options are meant."""
        names = [key for key in given.entries if key in self.dimensions and key not in self.tree.entries]
        for name in names:
            dimension, taken = self.dimensions[name]
            for choice, label in taken.items():
                self.assign(choice, label, given.key_marks[name])
            self.match(dimension, given.entries[name], name)
        for key, child in given.entries.items():
            if key in self.tree.entries:
                self.match(self.tree.entries[key], child, str(key))
            elif key not in names:
                known = self.dimensions if "." in str(key) else [*children(self.tree), *self.dimensions]
                self.refuse(given.key_marks[key], f"unknown key '{key}'", "unknown-key", nearest(key, known))

    def match(self, node: Node, given: Node, path: str) -> None:
        """Match one node with what a point says of it."""
        if isinstance(given, (Dimension, Ref)):
            return self.refuse(given.mark, f"a point holds values, but '{path}' is {shown(given)}", "wrong-type")
        if isinstance(node, Ref):
            return self.ref(node, given, path)
        if isinstance(node, Choice):
            return take(self, node, given)
        if isinstance(node, Range):
            return self.range(node, given)
        if isinstance(node, Mapping) and isinstance(given, Mapping):
            return self.mapping(node, given, path)
        if isinstance(node, Sequence) and isinstance(given, Sequence) and len(node.items) == len(given.items):
            for index, (item, value) in enumerate(zip(node.items, given.items, strict=True)):
                self.match(item, value, f"{path}.{index}")
        elif not same(node, given):
            message = f"'{path}' is not searched: it is {shown(node)}, but got {shown(given)}"
            self.refuse(given.mark, message, "fixed-value")
        return None

    def mapping(self, node: Mapping, given: Mapping, path: str) -> None:
        for key, child in given.entries.items():
            if key in node.entries:
                self.match(node.entries[key], child, f"{path}.{key}")
            else:
                hint = nearest(key, children(node))
                self.refuse(given.key_marks[key], f"unknown key '{key}' in '{path}'", "unknown-key", hint)

    def range(self, node: Range, given: Node) -> None:
        try:
            value = cast(node, given.value if isinstance(given, Scalar) else as_written(given))
        except RayPoseError as error:
            return self.refuse(given.mark, error.problems[0].message, error.problems[0].rule)
        return self.assign(node.name, value, given.mark)

    def ref(self, node: Ref, given: Node, path: str) -> None:
        """The value here says what the target's is."""
        before = len(self.problems)
        self.target(node, given, path)
        times = "" if node.times is None else f" times {node.times}"
        why = f"'{path}' is a `ref` to '{node.name}'{times}"
        for index in range(before, len(self.problems)):
            problem = self.problems[index]
            self.problems[index] = replace(problem, hint="; ".join(filter(None, (problem.hint, why))))

    def target(self, node: Ref, given: Node, path: str) -> None:
        """Match what a ref points to with the value that it has where a point gives the ref's."""
        if node.times is None:
            return self.match(node.target, given, path)
        value = given.value if isinstance(given, Scalar) else None
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            return self.refuse(given.mark, f"'{path}' must be a number, but got {shown(given)}", "wrong-type")
        if node.times == 0:
            return None
        origin = float(Decimal(repr(value)) / Decimal(repr(node.times)))
        return self.match(node.target, Scalar(given.mark, origin, origin, origin), path)

    def fresh(self) -> Matcher:
        """One that knows the same so far, to try something."""
        trial = copy(self)
        trial.params, trial.problems = dict(self.params), []
        return trial

    def assign(self, name: str, value: Any, mark: Mark) -> None:
        """Note a dimension's value."""
        known = self.params.setdefault(name, value)
        if known != value if isinstance(known, str) else not math.isclose(known, value, rel_tol=1e-9):
            self.refuse(mark, f"'{name}' cannot be both {known} and {value}", "contradiction")

    def refuse(self, mark: Mark, message: str, rule: str, hint: str = "") -> None:
        self.problems.append(mark.problem(message, rule, hint))
