from __future__ import annotations

import json

import numpy as np
import pytest

from raypose.data import Ap10k, dataset_info
from raypose.errors import RayPoseError

# The order of https://github.com/AlexTheBad/AP-10K#keypoint-definition.
NAMES = [
    *("left_eye", "right_eye", "nose", "neck", "root_of_tail", "left_shoulder", "left_elbow", "left_front_paw"),
    *("right_shoulder", "right_elbow", "right_front_paw", "left_hip", "left_knee", "left_back_paw"),
    *("right_hip", "right_knee", "right_back_paw"),
]


@pytest.fixture
def ap10k(tmp_path, tiny_coco):
    """Six animals of three species."""
    content, rng = tiny_coco.content, np.random.default_rng(0)
    for i, each in enumerate(content["annotations"]):
        points = np.column_stack([rng.uniform(0, 60, (17, 2)), rng.integers(1, 3, 17)])
        each |= {"keypoints": points.ravel().tolist(), "category_id": 20 + i % 3}
    content["categories"] = [
        {"id": 20 + i, "name": name, "supercategory": "x", "keypoints": NAMES, "skeleton": [[1, 2]]}
        for i, name in enumerate(["zebra", "dog", "panda"])
    ]
    (tmp_path / "ap10k.json").write_text(json.dumps(content))
    return {"ann_file": str(tmp_path / "ap10k.json"), "img_prefix": tiny_coco.img_prefix}


def test_all_species_are_one(ap10k):
    table = Ap10k(**ap10k)
    assert len(table) == 6
    assert list(table.info.names) == NAMES
    assert sorted(map(sorted, table.info.flip_pairs)) == [[0, 1], [5, 8], [6, 9], [7, 10], [11, 14], [12, 15], [13, 16]]
    assert len(set(table.info.sigmas)) > 1
    assert {each["category_id"] for each in table.to_coco()["annotations"]} == {1}
    assert dataset_info({"type": "Ap10k", **ap10k}) == table.info


def test_one_species(ap10k):
    assert Ap10k(**ap10k, category="dog").ids.tolist() == [2, 5]
    with pytest.raises(RayPoseError, match=r"no category 'dgo'.*'dog'"):
        Ap10k(**ap10k, category="dgo")


def test_detections_of_all_species(ap10k, tmp_path):
    boxes = [{"image_id": i, "category_id": 19 + i, "bbox": [1, 2, 30, 10], "score": 0.5} for i in (1, 2, 3)]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    assert len(Ap10k(**ap10k, bbox_file=str(tmp_path / "boxes.json"))) == 3
    assert len(Ap10k(**ap10k, bbox_file=str(tmp_path / "boxes.json"), category="panda")) == 1
