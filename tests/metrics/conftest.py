"""Tables of generated objects, predictions for them, and COCO's evaluation by pycocotools."""

from __future__ import annotations

import contextlib
import copy
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from raypose.data import DatasetInfo, KeypointTable

NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")


@pytest.fixture(scope="session")
def reference():
    """`reference(truth, results, sigmas, images)`: the ten numbers of an annotation file's content and of results, of all
    images or of those with some ids."""
    return _reference


@pytest.fixture(scope="session")
def pycocotools():
    """`pycocotools(path, table, keypoints, scores)`: those of predictions for the table that the file `path` is."""
    return _pycocotools


@pytest.fixture(scope="session")
def generated():
    return _generated


@pytest.fixture(scope="session")
def noisy():
    return _noisy


def _reference(truth, results, sigmas=None, images=None):
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = copy.deepcopy(truth)
        ground_truth.createIndex()
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(copy.deepcopy(results)), "keypoints")
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        if images is not None:
            evaluation.params.imgIds = images
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, evaluation.stats.tolist(), strict=True))


def _pycocotools(truth, table, keypoints, scores, sigmas=None):
    results = [
        {
            "image_id": int(table.image_ids[table.image_index[i]]),
            "category_id": 1,
            "keypoints": [float(v) for point in keypoints[i] for v in (*point, 1)],
            "score": float(scores[i].mean(dtype=np.float64)),
        }
        for i in range(len(table))
    ]
    return _reference(json.loads(truth.read_text()), results, sigmas)


def _noisy(table, rng, noise=0.03):
    """Predictions that are off by a part of the object's size, a different one for each object."""
    size = np.sqrt(table.area)[:, None, None] * noise * rng.exponential(size=(len(table), 1, 1))
    keypoints = table.keypoints[..., :2] + rng.normal(size=(*table.keypoints.shape[:2], 2)) * size
    return keypoints.astype(np.float32), rng.uniform(size=table.keypoints.shape[:2]).astype(np.float32)


def _generated(rng, images=12, people=4, sigmas=(0.03, 0.05, 0.1, 0.2), first_id=1):
    """A table of objects with 4 keypoints, some not labelled, and a crowd and an object without keypoints."""
    index = np.repeat(np.arange(images), people)
    low, size = rng.uniform(0, 400, (len(index), 2)), rng.uniform(10, 200, (len(index), 2))
    bbox = np.concatenate([low, size], axis=1).astype(np.float32)
    points = low[:, None] + rng.uniform(size=(len(index), 4, 2)) * size[:, None]
    visible = rng.choice([0, 1, 2], size=(len(index), 4, 1), p=[0.2, 0.3, 0.5])
    visible[:, 0] = 2
    ids = np.arange(len(index)) + first_id
    ignored = {"category_id": 1, "bbox": [0, 0, 300, 300], "area": 9e4, "keypoints": [0] * 12, "num_keypoints": 0}
    return KeypointTable(
        paths=[f"{i}.jpg" for i in range(images)],
        image_index=index,
        bbox=bbox,
        keypoints=np.concatenate([points, visible], axis=-1).astype(np.float32),
        area=(bbox[:, 2] * bbox[:, 3] * 0.6).astype(np.float32),
        ids=ids,
        image_ids=np.arange(images) * 3 + 5,
        groups=np.arange(images),
        info=DatasetInfo(("a", "b", "c", "d"), (), sigmas, category="mouse"),
        ignored=[
            {**ignored, "id": int(ids[-1]) + 1, "image_id": 5, "iscrowd": 1},
            {**ignored, "id": int(ids[-1]) + 2, "image_id": 8, "iscrowd": 0},
        ],
    )
