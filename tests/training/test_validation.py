from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from raypose.training.validation import Validation


class Model:
    """Says that all keypoints are at (1, 2), with a loss that is how many there are."""

    def evaluate(self, image, keypoints, visible, flip_pairs=None):
        found = torch.tensor([1.0, 2.0]).expand(keypoints.shape)
        return {"loss": torch.tensor(float(len(image)))}, found, torch.ones(visible.shape)


def validation(labelled):
    """Of five instances with three keypoints, in batches of 3 and 2 in reverse order."""
    shift = np.array([[1, 0, 10], [0, 1, 20]], np.float32)

    def epoch():
        for index in (np.array([4, 3, 2]), np.array([1, 0])):
            n = len(index)
            inverse = shift * (index[:, None, None] + 1)
            yield SimpleNamespace(
                image=torch.zeros(n, 3, 4, 4), keypoints=torch.zeros(n, 3, 2), visible=torch.full((n, 3), float(labelled)),
                index=index, inverse=inverse,
            )  # fmt: skip

    table = SimpleNamespace(keypoints=np.full((5, 3, 3), labelled, np.float32))
    return Validation(
        table, SimpleNamespace(epoch=epoch), lambda table, keypoints, scores: {"sum": float(scores.sum())}
    )


def test_the_loss_is_the_mean_of_instances_and_keypoints_are_in_original_pixels():
    this = validation(labelled=2)
    assert this(Model()) == {"loss": pytest.approx((3 * 3 + 2 * 2) / 5), "sum": 15.0}
    rows = np.arange(1, 6)
    assert this.keypoints[:, 0] == pytest.approx(np.stack([11 * rows, 22 * rows], axis=1))


def test_where_nothing_is_labelled_the_loss_is_no_number():
    values = validation(labelled=0)(Model())
    assert math.isnan(values["loss"])
    assert values["sum"] == 15.0
