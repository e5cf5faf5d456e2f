"""What a look at a trained model needs, kept beside its weights: validation crops, what is labelled and predicted there, and
errors. Reports read it without building a model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from raypose import metrics
from raypose.data import Batches, KeypointTable
from raypose.data.drawing import moved, region
from raypose.data.geometry import transform
from raypose.files import to_json, write_bytes, write_text
from raypose.registry import METRICS

FOLDER, FILE = "samples", "samples.json"
UNIT = "% of the box's size"  # the square root of its area
WORST, OTHERS = 10, 10  # how many samples are the worst, and how many are spread evenly over the rest
HEIGHT = 256  # of a picture, pixels
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 85]
_ALWAYS = ({"type": "EPE"}, {"type": "PCK"})  # per keypoint, whatever the training measures


@dataclass
class Samples:
    """The samples of the instances in `batches`, in `folder`: `write` makes them anew, a picture only where there is none.

    `metrics` are the training's configurations; those that compare instances with their labels are measured per keypoint.

    Example:
        >>> samples = Samples(run.dir / "samples", val_batches, training.metrics)
        >>> samples.write(validate.keypoints, validate.scores)
    """

    folder: Path
    batches: Batches
    metrics: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        self._ways: dict[int, np.ndarray] = {}  # of rows whose pictures were written, to their pixels
        self._root = common_folder(self.batches.table.paths)

    def write(self, keypoints: np.ndarray, scores: np.ndarray) -> None:
        """Keep samples of predictions [N,K,2] in original pixels with scores [N,K], a row for each row of the table.

        `samples.json` is replaced in one step, after the pictures that it names are there and before others go.
        """
        table = self.batches.table
        self.folder.mkdir(parents=True, exist_ok=True)
        errors = instance_errors(table, keypoints)
        worst, others = chosen(errors)
        files = {row: self._picture(row) for row in (*worst, *others)}
        samples = [self._sample(row, files[row], errors[row], keypoints, scores) for row in files]
        for sample, row in zip(samples, files, strict=True):
            sample["worst"] = row in worst
        known = np.sort(errors[np.isfinite(errors)])
        told = {
            "info": asdict(table.info),
            "input_size": list(self.batches.input_size),
            "total": len(table),
            "unit": UNIT,
            "per_keypoint": self._per_keypoint(keypoints, scores),
            "errors": _rounded(known),
            "samples": samples,
        }
        write_text(self.folder / FILE, to_json(told, indent=None) + "\n")
        for file in self.folder.glob("*.jpg*"):  # also what a kill has left of one
            if file.name not in files.values():
                file.unlink(missing_ok=True)
        self._ways = {row: self._ways[row] for row in files}

    def _sample(self, row: int, file: str, error: float, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
        table, way = self.batches.table, self._ways[row]
        truth = np.concatenate([moved(table.keypoints[row, :, :2].astype(float), way), table.keypoints[row, :, 2:]], 1)
        predicted = np.concatenate([moved(keypoints[row].astype(float), way), scores[row][:, None]], 1)
        return {
            "file": file,
            "width": self._size[0],
            "height": self._size[1],
            "id": int(table.ids[row]),
            "image": os.path.relpath(table.paths[table.image_index[row]], self._root),
            "error": round(float(error), 3) if np.isfinite(error) else None,
            "truth": _rounded(truth),
            "predicted": _rounded(predicted, 3),
        }

    @property
    def _size(self) -> tuple[int, int]:
        width, height = self.batches.input_size
        return max(1, round(HEIGHT * width / height)), HEIGHT

    def _picture(self, row: int) -> str:
        """The name of a row's picture, which is there from now on."""
        name = f"{row}.jpg"
        if row not in self._ways:
            picture, self._ways[row] = crop(self.batches, row, self._size)
            encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _JPEG)[1]
            write_bytes(self.folder / name, encoded.tobytes())
        return name

    def _per_keypoint(self, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, dict[str, float]]:
        """Of metrics that compare rows with their labels: the AP of each keypoint would take longer than the epoch's own."""
        table = self.batches.table
        if table.truth is not None:  # a detector's boxes have no labels of their own
            return {}
        named = [cfg for cfg in self.metrics if getattr(METRICS.build(cfg), "own_labels", False)]
        found: dict[str, dict[str, float]] = {}
        for cfg in (*(cfg for cfg in _ALWAYS if cfg not in named), *named):
            found |= metrics.per_keypoint([cfg], table, keypoints, scores)
        return {metric: {name: round(value, 5) for name, value in each.items()} for metric, each in found.items()}


def crop(batches: Batches, row: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """What the model is shown of an instance, uint8 [h,w,3] of `size` (width, height), moved so that it lies in its image
    where that is large enough; and the matrix [2,3] from original pixels to its own."""
    pixels, first = batches.pixels.read(row)
    box = batches.table.bbox[row].astype(float)
    reach = np.maximum(box[2:], 1) * batches.padding
    corner = box[:2] + (box[2:] - 1) / 2 - reach / 2
    ends = transform(np.array([[corner, corner + reach]]), first[None])[0]
    picture, second = region(pixels, np.concatenate([ends[0] + 0.5, ends[1] - ends[0]]), size)
    return picture, np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def instance_errors(table: KeypointTable, keypoints: np.ndarray) -> np.ndarray:
    """[N] the mean distance of an instance's labelled keypoints to their predictions [N,K,2], in percent of the square
    root of its box's area; NaN where none is labelled, infinite where one of these predictions is not finite."""
    labelled = table.keypoints[:, :, 2] > 0
    distance = np.linalg.norm(keypoints.astype(float) - table.keypoints[:, :, :2], axis=-1)
    distance = np.where(labelled, np.where(np.isfinite(distance), distance, np.inf), 0)
    size = np.sqrt(np.maximum(table.bbox[:, 2:], 1).astype(float).prod(1))
    count = labelled.sum(1)
    return np.where(count > 0, 100 * distance.sum(1) / np.maximum(count, 1) / size, np.nan)


def chosen(errors: np.ndarray) -> tuple[list[int], list[int]]:
    """The rows with the highest of `errors` [N], and rows spread evenly over the others, worst first; what is not known
    (NaN) is the least and never among the worst."""
    order = np.argsort(-np.where(np.isnan(errors), -1, errors), kind="stable")
    worst = [row for row in order[:WORST].tolist() if not np.isnan(errors[row])]
    rest = order[len(worst) :]
    places = np.unique(np.linspace(0, len(rest) - 1, min(OTHERS, len(rest))).round().astype(int))
    return worst, rest[places].tolist()


def common_folder(paths: Sequence[str]) -> str:
    """Which all of these files lie in; the images' names in their annotation file start there."""
    return os.path.commonpath([os.path.abspath(each) for each in {os.path.dirname(path) for path in paths}])


def _rounded(values: np.ndarray, digits: int = 2) -> list[Any]:
    return np.round(values.astype(float), digits).tolist()
