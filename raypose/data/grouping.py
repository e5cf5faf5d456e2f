"""Which images belong together, so that a split never puts frames of one video on both sides."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from raypose.data.coco_file import Record, some
from raypose.errors import Problem, RayPoseError, nearest

_GROUPINGS: dict[str, Callable[[str], str]] = {
    "folder": lambda file_name: str(Path(file_name).parent),
    "file_name_prefix": lambda file_name: re.sub(r"[\W_]*\d*$", "", str(Path(file_name).with_suffix(""))),
}


def image_groups(path: Path, images: Sequence[Record], group_by: str | None) -> np.ndarray:
    """[M] the group of each image record of the file `path`: its value of `group_by`, or what its file name tells.

    Raises:
        RayPoseError: records without that key.
    """
    if group_by is None:
        return np.arange(len(images))
    if group_by in _GROUPINGS:
        return np.array([_GROUPINGS[group_by](image["file_name"]) for image in images])
    lacking = [image["file_name"] for image in images if group_by not in image]
    if lacking:
        message = f"group_by: {group_by}, but {len(lacking)} images have no '{group_by}': {some(lacking)}"
        hint = nearest(group_by, [*_GROUPINGS, *images[0]])
        raise RayPoseError(Problem(message, str(path), hint=hint, rule="group-by"))
    return np.array([str(image[group_by]) for image in images])
