"""Files are written whole or not at all, and read as if they were not there if they are damaged."""

import pytest

from raypose.files import read_json, write_json


@pytest.mark.parametrize("text", [None, "", '{"torn": 1', "[1]", b"\xff"])
def test_a_file_that_is_missing_or_damaged_says_nothing(tmp_path, text):
    file = tmp_path / "meta.json"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert read_json(file) == {}


def test_what_is_written_is_read(tmp_path):
    write_json(tmp_path / "meta.json", {"number": 3})
    assert read_json(tmp_path / "meta.json") == {"number": 3}
