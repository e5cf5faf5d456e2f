"""AP-10K: mammals of 54 species, all with the same 17 keypoints.

Source: Yu et al., "AP-10K: A Benchmark for Animal Pose Estimation in the Wild", arXiv:2108.12617,
https://github.com/AlexTheBad/AP-10K.
"""

from __future__ import annotations

from typing import Any

from raypose.data.bad_samples import OnBadSample
from raypose.data.coco import CocoKeypoints, coco_info
from raypose.data.info import tells_info
from raypose.data.info_files import InfoName
from raypose.data.table import DatasetInfo, KeypointTable
from raypose.registry import DATASETS


def ap10k_info(dataset_info: InfoName | dict[str, Any] = "ap10k", **given: Any) -> DatasetInfo:
    """What the keypoints of `Ap10k` are."""
    return coco_info(dataset_info=dataset_info, **given)


@DATASETS.register_module()
@tells_info(ap10k_info)
def Ap10k(
    ann_file: str,
    img_prefix: str,
    category: str | None = None,
    bbox_file: str | None = None,
    det_bbox_thr: float = 0.0,
    dataset_info: InfoName | dict[str, Any] = "ap10k",
    group_by: str | None = None,
    on_bad_sample: OnBadSample = "error",
) -> KeypointTable:
    """AP-10K's files: COCO's format, with a category a species; all are read as one, or one of them alone.

    The arguments are those of `CocoKeypoints`.

    Raises:
        RayPoseError: the file, its content or the image files are not what they should be.

    Example:
        >>> Ap10k("ap10k-val-split1.json", "data", category="zebra").keypoints.shape[1:]
        (17, 3)
    """
    return CocoKeypoints(
        ann_file,
        img_prefix,
        category,
        dataset_info=dataset_info,
        group_by=group_by,
        bbox_file=bbox_file,
        det_bbox_thr=det_bbox_thr,
        on_bad_sample=on_bad_sample,
    )
