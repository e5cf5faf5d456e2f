"""Any network of timm."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from torch import nn

from raypose.errors import RayPoseError
from raypose.models.backbones.rows import Rate
from raypose.models.backbones.stages import check_out_indices
from raypose.models.backbones.timm_backbone import TimmNet, create, feature_info
from raypose.registry import BACKBONES


@BACKBONES.register_module()
class Timm(TimmNet):
    """Any network of timm that gives feature maps (https://huggingface.co/docs/timm), of which it has over a thousand.

    Args:
        model: timm's name of it, as in `timm.list_models()`; `imagenet` weights are those of this name.
        out_indices: which of the feature maps that timm's `features_only` gives, in timm's count; negative ones count
            from the last. For most convolutional networks 0 to 4 are those of stride 2 to 32.
        drop_path_rate: probability to skip the last block, for networks that have it; default: the network's.
        input_size: width and height of the images.

    Example:
        >>> Timm("mobilenetv4_conv_small", out_indices=[4]).out
        (Port(channels=960, stride=32),)
    """

    def __init__(
        self,
        model: str = "mobilenetv4_conv_small",
        out_indices: Sequence[int] = (-1,),
        drop_path_rate: Rate | None = None,
        input_size: tuple[int, int] = (192, 256),
    ) -> None:
        net = _build(model, input_size, drop_path_rate)
        super().__init__(net, check_out_indices(out_indices, len(feature_info(net))))
        self.imagenet = f"timm/{model}"


def _build(model: str, input_size: tuple[int, int], drop_path_rate: float | None) -> nn.Module:
    import timm  # takes seconds

    architecture = model.partition(".")[0]
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture.lower(), timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "timm.list_models('*part*') finds names"
        raise RayPoseError(f"timm has no model '{model}'", hint=hint, rule="unknown-model")
    published = timm.get_pretrained_cfg(architecture)
    fixed = published is not None and published.fixed_input_size
    options = {} if drop_path_rate is None else {"drop_path_rate": drop_path_rate}
    try:
        net = create(model, input_size if fixed else None, **options)
    except (AssertionError, TypeError, ValueError, RuntimeError) as error:
        size = f" for images of {input_size[0]}x{input_size[1]}" if fixed else ""
        raise RayPoseError(f"timm can't build '{model}'{size}: {error}", rule="timm") from error
    if not all(hasattr(net, part) for part in ("feature_info", "forward_intermediates", "prune_intermediate_layers")):
        raise RayPoseError(
            f"timm's '{model}' gives no feature maps", hint="choose one that has `features_only`", rule="timm"
        )
    return net
