"""`custom_keys` that are a part of no parameter's name: a mistake, unless another model of the same search has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raypose.errors import Problem, RayPoseError


class UnmatchedKeys(RayPoseError):
    """`paths` are where the keys stand in the `optimizer` section: ("paramwise_cfg", "custom_keys", "backbon")."""

    def __init__(self, problems: list[Problem], paths: list[tuple[str, ...]]) -> None:
        super().__init__(problems)
        self.paths = paths

    def __reduce__(self) -> tuple:
        return UnmatchedKeys, (self.problems, self.paths)

    def below(self, part: str) -> UnmatchedKeys:
        """The same, of a part of the section."""
        problems = [Problem(f"{part}: {each.message}", hint=each.hint, rule=each.rule) for each in self.problems]
        return UnmatchedKeys(problems, [(part, *path) for path in self.paths])


def without(cfg: Mapping[str, Any], paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """A configuration less what stands at some paths.

    Example:
        >>> without({"a": {"b": 1, "c": 2}}, [("a", "b")])
        {'a': {'c': 2}}
    """
    result = dict(cfg)
    for first, *rest in paths:
        if rest:
            result[first] = without(result[first], [tuple(rest)])
        else:
            result.pop(first)
    return result
