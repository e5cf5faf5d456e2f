"""What a starter space says of averaging and of the first comparison follows from the steps of an epoch."""

import numpy as np
import pytest

from raypose.data import SyntheticPeople
from raypose.space import Space
from raypose.starter import Source, starter_space


@pytest.fixture
def settings(tmp_path):
    people = SyntheticPeople(num_images=4)

    def of(instances, val=None):
        table = people.subset(np.arange(instances) % len(people))
        source = Source(tmp_path / "a.json", tmp_path, val, "name", tmp_path / "name.yaml")
        return Space.parse(starter_space(source, table)).default()

    return of


@pytest.mark.parametrize(
    ("instances", "ema", "first"),
    [
        (30, 0.5, 13),  # 1.5 steps of 16 an epoch: a third of the 40 epochs
        (93, 0.78, 13),
        (300, 0.93, 7),  # 15 steps: a hundred steps are seven epochs
        (3000, 0.98, 3),  # 75 steps: the average reaches back 50
    ],
)
def test_few_frames_have_short_averages_and_late_comparisons(settings, instances, ema, first):
    found = settings(instances)
    assert found["training"]["ema"] == ema
    assert found["tune"]["scheduler"]["min_resource"] == first


def test_with_a_validation_set_of_its_own_all_are_trained_on(settings, tmp_path):
    assert settings(93, (tmp_path / "b.json", tmp_path))["training"]["ema"] == 0.83
