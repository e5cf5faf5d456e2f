"""What becomes of tables that are odd, and of images that cannot be read for now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raypose.data import Batches
from raypose.data.crops import prepare
from raypose.data.crops.needs import Needs
from raypose.data.crops.reading import Reading
from raypose.errors import RayPoseError

NEEDS = Needs(((48, 64),), (1.25, 1.25), rotation=30, scale=0.2)


@pytest.fixture
def table(people):
    return people()


@pytest.mark.parametrize("store", [True, False])
def test_images_that_no_instance_lies_in_are_not_read(table, store, monkeypatch):
    """As those in which a detector found nothing."""
    read, fromfile = [], np.fromfile
    monkeypatch.setattr(np, "fromfile", lambda path, *args: read.append(str(path)) or fromfile(path, *args))
    rows = np.flatnonzero(np.isin(table.image_index, [1, 3]))
    some = replace(
        table, **{name: getattr(table, name)[rows] for name in ("image_index", "bbox", "keypoints", "area", "ids")}
    )
    open(table.paths[0], "w").close()
    calls = []
    left, _ = prepare(some, NEEDS, store=store, progress=lambda *done: calls.append(done))
    assert left is some
    assert read == [table.paths[1], table.paths[3]]
    assert calls[-1] == (4, 4)


@pytest.mark.parametrize("images", [0, 2])
def test_nothing_at_all(table, images):
    nothing = replace(
        table,
        paths=table.paths[:images],
        sizes=table.sizes[:images],
        **{name: getattr(table, name)[:0] for name in ("image_index", "bbox", "keypoints", "area", "ids")},
    )
    for _ in range(2):
        pixels = prepare(nothing, NEEDS)[1]
        assert len(pixels) == 0
    assert list(Batches(nothing, pixels, (48, 64), 4).epoch()) == []


@pytest.mark.parametrize("store", [True, False])
def test_an_image_that_may_be_read_again(table, store, monkeypatch):
    """A permission, or a server that was away: what was wrong with an image then is not held against it for ever."""
    fromfile = np.fromfile

    def away(path, *args):
        if str(path) == table.paths[2]:
            raise OSError(5, "Input/output error")
        return fromfile(path, *args)

    with monkeypatch.context() as patched:
        patched.setattr(np, "fromfile", away)
        for _ in range(2):
            with pytest.raises(RayPoseError, match="Input/output error") as caught:
                prepare(table, NEEDS, store=store)
            assert [problem.rule for problem in caught.value.problems] == ["image-access"]
    left, pixels = prepare(table, NEEDS, store=store)
    assert left is table
    assert pixels.read(7)[0].size > 3


def test_a_disk_that_is_full_when_the_index_is_written(table, monkeypatch, caplog):
    """numpy says so without a number."""

    def full(*args, **kwargs):
        raise OSError("1056 requested and 0 written")

    monkeypatch.setattr(np, "save", full)
    assert isinstance(prepare(table, NEEDS)[1], Reading)
    assert "1056 requested and 0 written" in caplog.text


@pytest.mark.parametrize(
    "bbox", [[5, 5, 0, 0], [5, 5, 0, 40], [5, 5, 40, 0], [3e9, -3e9, 40, 40], [0, 0, 1e9, 1e9], [9, 9, 1e-6, 1e-6]]
)
@pytest.mark.filterwarnings("error")
def test_boxes_that_are_none(table, bbox):
    table = replace(table, bbox=np.tile(np.array(bbox, np.float32), (len(table), 1)))
    _, store = prepare(table, NEEDS)
    reading = prepare(table, NEEDS, store=False)[1]
    for row in range(len(table)):
        np.testing.assert_array_equal(store.read(row)[0], reading.read(row)[0])
        np.testing.assert_array_equal(store.read(row)[1], reading.read(row)[1])
    for batch in Batches(table, store, (48, 64), 4).epoch():
        assert np.isfinite(batch.inverse).all()
        assert batch.image.isfinite().all()
