"""Images through a model, one after the other: decoded ahead, predicted in batches, drawn and written by threads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from raypose.data.ahead import ahead
from raypose.data.boxes_file import Boxes
from raypose.data.drawing import draw_box, draw_pose
from raypose.data.image_files import SUFFIXES, ImageFile
from raypose.data.pixels import decode
from raypose.data.table import DatasetInfo
from raypose.errors import Problem, RayPoseError
from raypose.files import write_bytes
from raypose.inference import Predictions, Predictor
from raypose.metrics.ranking import pose_scores

_BOX, _AROUND = (236, 238, 240), (20, 22, 26)
_JPEG_QUALITY = 92


@dataclass(frozen=True)
class Job:
    """An image, its boxes (None: it is one itself), and its id in the results."""

    image: ImageFile
    boxes: Boxes | None
    image_id: Any


@dataclass(frozen=True)
class Outcome:
    """What came of an image: its entries of the results, or why there are none; of its keypoints, how many were drawn."""

    entries: list[dict[str, Any]]
    problems: tuple[Problem, ...] = ()
    keypoints: int = 0
    unsure: int = 0


@dataclass(frozen=True)
class Drawing:
    """Where pictures go, None: nowhere, and the lowest score of a keypoint that is drawn."""

    folder: Path | None
    threshold: float
    info: DatasetInfo


def outcomes(predictor: Predictor, jobs: Sequence[Job], drawing: Drawing, threads: int) -> Iterator[Outcome]:
    """Of each image, in order; one that cannot be read keeps none from the others."""
    return ahead(lambda each: _outcome(*each, drawing), _predicted(predictor, jobs, threads), threads)


def _predicted(
    predictor: Predictor, jobs: Sequence[Job], threads: int
) -> Iterator[tuple[Job, np.ndarray | None, Predictions | RayPoseError]]:
    waiting: deque[tuple[Job, np.ndarray | RayPoseError]] = deque()

    def readable() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        for job, pixels in zip(jobs, ahead(_decoded, jobs, threads), strict=True):
            waiting.append((job, pixels))
            if not isinstance(pixels, RayPoseError):
                yield pixels, None if job.boxes is None else job.boxes.bbox

    def unreadable() -> Iterator[tuple[Job, None, RayPoseError]]:
        while waiting and isinstance(waiting[0][1], RayPoseError):
            yield waiting[0][0], None, waiting.popleft()[1]  # type: ignore[misc]

    one, other = tee(readable())
    for found in predictor.predict_many((pixels for pixels, _ in one), (bbox for _, bbox in other), threads=threads):
        yield from unreadable()
        job, pixels = waiting.popleft()
        yield job, pixels, found  # type: ignore[misc]
    yield from unreadable()


def _decoded(job: Job) -> np.ndarray | RayPoseError:
    try:
        return decode(job.image.path)
    except RayPoseError as error:
        return error


def _outcome(job: Job, pixels: np.ndarray | None, found: Predictions | RayPoseError, drawing: Drawing) -> Outcome:
    if isinstance(found, RayPoseError) or pixels is None:
        return Outcome([], tuple(found.problems) if isinstance(found, RayPoseError) else ())
    if drawing.folder is not None:
        _write(drawing.folder / written_name(job.image.name), _drawn(job, pixels, found, drawing))
    unsure = int((~(found.scores >= drawing.threshold)).sum())
    return Outcome(_entries(job, pixels, found), keypoints=found.scores.size, unsure=unsure)


def _entries(job: Job, pixels: np.ndarray, found: Predictions) -> list[dict[str, Any]]:
    """As COCO's results; `box` is none of its keys, so that its tools take areas from the keypoints, as of any results."""
    whole = np.array([[0, 0, pixels.shape[1], pixels.shape[0]]], np.float32)
    boxes = Boxes(whole) if job.boxes is None else job.boxes
    triplets = np.concatenate([found.keypoints, found.scores[..., None]], axis=-1).astype(float).round(3)
    columns = (
        triplets.reshape(len(triplets), 3 * triplets.shape[1]),
        pose_scores(found.scores.astype(float), boxes.scores).round(5),
    )
    return [
        {"image_id": job.image_id, "file_name": job.image.name, "category_id": 1, "keypoints": pose, "score": score,
         "box": box}
        for pose, score, box in zip(*(each.tolist() for each in (*columns, boxes.bbox)), strict=True)
    ]  # fmt: skip


def _drawn(job: Job, pixels: np.ndarray, found: Predictions, drawing: Drawing) -> np.ndarray:
    shown = np.where(found.scores >= drawing.threshold, 2, 0)
    if job.boxes is None:
        return draw_pose(pixels, found.keypoints, shown, drawing.info)
    canvas = pixels.copy()
    size = math.sqrt(pixels.shape[0] * pixels.shape[1])
    for x, y, w, h in job.boxes.bbox:
        corners = np.array([[x, y], [x + w - 1, y], [x + w - 1, y + h - 1], [x, y + h - 1]])
        width = max(1, round(size / 600))
        draw_box(canvas, corners, _AROUND, width + 2)  # to stand out from any image
        draw_box(canvas, corners, _BOX, width)
    for (_, _, w, h), keypoints, each in zip(job.boxes.bbox, found.keypoints, shown, strict=True):
        radius = float(np.clip(math.sqrt(w * h) / 32, 2, size / 65))  # small objects would vanish under large discs
        canvas = draw_pose(canvas, keypoints, each, drawing.info, size=radius)
    return canvas


def written_name(name: str) -> str:
    """Of an image's picture: in the image's own format, where that can be written."""
    return name if Path(name).suffix.lower() in SUFFIXES else f"{name}.png"


def _write(path: Path, picture: np.ndarray) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, encoded.tobytes())
