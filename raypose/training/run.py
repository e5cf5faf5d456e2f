"""What a trial function is given besides its configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One start of one trial.

    `report(epoch, metrics)` ends an epoch (counted from 1): metrics are Python floats. It may not return: a trial that is
    stopped early ends there. `show(epoch, tag, image)` puts a picture, uint8 [h,w,3] in RGB, into TensorBoard, if somebody
    keeps its files. `checkpoint` is the newest good checkpoint of an earlier start, or None.

    Example:
        >>> def trial(config, run):
        ...     for epoch in range(1, 4):
        ...         run.report(epoch, {"AP": 0.1 * epoch})
    """

    seed: int
    dir: Path
    report: Callable[[int, dict[str, float]], None]
    device: str = "cpu"
    threads: int = 1
    checkpoint: Path | None = None
    show: Callable[[int, str, Any], None] = lambda epoch, tag, image: None
