"""Deconvolution layers, which double the size of a feature map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import nn

from raypose.errors import RayPoseError

# Kernel size to (padding, output padding) that give exactly twice the size.
Kernel = Literal[2, 3, 4]
PADDING: dict[int, tuple[int, int]] = {2: (0, 0), 3: (1, 1), 4: (1, 0)}
STRIDE = 4  # of a heatmap, unless told otherwise


def layers_to_heatmap(in_stride: int) -> int:
    """How many deconvolution layers, 0 to 3, bring a map of `in_stride` to heatmaps of stride 4."""
    return min(3, max(0, round(math.log2(in_stride / STRIDE))))


def deconv_layers(
    in_channels: int, num_layers: int, filters: int | Sequence[int], kernels: int | Sequence[int]
) -> tuple[nn.Sequential, int]:
    """The layers (each a transposed convolution, a normalisation, a ReLU), and the channels that come out.

    `filters` and `kernels` are one number for all layers, or one a layer.

    Raises:
        RayPoseError: their number is wrong.
    """
    layers: list[nn.Module] = []
    widths, sizes = _each(filters, num_layers, "num_deconv_filters"), _each(kernels, num_layers, "num_deconv_kernels")
    for width, kernel in zip(widths, sizes, strict=True):
        padding, output_padding = PADDING[kernel]
        deconv = nn.ConvTranspose2d(in_channels, width, kernel, 2, padding, output_padding, bias=False)
        layers += [deconv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        in_channels = width
    return nn.Sequential(*layers), in_channels


def _each(value: int | Sequence[int], count: int, argument: str) -> list[int]:
    values = [value] * count if isinstance(value, int) else list(value)
    if len(values) != count:
        raise RayPoseError(f"{argument} is one number or {count}, one a layer, but got {value}", rule="unknown-value")
    return values
