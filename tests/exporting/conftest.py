"""A model folder as a training leaves it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for `tiny`


@pytest.fixture
def best(tmp_path, tiny_coco):
    """A folder whose model was not trained, on the data of `tiny_coco`."""
    from tiny import write_folder

    folder = tmp_path / "best"
    torch.manual_seed(0)
    write_folder(folder, tiny_coco.cfg)
    return folder
