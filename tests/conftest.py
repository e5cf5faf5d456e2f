"""What many tests share: the real data, a tiny data set on disk, and one thread for torch."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

torch.set_num_threads(1)
# No test reads or writes the user's own crops; before anything copies the environment, Ray's workers included.
CACHE = tempfile.TemporaryDirectory(prefix="raypose-cache-", ignore_cleanup_errors=True)
os.environ["RAYPOSE_CACHE"] = CACHE.name

ROOT = Path(__file__).parents[1]
TINY_NAMES = ["nose", "left_hand", "right_hand"]
TINY_COLORS = [(255, 255, 255), (255, 40, 40), (40, 40, 255)]  # red, green, blue of each keypoint's dot


def pytest_unconfigure() -> None:
    CACHE.cleanup()  # a process of pytest-xdist ends without


@pytest.fixture(scope="module", autouse=True)
def _no_plugins_of_others():
    """What a file's tests loaded is forgotten at its end: what other tests look at is all that is registered."""
    yield
    loading = sys.modules.get("raypose.plugins.loading")
    for name in [name for name in sys.modules if loading and name.startswith(loading.PREFIX)]:
        loading._forget(name)


@pytest.fixture(scope="session")
def session_cache() -> str:
    """The cache folder that all tests, and Ray's workers, have unless they name another."""
    return CACHE.name


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with `coco-mini` and `openfield-mouse`."""
    root = Path(os.environ.get("RAYPOSE_DATA") or ROOT.parent / "shared" / "data")
    if not (root / "openfield-mouse").is_dir():
        pytest.skip(f"no real data: there is no {root / 'openfield-mouse'} (set RAYPOSE_DATA to its parent)")
    return root


@pytest.fixture
def tiny_coco(tmp_path):
    """Six 64x64 images with one object each: three dots, `nose`, `left_hand` and `right_hand`.

    Has `ann_file`, `img_prefix`, `cfg` (a dataset component) and `content` (the annotation file as a dict).
    """
    return write_tiny_coco(tmp_path)


@pytest.fixture(scope="session")
def tiny_coco_in():
    """`tiny_coco_in(folder)` writes the same into a folder that many tests share."""
    return write_tiny_coco


def write_tiny_coco(folder: Path, num_images: int = 6) -> SimpleNamespace:
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    images, annotations = [], []
    for i in range(num_images):
        center, jitter = rng.uniform(26, 38, 2), rng.uniform(-3, 3, (3, 2))
        points = np.round(center + np.array([[0, -10], [11, 6], [-11, 6]]) + jitter).astype(int)
        picture = np.full((64, 64, 3), 90, np.uint8)
        for (x, y), color in zip(points.tolist(), TINY_COLORS, strict=True):
            cv2.circle(picture, (x, y), 2, color[::-1], cv2.FILLED)
        file_name = f"clip{i // 2}/{i:03d}.png"
        (folder / "images" / file_name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "images" / file_name), picture)
        images.append({"id": i + 1, "file_name": file_name, "width": 64, "height": 64, "video": f"v{i // 3}"})
        keypoints = np.column_stack([points, np.full(3, 2)]).ravel().tolist()
        box = [*(center - 18).tolist(), 36.0, 36.0]
        annotations.append(
            {"id": i + 1, "image_id": i + 1, "category_id": 1, "iscrowd": 0, "bbox": box, "area": 1296.0,
             "keypoints": keypoints, "num_keypoints": 3}
        )  # fmt: skip
    category = {"id": 1, "name": "thing", "keypoints": TINY_NAMES, "skeleton": [[1, 2], [1, 3]]}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    ann_file = folder / "annotations.json"
    ann_file.write_text(json.dumps(content))
    cfg = {"type": "CocoKeypoints", "ann_file": str(ann_file), "img_prefix": str(folder / "images")}
    return SimpleNamespace(ann_file=str(ann_file), img_prefix=cfg["img_prefix"], cfg=cfg, content=content)


@pytest.fixture(scope="session")
def cluster():
    """One small Ray for all tests that need one."""
    import ray

    from raypose.tuning.nodes.cluster import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()
