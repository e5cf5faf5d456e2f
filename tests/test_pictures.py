"""Pictures of a training's validation, whatever the head gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from raypose.config import Augment, Data
from raypose.data import build_batches, build_dataset
from raypose.kinds import KINDS
from raypose.pictures import HEIGHT, Pictures

OUTPUTS = {
    "heatmap": lambda n: torch.rand(n, 3, 16, 12),
    "combined": lambda n: torch.rand(n, 3, 3, 16, 12),
    "coordinates": lambda n: torch.rand(n, 3, 2),
    "rle": lambda n: torch.rand(n, 3, 4),
    "simcc": lambda n: (torch.rand(n, 3, 96), torch.rand(n, 3, 128)),
    "coordinates+density": lambda n: (torch.rand(n, 3, 2), torch.rand(n, 3, 16, 12)),
}


class Model:
    """A model whose output is of a kind; `stages` of them where it has several."""

    def __init__(self, kind, give, stages=1):
        self.kind, self.give, self.stages, self.loss_keypoint = kind, give, stages, SimpleNamespace()

    def __call__(self, images):
        outputs = [self.give(len(images)) for _ in range(self.stages)]
        return outputs if self.stages > 1 else outputs[0]


@pytest.fixture
def batches(tiny_coco):
    data = Data(train=tiny_coco.cfg, val=tiny_coco.cfg, input_size=(48, 64), augment=Augment(), store=False)
    return build_batches(data, build_dataset(data, "val"), 4, augmented=False, threads=1)


def shown(batches, model, epochs=(1,)):
    found = []
    pictures = Pictures(batches, lambda *each: found.append(each))
    for epoch in epochs:
        pictures.show(model, epoch, batches.table.keypoints[:, :, :2])
    return found


def test_every_kind_is_tried():
    assert OUTPUTS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("stages", [1, 2])
def test_the_output_is_drawn(batches, kind, stages):
    (_, first, predictions), (_, second, heatmaps) = shown(batches, Model(kind, OUTPUTS[kind], stages))
    assert (first, second) == ("predictions", "heatmaps")
    assert predictions.shape[:2] == (2 * HEIGHT + 4, 4 * 144 + 3 * 4)
    assert heatmaps.dtype == np.uint8
    assert heatmaps.std() > 10


@pytest.mark.parametrize("kind", [None, "mine"])
def test_what_is_unknown_is_left_out(batches, kind):
    assert [tag for _, tag, _ in shown(batches, Model(kind, lambda n: torch.rand(n, 7)))] == ["predictions"]


def test_few_epochs_are_shown(batches):
    epochs = [
        epoch for epoch, tag, _ in shown(batches, Model(None, OUTPUTS["rle"]), range(1, 301)) if tag == "predictions"
    ]
    assert epochs[:5] == [1, 2, 3, 5, 8]
    assert len(epochs) < 15


def test_predictions_stand_where_they_are(batches):
    """The truth in the upper row; what is predicted far off leaves the lower row's dots without a disc."""
    same = shown(batches, Model(None, OUTPUTS["rle"]))[0][2]
    assert np.abs(same[24:HEIGHT].astype(int) - same[HEIGHT + 28 :]).max() == 0  # below the titles
    found = []
    keypoints = batches.table.keypoints[:, :, :2] + np.array([np.nan, 0])
    Pictures(batches, lambda *each: found.append(each)).show(Model(None, OUTPUTS["rle"]), 1, keypoints)
    assert np.abs(found[0][2][24:HEIGHT].astype(int) - found[0][2][HEIGHT + 28 :]).max() > 50
