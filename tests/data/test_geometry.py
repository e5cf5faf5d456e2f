from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from raypose.data.geometry import crop_matrices, invert, transform


def slow_point(x, y, box, size, padding, rotation, scale, shift, flip):
    """One point, one step after the other."""
    width, height = size
    zoom = min(width / box[2], height / box[3]) / padding / scale
    dx, dy = zoom * (x - (box[0] + (box[2] - 1) / 2)), zoom * (y - (box[1] + (box[3] - 1) / 2))
    cos, sin = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
    u = cos * dx - sin * dy + (width - 1) / 2 + shift[0] * width
    v = sin * dx + cos * dy + (height - 1) / 2 + shift[1] * height
    return (width - 1 - u, v) if flip else (u, v)


def random_crops(n=40, seed=0):
    rng = np.random.default_rng(seed)
    box = np.column_stack([rng.uniform(-50, 300, (n, 2)), rng.uniform(2, 400, (n, 2))])
    changes = {
        "rotation": rng.uniform(-180, 180, n),
        "scale": rng.uniform(0.5, 2, n),
        "shift": rng.uniform(-0.3, 0.3, (n, 2)),
        "flip": rng.random(n) < 0.5,
    }
    return box, changes, rng.uniform(-100, 500, (n, 5, 2))


def test_all_changes_are_in_one_matrix():
    box, changes, points = random_crops()
    got = transform(points, crop_matrices(box, (96, 128), 1.3, **changes))
    for n in range(len(box)):
        row = {name: values[n] for name, values in changes.items()}
        expected = [slow_point(x, y, box[n], (96, 128), 1.3, **row) for x, y in points[n]]
        np.testing.assert_allclose(got[n], expected, rtol=1e-9, atol=1e-8)


def test_inverse():
    box, changes, points = random_crops()
    matrices = crop_matrices(box, (96, 128), **changes)
    np.testing.assert_allclose(transform(transform(points, matrices), invert(matrices)), points, atol=1e-8)
    expected = [cv2.invertAffineTransform(matrix) for matrix in matrices]
    np.testing.assert_allclose(invert(matrices), expected, rtol=1e-9, atol=1e-9)


def test_transform_takes_tensors():
    box, changes, points = random_crops()
    matrices = crop_matrices(box, (96, 128), **changes)
    got = transform(torch.from_numpy(points), torch.from_numpy(matrices))
    np.testing.assert_allclose(got.numpy(), transform(points, matrices))


def test_the_whole_image_is_the_identity():
    matrix = crop_matrices(np.array([[0, 0, 97, 64]]), (97, 64), padding=1)
    np.testing.assert_array_equal(matrix[0], [[1, 0, 0], [0, 1, 0]])


def test_flip_is_x_to_width_minus_one_minus_x():
    matrix = crop_matrices(np.array([[0, 0, 64, 48]]), (64, 48), padding=1, flip=True)
    np.testing.assert_array_equal(matrix[0], [[-1, 0, 63], [0, 1, 0]])
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    np.testing.assert_array_equal(cv2.warpAffine(image, matrix[0], (64, 48)), image[:, ::-1])


def test_the_aspect_ratio_is_kept_and_the_box_fits():
    box, _, _ = random_crops()
    matrices = crop_matrices(box, (96, 128), 1.25)
    assert (matrices[:, 0, 0] == matrices[:, 1, 1]).all()
    edges = np.stack([box[:, :2], box[:, :2] + box[:, 2:]], 1) - 0.5  # of pixels, not their centres
    size = np.diff(transform(edges, matrices), axis=1)[:, 0]
    np.testing.assert_allclose((size / (96, 128)).max(1), 1 / 1.25)


def test_halving_is_what_resizing_is():
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    matrix = crop_matrices(np.array([[0, 0, 96, 64]]), (48, 32), padding=1)[0]
    warped = cv2.warpAffine(image, matrix, (48, 32), flags=cv2.INTER_LINEAR)
    resized = cv2.resize(image, (48, 32), interpolation=cv2.INTER_LINEAR)
    assert np.abs(warped.astype(int) - resized).max() <= 2


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("rotation", [0, 33, -120])
def test_pixels_go_where_keypoints_go(rotation, flip):
    image = np.zeros((200, 200), np.uint8)
    point = np.array([[[112.0, 83.0]]])
    cv2.circle(image, (112, 83), 4, 255, cv2.FILLED)
    matrix = crop_matrices(np.array([[50, 40, 90, 100]]), (96, 128), rotation=rotation, shift=(0.03, -0.02), flip=flip)
    warped = cv2.warpAffine(image, matrix[0], (96, 128)).astype(float)
    rows, columns = np.mgrid[:128, :96]
    center = [(warped * columns).sum() / warped.sum(), (warped * rows).sum() / warped.sum()]
    np.testing.assert_allclose(center, transform(point, matrix)[0, 0], atol=0.25)
