"""Tables of people in drawn pictures of many sizes, with boxes that reach beyond them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from raypose.data import DatasetInfo, KeypointTable

INFO = DatasetInfo(tuple("abcdefghij"), ((1, 2),), (0.05,) * 10, upper_body=(0, 1, 2, 3, 4))


def write_people(folder, sizes=((200, 300), (64, 64), (900, 700), (120, 500)), each=3, seed=0) -> KeypointTable:
    """`each` instances in a picture of each size (height, width); some boxes are small, some larger than the picture."""
    rng = np.random.default_rng(seed)
    paths, bbox, keypoints = [], [], []
    for i, (height, width) in enumerate(sizes):
        noise = rng.uniform(0, 255, (height // 12 + 2, width // 12 + 2, 3)).astype(np.float32)
        picture = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
        paths.append(str(folder / f"{seed}-{i}.png"))
        cv2.imwrite(paths[-1], picture)
        for _ in range(each):
            size = rng.uniform(0.1, 1.1, 2) * (width, height)
            corner = rng.uniform(-0.3, 0.9, 2) * (width, height) - size * 0.1
            bbox.append([*corner, *size])
            points = corner + rng.uniform(0, 1, (10, 2)) * size
            keypoints.append(np.column_stack([points, np.full(10, 2)]))
    count = len(bbox)
    return KeypointTable(
        paths=paths,
        image_index=np.repeat(np.arange(len(sizes)), each),
        bbox=np.array(bbox, np.float32),
        keypoints=np.array(keypoints, np.float32),
        area=np.ones(count, np.float32),
        ids=np.arange(1, count + 1),
        image_ids=np.arange(1, len(sizes) + 1),
        groups=np.arange(len(sizes)),
        info=INFO,
        sizes=np.array([(width, height) for height, width in sizes]),
    )


@pytest.fixture
def people(tmp_path):
    """A function that writes pictures and gives their table; the same for the same seed."""
    return lambda seed=0, folder=tmp_path: write_people(folder, seed=seed)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RAYPOSE_CACHE_SIZE", raising=False)
