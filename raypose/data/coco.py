"""Datasets in COCO's keypoints format, of any category with any keypoints.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raypose.data import coco_file
from raypose.data.bad_samples import OnBadSample, good_samples
from raypose.data.coco_file import Record
from raypose.data.coco_table import make_table
from raypose.data.detections import read_detections, with_detections
from raypose.data.grouping import image_groups
from raypose.data.info import tells_info
from raypose.data.info_files import Color, InfoName, Keypoint
from raypose.data.keypoint_info import make_info
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.registry import DATASETS


def coco_info(
    ann_file: str,
    img_prefix: str = "",
    group_by: str | None = None,
    bbox_file: str | None = None,
    det_bbox_thr: float = 0.0,
    on_bad_sample: OnBadSample = "error",
    **keypoints: Any,
) -> DatasetInfo:
    """What the keypoints of `CocoKeypoints` with these arguments are."""
    path, folder = Path(ann_file), Path(img_prefix) if img_prefix else None
    info, images, annotations, categories = _read(path, **keypoints)
    if on_bad_sample == "error":
        good_samples(path, images, annotations, len(info.names), folder, every_image=bbox_file is not None)
        image_groups(path, images, group_by)
    if bbox_file is not None:
        read_detections(bbox_file, [image.get("id") for image in images], categories, det_bbox_thr)
    return info


@DATASETS.register_module()
@tells_info(coco_info)
def CocoKeypoints(
    ann_file: str,
    img_prefix: str,
    category: str | None = None,
    names: list[str] | None = None,
    flip_pairs: list[tuple[Keypoint, Keypoint]] | None = None,
    sigmas: float | list[float] | None = None,
    skeleton: list[list[Keypoint]] | None = None,
    upper_body: list[Keypoint] | None = None,
    colors: list[Color] | dict[str, Color] | None = None,
    dataset_info: InfoName | dict[str, Any] | None = None,
    group_by: str | None = None,
    bbox_file: str | None = None,
    det_bbox_thr: float = 0.0,
    on_bad_sample: OnBadSample = "error",
) -> KeypointTable:
    """A COCO keypoints file as it is. Crowds and objects without keypoints are `ignored`, as COCO's evaluation does.

    A box that is missing is derived from the keypoints, an area that is missing from the box. With `bbox_file` the
    instances are a detector's boxes, without labels, and what is labelled in all images of the file is `truth`: also
    an image in which nobody is labelled counts, since what is found there is wrong.

    Args:
        ann_file: the JSON file.
        img_prefix: the folder that the images' `file_name` is relative to.
        category: the category's name, where the file has several with different keypoints.
        names: the keypoints' names, in place of the category's.
        flip_pairs: left and right keypoints, by name or by index from 0.
        sigmas: of OKS, one for all or one a keypoint.
        skeleton: pairs of keypoints, or chains of more, for drawing, by name or by index from 0.
        upper_body: keypoints of the upper body, by name or by index from 0; the others are the lower body.
        colors: red, green and blue from 0 to 255, one a keypoint, or for any of `left`, `right` and `middle`.
        dataset_info: what goes for the five above and is not given: a name that the package knows, such as `coco`, the
            path of a YAML file with `keypoints` (their names) and any of the five, or what that would hold. What it
            doesn't say is the category's, else that of a data set that the package knows by the keypoints' names, else
            inferred from those, with sigmas of 0.05.
        group_by: which images a split keeps together: a key of the images' records, `folder`, or `file_name_prefix`
            (the file name without the number at its end: the frames of one video).
        bbox_file: a JSON file of detections in COCO's results format, in place of the labelled boxes; for `val` and
            `test`.
        det_bbox_thr: boxes of `bbox_file` that score less are left out.
        on_bad_sample: `skip` leaves out images and annotations that cannot be used; by default that of `data`.

    Raises:
        RayPoseError: the file, its content or the image files are not what they should be.

    Example:
        >>> CocoKeypoints("annotations/person_keypoints_val2017.json", "val2017").keypoints.shape
        (6352, 17, 3)
    """
    path = Path(ann_file)
    info, images, annotations, categories = _read(
        path,
        category,
        names=names,
        flip_pairs=flip_pairs,
        sigmas=sigmas,
        skeleton=skeleton,
        upper_body=upper_body,
        colors=colors,
        dataset_info=dataset_info,
    )
    detected = bbox_file is not None
    table = make_table(path, Path(img_prefix), info, images, annotations, group_by, on_bad_sample, every_image=detected)
    if bbox_file is None:
        return table
    found = read_detections(bbox_file, [image.get("id") for image in images], categories, det_bbox_thr)
    return with_detections(table, found)


def _read(
    path: Path, category: str | None = None, **keypoints: Any
) -> tuple[DatasetInfo, list[Record], list[Record], set[Any]]:
    """The keypoints of a file as `make_info` takes them, its images, and the annotations and ids of the categories that
    are read."""
    content = coco_file.read_json(path)
    named = keypoints.get("names") is not None or keypoints.get("dataset_info") is not None
    categories = coco_file.choose_categories(path, content["categories"], category, named)
    info = make_info(categories[0], **keypoints)
    chosen = {each.get("id") for each in categories}
    annotations = [each for each in content["annotations"] if each.get("category_id") in chosen]
    return info, content["images"], annotations, chosen
