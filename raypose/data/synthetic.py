"""Drawn people as a COCO dataset, so that a first search needs no download."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from raypose.data.coco import CocoKeypoints
from raypose.data.info import tells_info
from raypose.data.keypoint_info import make_info
from raypose.data.people.scene import Person, draw_scene
from raypose.data.person import COCO_NAMES, COCO_SKELETON
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.errors import RayPoseError
from raypose.files import cache_folder
from raypose.registry import DATASETS

_RENDERER_VERSION = 1  # raise it when the same parameters give other pictures
_SPLITS = ("train", "val", "test")
_ANNOTATIONS = "annotations.json"
_CATEGORY = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": COCO_NAMES,
    "skeleton": [[a + 1, b + 1] for a, b in COCO_SKELETON],
}


def synthetic_info(
    num_images: int = 400,
    split: str = "train",
    seed: int = 0,
    image_size: tuple[int, int] = (320, 240),
    cache_dir: str | None = None,
) -> DatasetInfo:
    """What the keypoints of `SyntheticPeople` are; raises RayPoseError where it would for these arguments."""
    _check(num_images, split, seed, image_size)
    return make_info(_CATEGORY)


def _check(num_images: int, split: str, seed: int, image_size: tuple[int, int]) -> None:
    if split not in _SPLITS:
        raise RayPoseError(f"split must be one of {', '.join(_SPLITS)}, but got '{split}'", rule="unknown-split")
    if num_images < 1 or min(image_size) < 32 or seed < 0:
        message = (
            f"num_images >= 1, image_size >= 32 and seed >= 0 must hold, but got ({num_images}, {image_size}, {seed})"
        )
        raise RayPoseError(message, rule="synthetic-range")


@DATASETS.register_module()
@tells_info(synthetic_info)
def SyntheticPeople(
    num_images: int = 400,
    split: Literal["train", "val", "test"] = "train",
    seed: int = 0,
    image_size: tuple[int, int] = (320, 240),
    cache_dir: str | None = None,
) -> KeypointTable:
    """Articulated people with COCO's 17 keypoints in cluttered pictures, one to three in each.

    The pictures are drawn once, as JPEG files with a COCO keypoints file, into a folder of their own below `cache_dir`
    (default: `synthetic` in `$RAYPOSE_CACHE`, else in `~/.cache/raypose`), and then read like any COCO
    dataset. Picture `i` depends on `seed`, `split` and `i` alone.

    Args:
        num_images: how many pictures; there are about 1.5 people in one.
        image_size: width, height in pixels.

    Raises:
        RayPoseError: sizes that are not positive, an unknown split, or a cache folder that cannot be written.

    Example:
        >>> SyntheticPeople(num_images=8, split="val").keypoints.shape[1:]
        (17, 3)
    """
    _check(num_images, split, seed, image_size)
    parameters = {"num_images": num_images, "split": split, "seed": seed, "image_size": list(image_size)}
    folder = _cache_root(cache_dir) / _fingerprint(parameters)
    if not folder.is_dir():
        _build(folder, parameters)
    return CocoKeypoints(str(folder / _ANNOTATIONS), str(folder))


def _cache_root(cache_dir: str | None) -> Path:
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    return cache_folder() / "synthetic"


def _fingerprint(parameters: dict[str, Any]) -> str:
    text = json.dumps({**parameters, "renderer": _RENDERER_VERSION}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _build(folder: Path, parameters: dict[str, Any]) -> None:
    """Draw into a temporary folder beside `folder` and rename it: what is at `folder` is always complete, and of two
    that build at once the second one's work is dropped."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        message = f"cannot write the synthetic pictures to {folder.parent}: {error.strerror}"
        raise RayPoseError(message, hint="set cache_dir to a folder that can be written", rule="cache-dir") from None
    try:
        _render(scratch, **parameters)
        scratch.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _render(folder: Path, num_images: int, split: str, seed: int, image_size: list[int]) -> None:
    images, annotations = [], []
    width, height = image_size
    for i in range(num_images):
        picture, people = draw_scene(np.random.default_rng([seed, _SPLITS.index(split), i]), (width, height))
        file_name = f"{i:06d}.jpg"
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        (folder / file_name).write_bytes(encoded.tobytes())
        images.append({"id": i + 1, "file_name": file_name, "width": width, "height": height})
        annotations += [_annotation(person, i + 1) for person in people]
    numbered = [{"id": number, **each} for number, each in enumerate(annotations, start=1)]
    content = {"images": images, "annotations": numbered, "categories": [_CATEGORY]}
    (folder / _ANNOTATIONS).write_text(json.dumps(content))


def _annotation(person: Person, image_id: int) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": list(person.bbox),
        "area": person.area,
        "keypoints": person.keypoints.ravel().tolist(),
        "num_keypoints": int((person.keypoints[:, 2] > 0).sum()),
    }
