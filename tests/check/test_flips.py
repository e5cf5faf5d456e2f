"""`shift_heatmap` without a flip test."""

import pytest

from raypose.check import check
from raypose.space import Space

WARNING = "'shift_heatmap' does nothing without a flip test; write flip_test: true, or leave it out"


@pytest.mark.parametrize(
    ("training", "warns"),
    [
        ("{shift_heatmap: true}", True),
        ("{shift_heatmap: true, flip_test: false}", True),
        ("{shift_heatmap: {choice: [true, false]}}", True),
        ("{choice: [{flip_test: true}, {shift_heatmap: true, label: other}]}", True),
        ("{shift_heatmap: true, flip_test: true}", False),
        ("{shift_heatmap: true, flip_test: {choice: [true, false]}}", False),
        ("{shift_heatmap: false}", False),
        ("{flip_test: true}", False),
    ],
)
def test_it_is_warned_of(training, warns):
    found = [each for each in check(Space.parse(f"training: {training}")) if each.rule == "shift-without-flip"]
    assert [(each.message + "; " + each.hint, each.level) for each in found] == [(WARNING, "warning")] * warns
