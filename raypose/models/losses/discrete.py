"""Divergences between distributions over bins: of SimCC's two axes, or of heatmaps that sum to 1."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from raypose.arguments import checked
from raypose.models.losses.base import KeypointLoss
from raypose.registry import LOSSES

TINY = 1e-12  # keeps logarithms, and their slopes, finite


@LOSSES.register_module()
class KLDiscretLoss(KeypointLoss):
    """The Kullback-Leibler divergence of SimCC's softmax from its target, x and y added (Li et al. 2022, "SimCC",
    arXiv:2107.03332). MMPose divides it by the number of bins, which makes it, and a search's `loss_weight`, depend on
    the input size; here it is not.

    Output and target are pairs ([N,K,Lx], [N,K,Ly]): logits, and what is made a distribution by dividing by its sum.

    Args:
        beta: factor of the logits; RTMPose has 10.
        label_softmax: make the target a distribution by a softmax instead, as RTMPose does, of itself divided by its
            peak, so that either `normalize` of `SimCCLabel` gives the same.
        label_beta: factor of the target in that softmax.
        use_target_weight: leave keypoints of weight 0 out.
        loss_weight: factor of the result.
    """

    accepts = ("simcc",)

    @checked
    def __init__(
        self,
        beta: PositiveFloat = 1.0,
        label_softmax: bool = False,
        label_beta: PositiveFloat = 10.0,
        use_target_weight: bool = True,
        loss_weight: NonNegativeFloat = 1.0,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.beta, self.label_softmax, self.label_beta = beta, label_softmax, label_beta

    def per_keypoint(self, output: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
        (x, y), (target_x, target_y) = output, target
        return self._divergence(x, target_x) + self._divergence(y, target_y)

    def activate(self, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The logits that the codec reads, times `beta` as in training."""
        return self.beta * output[0], self.beta * output[1]

    def _divergence(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.label_softmax:
            peak = target.amax(-1, keepdim=True).clamp(min=TINY)
            target = (self.label_beta * target / peak).softmax(-1)
        else:
            target = _scaled(target)
        return _kl(target, (self.beta * logits).log_softmax(-1))


@LOSSES.register_module()
class JSDiscretLoss(KeypointLoss):
    """The Jensen-Shannon divergence of the output from the target (Nibali et al. 2018, "DSNT", arXiv:1801.07372),
    at most log 2; of SimCC's axes, which are logits, it is that of their softmax, x and y added.

    Output and target are heatmaps [N,K,h,w], or pairs ([N,K,Lx], [N,K,Ly]); the target is divided by its sum.
    """

    accepts = ("simcc", "density")

    def per_keypoint(self, output: Tensor | tuple[Tensor, Tensor], target: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        if isinstance(output, Tensor):
            return _js(output.flatten(2), _scaled(target.flatten(2)))  # type: ignore[union-attr]
        (x, y), (target_x, target_y) = output, target
        return _js(x.softmax(-1), _scaled(target_x)) + _js(y.softmax(-1), _scaled(target_y))


def _scaled(target: Tensor) -> Tensor:
    return target / target.sum(-1, keepdim=True).clamp(min=1e-6)


def _kl(target: Tensor, log_output: Tensor) -> Tensor:
    return (target * (target.clamp(min=TINY).log() - log_output)).sum(-1)


def _js(first: Tensor, second: Tensor) -> Tensor:
    log_mean = (0.5 * (first + second)).clamp(min=TINY).log()
    return 0.5 * (_kl(first, log_mean) + _kl(second, log_mean))
