import math

import pytest

from raypose.reporting.words import brief, duration, number, shown, spoken


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


def test_numbers_have_no_powers_of_ten_where_people_read_them():
    values = (0.63251, -1.2771, 112.0, 12345.6, 338290.0, 2.3456e9, math.nan, None)
    assert [number(each) for each in values] == ["0.6325", "-1.277", "112", "12346", "338.3 k", "2.346 G", "", ""]
    assert [brief(each) for each in (0.001234, 112.0, 1234.5, -20.04)] == ["0.00123", "112", "1234", "-20"]
    assert shown({"AP": 0.63248, "flops": 1.2e9, "EPE": None}) == "AP 0.6325, flops 1.2 G, EPE nan"
