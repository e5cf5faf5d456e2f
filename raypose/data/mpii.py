"""MPII Human Pose: single people with 16 keypoints, and the sizes of their heads for PCKh.

Sources: Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis", CVPR 2014,
http://human-pose.mpi-inf.mpg.de; the files `train.json`, `valid.json` and `gt_valid.mat` as HRNet published them,
arXiv:1902.09212 (MMPose's mpii_train.json, mpii_val.json, mpii_gt_val.mat).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raypose.data import coco_file
from raypose.data.bad_samples import OnBadSample
from raypose.data.coco_file import Record, some
from raypose.data.coco_table import make_table
from raypose.data.info import tells_info
from raypose.data.info_files import InfoName
from raypose.data.keypoint_info import make_info
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.errors import Problem, RayPoseError
from raypose.registry import DATASETS

_PIXELS = 200  # `scale` is the person's height in units of so many pixels
_LOWER = 15  # the centre is moved down by so many pixels times the scale, so that no limb is cut off
_HEAD_SIZE = 0.6  # of the diagonal of the head's box: MPII's SC_BIAS
_KEYS = ("image", "center", "scale", "joints", "joints_vis")


def mpii_info(dataset_info: InfoName | dict[str, Any] = "mpii", **others: Any) -> DatasetInfo:
    """What the keypoints of `Mpii` are."""
    return make_info({"name": "person"}, dataset_info=dataset_info)


@DATASETS.register_module()
@tells_info(mpii_info)
def Mpii(
    ann_file: str,
    img_prefix: str,
    headbox_file: str | None = None,
    dataset_info: InfoName | dict[str, Any] = "mpii",
    group_by: str | None = None,
    on_bad_sample: OnBadSample = "error",
) -> KeypointTable:
    """MPII's people, from a JSON list of {image, center, scale, joints, joints_vis} whose coordinates count from 1.

    The box is the square of 200 x `scale` pixels around `center`, moved down by 15 x `scale`; with `data.padding: 1.25`
    the crop is HRNet's and MMPose's. An area is not given: that of the box stands for it.

    Args:
        ann_file: the JSON file.
        img_prefix: the folder of the images.
        headbox_file: the `.mat` file with the heads' boxes (`headboxes_src`) of the same people, which PCKh needs.
        dataset_info: the keypoints' names, flip pairs, sigmas and so on.
        group_by: which images a split keeps together: `folder` or `file_name_prefix`.
        on_bad_sample: `skip` leaves out images and people that cannot be used; by default that of `data`.

    Raises:
        RayPoseError: a file, its content or the image files are not what they should be.

    Example:
        >>> Mpii("mpii_val.json", "images", headbox_file="mpii_gt_val.mat").keypoints.shape
        (2958, 16, 3)
    """
    path = Path(ann_file)
    info = mpii_info(dataset_info)
    people = _read(path, len(info.names))
    files = {file_name: i for i, file_name in enumerate(dict.fromkeys(each["image"] for each in people), start=1)}
    images = [{"id": id_, "file_name": file_name} for file_name, id_ in files.items()]
    heads = [None] * len(people) if headbox_file is None else _head_sizes(Path(headbox_file), len(people))
    annotations = [
        {"id": id_, "image_id": files[each["image"]], "head_size": head, **_labels(each)}
        for id_, (each, head) in enumerate(zip(people, heads, strict=True), start=1)
    ]
    return make_table(path, Path(img_prefix), info, images, annotations, group_by, on_bad_sample)


def _labels(person: Record) -> Record:
    """Box and keypoints from 0, as COCO has them; no box where MPII doesn't tell the person's place."""
    visible = np.asarray(person["joints_vis"]) > 0
    joints = np.column_stack([np.asarray(person["joints"], float) - 1, np.where(visible, 2, 0)])
    keypoints = np.where(visible[:, None], joints, 0).ravel().tolist()
    (x, y), scale = person["center"], person["scale"]
    if x == -1 or not scale > 0:
        return {"keypoints": keypoints}
    side = _PIXELS * scale
    left, top = x - 1 - (side - 1) / 2, y + _LOWER * scale - 1 - (side - 1) / 2  # pixel centres are at integers
    return {"keypoints": keypoints, "bbox": [left, top, side, side]}


def _read(path: Path, num_keypoints: int) -> list[Record]:
    content = coco_file.load(path, "annotation file", hint="give MPII's JSON file as ann_file")
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        message = f"not MPII's annotations: they are a list of {{{', '.join(_KEYS)}}}"
        hint = "a COCO keypoints file is read by CocoKeypoints" if isinstance(content, dict) else ""
        raise RayPoseError(Problem(message, str(path), hint=hint, rule="mpii"))
    whole = [i for i, each in enumerate(content) if all(each.get(key) is not None for key in _KEYS)]
    lacking = sorted({*range(len(content))} - {*whole})
    problems = [_problem(path, f"people need {', '.join(_KEYS)}, but lack some", lacking)] if lacking else []
    shapes = {"center": (2,), "scale": (), "joints": (num_keypoints, 2), "joints_vis": (num_keypoints,)}
    for key, shape in shapes.items():
        wrong = [i for i in whole if not _has_shape(content[i][key], shape)]
        if wrong:
            numbers = " x ".join(map(str, shape)) or "1"
            problems.append(_problem(path, f"'{key}' must be {numbers} numbers, but is not", wrong))
    if problems:
        raise RayPoseError(problems)
    return content


def _problem(path: Path, what: str, people: list[int]) -> Problem:
    return Problem(f"{what} in entries (from 0) {some(people)}", str(path), rule="mpii")


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    try:
        return np.asarray(value, float).shape == shape
    except (TypeError, ValueError):
        return False


def _head_sizes(path: Path, count: int) -> Sequence[float]:
    """[N] pixels."""
    from scipy.io import loadmat

    try:
        boxes = loadmat(path, variable_names=["headboxes_src"]).get("headboxes_src")  # [2,2,N]: two corners, (x, y)
    except Exception as error:  # a damaged file makes SciPy stumble over whatever it finds
        raise RayPoseError(Problem(f"cannot read the heads' boxes: {error}", str(path), rule="headboxes")) from None
    if boxes is None:
        raise RayPoseError(Problem("no 'headboxes_src' in it", str(path), rule="headboxes"))
    if boxes.shape != (2, 2, count):
        message = f"headboxes_src must be 2 x 2 x {count}, a box a person of ann_file, but is {boxes.shape}"
        raise RayPoseError(Problem(message, str(path), rule="headboxes"))
    return (_HEAD_SIZE * np.linalg.norm(boxes[1] - boxes[0].astype(float), axis=0)).tolist()
