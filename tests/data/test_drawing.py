import cv2
import numpy as np
import pytest
import torch

from raypose.codecs import IntegralRegressionLabel, MSRAHeatmap, RegressionLabel, SimCCLabel, UDPHeatmap
from raypose.data import DatasetInfo
from raypose.data.drawing import Cell, Row, colors_of, draw_pose, draw_target, enlarge, moved, region, sheet, write_png
from raypose.errors import RayPoseError

INFO = DatasetInfo(
    ("nose", "left_hand", "right_hand"), ((1, 2),), (0.05,) * 3, ((0, 1), (0, 2)),
    colors=((255, 0, 0), (0, 255, 0), (0, 0, 255)),
)  # fmt: skip
POINTS = np.array([[30.0, 20.0], [60.0, 90.0], [100.0, 50.0]])


def grey(height=128, width=128):
    return np.full((height, width, 3), 90, np.uint8)


def centroid(picture, color):
    """(x, y) of the pixels near a colour, each as often as it is near."""
    near = np.clip(1 - np.abs(picture.astype(float) - color).max(-1) / 120, 0, None)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return np.array([(x * near).sum(), (y * near).sum()]) / near.sum()


def test_keypoints_are_where_they_should_be_and_the_image_stays():
    image = grey()
    drawn = draw_pose(image, POINTS, np.array([2, 2, 1]), INFO, size=4)
    assert (image == 90).all()
    assert drawn[20, 30].tolist() == [255, 0, 0]
    assert drawn[90, 60].tolist() == [0, 255, 0]
    assert max(drawn[50, 100]) < 60  # occluded: a ring
    assert [0, 0, 255] in drawn[50, 94:107].tolist()
    assert drawn[55, 45].tolist() == [128, 128, 0]  # the bone between the first two
    bare = DatasetInfo(INFO.names, INFO.flip_pairs, INFO.sigmas, colors=INFO.colors)
    fine = draw_pose(image, POINTS + 0.4, np.full(3, 2), bare, size=3)
    for point, color in zip(POINTS + 0.4, bare.colors, strict=True):
        np.testing.assert_allclose(centroid(fine, color), point, atol=0.1)


def test_what_is_not_labelled_is_not_drawn():
    image = grey()
    assert (draw_pose(image, POINTS, np.zeros(3), INFO) == image).all()
    assert (draw_pose(image, np.full((3, 2), np.nan), np.full(3, 2), INFO, numbers=True) == image).all()
    assert (draw_pose(image, POINTS + 1e9, np.full(3, 2), INFO) == image).all()
    half = draw_pose(image, POINTS, np.array([2, 0, 0]), INFO)
    assert (half[60:] == image[60:]).all()


def test_several_instances():
    two = draw_pose(grey(), np.stack([POINTS, POINTS[:, ::-1]]), np.full((2, 3), 2), INFO, numbers=True)
    assert two[20, 30].tolist() == two[30, 20].tolist() == [255, 0, 0]


def test_colors_tell_sides_where_the_dataset_has_none():
    left, right, *others = colors_of(DatasetInfo(("l_a", "r_a", "b", "c"), ((0, 1),), (0.05,) * 4))[[0, 1, 2, 3]]
    assert len({tuple(each) for each in (left, right, *others)}) == 4
    pairs = colors_of(DatasetInfo(("l_a", "r_a", "l_b", "r_b"), ((0, 1), (2, 3)), (0.05,) * 4))
    assert (pairs[0] == pairs[2]).all()
    assert (pairs[1] == pairs[3]).all()


@pytest.mark.parametrize("height", [40, 128, 256])
def test_enlarged_points_stay_on_what_they_mark(height):
    image = grey(96, 72)
    cv2.circle(image, (20, 60), 6, (255, 0, 0), cv2.FILLED)
    picture, matrix = enlarge(image, height)
    assert picture.shape == (height, round(height * 0.75), 3)
    np.testing.assert_allclose(centroid(picture, (255, 0, 0)), moved(np.array([[20.0, 60]]), matrix)[0], atol=0.25)


