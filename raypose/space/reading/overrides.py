"""`--set path=value`: changes of a tree as read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from raypose.errors import Problem, RayPoseError, nearest
from raypose.space.forms import form
from raypose.space.labels import labels
from raypose.space.reading.reader import read
from raypose.space.traverse import as_written, placed
from raypose.space.tree import Mapping, Mark, Node, Scalar, Sequence, compact

Step = tuple[Any, ...]  # the keys and indices from a node to one below it


def override(root: Node, settings: Iterable[str]) -> tuple[Node, list[Problem]]:
    """A tree with values replaced or added, each by a `path=value`, in their order.

    A path goes by keys, indices of lists and labels of options; the value is YAML. Mappings are made on the way.

    Example:
        >>> override(tree, ["optimizer.AdamW.lr=1e-3", "data.input_size=[64, 64]", "model.neck="])
    """
    problems: list[Problem] = []
    for setting in settings:
        mark = Mark(f"--set {setting}", 0, 0)
        try:
            path, value = _parsed(setting, mark)
            root = _put(root, path, value, mark, "")
        except RayPoseError as error:
            problems += error.problems
    return root, problems


def _parsed(setting: str, mark: Mark) -> tuple[str, Node]:
    path, equals, text = setting.partition("=")
    path = path.strip()
    if not equals or not path:
        raise RayPoseError(mark.problem("write --set path=value", "bad-override"))
    if path.partition(".")[0] == "base":
        raise RayPoseError(mark.problem("`base` cannot be set, since it is read first", "bad-override"))
    try:
        value, problems = read(text, mark.file)
    except RayPoseError as error:
        empty = error.problems[0].rule == "empty-file"
        value, problems = Scalar(mark, None, None, None), [] if empty else error.problems
    if problems:
        raise RayPoseError([replace(problem, line=None, column=None) for problem in problems])
    return path, placed(value, mark)


def _put(node: Node, path: str, value: Node, mark: Mark, above: str) -> Node:
    """The node with `value` at `path` below it; `above` is the path to it."""
    if not path:
        return value
    if isinstance(node, Scalar) and node.value is None:
        node = Mapping(mark, {}, {})
    known = _below(node)
    name = max((name for name in known if path == name or path.startswith(f"{name}.")), key=len, default=None)
    if name is None:
        name = path.partition(".")[0]
        _refuse_new(node, name, known, mark, above)
    rest = path[len(name) + 1 :]
    return _changed(node, known.get(name, (name,)), rest, value, mark, f"{above}.{name}".strip("."))


def _changed(node: Node, step: Step, rest: str, value: Node, mark: Mark, here: str) -> Node:
    if not step:
        return _put(node, rest, value, mark, here)
    first, *more = step
    if isinstance(node, Sequence):
        items = [_changed(item, (*more,), rest, value, mark, here) if i == first else item
                 for i, item in enumerate(node.items)]  # fmt: skip
        return Sequence(mark if not more and not rest else node.mark, tuple(items))
    if not isinstance(node, Mapping):
        return node
    child = _changed(node.entries.get(first, Scalar(mark, None, None, None)), (*more,), rest, value, mark, here)
    return Mapping(node.mark, {**node.entries, first: child}, {first: mark, **node.key_marks})


def _below(node: Node) -> dict[str, Step]:
    """The steps to what is right below a node, by the names that a path may call it."""
    if isinstance(node, Sequence):
        return {str(index): (index,) for index in range(len(node.items))}
    if not isinstance(node, Mapping):
        return {}
    keys: dict[str, Step] = {str(key): (key,) for key in node.entries}
    options = node.entries.get("choice") if form(node.entries) == "choice" else None
    if not isinstance(options, Sequence):
        return keys
    return {**keys, **{label: ("choice", index) for index, label in enumerate(labels(options))}}


def _refuse_new(node: Node, name: str, known: dict[str, Step], mark: Mark, above: str) -> None:
    """Only an ordinary mapping takes a new key."""
    kind = form(node.entries) if isinstance(node, Mapping) else None
    if isinstance(node, Mapping) and kind is None and name:
        return
    hint = nearest(name, known.keys() - {"choice"}) if known else ""
    if kind == "choice":
        message = f"'{above}' has no option '{name}'"
    elif isinstance(node, Sequence):
        message, hint = f"'{above}' has no item '{name}'", f"it has {len(node.items)}, the first is 0"
    elif name:
        message, hint = f"'{above}' is {compact(as_written(node))}, which has no '{name}'", ""
    else:
        message, hint = f"a key is empty after '{above}'", ""
    raise RayPoseError(mark.problem(message, "bad-override", hint))
