"""`base`: the files that a space starts from, merged below it."""

from __future__ import annotations

import os
from pathlib import Path

from raypose.errors import Problem, RayPoseError
from raypose.space.forms import form
from raypose.space.reading import strings
from raypose.space.reading.merge import merge
from raypose.space.reading.reader import read
from raypose.space.reading.scalars import text
from raypose.space.reading.source import read_text
from raypose.space.traverse import as_written
from raypose.space.tree import Mapping, Node, Scalar, Sequence, compact


def with_bases(root: Node, file: str, folder: Path) -> tuple[Node, list[Problem]]:
    """A tree as read from `file` in `folder`, laid over its bases; later ones over earlier ones.

    Values keep their positions. Relative paths that a base in another folder wrote are rewritten to count from `folder`.
    """
    bases = _Bases(folder.resolve())
    return bases.below(root, file, folder, (folder.resolve() / Path(file).name,)), bases.problems


class _Bases:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.problems: list[Problem] = []

    def below(self, root: Node, file: str, folder: Path, chain: tuple[Path, ...]) -> Node:
        """A tree over its bases; `chain` are the files on the way to it, its own included."""
        given = root.entries.get("base") if isinstance(root, Mapping) else None
        if not isinstance(root, Mapping) or given is None or isinstance(given, Mapping):  # the check knows no such key
            return root
        result: Node = root.without("base")
        for entry in reversed(given.items if isinstance(given, Sequence) else (given,)):
            try:
                result = merge(self.load(entry, file, folder, chain), result)
            except RayPoseError as error:
                self.problems += error.problems
        return result

    def load(self, entry: Node, file: str, folder: Path, chain: tuple[Path, ...]) -> Node:
        """The tree of one base, over its own bases."""
        name = _path(entry)
        path = (folder / Path(name).expanduser()).resolve()
        shown = os.path.normpath(os.path.join(os.path.dirname(file), os.path.expanduser(name)))
        if path in chain:
            way = " -> ".join(each.name for each in (*chain[chain.index(path) :], path))
            raise RayPoseError(entry.mark.problem(f"'{shown}' is a base of itself: {way}", "base-cycle"))
        try:
            tree, problems = read(read_text(path, shown), shown)
        except RayPoseError as error:
            raise RayPoseError(
                [each if each.file else entry.mark.problem(each.message, each.rule) for each in error.problems]
            ) from None
        self.problems += problems
        if not isinstance(tree, Mapping) or form(tree.entries):
            raise RayPoseError(entry.mark.problem(f"'{shown}' must hold a mapping to be a base", "bad-base"))
        return self.below(_moved(tree, None, path.parent, self.home), shown, path.parent, (*chain, path))


def _path(entry: Node) -> str:
    """What an entry of `base` says, variables replaced."""
    if isinstance(entry, Scalar) and isinstance(entry.value, str) and entry.value:
        return text(entry)
    message = f"`base` takes a file or a list of files, but got {compact(as_written(entry))}"
    searched = isinstance(entry, Mapping) and form(entry.entries)
    hint = "it is read before all else and can't be searched" if searched else ""
    raise RayPoseError(entry.mark.problem(message, "bad-base", hint))


def _moved(node: Node, key: object, origin: Path, home: Path) -> Node:
    """A node whose relative paths counted from `origin` and now count from `home`."""
    if origin == home:
        return node
    if isinstance(node, Mapping):
        inherits = form(node.entries) in ("choice", "fixed")
        entries = {k: _moved(child, key if inherits else k, origin, home) for k, child in node.entries.items()}
        return Mapping(node.mark, entries, node.key_marks)
    if isinstance(node, Sequence):
        return Sequence(node.mark, tuple(_moved(item, key, origin, home) for item in node.items))
    if not isinstance(node, Scalar) or not _is_relative(node.value, key, origin):
        return node
    moved = os.path.join(strings.escape(os.path.relpath(origin, home)), node.value)
    return Scalar(node.mark, moved, moved, moved, node.quoted)


def _is_relative(value: object, key: object, origin: Path) -> bool:
    try:
        return isinstance(value, str) and strings.is_relative(strings.expand(value, os.environ), key, origin)
    except (KeyError, ValueError):  # reported where all variables are replaced
        return False
