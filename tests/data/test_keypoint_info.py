from __future__ import annotations

import json

import pytest

from raypose.data import CocoKeypoints, dataset_info
from raypose.data.info_files import read_info
from raypose.data.keypoint_info import make_info
from raypose.errors import RayPoseError

COCO = read_info("coco").keypoints
GREEN, ORANGE, BLUE = (0, 255, 0), (255, 128, 0), (51, 153, 255)


def test_what_is_inferred():
    info = make_info({"name": "imp", "keypoints": ["nose", "l_hand", "r_hand", "l_foot", "r_foot"]})
    assert info.flip_pairs == ((1, 2), (3, 4))
    assert info.sigmas == (0.05,) * 5
    assert info.skeleton == ()
    assert info.upper_body == (0, 1, 2)
    assert info.colors == (BLUE, GREEN, ORANGE, GREEN, ORANGE)
    assert info.category == "imp"


def test_known_names_bring_what_the_package_knows():
    mouse = make_info({"keypoints": ["Snout", "LeftEar", "RightEar", "TailBase"], "skeleton": []})
    assert mouse.names == ("Snout", "LeftEar", "RightEar", "TailBase")
    assert mouse.skeleton == ((0, 1), (1, 3), (3, 2), (2, 0))
    assert make_info({"keypoints": COCO}) == make_info({}, dataset_info="coco")
    assert make_info({}, names=COCO) == make_info({}, dataset_info="coco")
    assert make_info({"keypoints": COCO}).sigmas[0] == 0.026


def test_the_files_skeleton_goes_before_the_packages():
    assert make_info({"keypoints": COCO, "skeleton": [[1, 2], [2, 3]]}).skeleton == ((0, 1), (1, 2))


def test_a_skeleton_of_other_keypoints_is_none():
    """CrowdPose's own files have COCO's edges over 14 keypoints."""
    published = [[16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9], [8, 10]]
    crowdpose = make_info({"keypoints": read_info("crowdpose").keypoints, "skeleton": published})
    assert crowdpose.skeleton == make_info({}, dataset_info="crowdpose").skeleton
    assert make_info({"keypoints": ["a", "b"], "skeleton": [[1, 2], [2, 3]]}).skeleton == ()


def test_a_dataset_info_goes_before_the_file_and_an_argument_before_it():
    category = {"name": "pet", "keypoints": ["a", "b", "c"], "skeleton": [[1, 2]]}
    given = {"flip_pairs": [["x", "y"]], "sigmas": [0.1, 0.2, 0.3], "skeleton": [["x", "z"]], "upper_body": ["z"]}
    named = {"keypoints": ["x", "y", "z"], **given, "colors": [[0, 0, 1], [0, 0, 2], [0, 0, 3]]}
    info = make_info(category, dataset_info=named)
    assert info.names == ("x", "y", "z")
    assert info.flip_pairs == ((0, 1),)
    assert info.sigmas == (0.1, 0.2, 0.3)
    assert info.skeleton == ((0, 2),)
    assert info.upper_body == (2,)
    assert info.colors == ((0, 0, 1), (0, 0, 2), (0, 0, 3))

    own = make_info(
        category,
        names=["k", "l", "m"],
        flip_pairs=[["l", "m"]],
        sigmas=0.5,
        skeleton=[["k", "l", "m"]],
        upper_body=[1, "k"],
        colors={"left": (9, 9, 9)},
        dataset_info=named,
    )
    assert own.names == ("k", "l", "m")
    assert own.flip_pairs == ((1, 2),)
    assert own.sigmas == (0.5,) * 3
    assert own.skeleton == ((0, 1), (1, 2))
    assert own.upper_body == (0, 1)
    assert own.colors == (BLUE, (9, 9, 9), ORANGE)


def test_each_fact_has_its_own_source():
    """One is given, one is in the file, and the rest is known."""
    info = make_info({"keypoints": COCO, "skeleton": [[1, 2]]}, dataset_info={"sigmas": 0.2}, upper_body=[])
    assert (info.sigmas, info.skeleton, info.upper_body) == ((0.2,) * 17, ((0, 1),), ())
    assert info.flip_pairs == make_info({"keypoints": COCO}).flip_pairs


