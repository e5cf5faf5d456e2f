"""COCO's records of a project: images and annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from raypose.data.coco_file import some
from raypose.data.coco_table import boxes_around
from raypose.data.deeplabcut.project import Project
from raypose.errors import Problem, RayPoseError

Record = dict[str, Any]


def records(project: Project) -> tuple[list[Record], list[Record]]:
    """Records of the images with labels, and of the animals in them.

    Raises:
        RayPoseError: nothing is labelled; images that are missing or cannot be read.
    """
    labelled = [(labels, row, name) for labels in project.labels for row, name in enumerate(labels.images)]
    labelled = [(labels, row, name) for labels, row, name in labelled if np.isfinite(labels.points[row]).any()]
    if not labelled:
        raise RayPoseError("no labels: no image has a labelled body part", rule="dlc-no-labels")
    sizes = _sizes(project.root, [name for _, _, name in labelled])
    images: list[Record] = []
    annotations: list[Record] = []
    for id_, ((labels, row, name), size) in enumerate(zip(labelled, sizes, strict=True), start=1):
        images.append(
            {"id": id_, "file_name": name, "width": size[0], "height": size[1], "video": Path(name).parent.name}
        )
        for who, points in zip(labels.individuals, labels.points[row], strict=True):
            if np.isfinite(points).any():
                annotations.append({"id": len(annotations) + 1, "image_id": id_, **_annotation(points, size, who)})
    return images, annotations


def _annotation(points: np.ndarray, size: tuple[int, int], who: str) -> Record:
    there = np.isfinite(points).all(1)
    keypoints = np.where(there[:, None], np.column_stack([points, np.full(len(points), 2)]), 0)
    x, y, width, height = boxes_around(keypoints[None])[0]
    whole = np.array([[x, y], [x + width, y + height]])
    inside = np.clip(whole, 0, size)
    if (inside[1] - inside[0]).min() < 1:  # labels beside the image; the reader says so
        inside = whole
    x, y, width, height = np.concatenate([inside[0], inside[1] - inside[0]]).tolist()
    return {
        "category_id": 1,
        "bbox": [x, y, width, height],
        "area": width * height,
        "iscrowd": 0,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int(there.sum()),
        **({"individual": who} if who else {}),
    }


def _sizes(root: Path, images: list[str]) -> list[tuple[int, int]]:
    """Width and height of each, from the files' headers."""
    sizes, missing, broken = [], [], []
    for image in images:
        try:
            with Image.open(root / image) as file:
                sizes.append(file.size)
        except FileNotFoundError:
            missing.append(image)
        except (OSError, UnidentifiedImageError):
            broken.append(image)
    hint = "deeplabcut.dropannotationfileentriesduetodeletedimages(config) takes out the labels of deleted images"
    problems = [
        Problem(f"{len(found)} of {len(images)} images {what} under {root}: {some(found)}", hint=hint, rule=rule)
        for found, what, hint, rule in (
            (missing, "are missing", hint, "image-missing"),
            (broken, "cannot be read", "", "image-file"),
        )
        if found
    ]
    if problems:
        raise RayPoseError(problems)
    return sizes


def content(project: Project, images: list[Record], annotations: list[Record], keep: np.ndarray) -> Record:
    """A COCO keypoints file of the images in `keep` [M]."""
    kept = [image for image, yes in zip(images, keep, strict=True) if yes]
    ids = {image["id"] for image in kept}
    category = {"id": 1, "name": project.name, "supercategory": "animal", "keypoints": project.names}
    return {
        "info": {"description": f"converted from the DeepLabCut project {project.name}"},
        "licenses": [],
        "images": kept,
        "annotations": [each for each in annotations if each["image_id"] in ids],
        "categories": [{**category, "skeleton": [[a + 1, b + 1] for a, b in project.skeleton]}],
    }
