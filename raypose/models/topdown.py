"""The top-down pose model: an image of one instance in, its keypoints out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from raypose.codecs.geometry import chosen
from raypose.errors import RayPoseError
from raypose.kinds import KINDS, agreed, shift_of
from raypose.models.outputs import map_parts
from raypose.models.ports import Maps, as_stages, is_multi_stage
from raypose.models.step import activated, losses
from raypose.registry import POSENETS

FlipPairs = Sequence[tuple[int, int]]


@POSENETS.register_module()
class TopDown(nn.Module):
    """A backbone, perhaps a neck, and a keypoint head, which owns the codec and the loss.

    Args:
        backbone: built; see `raypose.registry.BACKBONES`.
        keypoint_head: built; see `raypose.registry.HEADS`.
        neck: built; see `raypose.registry.NECKS`.
        codec, loss_keypoint: become the head's where it has none of its own.

    Example:
        >>> model = TopDown(ResNet(18), HeatmapHead(512, 17), None, MSRAHeatmap((192, 256)), JointsMSELoss())
        >>> keypoints, scores = model.eval().predict(images)
    """

    def __init__(
        self,
        backbone: nn.Module,
        keypoint_head: nn.Module,
        neck: nn.Module | None = None,
        codec: Any = None,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.keypoint_head = keypoint_head
        for name, part in (("codec", codec), ("loss_keypoint", loss_keypoint)):
            if getattr(keypoint_head, name, None) is None:
                setattr(keypoint_head, name, part)

    @property
    def codec(self) -> Any:
        """The head's codec."""
        return self.keypoint_head.codec

    @property
    def loss_keypoint(self) -> Any:
        """The head's loss."""
        return self.keypoint_head.loss_keypoint

    @property
    def kind(self) -> str | None:
        """Of the head's output, as its codec serves it; see `raypose.kinds`."""
        return agreed(self.keypoint_head, self.codec)

    def forward(self, img: Tensor) -> Any:
        """The head's output for images [N,3,H,W]; a list of outputs, one a stage, of a multi-stage head."""
        return self.keypoint_head(select(self.features(img), self.keypoint_head))

    def features(self, img: Tensor) -> tuple[Maps, ...]:
        """The stages of feature maps that the head is given a part of."""
        stages = as_stages(self.backbone(img), is_multi_stage(self.backbone))
        return stages if self.neck is None else tuple(as_stages(self.neck(maps), False)[0] for maps in stages)

    def loss(self, img: Tensor, keypoints: Tensor, visible: Tensor) -> dict[str, Tensor]:
        """`{"loss": ...}`, the mean over the stages, and `loss_1`, `loss_2`, ... where there are several.

        Args:
            img: [N,3,H,W].
            keypoints: [N,K,2] in input pixels.
            visible: [N,K], labelled where above 0.
        """
        return self._losses(self(img), keypoints, visible)

    @torch.no_grad()
    def predict(
        self, img: Tensor, flip_pairs: FlipPairs | None = None, shift_heatmap: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K] of images [N,3,H,W].

        `flip_pairs`, the keypoints that trade places in a mirrored image, make it a flip test: the output is averaged
        with that of the mirrored image. `shift_heatmap` first moves the latter's heatmaps, mirrored back, a pixel to the
        right, as MMPose does: its heatmaps' pixels are at multiples of the stride, which a mirrored image's are not.
        """
        return self._decode(self(img), img, flip_pairs, shift_heatmap)

    @torch.no_grad()
    def evaluate(
        self,
        img: Tensor,
        keypoints: Tensor,
        visible: Tensor,
        flip_pairs: FlipPairs | None = None,
        shift_heatmap: bool = False,
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """`loss` and `predict` of the same images from one forward pass: losses, keypoints, scores."""
        output = self(img)
        return self._losses(output, keypoints, visible), *self._decode(output, img, flip_pairs, shift_heatmap)

    def _losses(self, output: Any, keypoints: Tensor, visible: Tensor) -> dict[str, Tensor]:
        return losses(output, keypoints, visible, self.codec, self.loss_keypoint, self.kind)

    def _decode(
        self, output: Any, img: Tensor, flip_pairs: FlipPairs | None, shift_heatmap: bool
    ) -> tuple[Tensor, Tensor]:
        result = activated(output, self.loss_keypoint)
        if flip_pairs is not None:
            mirrored = self._unmirror(activated(self(img.flip(-1)), self.loss_keypoint), flip_pairs, shift_heatmap)
            result = map_parts(lambda one, other: (one + other) / 2, result, mirrored)
        return self.codec.decode(result)

    def _unmirror(self, result: Any, flip_pairs: FlipPairs, shift_heatmap: bool) -> Any:
        if self.kind not in KINDS:
            raise RayPoseError(
                f"the flip test can't mirror an output of kind {self.kind!r}",
                hint=f"it knows {', '.join(KINDS)}: declare the class attribute `output` of the head",
                rule="flip-test",
            )
        first = result if isinstance(result, Tensor) else result[0]
        order = list(range(first.shape[1]))
        for left, right in flip_pairs:
            order[left], order[right] = right, left
        result = map_parts(lambda part: chosen(part, order), KINDS[self.kind].mirror(result))
        return shift_of(self.kind)(result) if shift_heatmap else result


def select(stages: tuple[Maps, ...], head: nn.Module) -> Any:
    """What of the stages a head takes: all of them, the maps at its `in_ports`, or the last map of the last stage."""
    if is_multi_stage(head):
        return stages
    in_ports = getattr(head, "in_ports", None)
    return stages[-1][-1] if in_ports is None else tuple(stages[-1][i] for i in in_ports)
