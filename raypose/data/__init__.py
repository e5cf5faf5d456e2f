"""Datasets, crops and batches. To add a dataset, register a function that returns a `KeypointTable` in `DATASETS`.

* `table` is what all datasets return. Each has its module: `coco`, `crowdpose`, `ap10k`, `mpii`, `synthetic` (drawn by
  `people/`), and of other datasets `combined` and `subset`; `build` builds what a configuration names, `grouping` is its
  `group_by`.
* Files: `coco_file`, `records`, `coco_table`, `detections`, `coco_format`; what is wrong with them: `sample_rules`,
  `bad_samples`, and with images `quality`. `pixels` decodes.
* What keypoints are: `keypoint_info` asks `info_files` (`dataset_infos/*.yaml`), `keypoint_facts` and `names`; `info` is the
  way in.
* Pixels for training: `crops/`, then `loader`, with `order`, `augment`, `geometry`, `color`, `warp` (a CPU) and `sampling`
  (a device).
* For the command line: `drawing/`, `summary`, `deeplabcut/`.
"""

from __future__ import annotations

from raypose.data.ap10k import Ap10k
from raypose.data.build import build_batches, build_dataset, build_datasets
from raypose.data.coco import CocoKeypoints
from raypose.data.combined import CombinedDataset
from raypose.data.crops import Needs, Progress, prepare
from raypose.data.crowdpose import CrowdPose
from raypose.data.info import dataset_info
from raypose.data.loader import Batch, Batches
from raypose.data.mpii import Mpii
from raypose.data.pixels import PixelReader
from raypose.data.subset import Subset
from raypose.data.synthetic import SyntheticPeople
from raypose.data.table import DatasetInfo, KeypointTable

__all__ = [
    "Ap10k",
    "Batch",
    "Batches",
    "CocoKeypoints",
    "CombinedDataset",
    "CrowdPose",
    "DatasetInfo",
    "KeypointTable",
    "Mpii",
    "Needs",
    "PixelReader",
    "Progress",
    "Subset",
    "SyntheticPeople",
    "build_batches",
    "build_dataset",
    "build_datasets",
    "dataset_info",
    "prepare",
]
