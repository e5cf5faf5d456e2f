"""The CPU's way and the GPU's, held against each other and against a slow reference."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from raypose.data.geometry import crop_matrices
from raypose.data.sampling import Packed, warp_together
from raypose.data.warp import MEAN, STD, Crops, seen, warp_one_by_one

SIZE = (48, 64)


def smooth(height, width, seed):
    noise = np.random.default_rng(seed).uniform(0, 255, (height // 8 + 2, width // 8 + 2, 3)).astype(np.float32)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


@pytest.fixture
def crops():
    """Crops of several sizes that look beyond their edges on all sides, flipped and rotated."""
    rng = np.random.default_rng(0)
    pixels = [smooth(*shape, seed) for seed, shape in enumerate([(90, 70), (64, 120), (33, 40), (128, 96)])]
    boxes = np.array([[5, -8, 60, 80], [30, 10, 50, 40], [-4, 2, 30, 40], [10, 10, 100, 130]], float)
    changes = {"rotation": [0, 25, -70, 170], "scale": [1, 0.7, 1.2, 1], "flip": [False, True, False, True]}
    matrices = crop_matrices(boxes, SIZE, **changes)
    return Crops(pixels, matrices, SIZE, rng.uniform(0.6, 1.4, (4, 3)), np.array([[0.0] * 4, [0.1, 0.2, 0.5, 0.3]] * 2))


def one_by_one(crops):
    out = np.empty((len(crops), *reversed(SIZE), 3), np.float32)
    warp_one_by_one(crops, out)
    return out


def together(crops):
    image = warp_together(Packed.of(crops, pin=False), "cpu")
    assert image.is_contiguous(memory_format=torch.channels_last)
    return image.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("plain", ["color", "erased", "both", None])
def test_both_ways_agree_within_the_error_of_interpolation(crops, plain):
    left_out = {"both": {"color": None, "erased": None}, None: {}}.get(plain, {plain: None})
    crops = Crops(**{**vars(crops), **left_out})
    difference = np.abs(one_by_one(crops) - together(crops)) * STD  # of 255 levels
    assert difference.mean() < 0.6
    assert np.quantile(difference, 0.999) < 8


def test_bilinear_interpolation_is_that_of_the_book(crops):
    """`warp_together` against one pixel after the other."""
    images = together(Crops(crops.pixels, crops.matrices, SIZE)) * STD + MEAN
    outside = np.array([124, 116, 104.0])
    for pixels, matrix, image in zip(crops.pixels, crops.matrices, images, strict=True):
        linear = np.linalg.inv(matrix[:, :2])
        for row in range(0, SIZE[1], 7):
            for column in range(0, SIZE[0], 5):
                x, y = linear @ (np.array([column, row]) - matrix[:, 2])
                left, top, total = int(np.floor(x)), int(np.floor(y)), np.zeros(3)
                for dx in (0, 1):
                    for dy in (0, 1):
                        inside = 0 <= left + dx < pixels.shape[1] and 0 <= top + dy < pixels.shape[0]
                        value = pixels[top + dy, left + dx] if inside else outside
                        total += value * (1 - abs(x - left - dx)) * (1 - abs(y - top - dy))
                np.testing.assert_allclose(image[row, column], total, atol=0.05)


@pytest.mark.parametrize("way", [one_by_one, together])
def test_what_is_erased_is_what_the_model_takes_for_0(crops, way):
    plain = way(Crops(crops.pixels, crops.matrices, SIZE, crops.color))
    erased = way(crops)
    np.testing.assert_array_equal(erased[::2], plain[::2])
    top, bottom, left, right = round(0.2 * 64), round(0.5 * 64), round(0.1 * 48), round(0.6 * 48)
    assert np.abs(erased[1::2, top:bottom, left:right]).max() < 0.02
    changed = (erased != plain)[1::2].any(-1)
    changed[:, top:bottom, left:right] = False
    assert not changed.any()


@pytest.mark.parametrize("way", [one_by_one, together])
def test_what_is_not_moved_is_normalised_as_imagenet(way):
    images = np.random.default_rng(0).integers(0, 256, (2, *reversed(SIZE), 3), dtype=np.uint8)
    normal = way(Crops(list(images), np.tile(np.eye(2, 3), (2, 1, 1)), SIZE))
    np.testing.assert_allclose(normal, (images - MEAN) / STD, atol=1e-5)


def test_a_batch_takes_no_more_space_than_its_pixels():
    """However much their sizes differ."""
    pixels = [smooth(20, 16, 0)] * 31 + [smooth(900, 700, 1)]
    matrices = crop_matrices(np.array([[0, 0, *each.shape[1::-1]] for each in pixels], float), SIZE)
    crops = Crops(pixels, matrices, SIZE)
    assert Packed.of(crops, pin=False).pixels.nbytes <= sum(each.nbytes for each in pixels) + 3
    assert np.abs(one_by_one(crops) - together(crops)).mean() < 0.02


def test_far_outside_of_the_pixels_is_nothing():
    matrices = np.array([[[1e-6, 0, 0], [0, 1e-6, 0]], [[1, 0, 1e12], [0, 1, -1e12]]])
    crops = Crops([smooth(20, 16, 0)] * 2, matrices, SIZE)
    assert np.abs(together(crops)[:, 1:, 1:]).max() < 0.02


def test_what_is_not_seen_is_left_out_and_nothing_else_changes(crops):
    less = seen(crops)
    assert sum(each.size for each in less.pixels) < 0.9 * sum(each.size for each in crops.pixels)
    np.testing.assert_allclose(together(less), together(crops), atol=1e-3)
    assert np.abs(one_by_one(less) - one_by_one(crops)).max() * STD.max() <= 2.5  # of 255 levels


def test_of_what_is_not_seen_at_all_a_pixel_is_left(crops):
    away = crops.matrices.copy()
    away[:, :, 2] += 1e4
    less = seen(Crops(crops.pixels, away, SIZE))
    assert min(each.size for each in less.pixels) > 0
    assert np.abs(one_by_one(less)).max() < 0.02
