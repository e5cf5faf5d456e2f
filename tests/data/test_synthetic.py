from __future__ import annotations

import hashlib
import json
import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pytest

from raypose.data import PixelReader, SyntheticPeople, synthetic
from raypose.data.people.body import make_parts
from raypose.data.people.clothes import draw_clothes
from raypose.data.people.pose import draw_pose
from raypose.data.people.scene import draw_scene
from raypose.data.person import COCO_NAMES
from raypose.errors import RayPoseError


@pytest.fixture(scope="module")
def people():
    """(picture, people) of 60 scenes."""
    return [draw_scene(np.random.default_rng([7, i]), (320, 240)) for i in range(60)]


def digest(folder: Path) -> str:
    content = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    return hashlib.sha256(repr(content).encode()).hexdigest()


def test_a_real_coco_dataset(tmp_path):
    table = SyntheticPeople(num_images=6, cache_dir=str(tmp_path))
    assert table.info.names == COCO_NAMES
    assert len(table.info.flip_pairs) == 8
    assert len(table) >= 6
    assert all(path.endswith(".jpg") for path in table.paths)
    assert PixelReader().read(table.paths[0]).shape == (240, 320, 3)
    (folder,) = tmp_path.iterdir()
    content = json.loads((folder / "annotations.json").read_text())
    assert len(content["images"]) == 6


def test_deterministic_and_drawn_once(tmp_path, monkeypatch):
    for name in "ab":
        SyntheticPeople(num_images=3, seed=5, cache_dir=str(tmp_path / name))
    (a,), (b,) = ((tmp_path / name).iterdir() for name in "ab")
    assert digest(a) == digest(b)
    monkeypatch.setattr(synthetic, "draw_scene", None)
    assert len(SyntheticPeople(num_images=3, seed=5, cache_dir=str(tmp_path / "a"))) >= 3


def test_seed_split_and_size_give_other_pictures(tmp_path):
    variants = [{}, {"seed": 1}, {"split": "val"}, {"image_size": (160, 120)}]
    tables = [SyntheticPeople(num_images=1, cache_dir=str(tmp_path), **variant) for variant in variants]
    assert len({Path(table.paths[0]).read_bytes() for table in tables}) == 4
    assert tables[3].sizes.tolist() == [[160, 120]]


def test_more_images_begin_with_the_same_ones(tmp_path):
    few, many = (SyntheticPeople(num_images=n, cache_dir=str(tmp_path)) for n in (2, 4))
    assert [Path(path).read_bytes() for path in few.paths] == [Path(path).read_bytes() for path in many.paths[:2]]


def test_a_build_that_dies_leaves_nothing_that_is_trusted(tmp_path, monkeypatch):
    drawn = []

    def fails_at_the_third(*args):
        drawn.append(1)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw_scene(*args)

    monkeypatch.setattr(synthetic, "draw_scene", fails_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        SyntheticPeople(num_images=4, cache_dir=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert len(SyntheticPeople(num_images=4, cache_dir=str(tmp_path)).paths) == 4


def _kill_while_drawing(cache_dir, drawing):
    def stuck(*_):
        drawing.set()
        threading.Event().wait()

    synthetic.draw_scene = stuck
    SyntheticPeople(num_images=4, cache_dir=cache_dir)


def test_a_killed_build_is_not_trusted(tmp_path):
    context = multiprocessing.get_context("fork")
    drawing = context.Event()
    process = context.Process(target=_kill_while_drawing, args=(str(tmp_path), drawing))
    process.start()
    assert drawing.wait(30)
    process.kill()
    process.join()
    assert len(SyntheticPeople(num_images=4, cache_dir=str(tmp_path)).paths) == 4


def test_two_builders_at_once(tmp_path):
    barrier, render = threading.Barrier(2, timeout=30), synthetic._render
    tables, errors, drawn_in = [], [], []

    def render_together(folder, **kwargs):
        render(folder, **kwargs)
        drawn_in.append(folder.stat().st_ino)
        barrier.wait()

    def build():
        try:
            tables.append(SyntheticPeople(num_images=2, cache_dir=str(tmp_path)))
        except Exception as error:
            errors.append(error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "_render", render_together)
        threads = [threading.Thread(target=build) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert tables[0].paths == tables[1].paths
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_ino in drawn_in, "renamed as a whole, not copied"


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"split": "trian"}, "split must be one of train, val, test"),
        ({"num_images": 0}, "num_images >= 1"),
        ({"image_size": (8, 8)}, "image_size >= 32"),
    ],
)
def test_mistakes(tmp_path, kwargs, words):
    with pytest.raises(RayPoseError, match=words):
        SyntheticPeople(cache_dir=str(tmp_path), **kwargs)


