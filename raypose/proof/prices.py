"""What the combinations of a proven space cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from raypose.config import Training, read
from raypose.errors import Problem
from raypose.proof.batches import batch_sizes
from raypose.proof.places import Row, at, pinpoint
from raypose.proof.prove import Proof
from raypose.proof.workshop import Failed
from raypose.space import Choice, Space
from raypose.space.combining import combinations
from raypose.space.suggest import from_partial
from raypose.space.traverse import descend
from raypose.space.tree import Mapping as Section
from raypose.space.tree import Node, Scalar


@dataclass(frozen=True)
class Price:
    """A combination's parameters, FLOPs of one image, and bytes of a training step by batch size, with the optimizer of the
    space that keeps most."""

    row: Row
    params: int
    flops: int
    memory: Mapping[int, int]


def prices(space: Space, proof: Proof, warn: Callable[[Problem], None] | None = None) -> list[Price]:
    """Each combination's price; the end of a range stands only if it costs something else than the middle.

    `warn` is told, once, what can't be counted, and such combinations are left out; without it that is an error.

    Example:
        >>> max(price.params for price in prices(space, prove(space)))
        23508032
    """
    optimizers = _optimizers(space)
    choices = _choices(space)
    found: dict[tuple, Price] = {}
    for row in proof.rows:
        try:
            price = _price(space, proof, row, optimizers)
        except Failed as failed:
            if warn is None:
                raise
            _tell(space, row, failed, warn)
            continue
        found.setdefault((_options(row, choices), price.params, price.flops, tuple(price.memory.items())), price)
    return list(found.values())


def _tell(space: Space, row: Row, failed: Failed, warn: Callable[[Problem], None]) -> None:
    node = at(space, ("model",), row) or space.tree
    for problem in failed.problems:
        named = _optimizer_named(space, problem.message) if failed.stage == "state" else None
        mark = pinpoint(node, row, problem.message) if named is None else named.mark
        warn(replace(mark.problem(problem.message, problem.rule or "cost"), level="warning"))


def _optimizer_named(space: Space, message: str) -> Node | None:
    """The component in any branch of the `optimizer` section that a message names."""
    found = [each for _, each in descend(space.tree.entries["optimizer"]) if isinstance(each, Section)]
    types = ((each, each.entries.get("type")) for each in found)
    return next((each for each, named in types if isinstance(named, Scalar) and str(named.value) in message), None)


def by_options(space: Space, prices: Iterable[Price]) -> list[list[Price]]:
    """The prices of each combination of options: one, and more where the end of a range costs something else."""
    choices = _choices(space)
    found: dict[frozenset, list[Price]] = {}
    for price in prices:
        found.setdefault(_options(price.row, choices), []).append(price)
    return list(found.values())


def _choices(space: Space) -> set[str]:
    return {each.name for each in space.dimensions if isinstance(each, Choice)}


def _options(row: Row, choices: set[str]) -> frozenset[tuple[str, Any]]:
    return frozenset((name, value) for name, value in row.items() if name in choices)


def _price(space: Space, proof: Proof, row: Row, optimizers: list[Mapping[str, Any]]) -> Price:
    config = space.sample(from_partial(row))
    costs, ema = proof.costs, read(Training, config.get("training")).ema is not None
    build = costs.build(config)
    cost = costs.cost(build)
    memory = {
        size: max(costs.memory(build, optimizer, size, ema) for optimizer in optimizers) for size in batch_sizes(space)
    }
    return Price(row, cost.params, cost.flops, memory)


def _optimizers(space: Space) -> list[Mapping[str, Any]]:
    rows = combinations(space, [("optimizer",)], limit=1).rows
    return [space.sample(from_partial(row))["optimizer"] for row in rows]
