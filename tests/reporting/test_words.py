import pytest

from raypose.reporting.words import duration, spoken


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (5, "0:05"), (75.4, "1:15"), (3700, "1:01:40")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_durations_are_spoken():
    assert [spoken(each) for each in (90, 1800, 5400, 172800, 0.5)] == [
        "1 min 30 s",
        "30 min",
        "1 h 30 min",
        "2 d",
        "0.5 s",
    ]
