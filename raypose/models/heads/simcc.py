"""Coordinates as classes: one bin of a fraction of a pixel each (Li et al. 2022, "SimCC", arXiv:2107.03332)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from raypose.arguments import Size, checked
from raypose.errors import RayPoseError
from raypose.models.heads.base import Head, Linear, feature_map, takes_arguments_of
from raypose.models.heads.heatmap import HeatmapHead
from raypose.registry import HEADS


class SimCCBase(Head):
    """A head that gives the logits of bins along x and along y, and is made for one size of its feature map.

    Args:
        input_size: width and height of the model's input, in pixels.
        in_featuremap_size: width and height of the feature map.
        codec: built; its `simcc_split_ratio` says how many bins a pixel has.
        loss_keypoint: built.

    Raises:
        RayPoseError: a codec without bins, or no size, since vectors come instead of a map.
    """

    output = "simcc"

    @checked
    def __init__(
        self,
        input_size: Size,
        in_featuremap_size: Size | None,
        codec: Any,
        loss_keypoint: nn.Module | None = None,
    ) -> None:
        super().__init__(codec, loss_keypoint)
        name, ratio = type(self).__name__, getattr(codec, "simcc_split_ratio", None)
        if ratio is None:
            message = f"{name} needs a codec with a 'simcc_split_ratio', but {type(codec).__name__} has none"
            raise RayPoseError(message, hint="SimCCLabel has one", rule="kind-mismatch")
        if in_featuremap_size is None:
            raise RayPoseError(f"{name} needs a map [N,C,H,W], but gets vectors [N,C]", rule="head-input")
        self.in_featuremap_size = in_featuremap_size
        self.bins_x, self.bins_y = (int(length * ratio) for length in input_size)


@HEADS.register_module()
class SimCCHead(SimCCBase):
    """A `HeatmapHead`'s maps, flattened, and one linear layer a direction that tells the bins of x and of y.

    Args:
        input_size, in_featuremap_size, codec, loss_keypoint: as above: of the model, of the feature map, and built.
        Others: as `HeatmapHead` has them; `num_deconv_layers: 0` is the paper's variant without deconvolutions.

    Example:
        >>> head = SimCCHead(512, 17, input_size=(192, 256), in_featuremap_size=(6, 8), codec=SimCCLabel((192, 256)))
        >>> [logits.shape for logits in head(torch.zeros(1, 512, 8, 6))]
        [torch.Size([1, 17, 384]), torch.Size([1, 17, 512])]
    """

    @takes_arguments_of(HeatmapHead)
    @checked
    def __init__(
        self,
        *args: Any,
        input_size: Size,
        in_featuremap_size: Size | None,
        codec: Any,
        loss_keypoint: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_size, in_featuremap_size, codec, loss_keypoint)
        maps = HeatmapHead(*args, **kwargs)
        doublings = sum(isinstance(layer, nn.ConvTranspose2d) for layer in maps.deconv_layers)
        # MMPose's names: the convolution stands alone where there are no deconvolutions.
        self.deconv_head = maps if doublings else nn.Identity()
        self.final_layer = nn.Identity() if doublings else maps.final_layer
        pixels = self.in_featuremap_size[0] * self.in_featuremap_size[1] * 4**doublings
        self.mlp_head_x = Linear(pixels, self.bins_x)
        self.mlp_head_y = Linear(pixels, self.bins_y)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits along x [N,K,Lx] and along y [N,K,Ly] from a map [N,C,H,W] of the size that it was built for."""
        maps = self.final_layer(self.deconv_head(feature_map(self, x, self.in_featuremap_size)))
        pixels = maps.flatten(2)
        return self.mlp_head_x(pixels), self.mlp_head_y(pixels)
