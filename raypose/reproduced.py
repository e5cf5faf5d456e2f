"""What a model folder says of its own training, so that another one can be the same, and be held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raypose.config import COSTS, Goal
from raypose.errors import RayPoseError
from raypose.files import read_json
from raypose.model_folder import LINEAGE
from raypose.training import checkpoints
from raypose.training.trial_folder import read_meta

_EXACT = "to the last digit it is the same only with the same device, versions, number format and number of threads"


@dataclass(frozen=True)
class Reproduced:
    """`metrics` of the epoch whose weights the folder has, with `epoch`, and of a trial its `trial`. `precision` and
    `threads` are those of its training, None where it does not tell. `went_on`: from another trial's weights, on the way.

    Example:
        >>> known = Reproduced.read(Path("experiments/quickstart/best"))
        >>> known.metrics["AP"], known.precision, known.threads
        (0.6324861453519135, 'fp32', 1)
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    precision: str | None = None
    threads: int | None = None
    went_on: bool = False

    @classmethod
    def read(cls, source: Path) -> Reproduced:
        """That of a model folder, or of its config.yaml; of another file, nothing is known."""
        folder = source if source.is_dir() else source.parent
        if source.is_file() and source.name != "config.yaml":
            return cls()
        meta = {**read_meta(folder), **_meta(folder / "weights.pt")}
        numbered = {"trial": meta["number"]} if "number" in meta else {}
        return cls(
            {**numbered, **read_json(folder / "metrics.json")},
            meta.get("precision"),
            meta.get("threads"),
            (folder / LINEAGE).exists(),
        )

    def lines(self, goals: Sequence[Goal], rows: Sequence[Mapping[str, Any]], kept: Mapping[str, Any]) -> list[str]:
        """The same epoch of a training in place of this one, whose epochs are `rows`, by the goals that are no costs, and
        what it has `kept` if its best epoch is another one. Nothing where nothing is known.

        Example:
            >>> known.lines([Goal("AP", "max")], rows, rows[-1])
            ['AP 0.6325 (the trial had 0.6325)']
        """
        names = [goal.metric for goal in goals if goal.metric not in COSTS and goal.metric in self.metrics]
        same = next((row for row in rows if row["epoch"] == self.metrics.get("epoch")), None)
        if same is None or not names:
            return []
        who = "the trial" if "trial" in self.metrics else "the model"
        other_epoch = kept.get("epoch") != same["epoch"]
        after = f" after epoch {same['epoch']}" if other_epoch else ""
        told = [f"{', '.join(_said(same, name) for name in names)}{after} "
                f"({who} had {', '.join(_value(self.metrics[name]) for name in names)})"]  # fmt: skip
        if other_epoch:
            told.append(f"{', '.join(_said(kept, name) for name in names)} after epoch {kept.get('epoch')}, "
                        f"the best one of this longer training, is what {who} did not come to")  # fmt: skip
        if any(same.get(name) != self.metrics[name] for name in names) and not self.went_on:
            told.append(_EXACT)
        return told


WENT_ON = (
    f"this trial went on from weights of others ({LINEAGE} says from which): no single training comes to the same; "
    "its last configuration is trained from the start"
)


def _meta(weights: Path) -> dict[str, Any]:
    try:
        return checkpoints.load(weights).get("meta", {}) if weights.exists() else {}
    except (RayPoseError, AttributeError):  # who trains again needs no weights
        return {}


def _said(row: Mapping[str, Any], name: str) -> str:
    return f"{name} {_value(row.get(name))}"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else json.dumps(value)
