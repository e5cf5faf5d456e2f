"""What all codecs share: pixels of one size to pixels of another, and which keypoints count."""

from __future__ import annotations

from torch import Tensor


def rescale(points: Tensor, size: tuple[int, int], new_size: tuple[int, int]) -> Tensor:
    """Points [..., 2] in an image of `size` (width, height) as points of the same image resized to `new_size`.

    Pixel centres are at integers, so that an image covers -0.5 to width - 0.5. A point and its mirror image stay each
    other's mirror image, which a plain `points / stride` does not give.

    Example:
        >>> rescale(torch.tensor([[1.5, 1.5]]), (192, 256), (48, 64))
        tensor([[0., 0.]])
    """
    scale = points.new_tensor(new_size) / points.new_tensor(size)
    return (points + 0.5) * scale - 0.5


def keypoint_weights(keypoints: Tensor, visible: Tensor, input_size: tuple[int, int]) -> Tensor:
    """[N,K,1]: 1 where a keypoint [N,K,2] is labelled (visible [N,K] > 0) and inside the input, else 0."""
    inside = ((keypoints >= -0.5) & (keypoints < keypoints.new_tensor(input_size) - 0.5)).all(-1)
    return (inside & (visible > 0)).to(keypoints.dtype).unsqueeze(-1)
