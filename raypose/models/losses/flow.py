"""A normalising flow: a density of the plane that can be learnt."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RealNVP(nn.Module):
    """Six coupling layers between the plane and a standard normal (Dinh et al. 2017, "Real NVP", arXiv:1605.08803),
    of the size that RLE has. It starts out close to the standard normal itself.

    Example:
        >>> RealNVP().log_prob(torch.zeros(5, 2)).shape
        torch.Size([5])
    """

    def __init__(self, num_layers: int = 6, channels: int = 64) -> None:
        super().__init__()
        self.s = nn.ModuleList(nn.Sequential(*_perceptron(channels), nn.Tanh()) for _ in range(num_layers))
        self.t = nn.ModuleList(nn.Sequential(*_perceptron(channels)) for _ in range(num_layers))

    def log_prob(self, x: Tensor) -> Tensor:
        """The logarithm of the density at points [...,2], [...]."""
        z, log_det = self.to_latent(x)
        return log_det - 0.5 * z.square().sum(-1) - math.log(2 * math.pi)

    def to_latent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where points [...,2] lie under the normal [...,2], and the logarithm of the map's determinant [...]."""
        log_det = torch.zeros_like(x[..., 0])
        for i in reversed(range(len(self.s))):
            kept = (torch.arange(2, device=x.device) == (i + 1) % 2).to(x.dtype)
            scale, shift = self.s[i](kept * x) * (1 - kept), self.t[i](kept * x) * (1 - kept)
            x = kept * x + (1 - kept) * (x - shift) * torch.exp(-scale)
            log_det = log_det - scale.sum(-1)
        return x, log_det


def _perceptron(channels: int) -> list[nn.Module]:
    layers = [nn.Linear(2, channels), nn.Linear(channels, channels), nn.Linear(channels, 2)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight, gain=0.01)
    return [layers[0], nn.LeakyReLU(), layers[1], nn.LeakyReLU(), layers[2]]
