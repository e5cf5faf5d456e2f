"""A search space: one YAML file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from raypose.errors import Problem, RayPoseError
from raypose.space.builder import build
from raypose.space.offending import with_values
from raypose.space.reading.base import with_bases
from raypose.space.reading.overrides import override
from raypose.space.reading.reader import read
from raypose.space.reading.source import read_text
from raypose.space.suggest import Suggest, defaults
from raypose.space.traverse import descend
from raypose.space.tree import Dimension, Mapping
from raypose.space.walker import walk
from raypose.space.writer import dump_tree


@dataclass(frozen=True)
class Space:
    """A search space, or a configuration: a space without dimensions.

    `text` is the file as written; with a base or overrides, all of it merged, which reads back equal.

    Example:
        >>> space = Space.parse("lr: {loguniform: [1e-4, 1e-2]}")
        >>> space.sample(defaults)
        {'lr': 0.001}
    """

    tree: Mapping = field(repr=False)
    text: str = field(repr=False)
    file: str
    problems: tuple[Problem, ...] = field(default=(), repr=False)  # of a tolerant reading

    @classmethod
    def load(
        cls, path: str | Path, *, expand: bool = True, overrides: Iterable[str] = (), tolerant: bool = False
    ) -> Space:
        """Read a YAML file, and the files that it names as its `base`; relative paths are relative to its folder.

        `expand=False` leaves `${VAR}` and paths as they are written, for a file from another machine. `overrides` are
        changes such as `training.epochs=3`, see `overrides.override`. A `tolerant` reading keeps what is wrong in
        `problems` if it can make something of the rest.

        Raises:
            RayPoseError: the file cannot be read, or all that is wrong with it.
        """
        folder = Path(path).resolve().parent
        text = read_text(Path(path), str(path))
        return cls.parse(text, str(path), folder, expand=expand, overrides=overrides, tolerant=tolerant)

    @classmethod
    def parse(
        cls,
        text: str,
        file: str = "<string>",
        folder: Path | None = None,
        *,
        expand: bool = True,
        overrides: Iterable[str] = (),
        tolerant: bool = False,
    ) -> Space:
        """A space from its text; `file` is for messages, `folder` (the current one) for relative paths.

        Raises:
            RayPoseError: all that is wrong with the text.
        """
        home = (folder or Path.cwd()).absolute()
        raw, problems = read(text, file)
        based, of_bases = with_bases(raw, file, home)
        whole, of_overrides = override(based, overrides)
        tree, more = build(whole, home, expand)
        if not isinstance(raw, Mapping):
            more = [raw.mark.problem("the top level must be a mapping such as `name: ...`", "bad-top-level")]
        elif not isinstance(tree, Mapping) and not more:
            more = [tree.mark.problem("the top level cannot be a dimension", "bad-top-level")]
        found = with_values(in_order([*problems, *of_bases, *of_overrides, *more]), whole)
        goes_on = tolerant and not of_bases and not of_overrides
        if not isinstance(tree, Mapping) or (found and not goes_on):
            raise RayPoseError(found)
        return cls(tree, text if whole is raw else dump_tree(whole), file, tuple(found))

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """Every dimension of every branch, in the file's order."""
        return [node for _, node in descend(self.tree) if isinstance(node, Dimension)]

    def sample(self, suggest: Suggest, portable: bool = False) -> dict[str, Any]:
        """The configuration for what `suggest` says: plain dicts, lists, strings, numbers, bools and None.

        `suggest` is asked once a dimension, however many refs point to it.
        `portable` keeps `${VAR}` as written (in strings that `dump` knows) and makes relative paths absolute.

        Raises:
            RayPoseError: a suggested value is none of the dimension's.
        """
        asked: dict[str, Any] = {}

        def once(dimension: Dimension) -> Any:
            if dimension.name not in asked:
                asked[dimension.name] = suggest(dimension)
            return asked[dimension.name]

        return walk(self.tree, once, lambda scalar: scalar.portable if portable else scalar.value)

    def default(self) -> dict[str, Any]:
        """The default configuration: each choice's first option, each range's middle."""
        return self.sample(defaults)

    def config(self, portable: bool = False) -> dict[str, Any]:
        """The configuration of a space without dimensions.

        Raises:
            RayPoseError: it has dimensions; each is named.
        """
        if self.dimensions:
            message = "a configuration has no dimensions, but '{}' is one"
            raise RayPoseError([d.mark.problem(message.format(d.name), "not-fixed") for d in self.dimensions])
        return self.sample(lambda dimension: None, portable)


def in_order(problems: list[Problem]) -> list[Problem]:
    """Problems by file and position, each once."""
    return sorted(dict.fromkeys(problems), key=lambda p: (p.file or "", p.line or 0, p.column or 0, p.message))
