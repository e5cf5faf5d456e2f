from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from raypose.data import CocoKeypoints
from raypose.data.names import infer_flip_pairs
from raypose.data.person import COCO_NAMES, COCO_SIGMAS, COCO_SKELETON
from raypose.errors import RayPoseError


@pytest.mark.parametrize(("split", "people", "images"), [("train", 86, 28), ("val", 68, 32)])
def test_coco_mini(data_root, split, people, images):
    root = data_root / "coco-mini"
    ann_file = root / f"annotations/person_keypoints_{split}2017.json"
    table = CocoKeypoints(str(ann_file), str(root / f"{split}2017"))
    assert (len(table), len(table.paths)) == (people, images)
    assert len(table) + len(table.ignored) == len(json.loads(ann_file.read_text())["annotations"])
    assert all(each["iscrowd"] or each["num_keypoints"] == 0 for each in table.ignored)
    assert table.info.names == COCO_NAMES
    assert table.info.sigmas == COCO_SIGMAS
    assert set(table.info.skeleton) == set(COCO_SKELETON)
    assert table.info.flip_pairs == tuple((i, i + 1) for i in range(1, 17, 2))


@pytest.mark.parametrize(("split", "images"), [("train", 93), ("val", 23)])
def test_mouse(data_root, split, images):
    root = data_root / "openfield-mouse"
    table = CocoKeypoints(str(root / f"annotations/{split}.json"), str(root / "images"))
    assert table.keypoints.shape == (images, 4, 3)
    assert table.info.flip_pairs == ((1, 2),)
    assert table.info.sigmas == (0.05,) * 4


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["left_x", "right_x"], ((0, 1),)),
        (["r_x", "tail", "l_x"], ((2, 0),)),
        (["x_left", "x_right"], ((0, 1),)),
        (["LEar", "REar", "Nose"], ((0, 1),)),
        (["earL", "earR"], ((0, 1),)),
        (["ear.l", "ear.r"], ((0, 1),)),
        (["leftear", "rightear", "tailbase"], ((0, 1),)),
        (["front_left_paw", "front_right_paw", "hind_left_paw", "hind_right_paw"], ((0, 1), (2, 3))),
        (["lf", "rf", "lr", "rr"], ((0, 1), (2, 3))),
        (["L_elbow", "R_elbow", "l_ankle", "r_ankle"], ((0, 1), (2, 3))),
        (["leg", "elbow", "tail", "left_only"], ()),
    ],
)
def test_flip_pairs_from_names(names, pairs):
    assert set(infer_flip_pairs(names)) == set(pairs)


def read(tiny_coco, change=None, **kwargs):
    """The table of the tiny file after `change(content)`."""
    content = copy.deepcopy(tiny_coco.content)
    if change is not None:
        content = change(content) or content
    with open(tiny_coco.ann_file, "w") as file:
        json.dump(content, file)
    return CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, **kwargs)


def drop(key):
    def change(content):
        for annotation in content["annotations"]:
            del annotation[key]

    return change


def test_a_missing_box_is_around_the_keypoints(tiny_coco):
    table = read(tiny_coco, drop("bbox"))
    low, high = table.keypoints[:, :, :2].min(1), table.keypoints[:, :, :2].max(1)
    assert (table.bbox[:, :2] < low).all()
    assert (table.bbox[:, :2] + table.bbox[:, 2:] > high).all()
    np.testing.assert_allclose(table.bbox[:, :2] + table.bbox[:, 2:] / 2, (low + high) / 2, rtol=1e-5)


def test_one_keypoint_is_enough_for_a_box(tiny_coco):
    def change(content):
        del content["annotations"][0]["bbox"]
        content["annotations"][0]["keypoints"] = [20, 30, 2, 0, 0, 0, float("nan"), 5, 0]

    table = read(tiny_coco, change)
    assert table.bbox[0].tolist() == [15, 25, 10, 10]
    assert table.keypoints[0, :, 2].tolist() == [2, 0, 0]


def test_a_missing_area_is_that_of_the_box(tiny_coco):
    table = read(tiny_coco, drop("area"))
    np.testing.assert_allclose(table.area, table.bbox[:, 2] * table.bbox[:, 3])


def test_crowds_and_objects_without_keypoints_are_ignored(tiny_coco):
    def change(content):
        crowd, unlabelled, bare = (copy.deepcopy(content["annotations"][0]) for _ in range(3))
        crowd |= {"id": 101, "iscrowd": 1}
        unlabelled |= {"id": 102, "keypoints": [0] * 9, "num_keypoints": 0}
        bare["id"] = 103
        del bare["keypoints"], bare["bbox"], bare["area"]
        content["annotations"] += [crowd, unlabelled, bare]

    table = read(tiny_coco, change)
    assert len(table) == 6
    assert [each["id"] for each in table.ignored] == [101, 102, 103]
    assert all({"bbox", "area", "iscrowd", "keypoints", "num_keypoints"} <= set(each) for each in table.ignored)


@pytest.mark.parametrize("ids", [[None] * 6, range(6)])
def test_ids_that_evaluation_cannot_use_are_numbered(tiny_coco, ids):
    def change(content):
        for annotation, id_ in zip(content["annotations"], ids, strict=True):
            annotation["id"] = id_

    assert read(tiny_coco, change).ids.tolist() == [1, 2, 3, 4, 5, 6]


