"""Datasets, crops and batches. To add a dataset, register a function that returns a `KeypointTable` in `DATASETS`."""

from __future__ import annotations

from raypose.data.build import build_dataset, build_datasets
from raypose.data.coco import CocoKeypoints
from raypose.data.info import dataset_info
from raypose.data.loader import Batch, Batches
from raypose.data.pixels import PixelReader
from raypose.data.synthetic import SyntheticPeople
from raypose.data.table import DatasetInfo, KeypointTable

__all__ = [
    "Batch",
    "Batches",
    "CocoKeypoints",
    "DatasetInfo",
    "KeypointTable",
    "PixelReader",
    "SyntheticPeople",
    "build_dataset",
    "build_datasets",
    "dataset_info",
]
