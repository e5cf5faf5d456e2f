"""Datasets, crops and batches. To add a dataset, register a function that returns a `KeypointTable` in `DATASETS`."""

from __future__ import annotations

from raypose.data.ap10k import Ap10k
from raypose.data.build import build_dataset, build_datasets
from raypose.data.coco import CocoKeypoints
from raypose.data.combined import CombinedDataset
from raypose.data.crops import Needs, Progress, prepare
from raypose.data.crowdpose import CrowdPose
from raypose.data.info import dataset_info
from raypose.data.loader import Batch, Batches, build_batches
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
