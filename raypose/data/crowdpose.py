"""CrowdPose: people in crowds, with 14 keypoints, and how crowded each image is.

Source: Li et al., "CrowdPose: Efficient Crowded Scenes Pose Estimation and a New Benchmark", arXiv:1812.00324,
https://github.com/Jeff-sjtu/CrowdPose.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from raypose.data.bad_samples import OnBadSample
from raypose.data.coco import CocoKeypoints, coco_info
from raypose.data.info import tells_info
from raypose.data.info_files import InfoName
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.registry import DATASETS

_AREA = 0.53  # of the box: what CrowdPose's evaluation (crowdposetools) takes for the area, which the files don't have


def crowdpose_info(dataset_info: InfoName | dict[str, Any] = "crowdpose", **given: Any) -> DatasetInfo:
    """What the keypoints of `CrowdPose` are."""
    return coco_info(dataset_info=dataset_info, **given)


@DATASETS.register_module()
@tells_info(crowdpose_info)
def CrowdPose(
    ann_file: str,
    img_prefix: str,
    bbox_file: str | None = None,
    det_bbox_thr: float = 0.0,
    dataset_info: InfoName | dict[str, Any] = "crowdpose",
    group_by: str | None = None,
    on_bad_sample: OnBadSample = "error",
) -> KeypointTable:
    """CrowdPose's files: COCO's format, with a `crowdIndex` an image. The area is 0.53 of the box, as evaluated there.

    The arguments are those of `CocoKeypoints`.

    Raises:
        RayPoseError: the file, its content or the image files are not what they should be.

    Example:
        >>> CrowdPose("crowdpose_test.json", "images").crowd_index.max() <= 1
        True
    """
    table = CocoKeypoints(
        ann_file,
        img_prefix,
        dataset_info=dataset_info,
        group_by=group_by,
        bbox_file=bbox_file,
        det_bbox_thr=det_bbox_thr,
        on_bad_sample=on_bad_sample,
    )
    return _with_areas(table)


def _with_areas(table: KeypointTable) -> KeypointTable:
    return replace(
        table,
        area=_AREA * table.bbox[:, 2] * table.bbox[:, 3],
        ignored=[{**each, "area": _AREA * each["bbox"][2] * each["bbox"][3]} for each in table.ignored],
        truth=None if table.truth is None else _with_areas(table.truth),
    )
