"""What the heads share: the parts that they own, their first weights, and the inputs that they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.kinds import agreed

# The standard deviations of the first weights, as in SimpleBaseline and MMPose: outputs start out close to zero.
CONV_STD, LINEAR_STD = 0.001, 0.01


class Head(nn.Module):
    """A head that owns a codec and a loss; of the kinds of output that its class declares, its codec decides.

    Args:
        codec, loss_keypoint: built.
    """

    output: str | tuple[str, ...]

    def __init__(self, codec: Any = None, loss_keypoint: nn.Module | None = None) -> None:
        super().__init__()
        self.codec = codec
        self.loss_keypoint = loss_keypoint
        self.output = agreed(type(self), codec) or self.output

    def init_weights(self) -> None:
        """Small random weights in convolutions and linear layers, and no biases; those of a loss are its own."""
        own = [part for name, part in self.named_children() if name not in ("codec", "loss_keypoint")]
        for module in nn.ModuleList(own).modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.normal_(module.weight, std=LINEAR_STD if isinstance(module, nn.Linear) else CONV_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


class Linear(nn.Linear):
    """A linear layer that computes in its weights' precision under autocast too, for outputs that are positions.

    bfloat16 has 8 bits: it knows coordinates to a pixel in 256 at best, and gives neighbouring bins equal logits.
    """

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        if not torch.amp.is_autocast_available(x.device.type):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x)


def takes_arguments_of(base: type) -> Callable[[Any], Any]:
    """A decorator of `__init__(self, *args, own=..., **kwargs)`, which passes `args` and `kwargs` on to `base`.

    Its signature, which `raypose check` and `raypose list` read, then shows the arguments of `base` too.

    Example:
        >>> class Scaled(HeatmapHead):
        ...     @takes_arguments_of(HeatmapHead)
        ...     def __init__(self, *args: Any, factor: float = 1.0, **kwargs: Any) -> None: ...
        >>> "num_deconv_layers" in inspect.signature(Scaled).parameters
        True
    """

    def decorate(init: Any) -> Any:
        passed = inspect.signature(base.__init__, eval_str=True).parameters  # type: ignore[misc]
        named = inspect.signature(init, eval_str=True).parameters
        own = {name: each for name, each in named.items() if each.kind is each.KEYWORD_ONLY}
        kept = [each for name, each in passed.items() if name not in own]
        init.__signature__ = inspect.Signature([*kept, *own.values()])
        return init

    return decorate


def feature_map(head: nn.Module, x: Any, size: tuple[int, int] | None = None) -> Tensor:
    """`x`, if it is a map [N,C,H,W], and of `size` (width, height) where that is given.

    Raises:
        RayPoseError: it is not.
    """
    if isinstance(x, Tensor) and x.ndim == 4 and size in (None, (x.shape[3], x.shape[2])):
        return x
    height_width = "H,W" if size is None else f"{size[1]},{size[0]}"
    raise _unfit(head, f"a map [N,C,{height_width}]", x)


def vector(head: nn.Module, x: Any) -> Tensor:
    """Vectors [N,C]: `x`, or the mean over the pixels of a map [N,C,H,W].

    Raises:
        RayPoseError: it is neither.
    """
    if isinstance(x, Tensor) and x.ndim in (2, 4):
        return x if x.ndim == 2 else x.mean((2, 3))
    raise _unfit(head, "a map [N,C,H,W] or vectors [N,C]", x)


def _unfit(head: nn.Module, needed: str, got: Any) -> RayPoseError:
    shown = list(got.shape) if isinstance(got, Tensor) else f"a {type(got).__name__}"
    return RayPoseError(f"{type(head).__name__} needs {needed}, but got {shown}", rule="head-input")
