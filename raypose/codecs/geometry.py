"""What codecs share: pixels of one size to pixels of another, and which keypoints count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def constant(values: Sequence[float], like: Tensor) -> Tensor:
    """`like.new_tensor(values)`, made on its device: a copy from the CPU would make the CPU wait for all that a GPU has
    still to do.

    Example:
        >>> keypoints / constant((192, 256), keypoints)
    """
    return torch.stack([like.new_full((), value) for value in values])


def chosen(values: Tensor, keypoints: Sequence[int]) -> Tensor:
    """`values[:, keypoints]` of values [N,K,...], without a copy of that list from the CPU.

    Example:
        >>> chosen(torch.rand(2, 17, 64, 48), [0, 2, 1]).shape
        torch.Size([2, 3, 64, 48])
    """
    return torch.stack([values[:, keypoint] for keypoint in keypoints], 1)


def rescale(points: Tensor, size: tuple[int, int], new_size: tuple[int, int]) -> Tensor:
    """Points [..., 2] in an image of `size` (width, height) as points of the same image resized to `new_size`.

    Pixel centres are at integers, so that an image covers -0.5 to width - 0.5. A point and its mirror image stay each
    other's mirror image, which a plain `points / stride` does not give.

    Example:
        >>> rescale(torch.tensor([[1.5, 1.5]]), (192, 256), (48, 64))
        tensor([[0., 0.]])
    """
    scale = constant(new_size, points) / constant(size, points)
    return (points + 0.5) * scale - 0.5


def rescale_corners(points: Tensor, size: tuple[int, int], new_size: tuple[int, int]) -> Tensor:
    """Points [..., 2] as `rescale` gives them, but with the centres of the corner pixels on each other: an image is
    width - 1 long (Huang et al. 2020, "UDP", arXiv:1911.07524, equation 10)."""
    return points * ((constant(new_size, points) - 1) / (constant(size, points) - 1).clamp(min=1))


def keypoint_weights(keypoints: Tensor, visible: Tensor, input_size: tuple[int, int]) -> Tensor:
    """[N,K,1]: 1 where a keypoint [N,K,2] is labelled (visible [N,K] > 0) and inside the input, else 0."""
    inside = ((keypoints >= -0.5) & (keypoints < constant(input_size, keypoints) - 0.5)).all(-1)
    return (inside & (visible > 0)).to(keypoints.dtype).unsqueeze(-1)


def weighed(values: Tensor, weights: Tensor) -> Tensor:
    """`values` [N,K,...] where the weights [N,K,1] are above 0, and 0 elsewhere, whatever stands there."""
    return torch.where(weights > 0, values, torch.zeros_like(values))
