"""The columns of TensorBoard's HParams page: every dimension of every branch, whatever was drawn so far.

TensorBoard takes one declaration of columns for all trials that it shows, any one of those that it finds: its data server
keeps runs in no order. Each experiment therefore declares the columns of all experiments that lie beside it, which holds
for one of them as well as for all.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import summary_v2

from raypose.config import Tune, read
from raypose.errors import RayPoseError
from raypose.files import write_bytes
from raypose.space import Choice, Range, Space
from raypose.training.tensorboard import encoded, event
from raypose.training.trial_folder import BEST

FILE = "events.out.tfevents.0.hparams"


@dataclass
class Columns:
    """The labels of choices, the ends of ranges, and the tags of the trials' final values."""

    labels: dict[str, set[str]] = field(default_factory=dict)
    ends: dict[str, tuple[float, float]] = field(default_factory=dict)
    metrics: dict[str, None] = field(default_factory=dict)

    def add(self, space: Space) -> None:
        """Those of a space."""
        for each in space.dimensions:
            if isinstance(each, Choice):
                self.labels.setdefault(each.name, set()).update(each.labels)
            elif isinstance(each, Range):
                low, high = self.ends.get(each.name, (each.low, each.high))
                self.ends[each.name] = float(min(low, each.low)), float(max(high, each.high))
        goals = read(Tune, space.default().get("tune")).goals
        self.metrics |= dict.fromkeys(BEST + goal.metric for goal in goals)

    def summary(self) -> Summary:
        """The declaration. A name that is a choice here and a range there has no domain."""
        domains = {
            **{name: summary_v2.Discrete(sorted(labels)) for name, labels in self.labels.items()},
            **{name: summary_v2.RealInterval(*ends) for name, ends in self.ends.items()},
            **dict.fromkeys(self.labels.keys() & self.ends.keys()),
        }
        hparams = [summary_v2.HParam(name, domain) for name, domain in domains.items()]
        metrics = [summary_v2.Metric(tag, display_name=tag.removeprefix(BEST)) for tag in self.metrics]
        return summary_v2.hparams_config_pb(hparams, metrics, time_created_secs=0)


def declare(experiments: Path) -> None:
    """Have each experiment in the folder declare the columns of all of them. A damaged one has none, and one that is
    somebody else's keeps what it declared."""
    with _one_at_a_time(experiments):
        columns, folders = Columns(), []
        for file in sorted(experiments.glob("*/space.yaml")):
            with contextlib.suppress(RayPoseError, OSError):
                if (file.parent / "trials").is_dir():
                    columns.add(Space.load(file, expand=False))
                    folders.append(file.parent)
        summary = columns.summary()
        for folder in folders:
            with contextlib.suppress(OSError):  # also of a full disk, which others tell
                _keep(folder, summary)


def _keep(folder: Path, summary: Summary) -> None:
    if summary not in _declared(folder / FILE):
        write_bytes(folder / FILE, encoded([event(summary)]))
    for other in folder.glob("events.out.tfevents.*.hparams"):
        if other.name != FILE:  # of an earlier version
            other.unlink(missing_ok=True)


def _declared(file: Path) -> Iterable[Summary]:
    if not file.exists():
        return []
    return [Event.FromString(each).summary for each in RawEventFileLoader(str(file)).Load()]


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Searches that start together write one after the other, where the disk knows locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
