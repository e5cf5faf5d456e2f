"""Weights in another shape that mean the same: positions in images of another size, convolutions of one pixel."""

from __future__ import annotations

import math

from torch import Tensor, nn

TALL = 4 / 3  # rows by columns of the crops that most pose models were trained with


def resized(value: Tensor, wanted: Tensor, module: nn.Module, name: str) -> Tensor:
    """`value` in the shape of `wanted`, the module's weight `name`, where that makes sense, else as it is."""
    if value.shape == wanted.shape:
        return value
    if value.shape[: wanted.ndim] == wanted.shape and value.numel() == wanted.numel():
        return value.reshape(wanted.shape)
    resize = next((resize for end, resize in RESIZERS.items() if name.endswith(end)), None)
    if resize is None or value.ndim != wanted.ndim:
        return value
    return resize(value, wanted, module.get_submodule(name.rpartition(".")[0]))


def _positions(value: Tensor, wanted: Tensor, owner: nn.Module) -> Tensor:
    """Positions [1,N,C] of patches, and of a class's token before them if both or only the checkpoint have one."""
    from timm.layers import resample_abs_pos_embed

    old, new = _grid(value.shape[1]), getattr(getattr(owner, "patch_embed", None), "grid_size", None)
    if old is None or new is None or value.shape[-1] != wanted.shape[-1]:
        return value
    class_old, class_new = value.shape[1] - math.prod(old), wanted.shape[1] - math.prod(new)
    if not 0 <= class_new <= class_old:
        return value
    return resample_abs_pos_embed(value[:, class_old - class_new :], list(new), list(old), num_prefix_tokens=class_new)


def _relative_positions(value: Tensor, wanted: Tensor, owner: nn.Module) -> Tensor:
    """Biases [(2h-1)(2w-1), heads] of places in a window of h x w."""
    from timm.layers import resize_rel_pos_bias_table

    window = getattr(owner, "window_size", None)
    if window is None or value.shape[-1] != wanted.shape[-1]:
        return value
    return resize_rel_pos_bias_table(value, window, tuple(wanted.shape))


def _patches(value: Tensor, wanted: Tensor, owner: nn.Module) -> Tensor:
    """The convolution [D,C,h,w] that embeds patches of h x w pixels."""
    from timm.layers import resample_patch_embed

    return resample_patch_embed(value, list(wanted.shape[-2:])) if value.shape[:2] == wanted.shape[:2] else value


RESIZERS = {
    "pos_embed": _positions,
    "relative_position_bias_table": _relative_positions,
    "patch_embed.proj.weight": _patches,
}


def _grid(tokens: int) -> tuple[int, int] | None:
    """Rows and columns of the patches among so many tokens, of which the first may be a class's: of a square image,
    else of a crop for poses."""
    for count in (tokens, tokens - 1):
        side = math.isqrt(count)
        if side * side == count:
            return side, side
        columns = math.isqrt(round(count / TALL))
        if columns and count % columns == 0 and count // columns == columns * TALL:
            return count // columns, columns
    return None
