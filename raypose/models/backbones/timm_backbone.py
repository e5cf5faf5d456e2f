"""A network of timm as a backbone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from raypose.errors import RayPoseError
from raypose.models.backbones.rows import Net, Row
from raypose.models.backbones.stages import check_out_indices, follow_quickly
from raypose.models.backbones.weights import LibraryBackbone
from raypose.models.ports import Port

FINEST = 4  # the stride of the first feature map; stems give finer ones


class TimmNet(LibraryBackbone):
    """A network of timm without what comes after the last feature map that is asked for.

    Modules and weights have timm's names.

    Args:
        net: timm's.
        taps: which of its feature maps to give, in its own count.
        norm: whether its last normalisation is applied.
    """

    net: Any
    fine_groups: Mapping[str, Any] | None = None

    def __init__(self, net: Any, taps: Sequence[int], norm: bool = False) -> None:
        super().__init__()
        self.taps, self.norm_maps = list(taps), norm
        maps = feature_info(net)
        self.out = tuple(Port(maps[i]["num_chs"], maps[i]["reduction"]) for i in taps)
        net.prune_intermediate_layers(self.taps, prune_norm=not norm, prune_head=True)
        leave_out_branches(net, self.taps)
        follow_quickly(net)
        # The parts of the network are parts of this module, under their own names; the network itself is none.
        object.__setattr__(self, "net", net)
        for kind in ("_parameters", "_buffers", "_non_persistent_buffers_set", "_modules"):
            object.__setattr__(self, kind, getattr(net, kind))

    def forward(self, img: Tensor) -> tuple[Tensor, ...]:
        """One map [N,C,H/stride,W/stride] for each of `out_indices`."""
        maps = self.net.forward_intermediates(
            img, indices=self.taps, norm=self.norm_maps, output_fmt="NCHW", intermediates_only=True
        )
        return tuple(maps)

    def train(self, mode: bool = True) -> TimmNet:
        """As `nn.Module.train`."""
        self.net.training = mode
        super().train(mode)
        return self

    @property
    def layer_depths(self) -> Callable[[bool], dict[str, int]]:
        """`layer_depths(stage_wise)`: the depth of each parameter as timm groups them; networks that timm doesn't group
        have no such attribute. 0 is the stem; a block or, stage-wise, a stage each."""
        if not hasattr(self.net, "group_matcher"):
            raise AttributeError(f"timm has no groups of the parameters of {type(self.net).__name__}")
        return self._grouped

    def _grouped(self, stage_wise: bool) -> dict[str, int]:
        from timm.models import group_parameters

        try:
            matcher = self.net.group_matcher(coarse=stage_wise)
        except AssertionError:  # it has no stages
            matcher = self.net.group_matcher(coarse=False)
        return group_parameters(self.net, matcher if stage_wise else self.fine_groups or matcher, reverse=True)


class TimmBackbone(TimmNet):
    """A row's network; its maps count from that of stride 4."""

    def __init__(
        self,
        row: Row,
        net: Net,
        out_indices: Sequence[int],
        input_size: tuple[int, int] | None = None,
        **options: Any,
    ) -> None:
        built = _scaled(row, net, input_size, options)
        if row.adapt is not None:
            row.adapt(built)
        maps = [i for i, each in enumerate(feature_info(built)) if each["reduction"] >= FINEST]
        super().__init__(built, [maps[i] for i in check_out_indices(out_indices, len(maps))], row.norm)
        self.imagenet = net.weights
        self.fine_groups = row.fine_groups


def create(name: str, input_size: tuple[int, int] | None = None, **options: Any) -> Any:
    """timm's network without weights and classifier; made for images of `input_size` (width, height) if it is given."""
    import timm  # takes seconds

    if input_size is not None:
        options["img_size"] = (int(input_size[1]), int(input_size[0]))
    return timm.create_model(name, num_classes=0, **options)


def _scaled(row: Row, net: Net, input_size: tuple[int, int] | None, options: Mapping[str, Any]) -> Any:
    """`create`, where factors may leave layers without channels."""
    try:
        return create(net.name, input_size, **net.options, **options)
    except (AssertionError, TypeError, ValueError, RuntimeError) as error:
        given = [f"{name} {value}" for name, value in options.items() if value != row.options[name].default]
        named = f" with {', '.join(given)}" if given else ""
        raise RayPoseError(f"{row.name} can't be built{named}: {error}", rule="wrong-value") from error


def feature_info(net: Any) -> list[dict[str, Any]]:
    """What timm says of each of a network's feature maps: `num_chs`, `reduction` (the stride) and more."""
    return list(getattr(net.feature_info, "info", net.feature_info))


def leave_out_branches(net: Any, taps: Sequence[int]) -> None:
    """Drop from the last fusion of an HRNet what makes the branches that nobody takes; others have no such thing."""
    fusion = net.stage4[-1].fuse_layers if hasattr(net, "incre_modules") and max(taps) else []
    for branch in range(len(fusion)):
        if branch + 1 not in taps:
            fusion[branch] = nn.ModuleList([nn.Identity()])
            if net.incre_modules is not None and branch < len(net.incre_modules):
                net.incre_modules[branch] = nn.Identity()
