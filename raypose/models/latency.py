"""How long a model takes for one image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from raypose.models.ports import evaluating

WARM_UP = 3  # passes at least, before the first one that counts
FEWEST, MOST = 5, 200  # passes that count


@torch.no_grad()  # not inference_mode: what a model keeps for later passes is trained with
def latency(
    model: Any,
    input_size: tuple[int, int],
    device: str = "cpu",
    autocast: Callable[[], AbstractContextManager] = nullcontext,
    seconds: float = 1.0,
) -> float:
    """Milliseconds from one image on the device to its keypoints: the median of forward passes with decoding at batch
    size 1, in evaluation mode, without a flip test, after a warm-up of a quarter of the time.

    Args:
        model: has `predict(images)`; left as it is. It computes with as many threads as torch is set to.
        input_size: width and height of the image, in pixels.
        autocast: the context of a pass, as `Precision.autocast`.
        seconds: about how long is measured; 8 passes are made however long they take.

    Example:
        >>> latency(model, (192, 256))
        23.8
    """
    generator = torch.Generator().manual_seed(0)  # zeros would be denormal numbers further on
    image = torch.rand(1, 3, input_size[1], input_size[0], generator=generator)
    image = image.to(device, memory_format=torch.channels_last)

    def one_pass() -> float:
        started = time.perf_counter()
        with autocast():
            model.predict(image)
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    with evaluating(model):
        _passes(one_pass, WARM_UP, seconds / 4)
        return 1000 * statistics.median(_passes(one_pass, FEWEST, seconds * 3 / 4))


def _passes(one_pass: Callable[[], float], fewest: int, seconds: float) -> list[float]:
    times: list[float] = []
    while len(times) < fewest or (sum(times) < seconds and len(times) < MOST):
        times.append(one_pass())
    return times
