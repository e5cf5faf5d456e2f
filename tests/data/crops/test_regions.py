from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from raypose.config import Augment, Data
from raypose.data.augment import draw
from raypose.data.crops.needs import Needs
from raypose.data.crops.regions import Regions, cut
from raypose.data.geometry import compose, crop_matrices, invert, transform

STRONG = Augment(flip=0.5, rotation=80, scale=0.4, shift=0.1, half_body=0.5, color=0)
SIZES = [(48, 64), (64, 64)]


def needs(augment=STRONG, sizes=SIZES):
    found = [Needs.of(Data(train={}, val={}, input_size=size, augment=augment), augmented=True) for size in sizes]
    return found[0] if len(found) == 1 else found[0] | found[1]


@pytest.fixture
def table(people):
    return people()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("augment", [STRONG, Augment(rotation=0, scale=0, shift=0), Augment(rotation=180, scale=0.9)])
def test_no_crop_reaches_beyond_its_region(table, size, augment):
    rng, regions = np.random.default_rng(0), Regions.of(table, needs(augment))
    corners = np.array([[0, 0], [size[0] - 1, 0], [0, size[1] - 1], [size[0] - 1, size[1] - 1]], float)
    tightest = np.full(len(table), np.inf)
    for _ in range(300):
        drawn = draw(rng, augment, table.bbox, table.keypoints, table.info)
        changes = {"rotation": drawn.rotation, "scale": drawn.scale, "shift": drawn.shift, "flip": drawn.flip}
        back = invert(crop_matrices(drawn.bbox, size, 1.25, **changes))
        seen = transform(np.tile(corners, (len(table), 1, 1)), back)
        first, end = regions.rect[:, None, :2], regions.rect[:, None, :2] + regions.rect[:, None, 2:]
        slack = np.concatenate([seen - first - 1, end - 1 - seen - 1], axis=2)  # interpolation reads a pixel more
        assert slack.min() >= 0
        tightest = np.minimum(tightest, slack.min((1, 2)))
    assert (tightest < 0.35 * regions.rect[:, 2:].max(1)).all()  # and regions are not much larger than they need be


def test_the_part_that_is_cut_shows_the_same_as_the_image(table):
    """Taking a crop from the part is taking it from the image, pixel by pixel, where nothing is reduced."""
    regions, size = Regions.of(table, needs(sizes=[(256, 256)])), (64, 64)
    assert (regions.zoom < 1).any()
    assert (regions.zoom == 1).any()
    rng = np.random.default_rng(1)
    drawn = draw(rng, STRONG, table.bbox, table.keypoints, table.info)
    matrices = crop_matrices(drawn.bbox, size, 1.25, rotation=drawn.rotation, scale=drawn.scale, shift=drawn.shift)
    for row, matrix in enumerate(matrices):
        image = cv2.imread(table.paths[table.image_index[row]])
        expected = cv2.warpAffine(image, matrix, size, borderValue=(9, 9, 9))
        for zoom, off in ((1.0, 1.0), (float(regions.zoom[row]), 8.0)):
            part, to_part = cut(image, regions.rect[row], zoom)
            onward = compose(matrix[None], invert(to_part[None]))[0]
            got = cv2.warpAffine(part, onward, size, borderValue=(9, 9, 9))
            assert np.abs(got.astype(int) - expected).mean() <= off


def test_nothing_is_enlarged_and_what_is_too_large_is_reduced_once():
    image = np.random.default_rng(0).integers(0, 255, (400, 600, 3), dtype=np.uint8)
    part, matrix = cut(image, np.array([100, 40, 200, 300]), 1.0)
    np.testing.assert_array_equal(part, image[40:340, 100:300])
    np.testing.assert_array_equal(matrix, [[1, 0, -100], [0, 1, -40]])
    part, matrix = cut(image, np.array([-50, -50, 250, 250]), 0.25)
    assert part.shape == (50, 50, 3)
    blocks = image[:200, :200].reshape(50, 4, 50, 4, 3).mean((1, 3))
    assert np.abs(part - blocks).max() <= 0.51
    np.testing.assert_allclose(matrix @ [1.5, 1.5, 1], [0, 0])  # the middle of the first block


def test_of_a_box_outside_of_the_image_one_pixel_is_left():
    part, matrix = cut(np.zeros((10, 20, 3), np.uint8), np.array([500, 500, 30, 30]), 1.0)
    assert part.shape == (1, 1, 3)
    np.testing.assert_array_equal(matrix @ [19, 9, 1], [0, 0])


def test_regions_cover_what_asks_for_less(table):
    base = replace(STRONG, rotation=20)
    whole = Regions.of(table, needs(base))
    assert whole.covers(whole)
    for less in (replace(base, rotation=10), replace(base, scale=0.1), replace(base, half_body=0)):
        assert whole.covers(Regions.of(table, needs(less)))
        assert whole.covers(Regions.of(table, needs(less, SIZES[:1])))
    for more in (replace(base, rotation=30), replace(base, scale=0.6), replace(base, shift=0.2)):
        assert not whole.covers(Regions.of(table, needs(more)))
    assert not whole.covers(Regions.of(table, needs(base, [(96, 128)])))


def test_the_space_that_they_take_is_told_before(table):
    regions = Regions.of(table, needs())
    parts = [
        cut(cv2.imread(table.paths[image]), rect, float(zoom))[0].nbytes
        for image, rect, zoom in zip(table.image_index, regions.rect, regions.zoom, strict=True)
    ]
    assert sum(parts) == pytest.approx(regions.bytes(table), rel=0.05)
    assert regions.bytes(replace(table, sizes=None)) > sum(parts)


def test_needs_are_written_and_read():
    assert Needs.from_json(needs().to_json()) == needs()