@pytest.mark.parametrize("bbox", [(300, 200, 60, 40), (0, 0, 60, 90), (-50, -50, 900, 900), (10, 10, 620, 460)])
def test_regions_show_the_box(bbox):
    image = grey(480, 640)
    bbox = np.array(bbox, float)
    at = np.clip(bbox[:2] + bbox[2:] / 2, 30, (610, 450)).round()
    radius = max(4, int(bbox[2:].max() / 12))
    cv2.circle(image, tuple(at.astype(int).tolist()), radius, (255, 0, 0), cv2.FILLED)
    picture, matrix = region(image, bbox, (200, 150))
    assert picture.shape == (150, 200, 3)
    np.testing.assert_allclose(centroid(picture, (255, 0, 0)), moved(at[None], matrix)[0], atol=0.3)
    corners = moved(np.array([bbox[:2], bbox[:2] + bbox[2:] - 1]), matrix)
    assert corners.min() > -1
    assert (corners < (200, 150)).all()


KINDS = [
    ("heatmap", MSRAHeatmap, (3, 32, 32)),
    ("combined", lambda size: UDPHeatmap(size, heatmap_type="combined"), (3, 3, 32, 32)),
    ("coordinates", RegressionLabel, (3, 2)),
    ("coordinates+density", IntegralRegressionLabel, ((3, 2), (3, 32, 32))),
]


def targets(codec, shape, weights=(1, 1, 1)):
    made, weight = codec((128, 128)).encode(torch.tensor(POINTS[None]).float(), torch.tensor([weights]), shape)
    made = tuple(each[0].numpy() for each in made) if isinstance(made, tuple) else made[0].numpy()
    return made, weight[0].numpy()


@pytest.mark.parametrize(("kind", "codec", "shape"), KINDS)
def test_targets_shine_where_the_keypoints_are(kind, codec, shape):
    picture = draw_target(kind, grey(), *targets(codec, shape, (1, 1, 0)), INFO, 256)
    assert picture.shape == (256, 256, 3)
    for channel, point in enumerate(POINTS):
        colored = picture[:, :, channel].astype(float) - np.delete(picture, channel, 2).max(-1)
        if channel == 2:
            assert colored.max() < 5  # does not count
        else:
            y, x = np.nonzero(colored > 0.8 * colored.max())
            np.testing.assert_allclose((x.mean(), y.mean()), (point + 0.5) * 2 - 0.5, atol=4)


def test_marginals_stand_beside_the_input():
    picture = draw_target("simcc", grey(), *targets(SimCCLabel, ((3, 256), (3, 256))), INFO, 256)
    assert picture.shape[0] == picture.shape[1] > 256
    below, beside = picture[256:, :256], picture[:256, 256:]
    for channel, (x, y) in enumerate((POINTS + 0.5) * 2):
        longest = ((below == INFO.colors[channel]).all(-1)).sum(0)
        assert np.flatnonzero(longest == longest.max()).mean() == pytest.approx(x, abs=2)
        longest = ((beside == INFO.colors[channel]).all(-1)).sum(1)
        assert np.flatnonzero(longest == longest.max()).mean() == pytest.approx(y, abs=2)


@pytest.mark.parametrize(("kind", "codec", "shape"), [*KINDS, ("simcc", SimCCLabel, ((3, 256), (3, 256)))])
def test_targets_of_nothing_and_of_unknown_kinds(kind, codec, shape):
    assert draw_target(kind, grey(), *targets(codec, shape, (0, 0, 0)), INFO, 64).shape[0] >= 64
    assert draw_target("voxels", grey(), *targets(codec, shape), INFO) is None
    assert draw_target(None, grey(), *targets(codec, shape), INFO) is None


def test_sheets_hold_all_cells_unchanged(tmp_path):
    small, large = np.full((40, 50, 3), 201, np.uint8), np.full((60, 30, 3), 202, np.uint8)
    rows = [Row("a/very/long/path/" * 9 + "naïve.png", [Cell(small, "caption " * 9), Cell(large)])] * 3
    picture = sheet("title", ["one", "two"], rows, INFO)
    assert ((picture == 201).all(-1)).sum() == 3 * 40 * 50
    assert ((picture == 202).all(-1)).sum() == 3 * 60 * 30
    write_png(tmp_path / "sheet.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "sheet.png"))[:, :, ::-1], picture)
    with pytest.raises(RayPoseError, match=r"cannot write .*no/sheet.png"):
        write_png(tmp_path / "no" / "sheet.png", picture)
