"""Feature maps to vectors."""

from __future__ import annotations

from torch import Tensor, nn

from raypose.registry import NECKS


@NECKS.register_module()
class GlobalAveragePooling(nn.Module):
    """The mean of every channel of every map.

    Example:
        >>> GlobalAveragePooling()((torch.zeros(2, 512, 8, 6),))[0].shape
        torch.Size([2, 512])
    """

    def forward(self, maps: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        """Vectors [N,C] of maps [N,C,h,w]: a tensor for a tensor, a tuple for a tuple."""
        if isinstance(maps, Tensor):
            return maps.mean((2, 3))
        return tuple(x.mean((2, 3)) for x in maps)