def test_a_dataset_info_without_names_speaks_of_the_files():
    info = make_info({"keypoints": ["a", "b"]}, names=["x", "y"], dataset_info={"flip_pairs": [["a", "b"]]})
    assert info.names == ("x", "y")
    assert info.flip_pairs == ((0, 1),)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dataset_info": "cocco"}, ["unknown dataset_info 'cocco'", "did you mean 'coco'", "zebra9"]),
        ({"dataset_info": "coco"}, ["dataset_info must name the 3 keypoints of 'thing'", "has 17: nose,"]),
        ({"names": ["a", "b", "c"], "dataset_info": "coco"}, ["names must name the 17 keypoints of dataset_info"]),
        ({"names": ["a", "b", "c", "d"]}, ["3 keypoints of 'thing'", "has 4"]),
        ({"dataset_info": {"keypoints": ["c", "a", "b"]}}, ["in another order: c, a, b", "have a, b, c"]),
        ({"dataset_info": {"keypoints": ["a", "a", "b"]}}, ["different names"]),
        ({"dataset_info": {"sigmas": [0.1]}}, ["dataset_info: sigmas", "3 positive"]),
        ({"dataset_info": {"flip_pairs": [["a", "q"]]}}, ["dataset_info: flip_pairs: unknown keypoint 'q'"]),
        ({"dataset_info": {"sigma": 1}}, ["unknown key 'sigma'", "'sigmas'"]),
        ({"sigmas": [0.1, 0.2, -0.3]}, ["3 positive"]),
        ({"flip_pairs": [["a", "b", "c"]]}, ["must hold pairs"]),
        ({"flip_pairs": [["a", "b"], ["b", "c"]]}, ["once"]),
        ({"skeleton": [["a"]]}, ["pairs or longer chains"]),
        ({"skeleton": [["a", 3]]}, ["0 <= index < 3", "got 3"]),
        ({"upper_body": ["d"]}, ["upper_body: unknown keypoint 'd'"]),
        ({"upper_body": [-1]}, ["0 <= index < 3"]),
        ({"colors": [[0, 0, 0]]}, ["colors must be 3", "are 1"]),
        ({"colors": {"lft": [0, 0, 0]}}, ["unknown side 'lft'", "did you mean 'left'"]),
        ({"colors": {"left": [0, 0, 256]}}, ["0 to 255", "256"]),
        ({"colors": {"left": [0, 0]}}, ["red, green and blue"]),
    ],
)
def test_mistakes(given, words):
    with pytest.raises(RayPoseError) as error:
        make_info({"name": "thing", "keypoints": ["a", "b", "c"]}, **given)
    for word in words:
        assert word in str(error.value)


def test_no_keypoints_at_all():
    with pytest.raises(RayPoseError, match="'thing' has no keypoints"):
        make_info({"name": "thing"}, dataset_info={"sigmas": 0.1})


def test_coco_keypoints_takes_all_of_it(tiny_coco, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("skeleton: [[nose, left_hand, right_hand]]\nsigmas: 0.07\n")
    given = {"dataset_info": str(path), "upper_body": ["nose"], "colors": {"middle": [1, 2, 3]}}
    info = CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, **given).info
    assert dataset_info({**tiny_coco.cfg, **given}) == info
    assert info.sigmas == (0.07,) * 3
    assert info.skeleton == ((0, 1), (1, 2))
    assert info.upper_body == (0,)
    assert info.colors == ((1, 2, 3), GREEN, ORANGE)


def test_a_mistake_in_a_users_file_is_told_with_its_name(tiny_coco, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("upper_body: [noose]\n")
    with pytest.raises(RayPoseError, match="unknown keypoint 'noose'; did you mean 'nose'") as error:
        CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, dataset_info=str(path))
    assert error.value.problems[0].file == str(path)


def test_a_dataset_info_names_the_keypoints_of_a_file_that_does_not(tiny_coco):
    content = tiny_coco.content
    del content["categories"][0]["keypoints"]
    with open(tiny_coco.ann_file, "w") as file:
        json.dump(content, file)
    table = CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, dataset_info={"keypoints": ["a", "b_l", "b_r"]})
    assert table.info.flip_pairs == ((1, 2),)