def test_a_cache_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RayPoseError, match="set cache_dir"):
        SyntheticPeople(num_images=1, cache_dir=str(tmp_path / "file"))


def test_boxes_and_areas_fit_the_people(people):
    for picture, annotated in people:
        for person in annotated:
            x, y, width, height = person.bbox
            assert x >= 0
            assert y >= 0
            assert x + width <= picture.shape[1]
            assert y + height <= picture.shape[0]
            assert 0.1 * width * height < person.area <= width * height
            seen = person.keypoints[person.keypoints[:, 2] == 2, :2]
            assert (seen >= np.array([x, y]) - 1).all()
            assert (seen <= np.array([x + width, y + height])).all()


def test_scenes_are_of_all_kinds(people):
    everybody = [person for _, annotated in people for person in annotated]
    keypoints = np.stack([person.keypoints for person in everybody])
    visibility = keypoints[:, :, 2]
    heights = [person.bbox[3] for person in everybody]
    assert {len(annotated) for _, annotated in people} == {1, 2, 3}
    assert np.percentile(heights, 90) > 1.8 * np.percentile(heights, 10)
    assert 0.05 < (visibility == 1).mean() < 0.3
    assert (visibility == 0).any()
    assert (keypoints[visibility == 0] == 0).all()


def visibility_at_yaw(yaw, monkeypatch):
    """Shares of visible keypoints, by name, of people alone who are turned by `yaw` degrees."""
    from raypose.data.people import pose, scene

    monkeypatch.setattr(pose, "_yaw", lambda _: yaw)
    monkeypatch.setattr(pose, "STYLES", (pose.Style(1.0),))
    place = scene._place
    monkeypatch.setattr(scene, "_place", lambda *args: place(*args)[-1:])
    seen = np.concatenate(
        [
            [person.keypoints[:, 2] == 2 for person in draw_scene(np.random.default_rng(i), (320, 240))[1]]
            for i in range(25)
        ]
    )
    return dict(zip(COCO_NAMES, seen.mean(0), strict=True))


def test_who_looks_at_us_shows_the_face(monkeypatch):
    seen = visibility_at_yaw(0, monkeypatch)
    assert min(seen[name] for name in ("nose", "left_eye", "right_eye", "left_shoulder", "right_shoulder")) > 0.8


def test_who_looks_away_hides_the_face(monkeypatch):
    seen = visibility_at_yaw(180, monkeypatch)
    assert max(seen[name] for name in ("nose", "left_eye", "right_eye")) < 0.1
    assert min(seen[name] for name in ("left_shoulder", "right_knee", "left_ankle")) > 0.6


def test_who_looks_right_shows_the_right_side(monkeypatch):
    seen = visibility_at_yaw(90, monkeypatch)
    for name in ("ear", "shoulder", "hip"):
        assert seen[f"right_{name}"] > seen[f"left_{name}"] + 0.4, name


def test_left_and_right_have_their_own_colours():
    """The sleeves' red outweighs the blue on the left, and the other way round on the right."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        colors = {part.name: part.color for part in make_parts(draw_pose(rng), draw_clothes(rng))}
        for part in ("upper_arm", "foot"):
            assert colors[f"left_{part}"][2] > colors[f"left_{part}"][0]
            assert colors[f"right_{part}"][2] < colors[f"right_{part}"][0]


def test_the_left_side_of_who_looks_at_us_is_on_the_right(monkeypatch):
    from raypose.data.people import pose

    monkeypatch.setattr(pose, "_yaw", lambda _: 0.0)
    for seed in range(20):
        joints = draw_pose(np.random.default_rng(seed)).joints
        for name in ("shoulder", "hip", "eye"):
            assert joints[f"left_{name}"][0] > joints[f"right_{name}"][0]
