"""Builders do not come into each other's way, on one machine or on several that share a folder."""

from __future__ import annotations

import errno
import fcntl
import os
import time

import pytest

from raypose.data.crops import cache, leftovers, prepare
from raypose.data.crops.needs import Needs
from raypose.data.crops.store import CropStore

NEEDS = Needs(((48, 64),), (1.25, 1.25))


@pytest.fixture
def table(people):
    return people()


def test_no_two_builders_write_the_same_folder(tmp_path, monkeypatch):
    """Not even with the same process id, as in two containers."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    names = {leftovers.scratch(tmp_path / "store") for _ in range(100)}
    assert len(names) == 100
    assert all(name.name.startswith(".") for name in names)


def test_what_another_machine_is_building_is_let_be(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "other")
    alive, dead = (leftovers.scratch(tmp_path / "store") for _ in range(2))
    monkeypatch.setattr("platform.node", lambda: "this")
    own = leftovers.scratch(tmp_path / "store")
    for folder in (alive, dead, own):
        folder.mkdir()
        (folder / "pixels.bin").write_bytes(b"half")
    os.utime(dead / "pixels.bin", (time.time() - 4000,) * 2)
    os.utime(dead, (time.time() - 4000,) * 2)
    os.utime(alive, (time.time() - 4000,) * 2)  # but its file is written to
    with leftovers.building(tmp_path):
        assert [folder.exists() for folder in (alive, dead, own)] == [True, False, False]


def test_what_is_being_built_is_let_be(tmp_path):
    half = leftovers.scratch(tmp_path / "table" / "store")
    with leftovers.building(half.parent):
        half.mkdir()
        leftovers.sweep(tmp_path)
        assert half.exists()
    leftovers.sweep(tmp_path)
    assert not half.exists()


def test_a_process_that_was_forked_meanwhile_holds_nobody_up(tmp_path):
    with leftovers.building(tmp_path):
        if not (child := os.fork()):
            time.sleep(60)
            os._exit(0)
    try:
        with leftovers.building(tmp_path, waiting=lambda: pytest.fail("held")):
            pass
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_disk_without_locks(table, monkeypatch):
    def no_locks(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert isinstance(prepare(table, NEEDS)[1], CropStore)


def test_two_that_remove_the_same_store(table):
    store = prepare(table, NEEDS)[1]
    leftovers.remove(store.folder)
    with pytest.raises(FileNotFoundError):
        leftovers.remove(store.folder)
    assert cache.stores() == []
