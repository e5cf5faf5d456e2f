"""Where maps are highest, and what lies around it."""

from __future__ import annotations

import torch
from torch import Tensor


def highest(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Column x, row y and value, [N,K] each, of the highest pixel of maps [N,K,h,w].

    Example:
        >>> x, y, scores = highest(torch.rand(2, 17, 64, 48))
    """
    # Row by row, because torch finds values several times faster than their places.
    scores, y = maps.amax(-1).max(-1)
    # By `gather`, since `take_along_dim` ties an exported model to one batch size.
    row = maps.gather(-2, y[..., None, None].expand(-1, -1, -1, maps.shape[-1])).squeeze(-2)
    return row.argmax(-1), y, scores


def patches(maps: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """The values [N,K,b,a] of maps [N,K,h,w] where columns [N,K,a] and rows [N,K,b] cross."""
    places = rows.unsqueeze(-1) * maps.shape[-1] + columns.unsqueeze(-2)
    return maps.flatten(2).gather(-1, places.flatten(2)).view(places.shape)


def values_at(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The values [N,K] of maps [N,K,h,w] at pixels (x, y), [N,K] each."""
    return patches(maps, x.unsqueeze(-1), y.unsqueeze(-1)).flatten(1)


def quarter_pixel(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Points [N,K,2]: from pixels (x, y), [N,K] each, a quarter of a pixel towards the higher neighbour along each axis,
    where a pixel has two (Newell et al. 2016, arXiv:1603.06937)."""
    height, width = maps.shape[-2:]
    here_x, here_y = x.unsqueeze(-1), y.unsqueeze(-1)
    across = patches(maps, _neighbours(here_x, width), here_y).squeeze(-2)
    down = patches(maps, here_x, _neighbours(here_y, height)).squeeze(-1)
    uphill = torch.sign(torch.stack((across[..., 1] - across[..., 0], down[..., 1] - down[..., 0]), -1))
    within = torch.stack(((x > 0) & (x < width - 1), (y > 0) & (y < height - 1)), -1)
    return torch.stack((x, y), -1) + 0.25 * uphill * within


def _neighbours(at: Tensor, length: int) -> Tensor:
    return torch.cat((at - 1, at + 1), -1).clamp(0, length - 1)
