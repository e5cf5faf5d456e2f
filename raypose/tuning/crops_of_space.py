"""Which crops the trials of a space read: of every dataset that it can sample, as much as any of them needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from operator import or_
from typing import Literal

from raypose.config import Augment, Data, read
from raypose.data import KeypointTable, build_dataset
from raypose.data.crops import Needs
from raypose.space import Space
from raypose.space.combining.combinations import product
from raypose.space.combining.slots import slots
from raypose.space.grid import values
from raypose.space.kinds import Number
from raypose.space.suggest import from_partial
from raypose.space.tree import Range, compact

Part = Literal["train", "val"]
# What each field of `Needs` depends on, so that each is looked at by itself: all combinations would be too many.
KEYS = [("input_size",), ("padding",), *(("augment", each.name) for each in fields(Augment))]
FEW = 8  # values of a range that datasets differ in


@dataclass(frozen=True)
class Wanted:
    """A dataset that trials have, as a part of a `data` section, and what all of them together need of its crops."""

    part: Part
    data: Data
    needs: Needs

    @property
    def key(self) -> str:
        """What the table depends on."""
        own = getattr(self.data, self.part)
        return compact(own if _by_itself(self.data, self.part) else [self.part, self.data.train, self.data.val])

    def table(self) -> KeypointTable:
        """Its annotations.

        Raises:
            RayPoseError: the dataset cannot be read or split.
        """
        return build_dataset(replace(self.data, test=None), self.part)


def space_needs(space: Space) -> list[Wanted]:
    """Every dataset for training and validation that a space can sample, each once; none where no trial stores crops.

    Each comes with what covers every value of `data.input_size`, `data.padding` and `data.augment` in every branch. A
    dataset with an argument from a range of more than `FEW` values is left out: hardly two trials have the same. So is
    `data.test`, which is read once, by the winner.

    Raises:
        RayPoseError: the `data` section has wrong values.

    Example:
        >>> [(each.part, each.needs.rotation) for each in space_needs(Space.load("search_spaces/quickstart.yaml"))]
        [('train', 30.0), ('val', 0.0)]
    """
    if not any(data.store for data in data_sections(space, [("store",)])):
        return []
    sections = [data for key in KEYS for data in data_sections(space, [key])]
    needs: dict[Part, Needs] = {
        part: reduce(or_, (Needs.of(data, augmented=part == "train") for data in sections)) for part in ("train", "val")
    }
    found: dict[str, Wanted] = {}
    for part, data in _datasets(space):
        wanted = Wanted(part, data, needs[part])
        known = found.get(wanted.key)
        found[wanted.key] = wanted if known is None else replace(known, needs=known.needs | wanted.needs)
    return list(found.values())


def _datasets(space: Space) -> Iterator[tuple[Part, Data]]:
    """The second and third look find one of them where the first finds nothing, since the other has a long range."""
    looks: list[tuple[Part, ...]] = [("train", "val"), ("train",), ("val",)]
    for parts in looks:
        for data in data_sections(space, [(part,) for part in parts], _few):
            yield from ((part, data) for part in parts if len(parts) == 2 or _by_itself(data, "val"))


def _few(dimension: Range) -> list[Number]:
    every = values(dimension) or []
    return every if len(every) <= FEW else []


def _by_itself(data: Data, part: Part) -> bool:
    """Whether a part is a dataset of its own, and is not split from another."""
    return "type" in data.val and "type" in getattr(data, part)


def data_sections(
    space: Space, keys: Sequence[tuple[str, ...]], numbers: Callable[[Range], Iterable[Number]] | None = None
) -> list[Data]:
    """The `data` section for every combination of what stands at some keys, with defaults elsewhere; of ranges their ends,
    or other `numbers`.

    Raises:
        RayPoseError: one of them has wrong values.
    """
    found = slots(space.tree, [("data", *key) for key in keys])
    rows = product(found, numbers or (lambda dimension: (dimension.low, dimension.high)))
    return [read(Data, space.sample(from_partial(row))["data"]) for row in rows]
