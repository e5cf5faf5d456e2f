"""Files are written whole or not at all, and read as if they were not there if they are damaged."""

import json
import math
from pathlib import Path

import pytest

from raypose.files import cache_folder, read_json, to_json, write_json


@pytest.mark.parametrize("text", [None, "", '{"torn": 1', "[1]", b"\xff"])
def test_a_file_that_is_missing_or_damaged_says_nothing(tmp_path, text):
    file = tmp_path / "meta.json"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert read_json(file) == {}


def test_what_is_written_is_read(tmp_path):
    write_json(tmp_path / "meta.json", {"number": 3})
    assert read_json(tmp_path / "meta.json") == {"number": 3}


def test_what_is_no_number_is_null(tmp_path):
    write_json(tmp_path / "metrics.json", {"loss": math.nan, "AP": 0.5, "keypoints": [(1.0, -math.inf)]})
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {"loss": None, "AP": 0.5, "keypoints": [[1.0, None]]}
    assert to_json({"a": [1]}, indent=None) == '{"a": [1]}'


def test_a_cache_that_is_named_needs_no_home(tmp_path, monkeypatch):
    """As of an account that a container makes up."""

    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("RAYPOSE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "raypose"
