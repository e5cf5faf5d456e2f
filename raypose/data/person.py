"""COCO's person: what `dataset_infos/coco.yaml` says of its 17 keypoints."""

from __future__ import annotations

from raypose.data.keypoint_info import make_info

_INFO = make_info({"name": "person"}, dataset_info="coco")
COCO_NAMES, COCO_SIGMAS, COCO_SKELETON = _INFO.names, _INFO.sigmas, _INFO.skeleton  # indices count from 0
