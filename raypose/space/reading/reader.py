"""YAML text -> a tree of scalars, lists and mappings with their positions; dimensions are found later, by `builder`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import yaml

from raypose.errors import Problem, RayPoseError
from raypose.space.reading.schema import CONSTRUCT, TAG, Loader
from raypose.space.reading.syntax import syntax_problem
from raypose.space.tree import Mapping, Mark, Node, Scalar, Sequence, Unread

MAX_NODES, MAX_DEPTH = 100_000, 100  # aliases can make a small file huge


def read(text: str, file: str) -> tuple[Node, list[Problem]]:
    """The tree of a YAML text, and what is wrong with it.

    Raises:
        RayPoseError: the text is not YAML, or empty.
    """
    try:
        raw = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise RayPoseError(syntax_problem(error, text, file)) from None
    if raw is None:
        raise RayPoseError(Problem("the file is empty", file, rule="empty-file"))
    reader = _Reader(file)
    return reader.node(raw), reader.problems


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.count = 0
        self.open: list[int] = []

    def node(self, raw: yaml.Node) -> Node:
        """One node of ours for one of PyYAML's."""
        mark = self.mark(raw)
        self.count += 1
        if id(raw) in self.open:
            return self.refuse(mark, "this alias stands inside of what it names", "recursive-alias")
        if self.count > MAX_NODES or len(self.open) > MAX_DEPTH:
            limit = f"at most {MAX_NODES} values and {MAX_DEPTH} levels are allowed, aliases expanded"
            raise RayPoseError(mark.problem(limit, "too-large"))
        self.open.append(id(raw))
        try:
            return self.read[type(raw)](self, raw, mark)
        finally:
            self.open.pop()

    def scalar(self, raw: yaml.ScalarNode, mark: Mark) -> Node:
        construct = CONSTRUCT.get(raw.tag.removeprefix(TAG))
        try:
            value = construct(raw.value) if construct else None
        except (ValueError, KeyError):
            construct = None
        if construct is None:
            return self.refuse(mark, f"'{raw.value}' cannot be read with the tag {raw.tag}", "bad-tag")
        return Scalar(mark, value, value, value, quoted=bool(raw.style) or not isinstance(value, str))

    def sequence(self, raw: yaml.SequenceNode, mark: Mark) -> Node:
        self.check_tag(raw, mark, "seq")
        return Sequence(mark, tuple(self.node(item) for item in raw.value))

    def mapping(self, raw: yaml.MappingNode, mark: Mark) -> Node:
        self.check_tag(raw, mark, "map")
        own, merged = Mapping(mark, {}, {}), Mapping(mark, {}, {})
        for raw_key, raw_value in raw.value:
            key, at = self.key(raw_key), self.mark(raw_key)
            if key in own.key_marks:
                first = f"it stands in line {own.key_marks[key].line} already"
                self.problems.append(at.problem(f"duplicate key '{key}'", "duplicate-key", first))
                continue
            own.key_marks[key] = at
            if raw_key.tag == TAG + "merge":
                self.merge(self.node(raw_value), merged)
            else:
                own.entries[key] = self.node(raw_value)
        return Mapping(mark, {**merged.entries, **own.entries}, {**merged.key_marks, **own.key_marks})

    def merge(self, source: Node, into: Mapping) -> None:
        """`<<: *anchor` or `<<: [*first, *second]`; the first one wins."""
        for each in source.items if isinstance(source, Sequence) else (source,):
            if not isinstance(each, Mapping):
                self.problems.append(each.mark.problem("`<<` takes a mapping or a list of mappings", "bad-merge"))
                continue
            for key, node in each.entries.items():
                into.entries.setdefault(key, node)
                into.key_marks.setdefault(key, each.key_marks[key])

    def key(self, raw: yaml.Node) -> Any:
        """A key is an int or a string, whatever else it looks like."""
        if not isinstance(raw, yaml.ScalarNode):
            self.refuse(self.mark(raw), "a key must be a word or a number", "bad-key")
            return repr(id(raw))
        return int(raw.value, 0) if raw.tag == TAG + "int" else raw.value

    def check_tag(self, raw: yaml.Node, mark: Mark, expected: str) -> None:
        if raw.tag != TAG + expected:
            self.refuse(mark, f"the tag {raw.tag} is not supported", "bad-tag")

    def refuse(self, mark: Mark, message: str, rule: str) -> Unread:
        self.problems.append(mark.problem(message, rule))
        return Unread(mark)

    def mark(self, raw: yaml.Node) -> Mark:
        return Mark(self.file, raw.start_mark.line + 1, raw.start_mark.column + 1)

    read: ClassVar[dict[type, Callable[..., Node]]] = {
        yaml.ScalarNode: scalar,
        yaml.SequenceNode: sequence,
        yaml.MappingNode: mapping,
    }
