"""Brightness, contrast and saturation, changed by one linear map of red, green and blue."""

from __future__ import annotations

import numpy as np

# Parts of red, green and blue in brightness (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114])


def color_matrices(color: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """[N,3,4] matrices for images whose mean red, green and blue are `mean` [N,3].

    Saturation mixes a pixel with its own luma, contrast with the mean luma of the image, after which it is multiplied by
    brightness: `color` [N,3] are the factors of brightness, contrast and saturation; at 1 nothing changes.

    Example:
        >>> color_matrices(np.ones((1, 3)), np.zeros((1, 3)))[0, :, :3]
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]])
    """
    brightness, contrast, saturation = color.T[:, :, None, None]
    mix = saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), _LUMA)
    offset = brightness * (1 - contrast) * (mean @ _LUMA)[:, None, None]
    return np.concatenate([brightness * contrast * mix, np.broadcast_to(offset, (len(color), 3, 1))], axis=2)
