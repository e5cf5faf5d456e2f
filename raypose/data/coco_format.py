"""A table as COCO's ground truth: https://cocodataset.org/#format-data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from raypose.data.table import DatasetInfo, KeypointTable


def to_coco(table: KeypointTable) -> dict[str, Any]:
    """What is labelled in a table's images, `ignored` included, as pycocotools and faster-coco-eval read it."""
    labelled = table if table.truth is None else table.truth
    return {
        "info": {},
        "licenses": [],
        "images": _images(labelled),
        "annotations": _annotations(labelled) + [dict(each) for each in labelled.ignored],
        "categories": [_category(labelled.info)],
    }


def _annotations(table: KeypointTable) -> list[dict[str, Any]]:
    columns = {
        "id": table.ids,
        "image_id": table.image_ids[table.image_index],
        "category_id": np.ones(len(table), int),
        "bbox": table.bbox,
        "area": table.area.astype(float),
        "iscrowd": np.zeros(len(table), int),
        "keypoints": table.keypoints.reshape(len(table), 3 * table.keypoints.shape[1]),
        "num_keypoints": (table.keypoints[:, :, 2] > 0).sum(1),
        "head_size": table.head_size,
    }
    return _records(columns)


def _images(table: KeypointTable) -> list[dict[str, Any]]:
    columns: dict[str, Any] = {"id": table.image_ids, "file_name": np.array(table.paths, object)}
    if table.sizes is not None:
        columns |= {"width": table.sizes[:, 0], "height": table.sizes[:, 1]}
    return _records({**columns, "crowdIndex": table.crowd_index})


def _category(info: DatasetInfo) -> dict[str, Any]:
    skeleton = [[a + 1, b + 1] for a, b in info.skeleton]
    return {"id": 1, "name": info.category, "keypoints": list(info.names), "skeleton": skeleton}


def _records(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """A mapping a row, of plain Python values; columns that are None are left out."""
    given = {key: column.tolist() for key, column in columns.items() if column is not None}
    return [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
