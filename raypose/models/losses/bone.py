"""Loss of the lengths of limbs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.geometry import chosen, constant
from raypose.errors import RayPoseError
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


@LOSSES.register_module()
class BoneLoss(KeypointLoss):
    """The mean over bones of the absolute error of their lengths, in fractions of the input's longer side (after Sun et
    al. 2017, "Compositional Human Pose Regression", arXiv:1704.00159). It says nothing of where a limb lies: add it to
    a loss of coordinates. MMPose averages lengths over the batch first, so that errors of opposite signs cancel.

    A bone counts if both of its ends do.

    Args:
        input_size: width and height in pixels; the builder fills it in.
        joint_parents: for each keypoint the index of the one at the bone's other end, its own index for a root;
            default: the bones are the limbs of the dataset's skeleton.
        use_target_weight: leave bones with an end of weight 0 out.
        loss_weight: factor of the result.
        num_keypoints, info: the data's; the builder fills them in.

    Raises:
        RayPoseError: no bones, or keypoints that don't exist.
    """

    accepts = ("coordinates",)

    @checked
    def __init__(
        self,
        input_size: Size,
        joint_parents: list[int] | None = None,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
        num_keypoints: int | None = None,
        info: Any = None,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.input_size = input_size
        if joint_parents is None:
            bones = [(int(a), int(b)) for a, b in getattr(info, "skeleton", ())]
        else:
            bones = _bones(joint_parents, num_keypoints)
        if not bones:
            raise RayPoseError(
                "BoneLoss has no bones", hint="give joint_parents, or the dataset a skeleton", rule="bones"
            )
        self.starts, self.ends = map(list, zip(*bones, strict=True))

    def mean(self, output: Tensor, target: Tensor, target_weight: Tensor | None = None) -> Tensor:
        """Over bones, from coordinates [N,K,2] and target_weight [N,K,1]."""
        if target_weight is not None:
            target_weight = chosen(target_weight, self.starts) * chosen(target_weight, self.ends)
        return super().mean(output, target, target_weight)

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each bone, [N, bones]."""
        return (self._lengths(output) - self._lengths(target)).abs()

    def _lengths(self, points: Tensor) -> Tensor:
        sides = constant(self.input_size, points) / max(self.input_size)
        return torch.linalg.vector_norm((chosen(points, self.starts) - chosen(points, self.ends)) * sides, dim=-1)


def _bones(parents: Sequence[int], num_keypoints: int | None) -> list[tuple[int, int]]:
    count = len(parents) if num_keypoints is None else num_keypoints
    if len(parents) != count or not all(0 <= parent < count for parent in parents):
        message = f"joint_parents holds {count} indices from 0 to {count - 1}, one a keypoint, but got {list(parents)}"
        raise RayPoseError(message, rule="bones")
    return [(child, parent) for child, parent in enumerate(parents) if child != parent]
