"""Probabilities along an axis."""

from __future__ import annotations

import torch
from torch import Tensor


def mass_near(density: Tensor, centers: Tensor, reach: float) -> Tensor:
    """[N,K]: how much of densities [N,K,L], which sum to 1, is at most `reach` away from centers [N,K].

    Example:
        >>> mass_near(torch.tensor([[[0.1, 0.8, 0.1]]]), torch.tensor([[2.0]]), 1)
        tensor([[0.9000]])
    """
    grid = torch.arange(density.shape[-1], dtype=density.dtype, device=density.device)
    near = (grid - centers.unsqueeze(-1)).abs() <= reach
    return (density * near).sum(-1)
