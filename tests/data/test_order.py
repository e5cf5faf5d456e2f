from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raypose.data import CocoKeypoints
from raypose.data.order import batches_of_rows, num_batches, shuffled


@pytest.fixture
def table(tiny_coco):
    return CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix)


class Last:
    """A generator that draws the largest number below 1, where rounding errors show, and leaves the order."""

    def random(self):
        return np.nextafter(1, 0)

    def permutation(self, rows):
        return rows


def test_what_weighs_nothing_never_comes(table):
    for weights in ([1, 1, 1, 0, 0, 0], [2.5, 0, 0.1, 0.4, 1, 0]):
        weighted = replace(table, weights=np.array(weights))
        rows = shuffled(weighted, Last())
        assert (weighted.weights[rows] > 0).all()


def test_batches_are_complete_but_a_single_one(table):
    rng = np.random.default_rng(0)
    assert [len(rows) for rows in batches_of_rows(table, 4, rng)] == [4]
    assert [len(rows) for rows in batches_of_rows(table, 9, rng)] == [6]
    assert [len(rows) for rows in batches_of_rows(table, 4, None)] == [4, 2]
    assert [num_batches(table, size) for size in (4, 9, 2)] == [1, 1, 3]
