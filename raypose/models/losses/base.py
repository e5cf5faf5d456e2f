"""What all losses here share: the mean over the keypoints that count."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from raypose.arguments import checked
from raypose.models.losses.weighted import weighted_loss


class KeypointLoss(nn.Module):
    """Weighted mean over keypoints of `per_keypoint`; 0, and still differentiable, where no keypoint counts.

    Args:
        use_target_weight: leave keypoints of weight 0 (not visible) out; False counts all alike.
        loss_weight: factor of the result.
    """

    accepts: tuple[str, ...] = ("heatmap",)

    @checked
    def __init__(self, use_target_weight: bool = True, loss_weight: NonNegativeFloat = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def forward(self, output: Any, target: Any, target_weight: Tensor | None = None) -> Tensor:
        """A scalar, from output and target [N,K,...] (or tuples of such) and target_weight [N,K,1].

        Half precision becomes single, which sums and logarithms need.
        """
        return self.loss_weight * self.mean(*map(_single, (output, target, target_weight)))

    def mean(self, output: Any, target: Any, target_weight: Tensor | None = None) -> Tensor:
        """Over the keypoints that count."""
        return _mean(output, target, per_keypoint=self.per_keypoint, **self.weights(target_weight))

    def per_keypoint(self, output: Any, target: Any) -> Tensor:
        """The loss of each keypoint, [N,K]."""
        raise NotImplementedError

    def weights(self, target_weight: Tensor | None) -> dict[str, Any]:
        """The arguments of a weighted loss that make it a mean over the keypoints that count."""
        if target_weight is None or not self.use_target_weight:
            return {}
        weight = target_weight.flatten(1)
        return {"weight": weight, "avg_factor": weight.sum().clamp(min=1e-6)}


@weighted_loss
def _mean(output: Any, target: Any, per_keypoint: Any) -> Tensor:
    return per_keypoint(output, target)


def _single(value: Any) -> Any:
    """Tensors, and tuples of such, in at least single precision; None as it is."""
    if isinstance(value, tuple):
        return tuple(map(_single, value))
    return value if value is None else value.to(torch.promote_types(value.dtype, torch.float32))
