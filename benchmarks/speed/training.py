"""A whole training beside the same step on one fixed batch, and beside MMPose's whole training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from raypose.data import Batches
from raypose.models.builder import build_model
from raypose.optim import build_optimizer, build_schedule
from raypose.training.fastest import Probe, fastest, formats
from raypose.training.precision import Precision
from raypose.training.trainer import Trainer
from speed.measuring import Row, in_turns, seconds, skipped
from speed.peer import Unavailable, mmpose
from speed.people import DATA, batches, people
from speed.sizes import Sizes

MODEL = {"backbone": {"type": "ResNet", "depth": 18}, "keypoint_head": {"type": "HeatmapHead"}}
GOALS = {"fp32": 1.35, "bf16": 2.5}  # times MMPose's float32


class Training:
    """A model in training: `whole` goes on with an endless stream of batches, `fixed` takes one batch again and again.

    Both are blocks of steps, and give the seconds that they took. `precision` may be `auto`, the fastest.
    """

    def __init__(self, model: Mapping[str, Any], source: Batches, precision: str, device: str = "cpu") -> None:
        torch.manual_seed(0)
        net = build_model(model, len(source.table.info.names), DATA.input_size, info=source.table.info).to(device)
        if precision == "auto":
            probe = Probe(net, device, source.batch_size, DATA.input_size, len(source.table.info.names))
            precision, _ = fastest(formats(device), probe.timer())
        optimizer = build_optimizer({"type": "AdamW", "lr": 5e-4}, net)
        schedule = build_schedule(None, optimizer, epochs=10**6, steps_per_epoch=len(source))
        self.trainer = Trainer(
            net.train(), optimizer, schedule, source, lambda model: {}, device, precision=Precision(precision, device)
        )
        self.stream, self.device, self.precision = _endless(source), device, precision
        self.batch = next(self.stream)

    def whole(self, steps: int) -> float:
        return self._timed(lambda: [self.trainer.step(next(self.stream)) for _ in range(steps)])

    def fixed(self, steps: int) -> float:
        return self._timed(lambda: [self.trainer.step(self.batch) for _ in range(steps)])

    def _timed(self, work: Callable[[], object]) -> float:
        def finished() -> None:
            work()
            if self.device != "cpu":
                torch.cuda.synchronize()

        return seconds(finished)


def rows(sizes: Sizes, peer: str | None) -> Iterator[Row]:
    """All that trains takes turns; `peer` is the interpreter of an environment with MMPose."""
    table = people(sizes.instances)
    source = batches(table, sizes.batch_size)
    trainings = {name: Training(MODEL, source, name) for name in formats("cpu")}
    blocks: dict[str, Callable[[], float]] = {}
    for name, training in trainings.items():
        blocks[f"{name} whole"] = lambda training=training: training.whole(sizes.steps)
        blocks[f"{name} fixed"] = lambda training=training: training.fixed(sizes.steps)
    with contextlib.ExitStack() as stack:
        reason = ""
        try:
            block = stack.enter_context(mmpose(peer, table, sizes.batch_size))
            blocks["mmpose"] = lambda: block(sizes.steps)
        except Unavailable as error:
            reason = str(error)
        took = in_turns(blocks, sizes.rounds)
    rates = {name: sizes.steps * sizes.batch_size / each for name, each in took.items()}
    for name in GOALS:
        yield from _told(name, rates, reason)


def _told(name: str, rates: Mapping[str, float], reason: str) -> Iterator[Row]:
    what, goal = f"training of ResNet-18, {name}", GOALS[name]
    if f"{name} whole" not in rates:
        yield skipped(what, f"the processor has no {name}", ">= 0.95")
        return
    ours, fixed = rates[f"{name} whole"], rates[f"{name} fixed"]
    yield Row(what, _rate(ours), f"{_rate(fixed)}, a fixed batch", ours / fixed, ">= 0.95", ours / fixed >= 0.95)
    if reason:
        yield skipped(f"{what}, beside MMPose's float32", reason, f">= {goal}")
        return
    ratio = ours / rates["mmpose"]
    yield Row(
        f"{what}, beside MMPose's float32", _rate(ours), _rate(rates["mmpose"]), ratio, f">= {goal}", ratio >= goal
    )


def _rate(samples: float) -> str:
    return f"{samples:.1f} samples/s"


def _endless(source: Batches) -> Iterator[Any]:
    epoch = 0
    while True:
        epoch += 1
        yield from source.epoch(np.random.default_rng([0, epoch]))
