"""Where libraries differ in more than names: weights that are cut apart, reordered or counted otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

Weights = Mapping[str, Tensor]
MERGE = re.compile(r"\bdownsample\.(norm|reduction)\.")
ATTENTION = re.compile(r"\battn\.attn\.in_proj_")
POSITIONS = re.compile(r"\bpos_embed$")
VGG = re.compile(r"\bfeatures\.(\d+)\.(conv|bn)\.")


def merge_in_timms_order(weights: Weights) -> dict[str, Tensor]:
    """Swin joins four neighbours' channels: MMPose channel by channel and row by row, timm neighbour by neighbour and
    column by column."""
    return {key: _reordered(value) if MERGE.search(key) else value for key, value in weights.items()}


def _reordered(value: Tensor) -> Tensor:
    if not value.ndim or value.shape[-1] % 4:
        return value  # another network's
    channels = value.shape[-1] // 4
    return value.unflatten(-1, (channels, 2, 2)).movedim((-1, -2, -3), (-3, -2, -1)).flatten(-3)


def spread_class_position(weights: Weights) -> dict[str, Tensor]:
    """ViTPose adds the position of the class's token, which it doesn't have, to that of every patch."""
    return {
        key: value[:, 1:] + value[:, :1] if POSITIONS.search(key) and value.ndim == 3 else value
        for key, value in weights.items()
    }


def split_pvt_attention(weights: Weights) -> dict[str, Tensor]:
    """The projections of PVT's attention: MMPose keeps queries, keys and values together, timm the last two."""
    split: dict[str, Tensor] = {}
    for key, value in weights.items():
        if ATTENTION.search(key):
            width = len(value) // 3
            split[ATTENTION.sub("attn.q.", key)] = value[:width]
            split[ATTENTION.sub("attn.kv.", key)] = value[width:]
        else:
            split[key] = value
    return split


def number_vgg_layers(weights: Weights) -> dict[str, Tensor]:
    """VGG's layers: MMPose counts a convolution with what follows it as one, torchvision counts each."""
    layers = sorted({int(found[1]) for found in map(VGG.search, weights) if found})
    parts = 3 if any(found[2] == "bn" for found in map(VGG.search, weights) if found) else 2

    def number(found: re.Match[str]) -> str:
        first = int(found[1]) + (parts - 1) * layers.index(int(found[1]))
        return f"features.{first + (found[2] == 'bn')}."

    return {VGG.sub(number, key): value for key, value in weights.items()}
