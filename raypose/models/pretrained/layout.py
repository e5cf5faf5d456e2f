"""The names that a library has for a network's weights, and the rules by which they become those of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

# Of a network, not of one of its blocks, which have a number before them.
TOP = r"(?<!\d\.)\b"

Replacement = str | Callable[[re.Match[str]], str]


class Layout(NamedTuple):
    """The names of one library's network, and what they are here.

    `rules` are regular expressions and their replacements, all applied, in order. They start at a word's border and not
    at the start: a checkpoint of a whole model has a prefix there. `convert` changes the weights themselves, before.
    """

    name: str
    rules: tuple[tuple[str, Replacement], ...] = ()
    convert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict

    def rename(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights under their new names.

        Example:
            >>> list(Layout("a", ((r"\\bstage1\\.", "stages.0."),)).rename({"backbone.stage1.weight": torch.ones(1)}))
            ['backbone.stages.0.weight']
        """
        renamed = self.convert(weights)
        for pattern, replacement in self.rules:
            rule = re.compile(pattern)
            renamed = {rule.sub(replacement, key): value for key, value in renamed.items()}
        return renamed


def shifted(template: str, by: int, group: int = 1) -> Callable[[re.Match[str]], str]:
    """A replacement made of the groups of a match, one of which is a number that is shifted."""

    def replace(match: re.Match[str]) -> str:
        return template.format(*(int(each) + by if i == group else each for i, each in enumerate(match.groups(), 1)))

    return replace
