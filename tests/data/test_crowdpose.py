from __future__ import annotations

import json

import numpy as np
import pytest

from raypose.data import CrowdPose, dataset_info
from raypose.errors import RayPoseError

# As in the files of https://github.com/Jeff-sjtu/CrowdPose.
NAMES = [
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip"),
    *("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head", "neck"),
]
INDEX = [0.0, 0.05, 0.3, 0.5, 0.82, 1.0]


@pytest.fixture
def crowdpose(tmp_path, tiny_coco):
    """A file in CrowdPose's form: no areas, a `crowdIndex` an image, somebody who is not labelled."""
    content, rng = tiny_coco.content, np.random.default_rng(0)
    for image, index in zip(content["images"], INDEX, strict=True):
        image["crowdIndex"] = index
    for each in content["annotations"]:
        points = np.column_stack([rng.uniform(0, 60, (14, 2)), rng.integers(0, 3, 14)])
        each |= {"keypoints": points.ravel().tolist(), "bbox": [*rng.uniform(0, 20, 2), *rng.uniform(10, 40, 2)]}
        del each["area"]
    content["annotations"].append(
        {**content["annotations"][3], "id": 7, "keypoints": [0] * 42, "num_keypoints": 0, "bbox": [1, 2, 10, 20]}
    )
    content["categories"] = [{"id": 1, "name": "person", "keypoints": NAMES, "skeleton": [[16, 14], [14, 12]]}]
    (tmp_path / "crowd.json").write_text(json.dumps(content))
    return {"ann_file": str(tmp_path / "crowd.json"), "img_prefix": tiny_coco.img_prefix}, content


def test_how_crowded_and_how_large(crowdpose):
    cfg, content = crowdpose
    table = CrowdPose(**cfg)
    assert table.crowd_index.tolist() == INDEX
    boxes = np.array([each["bbox"] for each in content["annotations"][:6]])
    np.testing.assert_allclose(table.area, 0.53 * boxes[:, 2] * boxes[:, 3], rtol=1e-5)
    assert [each["area"] for each in table.ignored] == pytest.approx([0.53 * 200])
    assert list(table.info.names) == NAMES
    assert table.info.sigmas[:2] == (0.079, 0.079)
    assert dataset_info({"type": "CrowdPose", **cfg}) == table.info


def test_how_crowded_goes_with_the_images(crowdpose):
    table = CrowdPose(**crowdpose[0]).subset([5, 1])
    assert table.crowd_index.tolist() == [0.05, 1.0]
    assert [image["crowdIndex"] for image in table.to_coco()["images"]] == [0.05, 1.0]


def test_detections(crowdpose, tmp_path):
    box = {"image_id": 2, "category_id": 1, "bbox": [1, 2, 30, 10], "score": 0.5}
    (tmp_path / "boxes.json").write_text(json.dumps([box]))
    table = CrowdPose(**crowdpose[0], bbox_file=str(tmp_path / "boxes.json"))
    np.testing.assert_allclose(table.area, 0.53 * 300, rtol=1e-6)
    np.testing.assert_allclose(table.truth.area, CrowdPose(**crowdpose[0]).area)
    assert table.truth.crowd_index.tolist() == INDEX


def test_other_keypoints(tiny_coco):
    with pytest.raises(RayPoseError, match="14"):
        CrowdPose(tiny_coco.ann_file, tiny_coco.img_prefix)
