"""Which number format and which memory layout a device trains in."""

from __future__ import annotations

import contextlib

import torch
from torch import nn

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """`auto`, for who has nothing measured: bf16 on a GPU that has it, fp16 on one that has not, and fp32 on a CPU. What a
    trial trains in is measured, see `raypose.training.settled`, and its model is evaluated in.

    Example:
        >>> with Precision("fp32", "cpu").autocast():
        ...     loss = model.loss(image, keypoints, visible)["loss"]
    """

    def __init__(self, name: str, device: str) -> None:
        self.device_type = torch.device(device).type
        if name == "auto":
            name = self._fastest()
        self.name, self.dtype = name, FORMATS[name]
        self.scaler = torch.amp.GradScaler(self.device_type, enabled=name == "fp16")

    def _fastest(self) -> str:
        if self.device_type != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"

    def autocast(self) -> contextlib.AbstractContextManager:
        """The context of a forward pass."""
        return torch.autocast(self.device_type, self.dtype, enabled=self.name != "fp32")


def layout(model: nn.Module, device: str) -> torch.memory_format:
    """Channels-last, which convolutions are faster in on CPUs and GPUs, except where it would corrupt memory.

    On a CPU, oneDNN's kernel for strided 1x1 convolutions writes past its memory in the backward pass where the input has
    fewer channels than a vector register (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """
    narrow = any(
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.in_channels < 16
        for module in model.modules()
    )
    on_cpu = torch.device(device).type == "cpu"
    return torch.contiguous_format if on_cpu and narrow else torch.channels_last
