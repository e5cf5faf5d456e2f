from __future__ import annotations

import pytest

from raypose.data.names import infer_upper_body


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (["nose", "left_eye", "right_wrist"], ["left_hip", "right_knee", "left_ankle"]),
        (["LShoulder", "RElbow", "Neck"], ["LHip", "RAnkle"]),
        (["leftear", "rightear", "lshoulder", "elbowr", "earL"], ["lhip", "kneer", "ankleleft"]),
        (["Head top", "upper_neck", "thorax"], ["pelvis", "Right Big Toe", "heel.l"]),
        (["left_front_paw", "foreleg_l1", "nose"], ["left_hind_paw", "hindlegL1", "rear_knee_r", "hind_elbow"]),
        (["finger1", "thumb_2", "face-12"], ["foot"]),
    ],
)
def test_every_name_tells(upper, lower):
    assert infer_upper_body([*upper, *lower]) == tuple(range(len(upper)))
    assert infer_upper_body([*lower, *upper]) == tuple(range(len(lower), len(lower) + len(upper)))


@pytest.mark.parametrize(
    "names",
    [
        ["nose", "hip", "tailbase"],  # a tail is of neither half
        ["nose", "hip", "left_back_elbow"],
        ["nose", "hip", "mid_back"],
        ["nose", "hip", "head_foot"],
        ["nose", "ear", "neck"],  # no lower body
        ["hip", "knee"],
        ["nose", "hip", "3"],
        ["head", "thorax", "abdomen", "hindlegL1"],
        [],
    ],
)
def test_what_is_not_known_of_all_is_known_of_none(names):
    assert infer_upper_body(names) == ()
