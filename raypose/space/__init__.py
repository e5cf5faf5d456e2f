"""YAML -> search space -> configuration. Imports neither torch nor ray.

reading (YAML -> tree with positions) -> builder (tree -> dimensions, labels, names, variables, paths; refs) -> walker
(tree and suggested values -> a plain configuration). Besides: combining (which combinations to try, and what failures have
in common), points (configurations to begin with), constraints. To add a kind of dimension, add a row to `kinds.KINDS`.
"""

from __future__ import annotations

from raypose.space.identity import difference
from raypose.space.points import initial_points, point
from raypose.space.space import Space
from raypose.space.suggest import Suggest, defaults, from_params, from_partial, from_random, from_trial
from raypose.space.tree import Choice, Dimension, Range, Ref
from raypose.space.writer import dump

__all__ = [
    "Choice",
    "Dimension",
    "Range",
    "Ref",
    "Space",
    "Suggest",
    "defaults",
    "difference",
    "dump",
    "from_params",
    "from_partial",
    "from_random",
    "from_trial",
    "initial_points",
    "point",
]
