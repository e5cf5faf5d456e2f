"""The training loop. What happens around an epoch is in callbacks; what a step is made of is in `Trainer.step`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from raypose.training.averaging import Averaged
from raypose.training.compiled import compiled
from raypose.training.continued import align, built, continue_as_built
from raypose.training.gpu_memory import telling
from raypose.training.precision import Precision, layout
from raypose.training.speed import Speed


class Batches(Protocol):
    """Batches of an epoch, drawn with the generator that is passed in."""

    def epoch(self, rng: np.random.Generator | None = None) -> Iterable[Any]: ...

    def __len__(self) -> int: ...


class Callback:
    """Something that happens around epochs. `state_dict` and `load_state_dict` go into the checkpoint."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        """After training and validating `epoch` (from 1); may add to `metrics`."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


@dataclass
class Trainer:
    """Trains `model` on `batches`; all its randomness in epoch `e` comes from `[seed, e]`, so that a resumed training
    ends with the weights of one that was never interrupted.

    `evaluate(model)` gives the metrics of an epoch. `schedule` is stepped once an optimizer step. `compile` is for training
    steps alone.
    """

    model: Any
    optimizer: torch.optim.Optimizer
    schedule: Any
    batches: Batches
    evaluate: Callable[[Any], dict[str, float]]
    device: str = "cpu"
    seed: int = 0
    grad_clip: float | None = None
    ema: float | None = None
    precision: Precision = field(default_factory=lambda: Precision("fp32", "cpu"))
    callbacks: Sequence[Callback] = field(default_factory=list)
    compile: bool = False
    epoch: int = 0

    def __post_init__(self) -> None:
        self.layout = layout(self.model, self.device)
        self.model.to(self.device, memory_format=self.layout)
        self.metrics: dict[str, float] = {}  # of the last epoch
        self._built = built(self.optimizer, self.schedule)
        self._compiled = compiled(self.model.loss) if self.compile else None
        self.averaged = None if self.ema is None else Averaged(self.model, self.ema)

    @property
    def best_model(self) -> Any:
        """What is validated and kept: the averaged weights if there are any."""
        return self.averaged.module if self.averaged is not None else self.model

    def fit(self, epochs: int) -> None:
        """Train up to epoch `epochs`, from the epoch after the last one that was done.

        Raises:
            FloatingPointError: the loss is no longer a finite number.
            RayPoseError: a GPU's memory does not suffice, or the model can't be compiled.
        """
        while self.epoch < epochs:
            epoch = self.epoch + 1
            torch.manual_seed(int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]))
            self.model.train()
            batches, speed = self.batches.epoch(np.random.default_rng([self.seed, epoch])), Speed(self.device)
            losses = [self.step(batch) for batch in speed.counted(batches)]
            metrics = {"train_loss": _finite_mean(losses, epoch), "lr": self.optimizer.param_groups[0]["lr"]}
            metrics |= speed.metrics()
            metrics |= self.evaluate(self.best_model.eval())
            self.epoch, self.metrics = epoch, metrics
            for callback in self.callbacks:
                callback.on_epoch_end(self, epoch, metrics)

    def step(self, batch: Any) -> Tensor:
        """One optimizer step; the loss stays on the device, so that nothing waits for it."""
        return telling(lambda: self._step(batch), "a training step", len(batch.image), self.device)

    def _step(self, batch: Any) -> Tensor:
        image = batch.image.to(self.device, non_blocking=True, memory_format=self.layout)
        keypoints, visible = (t.to(self.device, non_blocking=True) for t in (batch.keypoints, batch.visible))
        self.optimizer.zero_grad(set_to_none=True)  # before the forward pass, which needs the memory
        with self.precision.autocast():
            loss = (self._compiled or self.model.loss)(image, keypoints, visible)["loss"]
        self.precision.scaler.scale(loss).backward()
        if self.grad_clip is not None:
            self.precision.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_clip)
        self.precision.scaler.step(self.optimizer)
        self.precision.scaler.update()
        self.schedule.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        callbacks = [callback.state_dict() for callback in self.callbacks]
        metrics = {name: float(value) for name, value in self.metrics.items()}
        return {"epoch": self.epoch, "metrics": metrics, "built": self._built, "callbacks": callbacks, **parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after the epoch of the state. Where the optimizer or the schedule were built with other values since, as for
        a trial that inherits from another one, the new values count: of the old ones only weights and moments are kept."""
        parts = self._parts()
        if state["built"] != self._built:
            continue_as_built(self.optimizer, state["optimizer"], self.schedule, state["epoch"] * len(self.batches))
            parts = {name: part for name, part in parts.items() if name not in ("optimizer", "schedule")}
        if not state["scaler"]:  # that of a training without one
            parts.pop("scaler")
        for name, part in parts.items():
            part.load_state_dict(state[name])
        align(self.optimizer)
        for callback, saved in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(saved)
        self.epoch, self.metrics = state["epoch"], state["metrics"]

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        parts["scaler"] = self.precision.scaler
        return parts if self.averaged is None else {**parts, "ema": self.averaged}


def _finite_mean(losses: list[Tensor], epoch: int) -> float:
    mean = float(torch.stack(losses).mean())
    if not np.isfinite(mean):
        raise FloatingPointError(f"the training loss became {mean} in epoch {epoch}; a lower learning rate may help")
    return mean
