from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from raypose.data import Mpii, dataset_info
from raypose.data.geometry import crop_matrices
from raypose.errors import RayPoseError

# The order of MPII's own annotation files, http://human-pose.mpi-inf.mpg.de/#download ("id - joint id").
NAMES = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax"),
    *("upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow"),
    "left_wrist",
)


@pytest.fixture
def people(tmp_path):
    """Five people in three images, of whom one has no label and one no place."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / f"images/{i}.jpg"), np.zeros((80, 100, 3), np.uint8))
    found = []
    for i in range(5):
        visible = (rng.random(16) < 0.7).astype(int)
        joints = np.where(visible[:, None], rng.uniform(1, 80, (16, 2)).round(1), -1.0)
        found.append(
            {"image": f"{i // 2}.jpg", "center": rng.uniform(20, 60, 2).round(1).tolist(), "scale": 0.2 + 0.1 * i,
             "joints": joints.tolist(), "joints_vis": visible.tolist()}
        )  # fmt: skip
    found[1] |= {"joints": [[-1.0, -1.0]] * 16, "joints_vis": [0] * 16}
    found[3] |= {"center": [-1.0, -1.0], "scale": -1.0}
    return found


def write(tmp_path, people, **kwargs):
    (tmp_path / "mpii.json").write_text(json.dumps(people))
    return Mpii(str(tmp_path / "mpii.json"), str(tmp_path / "images"), **kwargs)


def test_keypoints_and_images(tmp_path, people):
    table = write(tmp_path, people)
    labelled = [each for each in people if any(each["joints_vis"])]
    assert len(table) == 4
    assert [table.paths[i] for i in table.image_index] == [str(tmp_path / "images" / p["image"]) for p in labelled]
    for row, person in enumerate(labelled):
        for k in range(16):
            if person["joints_vis"][k]:
                x, y = person["joints"][k]
                np.testing.assert_allclose(table.keypoints[row, k], [x - 1, y - 1, 2], rtol=1e-6)
            else:
                assert not table.keypoints[row, k].any()
    assert [each["id"] for each in table.ignored] == [2]
    assert table.ids.tolist() == [1, 3, 4, 5]
    assert table.head_size is None


def test_the_crop_is_that_of_hrnet(tmp_path, people):
    """arXiv:1902.09212's code takes the square of 1.25 x 200 x scale around the centre, 15 x scale lower, from 0."""
    table = write(tmp_path, [each for i, each in enumerate(people) if i in (0, 2, 4)])
    matrices = crop_matrices(table.bbox, (256, 256), 1.25)
    for matrix, person in zip(matrices, [people[0], people[2], people[4]], strict=True):
        side = 1.25 * 200 * person["scale"]
        center = np.add(person["center"], [0, 15 * person["scale"]]) - 1
        np.testing.assert_allclose(matrix[:, :2] @ center + matrix[:, 2], [127.5, 127.5], atol=1e-3)
        np.testing.assert_allclose(np.linalg.det(matrix[:, :2]) ** 0.5, 256 / side, rtol=1e-5)


def test_without_a_place_the_box_is_around_the_keypoints(tmp_path, people):
    table = write(tmp_path, people)
    row = table.ids.tolist().index(4)
    points = table.keypoints[row][table.keypoints[row, :, 2] > 0, :2]
    assert (table.bbox[row, :2] < points.min(0)).all()
    assert (table.bbox[row, :2] + table.bbox[row, 2:] > points.max(0)).all()


def test_head_sizes_are_of_the_same_people(tmp_path, people):
    corners = np.random.default_rng(1).uniform(0, 50, (2, 2, 5)).round()
    savemat(tmp_path / "heads.mat", {"headboxes_src": corners})
    table = write(tmp_path, people, headbox_file=str(tmp_path / "heads.mat"))
    expected = [
        0.6 * ((corners[1, 0, i] - corners[0, 0, i]) ** 2 + (corners[1, 1, i] - corners[0, 1, i]) ** 2) ** 0.5
        for i in (0, 2, 3, 4)
    ]
    np.testing.assert_allclose(table.head_size, expected)
    np.testing.assert_allclose(table.subset([3, 0]).head_size, [expected[3], expected[0]])
    assert [each["head_size"] for each in table.to_coco()["annotations"][:4]] == pytest.approx(expected)


def test_corners_of_unsigned_numbers(tmp_path, people):
    corners = np.zeros((2, 2, 5), np.uint8)
    corners[0] = 10  # the second corner is above and to the left
    savemat(tmp_path / "heads.mat", {"headboxes_src": corners})
    table = write(tmp_path, people, headbox_file=str(tmp_path / "heads.mat"))
    np.testing.assert_allclose(table.head_size, 0.6 * 200**0.5)


def test_its_keypoints_are_known_without_the_file(tmp_path):
    info = dataset_info({"type": "Mpii", "ann_file": "none.json", "img_prefix": "none"})
    assert info.names == NAMES
    assert sorted(map(sorted, info.flip_pairs)) == [[0, 5], [1, 4], [2, 3], [10, 15], [11, 14], [12, 13]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: {"images": p}, ["not MPII's annotations", "CocoKeypoints"]),
        (lambda p: [1, *p], ["not MPII's annotations"]),
        (lambda p: [{"image": "0.jpg"}, *p], ["joints_vis, but lack some in entries (from 0) 0"]),
        (lambda p: [p[0], {**p[0], "joints": p[0]["joints"][:3]}], ["'joints' must be 16 x 2 numbers", "1"]),
        (lambda p: [p[0], {**p[0], "center": "left"}], ["'center' must be 2 numbers", "1"]),
        (lambda p: [{**p[0], "image": "gone.jpg"}], ["1 of 1 image files are missing", "gone.jpg"]),
        (lambda p: [p[1]], ["nothing to learn from"]),
    ],
)
def test_mistakes(tmp_path, people, change, words):
    with pytest.raises(RayPoseError) as error:
        write(tmp_path, change(people))
    for word in ["mpii.json", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"headboxes_src": np.zeros((2, 2, 4))}, "2 x 2 x 5"),
        ({"other": np.zeros(3)}, "no 'headboxes_src'"),
        (b"what", "cannot read the heads' boxes"),
        (None, "cannot read the heads' boxes"),
    ],
)
def test_bad_head_boxes(tmp_path, people, content, words):
    path = tmp_path / "heads.mat"
    if isinstance(content, dict):
        savemat(path, content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(RayPoseError, match=words):
        write(tmp_path, people, headbox_file=str(path))
