"""Stores are whole or not there, and never give pixels that are not those of the images."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from raypose.data.crops import build as building
from raypose.data.crops import cache, prepare
from raypose.data.crops.needs import Needs
from raypose.data.crops.reading import Reading
from raypose.data.crops.store import ABOUT, INDEX, PIXELS, CropStore
from raypose.errors import RayPoseError

NEEDS = Needs(((48, 64),), (1.25, 1.25), rotation=30, scale=0.2)
LESS = replace(NEEDS, rotation=10)


@pytest.fixture
def table(people):
    return people()


def assert_same_pixels(table, pixels, needs=NEEDS):
    reading = prepare(table, needs, store=False)[1]
    assert isinstance(reading, Reading)
    for row in range(len(table)):
        (got, matrix), (expected, expected_matrix) = pixels.read(row), reading.read(row)
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(matrix, expected_matrix)


def test_a_store_has_the_pixels_that_reading_gives(table):
    calls = []
    same, store = prepare(table, NEEDS, threads=3, progress=lambda done, total: calls.append((done, total)))
    assert same is table
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert_same_pixels(table, store)
    assert not store.read(0)[0].flags.writeable
    assert store.verify() == []


def test_it_is_built_once_and_serves_whoever_needs_no_more(table, monkeypatch):
    first = prepare(table, NEEDS)[1]
    monkeypatch.setattr("raypose.data.crops.preparing.build", lambda *args: pytest.fail("built again"))
    assert prepare(table, NEEDS)[1].folder == first.folder
    assert prepare(table, LESS)[1].folder == first.folder
    monkeypatch.undo()


def test_who_needs_more_has_another_built(table):
    less, more = prepare(table, LESS)[1], prepare(table, NEEDS)[1]
    assert less.folder != more.folder
    assert_same_pixels(table, less, LESS)


@pytest.mark.parametrize("change", ["image", "box", "keypoint", "name", "size"])
def test_other_data_never_gets_these_pixels(table, change):
    old = prepare(table, NEEDS)[1]
    if change == "image":
        cv2.imwrite(table.paths[0], 255 - cv2.imread(table.paths[0]))
        os.utime(table.paths[0], ns=(1, 1))
    elif change == "box":
        table.bbox[0, 0] += 1
    elif change == "keypoint":
        table.keypoints[0, 0, 0] += 1
    elif change == "size":  # a mistake in the annotation file that is mended
        table = replace(table, sizes=None)
    else:
        shutil.move(table.paths[0], f"{table.paths[0]}.png")
        table.paths[0] += ".png"
    new = prepare(table, NEEDS)[1]
    assert new.folder != old.folder
    assert_same_pixels(table, new)


@pytest.mark.parametrize("file", [PIXELS, INDEX, ABOUT])
@pytest.mark.parametrize("damage", ["cut", "gone", "longer", "changed", "older"])
def test_a_damaged_store_is_built_again(table, file, damage):
    store = prepare(table, NEEDS)[1]
    path = store.folder / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "older":
        about = json.loads((store.folder / ABOUT).read_text())
        (store.folder / ABOUT).write_text(json.dumps({**about, "version": 0}))
    else:
        middle = len(content) // 2
        path.write_bytes(
            {
                "cut": content[:-7],
                "longer": content + b"x" * 7,
                "changed": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
            }[damage]
        )
    if (file, damage) == (
        PIXELS,
        "changed",
    ):  # not looked at when it is opened: reading all would take as long as building
        problems = CropStore.open(store.folder).verify()
        assert [problem.rule for problem in problems] == ["crop-store"]
        return
    again = prepare(table, NEEDS)[1]
    assert again.verify() == []
    assert_same_pixels(table, again)


def slow_build(table, monkeypatch=None):
    """As `prepare`, with a pause before each image."""
    decode = building.decode
    building.decode = lambda *args: (time.sleep(0.15), decode(*args))[1]
    prepare(table, NEEDS)


def start(target, *args):
    process = multiprocessing.get_context("fork").Process(target=target, args=args, daemon=True)
    process.start()
    return process


def test_a_killed_build_leaves_nothing_that_is_trusted(table):
    process, folder = start(slow_build, table), cache.table_folder(table)
    deadline = time.monotonic() + 20
    while not list(folder.glob(".*@*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert list(folder.glob(".*@*"))
    assert cache.stores() == []
    store = prepare(table, NEEDS)[1]
    assert_same_pixels(table, store)
    assert [each for each in folder.iterdir() if each.is_dir()] == [store.folder]


def test_two_builders_at_once_end_with_one_good_store(table):
    processes = [start(slow_build, table) for _ in range(3)]
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(cache.stores()) == 1
    assert_same_pixels(table, prepare(table, NEEDS)[1])


def hours_ago(store, hours):
    os.utime(store.folder / ABOUT, (time.time() - 3600 * hours,) * 2)


def test_the_least_recently_used_stores_make_room(people, monkeypatch):
    tables = [people(seed) for seed in range(3)]
    stores = [prepare(table, NEEDS)[1] for table in tables]
    for age, store in zip((30, 10, 20), stores, strict=True):
        hours_ago(store, age)
    cache.find(cache.table_folder(tables[0]), stores[0].regions)  # used now
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", str(int(1.01 * sum(store.bytes for store in stores))))
    newest = prepare(people(3), NEEDS)[1]
    left = {store.folder for store in cache.stores()}
    assert newest.folder in left
    assert stores[0].folder in left
    assert stores[2].folder not in left
    assert_same_pixels(tables[2], stores[2])  # who has it open keeps it


def test_beyond_the_budget_images_are_read_on_the_fly(table, monkeypatch, caplog):
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", "10KB")
    with caplog.at_level(logging.WARNING, "raypose"):
        same, pixels = prepare(table, NEEDS)
    assert isinstance(pixels, Reading)
    assert same is table
    assert "RAYPOSE_CACHE_SIZE" in caplog.text
    assert cache.stores() == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_where_nothing_can_be_written_images_are_read_on_the_fly(table, monkeypatch, caplog, error):
    def fail(*args):
        raise error

    monkeypatch.setattr(building, "_append", fail)
    pixels = prepare(table, NEEDS)[1]
    assert isinstance(pixels, Reading)
    assert error.strerror in caplog.text
    assert "RAYPOSE_CACHE" in caplog.text
    assert not [each for each in cache.table_folder(table).iterdir() if each.is_dir()]


@pytest.mark.parametrize("loss", ["values", "bytes"])
def test_a_disk_that_does_not_keep_what_is_written(table, monkeypatch, caplog, loss):
    append = building._append

    def lossy(file, index, rows, crops):
        append(file, index, rows, [(crop ^ (loss == "values"), *rest) for crop, *rest in crops])
        if loss == "bytes":
            file.truncate(10)

    monkeypatch.setattr(building, "_append", lossy)
    assert isinstance(prepare(table, NEEDS)[1], Reading)
    assert "what is read is not what was written" in caplog.text
    assert cache.stores() == []


def test_a_folder_that_cannot_be_made(table, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path / "file" / "cache"))
    assert isinstance(prepare(table, NEEDS)[1], Reading)
    assert "Not a directory" in caplog.text


@pytest.mark.parametrize("store", [True, False])
def test_images_that_cannot_be_read(table, store, caplog):
    for image in (1, 3):
        with open(table.paths[image], "r+b") as file:
            file.truncate(300)
    for _ in range(2):  # what is wrong is remembered
        with pytest.raises(RayPoseError) as caught:
            prepare(table, NEEDS, store=store)
        assert len(caught.value.problems) == 2
        assert all(table.paths[image] in str(caught.value) for image in (1, 3))
        left, pixels = prepare(table, NEEDS, store=store, on_bad_sample="skip")
        assert left.paths == [table.paths[0], table.paths[2]]
        assert "2 of 4 images" in caplog.text
        for row, image in enumerate(left.image_index):
            expected = prepare(left, NEEDS, store=False)[1].read(row)[0]
            np.testing.assert_array_equal(pixels.read(row)[0], expected)
            assert image in (0, 1)


def test_a_dataset_without_a_pixel_is_still_a_store(table):
    bad = table.subset(images=[0])
    open(bad.paths[0], "w").close()
    with pytest.raises(RayPoseError):
        prepare(bad, NEEDS)
    assert len(cache.stores()) == 1
