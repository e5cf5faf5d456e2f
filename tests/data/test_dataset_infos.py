"""The package's files: what must hold for each, and numbers that were published."""

from __future__ import annotations

import json

import numpy as np
import pytest

from raypose.data.info_files import known_infos, read_info
from raypose.data.keypoint_info import DEFAULT_SIGMA, make_info
from raypose.data.names import infer_flip_pairs, infer_upper_body

NUM_KEYPOINTS = {
    **{"coco": 17, "coco_wholebody": 133, "crowdpose": 14, "mpii": 16, "aic": 14, "halpe26": 26, "posetrack18": 17},
    **{
        "jhmdb": 15,
        "macaque": 17,
        "ap10k": 17,
        "animalpose": 20,
        "mouse4": 4,
        "fly32": 32,
        "locust35": 35,
        "zebra9": 9,
    },
    **{"hand21": 21, "face68": 68, "wflw98": 98},
}
# Nobody published any for these.
WITHOUT_SIGMAS = {"mouse4", "fly32", "locust35", "zebra9", "hand21", "face68", "wflw98"}


def test_all_are_here():
    assert {name: len(read_info(name).keypoints) for name in known_infos()} == NUM_KEYPOINTS


@pytest.mark.parametrize("name", known_infos())
def test_every_file(name):
    file, info = read_info(name), make_info({}, dataset_info=name)
    count = len(info.names)
    assert file.name
    assert file.source
    assert len({each.lower() for each in info.names}) == count
    members = [i for pair in info.flip_pairs for i in pair]
    assert len(set(members)) == len(members)
    assert set(members) <= set(range(count))
    assert len(info.sigmas) == count
    assert 0 < min(info.sigmas) <= max(info.sigmas) < 0.2
    assert (file.sigmas is None) == (name in WITHOUT_SIGMAS)
    assert set(info.sigmas) == {DEFAULT_SIGMA} or file.sigmas is not None
    edges = {frozenset(edge) for edge in info.skeleton}
    assert len(edges) == len(info.skeleton) > 0
    assert all(len(edge) == 2 and edge <= set(range(count)) for edge in edges)
    assert len(info.upper_body) == len(set(info.upper_body)) < count
    assert len(info.colors) == count


@pytest.mark.parametrize("name", known_infos())
def test_the_mirror_image_has_the_same_skeleton_and_halves(name):
    info = make_info({}, dataset_info=name)
    mirrored = info.flip_order
    edges = {frozenset(edge) for edge in info.skeleton}
    assert {frozenset(mirrored[list(edge)].tolist()) for edge in info.skeleton} == edges
    assert set(mirrored[list(info.upper_body)].tolist()) == set(info.upper_body)


@pytest.mark.parametrize("name", known_infos())
def test_names_and_files_agree(name):
    """Where a file says what its names tell, too, it is the same; what it need not say, it leaves out."""
    file, info = read_info(name), make_info({}, dataset_info=name)
    inferred = infer_flip_pairs(info.names)
    assert set(inferred) <= set(info.flip_pairs)
    assert file.flip_pairs is None or len(inferred) < len(info.flip_pairs)
    assert file.upper_body is None or not infer_upper_body(info.names)


def test_the_same_names_mean_the_same():
    by_names = {}
    for name in known_infos():
        info = make_info({}, dataset_info=name)
        assert by_names.setdefault(info.names, info) == info


def test_coco():
    """pycocotools has the sigmas; the edges are those of person_keypoints_val2017.json, which count from 1."""
    from pycocotools.cocoeval import Params

    info = make_info({}, dataset_info="coco")
    np.testing.assert_allclose(info.sigmas, Params("keypoints").kpt_oks_sigmas)
    published = [[16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9], [8, 10],
                 [9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7]]  # fmt: skip
    assert {(a + 1, b + 1) for a, b in info.skeleton} == set(map(tuple, published))
    assert info.flip_pairs == tuple((i, i + 1) for i in range(1, 17, 2))
    assert [info.names[i] for i in range(17) if i not in info.upper_body] == [
        f"{side}_{joint}" for joint in ("hip", "knee", "ankle") for side in ("left", "right")
    ]


def test_crowdpose():
    """Jeff-sjtu/CrowdPose, crowdposetools/cocoeval.py."""
    published = np.array([0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89, 0.79, 0.79]) / 10
    np.testing.assert_allclose(make_info({}, dataset_info="crowdpose").sigmas, published)


def test_whole_bodies_are_put_together():
    """arXiv:2007.11858: 17 of the body as COCO's, 6 of the feet, 68 of the face as 300-W's, 21 a hand."""
    whole, body, face = (make_info({}, dataset_info=name) for name in ("coco_wholebody", "coco", "face68"))
    assert whole.names[:17] == body.names
    assert whole.sigmas[:17] == body.sigmas
    assert set(body.skeleton) <= set(whole.skeleton)
    assert {(a - 23, b - 23) for a, b in whole.flip_pairs if 23 <= a < 91} == set(face.flip_pairs)
    assert whole.sigmas[91:112] == whole.sigmas[112:]
    hand = [name.removeprefix("left_") for name in whole.names[92:112]]
    assert tuple(hand) == make_info({}, dataset_info="hand21").names[1:]


def test_faces():
    """iBUG's and WFLW's outlines: of each pair, the first is on the person's left, which is to the right of an image."""
    face, wflw = (dict(make_info({}, dataset_info=name).flip_pairs) for name in ("face68", "wflw98"))
    assert len(face) == (68 - 10) / 2  # chin, bridge and tip of the nose, 2 lips of 2 outlines, under the nose
    assert (face[16], face[45], face[54]) == (0, 36, 48)
    assert (wflw[32], wflw[72], wflw[97]) == (0, 60, 96)


def test_the_mouse(data_root):
    """What DeepLabCut's example names its keypoints."""
    content = json.loads((data_root / "openfield-mouse/annotations/train.json").read_text())
    assert content["categories"][0]["keypoints"] == read_info("mouse4").keypoints
