from __future__ import annotations

import cv2
import numpy as np
import pytest

from raypose.data import PixelReader
from raypose.errors import RayPoseError


@pytest.fixture
def path(tmp_path):
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :, 2] = 250  # red, in OpenCV's order
    cv2.imwrite(str(tmp_path / "red.png"), image)
    return tmp_path / "red.png"


def test_rgb(path):
    image = PixelReader().read(path)
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    assert image[5, 5].tolist() == [250, 0, 0]


def test_gray_images_have_three_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((4, 4), 7, np.uint8))
    assert PixelReader().read(tmp_path / "gray.png")[0, 0].tolist() == [7, 7, 7]


def test_the_cache_is_bounded_and_read_only(path, tmp_path):
    reader = PixelReader(cache_bytes=2000)
    image = reader.read(path)
    other = tmp_path / "other.png"
    other.write_bytes(path.read_bytes())
    assert reader.read(path) is image
    assert reader.read(other) is not reader.read(other)
    assert reader.cached_bytes == image.nbytes == 1800
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 1


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_unreadable_files(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RayPoseError, match=r"broken\.jpg"):
        PixelReader().read(path)
