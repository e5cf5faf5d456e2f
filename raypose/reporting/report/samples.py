"""The best model's predictions on validation images, as training kept them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raypose.files import read_json


@dataclass(frozen=True)
class Sample:
    """A crop of an instance; coordinates are pixels of it. `error` is in the unit of its `Kept`."""

    jpeg: bytes = field(repr=False)
    width: int
    height: int
    image: str
    error: float | None
    worst: bool
    truth: Sequence[Sequence[float]]  # [K][x, y, visibility]
    predicted: Sequence[Sequence[float]]  # [K][x, y, score]


@dataclass(frozen=True)
class Kept:
    """`per_keypoint` are metrics by keypoint, `errors` those of all `total` validation instances."""

    names: Sequence[str]
    skeleton: Sequence[Sequence[int]]
    samples: list[Sample]
    total: int = 0
    unit: str = ""
    per_keypoint: dict[str, dict[str, float]] = field(default_factory=dict)
    errors: list[float] = field(default_factory=list)


def kept_samples(folder: Path) -> Kept | None:
    """What `samples/` of a model folder holds; None where there is none, or a damaged one."""
    found = read_json(folder / "samples" / "samples.json")
    try:
        info = found["info"]
        samples = [_sample(folder / "samples", each) for each in found["samples"]]
        by_keypoint, errors = (
            found.get("per_keypoint", {}),
            [each for each in found.get("errors", []) if each is not None],
        )
        rest = found.get("total", 0), found.get("unit", ""), by_keypoint, errors
        return Kept(info["names"], info.get("skeleton", ()), [each for each in samples if each], *rest)
    except (KeyError, TypeError, AttributeError):
        return None


def _sample(folder: Path, told: dict[str, Any]) -> Sample | None:
    file = folder / Path(told["file"]).name  # nothing but its own folder
    if not file.is_file():
        return None
    return Sample(
        file.read_bytes(),
        int(told["width"]),
        int(told["height"]),
        str(told.get("image", "")),
        told.get("error"),
        bool(told.get("worst")),
        told["truth"] or [],
        told["predicted"] or [],
    )
