from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raypose.errors import RayPoseError
from raypose.metrics import CocoAP, CrowdPoseAP, check


@pytest.mark.parametrize("seed", range(3))
def test_parts_equal_pycocotools_on_their_images(generated, noisy, reference, seed):
    rng = np.random.default_rng(seed)
    table = generated(rng, images=30)
    order = rng.permutation(30)
    crowd_index = np.concatenate([[0.0, 0.2, 0.8, 1.0], rng.uniform(size=26)])
    table = replace(table, image_ids=table.image_ids[order], crowd_index=crowd_index, ignored=[])
    keypoints, scores = noisy(table, rng, noise=0.1)
    results = [
        {
            "image_id": int(table.image_ids[image]),
            "category_id": 1,
            "keypoints": [float(v) for point in keypoints[i] for v in (*point, 1)],
            "score": float(scores[i].mean(dtype=np.float64)),
        }
        for i, image in enumerate(table.image_index)
    ]
    parts = {
        "AP_easy": [int(id_) for id_, crowded in zip(table.image_ids, crowd_index, strict=True) if crowded < 0.2],
        "AP_medium": [
            int(id_) for id_, crowded in zip(table.image_ids, crowd_index, strict=True) if 0.2 <= crowded < 0.8
        ],
        "AP_hard": [int(id_) for id_, crowded in zip(table.image_ids, crowd_index, strict=True) if crowded >= 0.8],
    }
    assert sum(map(len, parts.values())) == 30
    truth = table.to_coco()
    found = CrowdPoseAP()(table, keypoints, scores)
    assert tuple(found) == CrowdPoseAP.names
    for name, images in parts.items():
        expected = reference(truth, results, table.info.sigmas, images)["AP"]
        assert found[name] == pytest.approx(expected, abs=1e-9)
    assert found.items() >= CocoAP()(table, keypoints, scores).items()


def test_without_a_crowd_index(generated):
    table = generated(np.random.default_rng(0))
    with pytest.raises(RayPoseError, match="needs a crowd index for each image"):
        check([{"type": "CrowdPoseAP"}], table)
