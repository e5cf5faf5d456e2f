"""Ray's dashboard during a search, as its users see it."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pictures():
    spec = importlib.util.spec_from_file_location("ray_dashboard", ROOT / "docs" / "pictures" / "ray_dashboard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def search(tmp_path):
    with pictures().searching(tmp_path) as told:
        yield told


def test_the_actors_page_lists_trials_by_number(search, open_page, artifacts):
    address, token = search
    page = open_page("about:blank")
    names = pictures().shoot(page, address, token, artifacts / "ray-dashboard.png")
    assert sorted(re.match(r"trial (\d): (ResNet|HourglassNet), lr 0\.0", name)[1] for name in names) == ["0", "1"]
    pictures().open_log(page, "trial 1:", "printed in epoch 3")
