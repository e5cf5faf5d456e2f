"""A gated attention unit (Hua et al. 2022, "Transformer Quality in Linear Time", arXiv:2202.10447) as RTMPose has it.

The names of the parameters are MMPose's `RTMCCBlock`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from raypose.config import Fraction
from raypose.errors import RayPoseError

ACTIVATIONS = {"SiLU": nn.SiLU, "ReLU": nn.ReLU}


@dataclass(frozen=True, kw_only=True)
class GAUConfig:
    """The arguments of a unit.

    Args:
        hidden_dims: of each token.
        s: dimensions of queries and keys.
        expansion_factor: of gates and values, times `hidden_dims`.
        dropout_rate: of the attention's weights.
        drop_path: how often, in training, a sample goes round the unit.
        act_fn: after the first linear layer.
        use_rel_bias: a learnt bias of the attention for each distance between two tokens.
        pos_enc: rotary position embedding (Su et al. 2021, arXiv:2104.09864) of queries and keys.
    """

    hidden_dims: PositiveInt = 256
    s: PositiveInt = 128
    expansion_factor: PositiveFloat = 2.0
    dropout_rate: Fraction = 0.0
    drop_path: Fraction = 0.0
    act_fn: Literal["SiLU", "ReLU"] = "SiLU"
    use_rel_bias: bool = False
    pos_enc: bool = False

    def __post_init__(self) -> None:
        if self.pos_enc and self.s % 2:
            raise RayPoseError(
                f"gau_cfg: pos_enc turns pairs of values: s must be even, but got {self.s}", rule="wrong-value"
            )
        if self.hidden_dims * self.expansion_factor < 1:
            raise RayPoseError("gau_cfg: hidden_dims * expansion_factor must be at least 1", rule="wrong-value")


class GatedAttentionUnit(nn.Module):
    """Tokens [N,T,D] that attend to each other, times a gate, added to the scaled tokens.

    O = (U * (relu(Q K^T / sqrt(s))^2 V)) W_o, where U and V are projections of the normalised tokens, and Q and K are
    one shared projection with a scale and an offset each.
    """

    def __init__(self, num_tokens: int, cfg: GAUConfig) -> None:
        super().__init__()
        dims, inner = cfg.hidden_dims, int(cfg.hidden_dims * cfg.expansion_factor)
        self.widths = [inner, inner, cfg.s]
        self.pos_enc = cfg.pos_enc
        self.ln = ScaleNorm(dims)
        self.uv = nn.Linear(dims, sum(self.widths), bias=False)
        self.act_fn = ACTIVATIONS[cfg.act_fn]()
        self.gamma = nn.Parameter(torch.rand(2, cfg.s))
        self.beta = nn.Parameter(torch.rand(2, cfg.s))
        self.w = nn.Parameter(torch.rand(2 * num_tokens - 1)) if cfg.use_rel_bias else None
        self.dropout = nn.Dropout(cfg.dropout_rate)
        self.o = nn.Linear(inner, dims, bias=False)
        self.drop_path = StochasticDepth(cfg.drop_path, "row")
        self.res_scale = Scale(dims)

    def forward(self, x: Tensor) -> Tensor:
        gate, values, shared = self.act_fn(self.uv(self.ln(x))).split(self.widths, -1)
        both = shared.unsqueeze(1) * self.gamma.unsqueeze(1) + self.beta.unsqueeze(1)  # [N,2,T,s]
        queries, keys = (rotate(both) if self.pos_enc else both).unbind(1)
        scores = queries @ keys.transpose(1, 2)
        if self.w is not None:
            scores = scores + self._bias(x.shape[1])
        weights = (scores / math.sqrt(self.widths[-1])).relu().square()
        return self.res_scale(x) + self.drop_path(self.o(gate * (self.dropout(weights) @ values)))

    def _bias(self, tokens: int) -> Tensor:
        position = torch.arange(tokens, device=self.gamma.device)
        return self.w[position - position.unsqueeze(1) + tokens - 1]  # type: ignore[index]


class ScaleNorm(nn.Module):
    """x over the root of its mean square, times one learnt number (Nguyen and Salazar 2019, arXiv:1910.05895)."""

    def __init__(self, dims: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.scale, self.eps = dims**-0.5, eps
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.scale
        return x / norm.clamp(min=self.eps) * self.g


class Scale(nn.Module):
    """x times a learnt vector."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dims))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def rotate(x: Tensor) -> Tensor:
    """Tokens [...,T,D], each pair (i, i + D/2) of whose values is turned by the token's position / 10000^(2i/D)."""
    tokens, half = x.shape[-2], x.shape[-1] // 2
    slowness = 10000 ** (torch.arange(half, device=x.device) / half)
    angle = torch.arange(tokens, device=x.device).unsqueeze(-1) / slowness
    sin, cos = angle.sin().to(x.dtype), angle.cos().to(x.dtype)
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
