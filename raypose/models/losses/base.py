"""What all losses here share: the mean over the keypoints that count."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.losses.weighted import weighted_loss


class KeypointLoss(nn.Module):
    """Weighted mean over keypoints of `per_keypoint`; 0, and still differentiable, where no keypoint counts.

    Args:
        use_target_weight: leave keypoints of weight 0 (not visible) out; False counts all alike.
        loss_weight: factor of the result.
    """

    accepts: tuple[str, ...] = ("heatmap",)

    def __init__(self, use_target_weight: bool = True, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def forward(self, output: Any, target: Any, target_weight: Tensor | None = None) -> Tensor:
        """A scalar, from output and target [N,K,...] (or tuples of such) and target_weight [N,K,1]."""
        return self.loss_weight * _mean(output, target, per_keypoint=self.per_keypoint, **self.weights(target_weight))

    def per_keypoint(self, output: Any, target: Any) -> Tensor:
        """The loss of each keypoint, [N,K]."""
        raise NotImplementedError

    def weights(self, target_weight: Tensor | None) -> dict[str, Any]:
        """The arguments of a weighted loss that make it a mean over the keypoints that count."""
        if target_weight is None or not self.use_target_weight:
            return {}
        weight = target_weight.flatten(1)
        return {"weight": weight, "avg_factor": weight.sum().clamp(min=1e-6)}


def require_positive(**values: float) -> None:
    """Raise where an argument is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise RayPoseError(f"{name} > 0 must hold, but got {value}", rule="wrong-value")


@weighted_loss
def _mean(output: Any, target: Any, per_keypoint: Any) -> Tensor:
    return per_keypoint(output, target)
