"""`custom_keys` that no parameter's name contains: in no combination, or in some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from raypose.errors import Problem
from raypose.proof.places import Row, at, in_words
from raypose.space import Space
from raypose.space.combining import culprits
from raypose.space.tree import Mapping as Section
from raypose.space.tree import Mark

Path = tuple[str, ...]


@dataclass
class CustomKeys:
    """Which rows have parameters for a key, by its place in the file."""

    space: Space
    _rows: dict[tuple[Mark, str], tuple[list[Row], list[Row]]] = field(default_factory=dict)
    _hints: dict[tuple[Mark, str], str] = field(default_factory=dict)

    def add(self, row: Row, cfg: Mapping[str, Any], unmatched: Mapping[Path, str]) -> None:
        """Note of each key in a row's `optimizer` section whether it is `unmatched`, and what hints there are."""
        for path in _paths(cfg):
            section = at(self.space, ("optimizer", *path[:-1]), row)
            if isinstance(section, Section) and path[-1] in section.key_marks:
                place = (section.key_marks[path[-1]], path[-1])
                self._rows.setdefault(place, ([], []))[path in unmatched].append(row)
                self._hints.setdefault(place, unmatched.get(path, ""))

    def problems(self) -> Iterator[Problem]:
        """An error for each key that matches nowhere, a warning for each that matches in some combinations only."""
        for (mark, key), (matched, unmatched) in self._rows.items():
            problem = mark.problem(f"custom_keys: no parameter's name contains '{key}'", "unmatched-key")
            if not matched:
                yield replace(problem, hint=self._hints[mark, key])
            elif unmatched:
                told = " or ".join(in_words(self.space, each) for each in culprits(unmatched, matched))
                yield replace(problem, message=f"{problem.message} with {told}", level="warning")


def _paths(cfg: Any, above: Path = ()) -> Iterator[Path]:
    """Where `custom_keys` stand in an `optimizer` section, those of a cocktail's parts included."""
    for key, value in cfg.items() if isinstance(cfg, Mapping) else ():
        if key == "custom_keys" and isinstance(value, Mapping):
            yield from ((*above, key, each) for each in value)
        else:
            yield from _paths(value, (*above, str(key)))
