"""What failed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raypose.reporting.words import counted

if TYPE_CHECKING:
    from raypose.reporting.experiment import Experiment

FEW = 5  # trials that are named


@dataclass(frozen=True)
class Failures:
    """Trials that failed alike: the `reason` in a word, the last line of the `detail`, the numbers of the `trials`.

    Example:
        >>> print(Failures("out-of-memory", "CUDA out of memory", [3, 8]))
        2 trials failed (3, 8), out-of-memory: CUDA out of memory
    """

    reason: str
    detail: str
    trials: list[int]

    @property
    def count(self) -> int:
        return len(self.trials)

    def __str__(self) -> str:
        why = ": ".join(filter(None, [self.reason, self.detail]))
        named = ", ".join(map(str, self.trials[:FEW])) + (", ..." if self.count > FEW else "")
        return f"{counted(self.count, 'trial')} failed ({named}), {why or 'for no known reason'}"


def failures(experiment: Experiment) -> list[Failures]:
    """What failed, repeats and the final training included, by reason and message, the most frequent first.

    Example:
        >>> failures(load_experiment("experiments/quickstart"))
        [Failures(reason='raised', detail='ValueError: no', trials=[4])]
    """
    found: dict[tuple[str, str], list[int]] = {}
    for each in sorted(experiment.records, key=lambda each: each.number):
        if each.state == "FAIL":
            last = (each.detail.splitlines() or [""])[-1]
            found.setdefault((each.reason, last), []).append(each.number)
    alike = [Failures(*key, numbers) for key, numbers in found.items()]
    return sorted(alike, key=lambda each: -each.count)
