"""Wing losses: coordinates in pixels, where middling errors count more than in a squared one and outliers less."""

from __future__ import annotations

import math

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from raypose.arguments import Size, checked
from raypose.codecs.geometry import constant
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES


class PixelCurveLoss(KeypointLoss):
    """A `curve` of the absolute errors of x and y in input pixels.

    The result is divided by the input size again, which leaves the curve as its paper has it but gives gradients and
    values of `L1Loss`'s scale, so that the same learning rates serve.
    """

    accepts = ("coordinates",)

    @checked
    def __init__(self, input_size: Size, use_target_weight: bool = True, loss_weight: NonNegativeFloat = 1.0) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.input_size = input_size

    def per_keypoint(self, output: Tensor, target: Tensor) -> Tensor:
        size = constant(self.input_size, output)
        return (self.curve((output - target).abs() * size) / size).mean(-1)

    def curve(self, error: Tensor) -> Tensor:
        """The loss of errors in pixels, element by element."""
        raise NotImplementedError


@LOSSES.register_module()
class WingLoss(PixelCurveLoss):
    """A logarithm for errors below `omega` pixels, a straight line above (Feng et al. 2018, arXiv:1711.06753, equation
    5). MMPose feeds it fractions of the input size, of which it makes little but a steep `L1Loss`.

    Args:
        input_size: width and height in pixels; the builder fills it in.
        omega: where the straight part begins, in pixels.
        epsilon: bend of the logarithm, in pixels; the slope at 0 is omega / epsilon, that of the straight part 1.
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.

    Example:
        >>> WingLoss((192, 256))(coordinates, targets, weights)
    """

    @checked
    def __init__(
        self,
        input_size: Size,
        omega: PositiveFloat = 10.0,
        epsilon: PositiveFloat = 2.0,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(input_size, use_target_weight, loss_weight)
        self.omega, self.epsilon = omega, epsilon

    def curve(self, error: Tensor) -> Tensor:
        joint = self.omega - self.omega * math.log1p(self.omega / self.epsilon)
        return torch.where(error < self.omega, self.omega * torch.log1p(error / self.epsilon), error - joint)


@LOSSES.register_module()
class SoftWingLoss(PixelCurveLoss):
    """A straight line below `omega1` pixels, a logarithm above: middling errors count most, tiny ones not more than in
    `L1Loss` (Lin et al. 2021, "Structure-Coherent Deep Feature Learning for Robust Face Alignment", IEEE TIP 30).

    Args:
        input_size: width and height in pixels; the builder fills it in.
        omega1: where the logarithm begins, in pixels.
        omega2: its height.
        epsilon: its bend, in pixels.
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.
    """

    @checked
    def __init__(
        self,
        input_size: Size,
        omega1: PositiveFloat = 2.0,
        omega2: PositiveFloat = 20.0,
        epsilon: PositiveFloat = 0.5,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(input_size, use_target_weight, loss_weight)
        self.omega1, self.omega2, self.epsilon = omega1, omega2, epsilon

    def curve(self, error: Tensor) -> Tensor:
        joint = self.omega1 - self.omega2 * math.log1p(self.omega1 / self.epsilon)
        far = self.omega2 * torch.log1p(error / self.epsilon) + joint
        return torch.where(error < self.omega1, error, far)
