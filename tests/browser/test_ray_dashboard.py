"""Ray's dashboard, and TensorBoard's table of trials, during a search, as its users see them."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pictures(name="ray_dashboard"):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "pictures" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def search(tmp_path):
    with pictures().searching(tmp_path) as told:
        yield told


def test_the_actors_page_lists_trials_by_number(search, tensorboard, open_page, artifacts, tmp_path):
    address, token = search
    page = open_page("about:blank")
    names = pictures().shoot(page, address, token, artifacts / "ray-dashboard.png")
    assert sorted(re.match(r"trial (\d): (ResNet|HourglassNet), lr 0\.0", name)[1] for name in names) == ["0", "1"]
    board, hparams = open_page("about:blank"), pictures("tensorboard")
    hparams.hparams(board, tensorboard(tmp_path / "experiments" / "openfield_mouse", trials=2))
    table = hparams.cells(board)
    pictures().open_log(page, "trial 1:", "printed in epoch 3")
    assert {"openfield_mouse/0000", "openfield_mouse/0001"} <= table
    assert {"model.backbone", "optimizer.lr", "AP"} <= table
