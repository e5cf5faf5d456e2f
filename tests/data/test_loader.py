from __future__ import annotations

import gc
import threading
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from raypose.config import Augment
from raypose.data import Batches, CocoKeypoints, PixelReader
from raypose.data.geometry import transform
from raypose.data.warp import MEAN, STD
from raypose.errors import RayPoseError

STRONG = Augment(flip=0.5, rotation=45, scale=0.2, shift=0.05, color=0)


@pytest.fixture
def table(tiny_coco):
    return CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix)


def batches(table, **kwargs):
    return Batches(table, **{"pixels": Images(table), "input_size": (64, 80), "batch_size": 4, **kwargs})


class Images:
    """Whole images as the pixels of a table's rows."""

    def __init__(self, table):
        self.table, self.reader, self.seen, self.touched = table, PixelReader(), 0, 0

    def read(self, row):
        self.seen += 1
        return self.reader.read(self.table.paths[self.table.image_index[row]]), np.eye(2, 3)

    def touch(self):
        self.touched += 1


def rng(epoch=1):
    return np.random.default_rng([0, epoch])


@pytest.fixture
def _no_threads_of_other_tests():
    gc.collect()  # an error that a test has caught keeps the epoch that it ended


def our_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("raypose-batches")]


def pixels(batch):
    return np.rint(batch.image.permute(0, 2, 3, 1).numpy() * STD + MEAN)


def test_in_order_and_complete(table):
    got = list(batches(table).epoch())
    assert [batch.index.tolist() for batch in got] == [[0, 1, 2, 3], [4, 5]]
    batch = got[0]
    assert batch.image.shape == (4, 3, 80, 64)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert batch.keypoints.shape == (4, 3, 2)
    assert batch.visible.shape == (4, 3)
    assert batch.inverse.shape == (4, 2, 3)
    assert {t.dtype for t in (batch.image, batch.keypoints, batch.visible)} == {torch.float32}


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4]), (3, [3, 3]), (6, [6]), (50, [6])])
def test_shuffled_without_the_incomplete_last_batch(table, batch_size, sizes):
    loader = batches(table, batch_size=batch_size)
    got = list(loader.epoch(rng()))
    assert [len(batch.index) for batch in got] == sizes
    assert len(loader) == len(sizes)
    rows = np.concatenate([batch.index for batch in got])
    assert len(set(rows)) == len(rows)
    assert rows.tolist() != sorted(rows)


def test_the_generator_alone_decides(table):
    def run(epoch, threads):
        return list(batches(table, augment=Augment(), threads=threads, batch_size=2).epoch(rng(epoch)))

    one, other, next_epoch = run(1, 1), run(1, 4), run(2, 1)
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a.image, b.image)
        assert torch.equal(a.keypoints, b.keypoints)
        np.testing.assert_array_equal(a.index, b.index)
    assert not torch.equal(one[0].image, next_epoch[0].image)


def test_predictions_find_the_way_back(table):
    for batch in batches(table, augment=STRONG).epoch(rng()):
        back = transform(batch.keypoints.numpy(), batch.inverse)
        truth = table.keypoints[batch.index, :, :2]
        swapped = truth[:, table.info.flip_order]
        flipped = np.linalg.det(batch.inverse[:, :, :2]) < 0
        np.testing.assert_allclose(back, np.where(flipped[:, None, None], swapped, truth), atol=1e-3)


def test_each_keypoint_lies_on_its_own_dot(table):
    """Through rotation, scale, shift and flip; after a flip the left dot's colour is at the right keypoint."""
    flips = 0
    colors = np.array([[255, 255, 255], [255, 40, 40], [40, 40, 255]])
    for epoch in range(4):
        for batch in batches(table, augment=STRONG).epoch(rng(epoch)):
            for image, points, inverse in zip(pixels(batch), batch.keypoints.numpy(), batch.inverse, strict=True):
                flipped = np.linalg.det(inverse[:, :2]) < 0
                flips += flipped
                for point, color in zip(points, colors[[0, 2, 1]] if flipped else colors, strict=True):
                    weight = np.clip(1 - np.abs(image - color).sum(2) / 150, 0, None)
                    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
                    center = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
                    np.testing.assert_allclose(center, point, atol=0.5)
    assert 4 < flips < 12