def add_category(**category):
    def change(content):
        content["categories"].append({**content["categories"][0], "id": 2, "name": "other", **category})
        content["annotations"][0]["category_id"] = 2

    return change


def test_categories_with_the_same_keypoints_are_joined(tiny_coco):
    assert len(read(tiny_coco, add_category())) == 6
    assert len(read(tiny_coco, add_category(), category="thing")) == 5
    assert len(read(tiny_coco, add_category(keypoints=["a"]), category="thing")) == 5
    assert len(read(tiny_coco, add_category(keypoints=[]))) == 5


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("folder", ["clip0", "clip0", "clip1", "clip1", "clip2", "clip2"]),
        ("video", ["v0", "v0", "v0", "v1", "v1", "v1"]),
        ("file_name_prefix", ["clip0", "clip0", "clip1", "clip1", "clip2", "clip2"]),
        (None, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_groups(tiny_coco, group_by, groups):
    assert read(tiny_coco, group_by=group_by).groups.tolist() == groups


def test_what_the_user_says_goes_first(tiny_coco):
    info = read(tiny_coco, names=["a", "b", "c"], flip_pairs=[("a", 2)], sigmas=0.1, skeleton=[(0, 1), ("b", "c")]).info
    assert info.names == ("a", "b", "c")
    assert info.flip_pairs == ((0, 2),)
    assert info.flip_order.tolist() == [2, 1, 0]
    assert info.sigmas == (0.1, 0.1, 0.1)
    assert info.skeleton == ((0, 1), (1, 2))


def test_names_stand_in_for_a_category_without_keypoints(tiny_coco):
    def change(content):
        del content["categories"][0]["keypoints"]

    assert read(tiny_coco, change, names=["nose", "l", "r"]).info.flip_pairs == ((1, 2),)


def set_in(section, index, **values):
    return lambda content: content[section][index].update(values)


@pytest.mark.parametrize(
    ("change", "kwargs", "words"),
    [
        (lambda _: [1], {}, ["not a COCO keypoints file", "'images'", "'categories'"]),
        (lambda c: {**c, "images": [1]}, {}, ["images must hold mappings"]),
        (lambda c: c["categories"][0].pop("keypoints") and None, {}, ["no category has keypoints"]),
        (set_in("annotations", 3, keypoints=[1, 2, 2]), {}, ["3 x 3", "annotations 4"]),
        (set_in("annotations", 2, image_id=99), {}, ["'images' lacks", "3"]),
        (set_in("annotations", 2, bbox=[1, 2]), {}, ["bbox", "3"]),
        (set_in("images", 1, id=1), {}, ["same id", "1"]),
        (set_in("images", 1, file_name=None), {}, ["file_name", "2"]),
        (set_in("images", 1, file_name="clip0/gone.png"), {}, ["1 of 6 image files", "gone.png"]),
        (lambda c: {**c, "annotations": []}, {}, ["nothing to learn from"]),
        (add_category(keypoints=["a", "b"]), {}, ["thing: nose", "other: a, b", "category:"]),
        (None, {"category": "thin"}, ["no category 'thin'", "'thing'"]),
        (None, {"names": ["a", "b"]}, ["3 keypoints", "a, b"]),
        (None, {"names": ["a", "b", "b"]}, ["different names"]),
        (None, {"flip_pairs": [[1, 3]]}, ["flip_pairs", "0 <= index < 3", "3"]),
        (None, {"flip_pairs": [[1, "right_hnd"]]}, ["right_hnd", "did you mean 'right_hand'"]),
        (None, {"flip_pairs": [[1, 2], [2, 0]]}, ["once"]),
        (None, {"flip_pairs": [[1, 2, 0]]}, ["pairs"]),
        (None, {"sigmas": [0.1]}, ["3 positive numbers"]),
        (None, {"group_by": "vidoe"}, ["6 images have no 'vidoe'", "did you mean 'video'"]),
    ],
)
def test_mistakes(tiny_coco, change, kwargs, words):
    with pytest.raises(RayPoseError) as error:
        read(tiny_coco, change, **kwargs)
    for word in words:
        assert word in str(error.value)
    assert error.value.exit_status == 2


def test_all_mistakes_at_once(tiny_coco):
    def change(content):
        content["annotations"][0]["keypoints"] = [1]
        content["annotations"][1]["image_id"] = 77

    with pytest.raises(RayPoseError) as error:
        read(tiny_coco, change)
    assert [problem.rule for problem in error.value.problems] == ["keypoint-count", "unknown-image"]


def test_missing_images_are_counted_and_some_named(tiny_coco):
    def change(content):
        for i, image in enumerate(content["images"]):
            image["file_name"] = f"no{i}.png"

    with pytest.raises(RayPoseError, match=r"6 of 6 .*no0\.png.*no4\.png\), \.\.\. \(6 in all\)"):
        read(tiny_coco, change)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read the annotation file: No such file"),
        ('{"images": [],\n "annotations" []}', "json:2:16: not JSON"),
        (b"\xff\xd8\xff", "not JSON"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, words):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(RayPoseError, match=words):
        CocoKeypoints(str(path), str(tmp_path))


def test_missing_image_folder(tiny_coco):
    with pytest.raises(RayPoseError, match="no image folder"):
        CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix + "x")
