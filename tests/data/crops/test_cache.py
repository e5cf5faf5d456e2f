"""No table is ever given another one's store."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raypose.data.crops import cache, prepare
from raypose.data.crops.needs import Needs
from raypose.data.crops.reading import Reading

NEEDS = Needs(((48, 64),), (1.25, 1.25))


@pytest.fixture
def table(people):
    return people()


def test_an_image_that_is_replaced_by_one_of_its_size_and_time(table):
    """As unpacking an archive does, all of whose files have one time, or `cp -p`."""
    before, state = cache.table_folder(table), os.stat(table.paths[0])
    content = Path(table.paths[0]).read_bytes()
    time.sleep(0.02)  # what a file system's clock may be behind
    shutil.move(table.paths[0], table.paths[0] + ".old")
    Path(table.paths[0]).write_bytes(content)
    os.utime(table.paths[0], ns=(state.st_atime_ns, state.st_mtime_ns))
    after = os.stat(table.paths[0])
    assert (after.st_size, after.st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert cache.table_folder(table) != before


def test_the_same_bytes_in_other_arrays_are_another_table(table):
    one = replace(table, keypoints=np.zeros((12, 4, 3), np.float32), sizes=None)
    other = replace(one, keypoints=np.zeros((12, 3, 4), np.float32))
    assert cache.table_folder(one) != cache.table_folder(other)


def test_names_that_run_into_each_other(table):
    one, other = (replace(table, paths=paths) for paths in (["/a\nmissing\n/b"], ["/a", "/b"]))
    assert cache.table_folder(one) != cache.table_folder(other)


def test_a_relative_path_is_the_file_that_it_leads_to(table, monkeypatch):
    absolute = cache.table_folder(table)
    folder, names = os.path.dirname(table.paths[0]), [os.path.basename(path) for path in table.paths]
    monkeypatch.chdir(folder)
    assert cache.table_folder(replace(table, paths=names)) == absolute
    monkeypatch.chdir("/")
    assert cache.table_folder(replace(table, paths=names)) != absolute


def test_a_folder_that_may_not_be_looked_at(table, monkeypatch, caplog):
    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    prepare(table, NEEDS)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", denied)
        patched.setattr(Path, "mkdir", denied)
        assert isinstance(prepare(table, NEEDS)[1], Reading)
        assert cache.stores() == []
    assert "Permission denied" in caplog.text
