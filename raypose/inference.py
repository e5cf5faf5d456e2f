"""A trained model that takes images: `raypose.load`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from raypose import config as sections
from raypose import model_folder
from raypose.data.ahead import ahead
from raypose.data.preprocessing import Image, Preprocessing
from raypose.data.table import DatasetInfo
from raypose.evaluation import precision_of
from raypose.training.precision import Precision
from raypose.training.validation import to_original

Prepared = tuple[Tensor, np.ndarray]  # an image's crops, and the matrices from them to it


class Predictions(NamedTuple):
    """What is found in an image: `keypoints` float32 [N,K,2] (x, y) in its pixels, whose centres are at integers, and
    `scores` float32 [N,K], a row for each box."""

    keypoints: np.ndarray
    scores: np.ndarray


def load(path: str | Path, device: str = "cpu") -> Predictor:
    """The trained model of a model folder (`best/` of an experiment, a copy of it, or a trial's that kept its weights). It
    runs the users' modules that lie in the folder.

    Raises:
        RayPoseError: not a model folder, or its weights do not fit its configuration.

    Example:
        >>> predictor = raypose.load("experiments/quickstart/best")
        >>> keypoints, scores = predictor.predict("frame.jpg", boxes=[[12, 30, 140, 260]])
        >>> keypoints.shape, predictor.info.names
        ((1, 17, 2), ('nose', 'left_eye', ...))
    """
    model, config = model_folder.load(path, device), model_folder.read_config(Path(path), expand=False)
    training = sections.read(sections.Training, config.get("training"))
    return Predictor(
        model=model,
        info=DatasetInfo(**model.meta["info"]),
        preprocessing=Preprocessing(
            tuple(model.meta["input_size"]), float(config["data"].get("padding", sections.Data.padding))
        ),
        device=device,
        precision=precision_of(training.precision, model.meta.get("precision"), device),
        flip_test=training.flip_test,
        shift_heatmap=training.shift_heatmap,
    )


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model with what it was trained for: the keypoints, how crops are made, whether it is tested on mirrored images.

    It predicts as `raypose evaluate` does, in the number format of its training, where the device is made for that. Threads
    may share one.
    """

    model: Any  # TopDown, in evaluation mode
    info: DatasetInfo
    preprocessing: Preprocessing
    device: str
    precision: Precision
    flip_test: bool = False
    shift_heatmap: bool = False

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the crops that the model sees."""
        return self.preprocessing.input_size

    def predict(self, image: Image, boxes: ArrayLike | None = None) -> Predictions:
        """The keypoints of each box.

        Args:
            image: a path, or an array uint8 [H,W,3] in RGB (OpenCV's are BGR: `image[:, :, ::-1]`), or grey [H,W].
            boxes: [N,4] x, y, width, height in pixels of the image; default: the whole image is one box.

        Raises:
            RayPoseError: the image cannot be read, or one of both is not of that kind.
        """
        return next(self.predict_many([image], [boxes], threads=1))

    def predict_many(
        self,
        images: Iterable[Image],
        boxes: Iterable[ArrayLike | None] | None = None,
        *,
        batch_size: int = 32,
        threads: int = 2,
    ) -> Iterator[Predictions]:
        """`predict` of each image, in their order: the boxes of several images make a batch, and threads decode and cut
        what comes next, a few images ahead. Both may be generators.

        Example:
            >>> for path, found in zip(paths, predictor.predict_many(paths)):
            ...     print(path, found.keypoints[0])
        """
        pairs = zip(images, repeat(None) if boxes is None else boxes, strict=boxes is not None)
        waiting: list[Prepared] = []
        for each in ahead(lambda pair: self.preprocessing(*pair, self.device), pairs, threads):
            waiting.append(each)
            if sum(len(inverse) for _, inverse in waiting) >= batch_size:
                yield from self._predicted(waiting, batch_size)
                waiting = []
        yield from self._predicted(waiting, batch_size)

    def _predicted(self, images: list[Prepared], batch_size: int) -> Iterator[Predictions]:
        if not images:
            return
        crops, inverse = torch.cat([each for each, _ in images]), np.concatenate([each for _, each in images])
        parts = [self._model_on(part) for part in crops.split(batch_size)] if len(crops) else []
        points = np.concatenate([np.zeros((0, len(self.info.names), 2), np.float32), *(each for each, _ in parts)])
        scores = np.concatenate([np.zeros((0, len(self.info.names)), np.float32), *(each for _, each in parts)])
        ends = np.cumsum([len(each) for _, each in images])[:-1]
        found = (to_original(points, inverse).astype(np.float32), scores)
        yield from (Predictions(*each) for each in zip(*(np.split(all_, ends) for all_ in found), strict=True))

    @torch.inference_mode()
    def _model_on(self, crops: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints [N,K,2] in pixels of the crops [N,3,H,W], and scores [N,K]."""
        flip = {"flip_pairs": self.info.flip_pairs if self.flip_test else None}
        shift = {"shift_heatmap": True} if self.shift_heatmap else {}
        with self.precision.autocast():
            keypoints, scores = self.model.predict(crops.contiguous(memory_format=torch.channels_last), **flip, **shift)
        return keypoints.float().cpu().numpy(), scores.float().cpu().numpy()
