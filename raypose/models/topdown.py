"""The top-down pose model: an image of one instance in, its keypoints out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.kinds import KINDS
from raypose.models.ports import Maps, as_stages, is_multi_stage
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

    def forward(self, img: Tensor) -> Any:
        """The head's output for images [N,3,H,W]: a tensor, or a list of tensors, one a stage."""
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
    def predict(self, img: Tensor, flip_pairs: FlipPairs | None = None) -> tuple[Tensor, Tensor]:
        """Keypoints [N,K,2] in input pixels and scores [N,K] of images [N,3,H,W].

        `flip_pairs`, the keypoints that trade places in a mirrored image, make it a flip test: the output is averaged
        with that of the mirrored image.
        """
        return self._decode(self(img), img, flip_pairs)

    @torch.no_grad()
    def evaluate(
        self, img: Tensor, keypoints: Tensor, visible: Tensor, flip_pairs: FlipPairs | None = None
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """`loss` and `predict` of the same images from one forward pass: losses, keypoints, scores."""
        output = self(img)
        return self._losses(output, keypoints, visible), *self._decode(output, img, flip_pairs)

    def _losses(self, output: Any, keypoints: Tensor, visible: Tensor) -> dict[str, Tensor]:
        # Half precision is for the network; a sum over a whole heatmap would overflow or round away in it.
        with torch.autocast(keypoints.device.type, enabled=False):
            stages = [stage.float() for stage in (output if isinstance(output, list) else [output])]
            shapes = {tuple(stage.shape[1:]) for stage in stages}
            targets = {shape: self.codec.encode(keypoints, visible, shape) for shape in shapes}
            losses = [self.loss_keypoint(stage, *targets[tuple(stage.shape[1:])]) for stage in stages]
        each = {f"loss_{i}": loss for i, loss in enumerate(losses, 1)} if len(losses) > 1 else {}
        return {"loss": torch.stack(losses).mean(), **each}

    def _decode(self, output: Any, img: Tensor, flip_pairs: FlipPairs | None) -> tuple[Tensor, Tensor]:
        result = self._activate(output)
        if flip_pairs is not None:
            result = (result + self._unmirror(self._activate(self(img.flip(-1))), flip_pairs)) / 2
        return self.codec.decode(result)

    def _activate(self, output: Any) -> Tensor:
        last = (output[-1] if isinstance(output, list) else output).float()
        activate = getattr(self.loss_keypoint, "activate", None)
        return last if activate is None else activate(last)

    def _unmirror(self, result: Tensor, flip_pairs: FlipPairs) -> Tensor:
        kind = getattr(self.keypoint_head, "output", None) or getattr(self.codec, "output", None)
        if kind not in KINDS:
            raise RayPoseError(
                f"the flip test can't mirror an output of kind {kind!r}",
                hint=f"it knows {', '.join(KINDS)}: declare the class attribute `output` of the head",
                rule="flip-test",
            )
        order = list(range(result.shape[1]))
        for left, right in flip_pairs:
            order[left], order[right] = right, left
        return KINDS[kind].mirror(result)[:, order]


def select(stages: tuple[Maps, ...], head: nn.Module) -> Any:
    """What of the stages a head takes: all of them, the maps at its `in_ports`, or the last map of the last stage."""
    if is_multi_stage(head):
        return stages
    in_ports = getattr(head, "in_ports", None)
    return stages[-1][-1] if in_ports is None else tuple(stages[-1][i] for i in in_ports)
