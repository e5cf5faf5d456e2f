"""How much of an image a training may come to see of an instance, and how large."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from raypose import config


@dataclass(frozen=True)
class Needs:
    """What crops must be kept for: the union of what some trainings do with a table.

    Example:
        >>> Needs.of(data, augmented=True) | Needs.of(other, augmented=True)
    """

    input_sizes: tuple[tuple[int, int], ...]  # width, height; sorted
    padding: tuple[float, float]  # least, most
    rotation: float = 0.0  # as in `config.Augment`, the most
    scale: float = 0.0
    shift: float = 0.0
    half_body: bool = False

    @classmethod
    def of(cls, data: config.Data, augmented: bool) -> Needs:
        """Those of one configuration: of its training data if `augmented`, else of what it validates on."""
        sizes, padding = (data.input_size,), (data.padding, data.padding)
        if not augmented:
            return cls(sizes, padding)
        augment = data.augment
        return cls(sizes, padding, augment.rotation, augment.scale, augment.shift, augment.half_body > 0)

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            input_sizes=tuple(sorted({*self.input_sizes, *other.input_sizes})),
            padding=(min(self.padding[0], other.padding[0]), max(self.padding[1], other.padding[1])),
            rotation=max(self.rotation, other.rotation),
            scale=max(self.scale, other.scale),
            shift=max(self.shift, other.shift),
            half_body=self.half_body or other.half_body,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Needs:
        sizes = tuple((int(width), int(height)) for width, height in values["input_sizes"])
        return cls(**{**values, "input_sizes": sizes, "padding": tuple(values["padding"])})
