"""Images that a model was made for, to try what was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raypose.data.build import build_dataset
from raypose.errors import RayPoseError
from raypose.files import read_json
from raypose.model_folder import read_config

MOST = 16
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
ImageAndBox = tuple[Path | str, Any]  # the box [1,4] or None


def real_crops(folder: Path, preprocessing: Any, images: Path | None = None) -> tuple[Tensor, str]:
    """Up to 16 crops [N,3,H,W], and in words what they are of: `images` (a file or a folder), else the samples that the
    training kept, else the validation data of its configuration.

    Raises:
        RayPoseError: there are none.

    Example:
        >>> crops, source = real_crops(Path("best"), predictor.preprocessing)
    """
    pairs, source = _chosen(folder, preprocessing, images)
    crops = [preprocessing(image, box)[0] for image, box in pairs]
    return torch.cat(crops).contiguous(), source


def _chosen(folder: Path, preprocessing: Any, images: Path | None) -> tuple[list[ImageAndBox], str]:
    if images is not None:
        return list(_in_folder(images)), str(images)
    if samples := list(_samples(folder / "samples", preprocessing.padding)):
        return samples, str(folder / "samples")
    try:
        return _validation(folder), "data.val"
    except RayPoseError as error:
        raise RayPoseError(
            f"no real images to check the export with: {error}",
            hint="--images FOLDER names some, --no-check leaves the check out",
            rule="no-images",
        ) from None


def _in_folder(path: Path) -> Iterator[ImageAndBox]:
    found = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
    if not found:
        raise RayPoseError(f"there is no image in {path}", rule="missing-file")
    yield from ((found[i], None) for i in spread(len(found)))


def _samples(folder: Path, padding: float) -> Iterator[ImageAndBox]:
    kept = read_json(folder / "samples.json").get("samples", [])
    there = [each for each in kept if (folder / each["file"]).exists()]
    for i in spread(len(there)):
        size = np.array([there[i]["width"], there[i]["height"]], float)
        # They are crops: the model is to see all of it, and the padding is there.
        yield folder / there[i]["file"], np.array([[*(size - size / padding) / 2, *size / padding]])


def _validation(folder: Path) -> list[ImageAndBox]:
    table = build_dataset(read_config(folder)["data"], "val")
    rows = spread(len(table))
    return [(table.paths[table.image_index[row]], table.bbox[row : row + 1]) for row in rows]


def spread(count: int) -> np.ndarray:
    """Up to 16 indices of `count`, evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)) if count else np.zeros(0, int)