def test_one_warp_an_image_and_the_right_pixels(table, monkeypatch):
    calls, warp = [], cv2.warpAffine
    monkeypatch.setattr(cv2, "warpAffine", lambda *args, **kwargs: calls.append(1) or warp(*args, **kwargs))
    batch = next(iter(batches(table, input_size=(64, 64), padding=64 / 36).epoch()))
    assert 4 <= len(calls) <= 6
    image = PixelReader().read(table.paths[0])
    expected = warp(image, cv2.invertAffineTransform(batch.inverse[0]), (64, 64), borderValue=(124, 116, 104))
    assert np.abs(pixels(batch)[0] - expected).mean() < 0.5


def test_visible_is_labelled_and_inside(tiny_coco, table):
    table.keypoints[0, 0, 2] = 0
    table.keypoints[1, 1, :2] = [-500, 3]
    table.keypoints[2, 2, 2] = 1
    visible = next(batches(table).epoch()).visible
    assert visible.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 1], [1, 1, 1]]


def test_colour_changes_pixels_only(table):
    augment = Augment(flip=0, rotation=0, scale=0, shift=0, color=0.5)
    plain, colored = (next(batches(table, augment=a).epoch(rng())) for a in (None, augment))
    assert torch.equal(plain.keypoints, colored.keypoints)
    assert not torch.equal(plain.image, colored.image)


def test_a_device_makes_the_same_batches_within_the_error_of_interpolation(table):
    """As on a GPU, but on the CPU: what is packed and warped together."""
    one_by_one, together = (batches(table, augment=replace(STRONG, color=0.3, erasing=0.5)) for _ in range(2))
    together.one_by_one = False
    for epoch in (None, 1, 2):
        ways = [each.epoch(None if epoch is None else rng(epoch)) for each in (one_by_one, together)]
        for one, other in zip(*ways, strict=True):
            assert torch.equal(one.keypoints, other.keypoints)
            assert torch.equal(one.visible, other.visible)
            assert one.image.stride() == other.image.stride()
            # The dots are sharp: a thirtieth of a pixel, to which OpenCV rounds, is eight levels there.
            assert np.abs(pixels(one) - pixels(other)).mean() < 0.6


@pytest.mark.usefixtures("_no_threads_of_other_tests")
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_an_abandoned_epoch_leaves_no_thread(table, taken):
    epoch = batches(table, batch_size=1, threads=2).epoch()
    for _ in range(taken):
        next(epoch)
    assert bool(our_threads()) == (taken > 0)
    del epoch
    assert not our_threads()


@pytest.mark.usefixtures("_no_threads_of_other_tests")
def test_errors_come_to_the_consumer(table):
    open(table.paths[4], "w").close()
    epoch = batches(table).epoch()
    assert len(next(epoch).index) == 4
    with pytest.raises(RayPoseError, match="cannot decode"):
        next(epoch)
    assert not our_threads()


def test_the_next_batch_is_prepared_meanwhile(table):
    images = Images(table)
    epoch = batches(table, batch_size=2, pixels=images).epoch()
    next(epoch)
    deadline = time.monotonic() + 10
    while images.seen < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert images.seen == 4
    epoch.close()


def test_each_epoch_notes_that_the_crops_are_in_use(table):
    images = Images(table)
    loader = batches(table, pixels=images)
    for epoch in (loader.epoch(), loader.epoch(rng())):
        next(epoch)
        epoch.close()
    assert images.touched == 2


@pytest.mark.parametrize("weights", [[1, 0, 2.5, 0.25, 0.25, 1], [0.1] * 6, [3] * 6])
def test_an_instance_comes_as_often_as_its_weight_says(table, weights):
    weights = np.array(weights, float)
    loader = batches(replace(table, weights=weights), batch_size=1)
    assert len(loader) == max(1, round(weights.sum()))
    seen = np.zeros(6)
    for epoch in range(40):
        rows = np.concatenate([batch.index for batch in loader.epoch(rng(epoch))])
        assert len(rows) == len(loader)
        seen += np.bincount(rows, minlength=6)
        assert (np.abs(np.bincount(rows, minlength=6) - weights * len(loader) / weights.sum()) < 1).all()
    np.testing.assert_allclose(seen / 40, weights * len(loader) / weights.sum(), atol=0.2)
    assert [len(batch.index) for batch in loader.epoch()] == [1] * 6  # validation sees each once
