"""All stores together stay within their budget, and none is removed that trainings use."""

from __future__ import annotations

import logging
import os
import time

import pytest

from raypose.data.crops import cache, leftovers, prepare, room
from raypose.data.crops.needs import Needs
from raypose.data.crops.reading import Reading
from raypose.data.crops.store import ABOUT, PIXELS
from raypose.errors import RayPoseError

NEEDS = Needs(((48, 64),), (1.25, 1.25))


def store_of(table, hours=0.0):
    store = prepare(table, NEEDS)[1]
    os.utime(store.folder / ABOUT, (time.time() - 3600 * hours,) * 2)
    return store


@pytest.mark.parametrize(("text", "size"), [("500MB", 5e8), ("1.5 tb", 1.5e12), ("12", 12), ("100G", 1e11)])
def test_sizes(monkeypatch, text, size):
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", text)
    assert room.budget() == size


@pytest.mark.parametrize("text", ["much", "-3GB", "3 apples"])
def test_what_is_no_size(monkeypatch, text):
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", text)
    with pytest.raises(RayPoseError, match="RAYPOSE_CACHE_SIZE must be a size"):
        room.budget()


def test_what_was_used_within_the_hour_stays_and_the_next_is_read_on_the_fly(people, monkeypatch, caplog):
    """Else the stores of train and val would be cut in turn, each in place of the other, in every trial."""
    train, val = people(0), people(1)
    store = store_of(train)
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", str(int(store.bytes * 1.5)))
    with caplog.at_level(logging.WARNING, "raypose"):
        assert isinstance(prepare(val, NEEDS)[1], Reading)
    assert "in use" in caplog.text
    assert cache.find(cache.table_folder(train), store.regions) is not None
    store_of(train, hours=2)
    assert prepare(val, NEEDS)[1].folder.exists()
    assert not store.folder.exists()


def test_damaged_stores_make_room_too(people, monkeypatch):
    store = store_of(people(0), hours=2)
    (store.folder / PIXELS).write_bytes(b"damaged")
    with open(store.folder / PIXELS, "ab") as file:
        file.truncate(10**6)
    assert cache.stores() == []
    assert room.taken()[0].bytes > 10**6
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", "1MB")
    assert room.make_room(1000)
    assert not store.folder.exists()


def test_what_a_killed_build_of_another_table_left_makes_room(people):
    left = leftovers.scratch(cache.table_folder(people(0)) / "store")
    left.mkdir(parents=True)
    assert room.make_room(1000)
    assert not left.exists()


def test_a_disk_is_not_filled_to_its_end(people, monkeypatch):
    """Other programs, and the experiment itself, need the rest."""
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", "100GB")
    monkeypatch.setattr(room, "free", lambda: 2000)
    assert isinstance(prepare(people(0), NEEDS)[1], Reading)


def test_no_store_is_opened_for_it(people, monkeypatch):
    store_of(people(0))
    monkeypatch.setattr("raypose.data.crops.store.CropStore.open", lambda folder: pytest.fail("opened"))
    assert room.budget() > 0
    assert room.make_room(1000)
