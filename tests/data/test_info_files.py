from __future__ import annotations

import pytest

from raypose.data.info_files import InfoFile, info_named_like, known_infos, read_info
from raypose.errors import RayPoseError


def test_a_users_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("keypoints: [a, b]\nsigmas: 1e-2\nskeleton: [[a, 1]]\ncolors: {left: [1, 2, 3]}\n")
    expected = InfoFile(keypoints=["a", "b"], sigmas=0.01, skeleton=[["a", 1]], colors={"left": [1, 2, 3]})
    assert read_info(str(path)) == expected
    assert read_info({"keypoints": ["a", "b"], "sigmas": 0.01, "skeleton": [["a", 1]], "colors": {"left": [1, 2, 3]}}) \
        == expected  # fmt: skip


def test_unknown_names_list_the_known_ones():
    with pytest.raises(RayPoseError) as error:
        read_info("cocos")
    assert "unknown dataset_info 'cocos'; did you mean 'coco'?" in str(error.value)
    assert all(name in str(error.value) for name in known_infos())
    with pytest.raises(RayPoseError, match=r"known: aic, .*, zebra9, and paths of \.yaml files$"):
        read_info("???")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "keypoint: [a]\nskeletn: []",
            ["unknown key 'keypoint'; did you mean 'keypoints'?", "did you mean 'skeleton'?"],
        ),
        ("keypoints: [a\nb: c", [":2:2: not YAML"]),
        ("- a", ["a mapping"]),
        ("", ["a mapping"]),
        ("keypoints: a", ["'keypoints' must be a list, but got 'a'"]),
        ("sigmas: wide", ["'sigmas' must be a", "'wide'"]),
        ("flip_pairs: [1, 2]\ncolors: 3", ["'flip_pairs'", "'colors'"]),
        ("a: \x01", ["not YAML"]),
        (b"\xff\xfe\xff", ["not"]),
        (None, ["cannot read", "No such file"]),
    ],
)
def test_mistakes_name_the_file(tmp_path, text, words):
    path = tmp_path / "mine.yml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RayPoseError) as error:
        read_info(str(path))
    assert all(str(path) in str(problem) for problem in error.value.problems)
    for word in words:
        assert word in str(error.value)


def test_code_in_yaml_is_not_run(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("keypoints: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(RayPoseError, match="not YAML"):
        read_info(str(path))


def test_known_by_the_names():
    assert info_named_like(read_info("ap10k").keypoints) == read_info("ap10k")
    # As AI Challenger's files, and MMPose's, spell theirs.
    spelt = [name.replace("_", " ").title() for name in read_info("aic").keypoints]
    assert info_named_like(spelt) == read_info("aic")
    coco = read_info("coco").keypoints
    assert info_named_like(coco[1:]) is None
    assert info_named_like([*coco[1:], coco[0]]) is None
    assert info_named_like([]) is None
