"""Loss of the object keypoint similarity, which COCO's AP is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.geometry import constant
from raypose.errors import RayPoseError
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES

# From the logarithm of an instance's OKS to its loss.
MODES: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda log_oks: 1 - log_oks.exp(),
    "square": lambda log_oks: 1 - (2 * log_oks).exp(),
    "log": lambda log_oks: -log_oks,
}


@LOSSES.register_module()
class OKSLoss(KeypointLoss):
    """The mean over instances of 1 - OKS, of the keypoints that count (Maji et al. 2022, "YOLO-Pose",
    arXiv:2204.06806). A keypoint far off, by more than a few times 2 sigma of the object's size, has next
    to no gradient: add it to a loss of coordinates, or begin with trained weights.

    Args:
        input_size: width and height in pixels; the builder fills it in.
        sigmas: COCO's constant of each keypoint; default: the dataset's.
        area: the object's, in fractions of the input's. A loss sees the crop alone, which is `padding` times the box:
            the default is that of a box of the input's shape at padding 1.25. COCO's area, of the mask, is about half.
        mode: 1 - OKS, 1 - OKS², or -log OKS.
        use_target_weight: leave keypoints of weight 0 out, and instances without any other.
        loss_weight: factor of the result.
        num_keypoints, info: the data's; the builder fills them in.

    Raises:
        RayPoseError: no sigmas, or not one a keypoint.
    """

    accepts = ("coordinates",)

    @checked
    def __init__(
        self,
        input_size: Size,
        sigmas: list[PositiveFloat] | None = None,
        area: PositiveFloat = 0.64,
        mode: Literal["linear", "square", "log"] = "linear",
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
        num_keypoints: int | None = None,
        info: Any = None,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.input_size = input_size
        self.sigmas = _sigmas(getattr(info, "sigmas", None) if sigmas is None else sigmas, num_keypoints)
        self.area, self.mode = area, mode

    def mean(self, output: Tensor, target: Tensor, target_weight: Tensor | None = None) -> Tensor:
        """Over instances, from coordinates [N,K,2] and target_weight [N,K,1]."""
        exponents = self.per_keypoint(output, target)
        weight = self.weights(target_weight).get("weight", torch.ones_like(exponents))
        present = weight.sum(-1) > 0
        weight = torch.where(present.unsqueeze(-1), weight, torch.ones_like(weight))
        # Summed as logarithms, so that mode "log" does not see 0 where all keypoints are far off.
        log_oks = torch.logsumexp(weight.log() - exponents, -1) - weight.sum(-1).log()
        return (MODES[self.mode](log_oks) * present).sum() / present.sum().clamp(min=1)

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        """d² / (2 s² k²) of each keypoint, [N,K]: its distance, with the object's size s and k = 2 sigma."""
        width, height = self.input_size
        distance = ((output - target) * constant(self.input_size, output)).square().sum(-1)
        return distance / (8 * self.area * width * height * constant(self.sigmas, output).square())


def _sigmas(sigmas: Sequence[float] | None, num_keypoints: int | None) -> list[float]:
    if sigmas is None:
        raise RayPoseError("OKSLoss has no sigmas", hint="give one a keypoint, `sigmas: [...]`", rule="sigmas")
    count = len(sigmas) if num_keypoints is None else num_keypoints
    if len(sigmas) != count or min(sigmas) <= 0:
        raise RayPoseError(f"sigmas must be {count} positive numbers, but got {list(sigmas)}", rule="sigmas")
    return [float(sigma) for sigma in sigmas]
