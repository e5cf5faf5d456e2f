"""Which number format a model trains fastest in, where it runs: a few steps in each tell."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from raypose.training.precision import Precision, layout

GAIN = 1.1  # times as fast that another format than the first must be, to be worth its rounding
CLEAR = 1.3  # the same, where there was time for one look only
LOOKS = 8  # at most
SECONDS = 1.5  # after which what is known decides
BF16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # processors' instructions for it, as torch calls them
CPU_IMAGES = 2  # of a batch; on a GPU, which a few images do not fill, all are taken


@dataclass(frozen=True)
class Probe:
    """Training steps of a copy of `model` on random images: it, its buffers and torch's generators stay as they are.

    Args:
        model: has `loss(images, keypoints, visible)`.
        input_size: width and height of the images, in pixels.

    Example:
        >>> fastest(formats("cpu"), Probe(model, "cpu", 32, (192, 256), num_keypoints=17).timer())
        ('bf16', 1.9)
    """

    model: Any
    device: str
    batch_size: int
    input_size: tuple[int, int]
    num_keypoints: int

    @property
    def images(self) -> int:
        """How many images a step has."""
        return min(self.batch_size, CPU_IMAGES) if torch.device(self.device).type == "cpu" else self.batch_size

    @property
    def steps(self) -> int:
        """In a look, of which the fastest counts: a GPU's first ones take seconds to get kernels ready."""
        return 1 if torch.device(self.device).type == "cpu" else 3

    def timer(self) -> Callable[[str], float]:
        """`seconds(format)` of one step, forward and backward; infinity where it fails."""
        order = layout(self.model, self.device)
        try:
            model = copy.deepcopy(self.model).to(self.device, memory_format=order).train()
            batch = self._batch(order)
        except Exception:  # it can't be copied, or there is no memory for it
            return lambda name: math.inf

        def step(precision: Precision) -> float:
            started = self._now()
            with precision.autocast():
                loss = model.loss(*batch)["loss"]
            precision.scaler.scale(loss).backward()
            taken = self._now() - started
            model.zero_grad(set_to_none=True)
            return taken

        def seconds(name: str) -> float:
            precision = Precision(name, self.device)
            try:
                with torch.random.fork_rng(devices=self._gpus()), torch.enable_grad():
                    return min(step(precision) for _ in range(self.steps))
            except Exception:  # whatever a model that can't be trained in that format raises, or no memory for it
                model.zero_grad(set_to_none=True)
                return math.inf

        return seconds

    def _batch(self, order: torch.memory_format) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        (width, height), count = self.input_size, self.images
        images = torch.rand(count, 3, height, width, generator=generator)
        keypoints = torch.rand(count, self.num_keypoints, 2, generator=generator) * torch.tensor([width, height])
        batch = [images.to(memory_format=order), keypoints, torch.full((count, self.num_keypoints), 2.0)]
        return [each.to(self.device) for each in batch]

    def _gpus(self) -> list[int]:
        return [torch.cuda.current_device()] if torch.device(self.device).type == "cuda" else []

    def _now(self) -> float:
        if self._gpus():
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def formats(device: str) -> tuple[str, ...]:
    """Those that may pay on a device; of equally fast ones the earlier is the better one."""
    if torch.device(device).type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return ("fp32", "bf16", "fp16") if has_bf16 else ("fp32", "fp16")
    has = torch.cpu.get_capabilities()
    return ("fp32", "bf16") if any(has.get(name) for name in BF16) else ("fp32",)


def fastest(names: Sequence[str], seconds: Callable[[str], float]) -> tuple[str, float]:
    """The format to train in, and how many times as fast as the first one it is: the first one, unless another one is
    at least `GAIN` times as fast. `seconds(name)` is asked for all in turns; the shortest time counts, since whatever else
    a machine does makes times longer.

    Example:
        >>> fastest(("fp32", "bf16"), {"fp32": 0.2, "bf16": 0.1}.get)
        ('bf16', 2.0)
    """
    first, *others = names
    if not others:
        return first, 1.0
    times, spent, looks = dict.fromkeys(names, math.inf), 0.0, 0
    while spent < SECONDS and looks < LOOKS:
        taken = {name: seconds(name) for name in reversed(names)}  # the last one finds what the others have prepared
        times = {name: min(times[name], taken[name]) for name in names}
        spent += sum(each for each in taken.values() if math.isfinite(each))
        looks += 1
    best = first
    for name in others:
        if _times(times[best], times[name]) >= (GAIN if looks > 1 else CLEAR):
            best = name
    return best, _times(times[first], times[best])


def _times(slow: float, fast: float) -> float:
    """How many times as fast; 1 where neither works."""
    return slow / fast if math.isfinite(fast) else (1.0 if math.isinf(slow) else 0.0)
