"""Mixed precision: which number format a device trains in, and the context that does it."""

from __future__ import annotations

import contextlib

import torch

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """`auto` is bf16 on a GPU that has it, fp16 on one that has not, and fp32 on a CPU.

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
