"""A search space: one YAML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from raypose.errors import Problem, RayPoseError
from raypose.space.builder import build
from raypose.space.reader import read
from raypose.space.suggest import Suggest, defaults
from raypose.space.traverse import descend
from raypose.space.tree import Dimension, Mapping
from raypose.space.walker import walk


@dataclass(frozen=True)
class Space:
    """A search space, or a configuration: a space without dimensions. `text` is the file as written.

    Example:
        >>> space = Space.parse("lr: {loguniform: [1e-4, 1e-2]}")
        >>> space.sample(defaults)
        {'lr': 0.001}
    """

    tree: Mapping = field(repr=False)
    text: str = field(repr=False)
    file: str

    @classmethod
    def load(cls, path: str | Path, *, expand: bool = True) -> Space:
        """Read a YAML file; relative paths in it are relative to its folder.

        `expand=False` leaves `${VAR}` and paths as they are written, for a file from another machine.

        Raises:
            RayPoseError: the file cannot be read, or all that is wrong with it.
        """
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise RayPoseError(f"no such file: {path}", rule="missing-file") from None
        except IsADirectoryError:
            raise RayPoseError(f"{path} is a folder, not a YAML file", rule="missing-file") from None
        except OSError as error:
            raise RayPoseError(f"cannot read {path}: {error.strerror}", rule="missing-file") from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise RayPoseError(Problem("the file is not UTF-8 text", str(path), line, rule="not-utf8")) from None
        return cls.parse(text, str(path), Path(path).resolve().parent, expand=expand)

    @classmethod
    def parse(cls, text: str, file: str = "<string>", folder: Path | None = None, *, expand: bool = True) -> Space:
        """A space from its text; `file` is for messages, `folder` (the current one) for relative paths.

        Raises:
            RayPoseError: all that is wrong with the text.
        """
        raw, problems = read(text, file)
        tree, more = build(raw, (folder or Path.cwd()).absolute(), expand)
        if not isinstance(raw, Mapping):
            more = [raw.mark.problem("the top level must be a mapping such as `name: ...`", "bad-top-level")]
        elif not isinstance(tree, Mapping) and not more:
            more = [tree.mark.problem("the top level cannot be a dimension", "bad-top-level")]
        if problems or more or not isinstance(tree, Mapping):
            raise RayPoseError(in_order(problems + more))
        return cls(tree, text, file)

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """Every dimension of every branch, in the file's order."""
        return [node for _, node in descend(self.tree) if isinstance(node, Dimension)]

    def sample(self, suggest: Suggest, portable: bool = False) -> dict[str, Any]:
        """The configuration for what `suggest` says: plain dicts, lists, strings, numbers, bools and None.

        `portable` keeps `${VAR}` as written (in strings that `dump` knows) and makes relative paths absolute.

        Raises:
            RayPoseError: a suggested value is none of the dimension's.
        """
        return walk(self.tree, suggest, lambda scalar: scalar.portable if portable else scalar.value)

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
    """Problems by position, each once."""
    return sorted(dict.fromkeys(problems), key=lambda p: (p.line or 0, p.column or 0, p.message))
