"""Broken datasets: each is told by file, id and rule, all at once; with `on_bad_sample: skip` the rest of it is used."""

from __future__ import annotations

import json
import logging
import math
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from raypose.data import CocoKeypoints, build_datasets, dataset_info, quality
from raypose.data.quality import check_images, without_bad
from raypose.errors import RayPoseError


def annotation(index, **values):
    return lambda content, folder: content["annotations"][index].update(values)


def image(index, **values):
    return lambda content, folder: content["images"][index].update(values)


def again(section, index):
    return lambda content, folder: content[section].append(dict(content[section][index]))


def keypoint(index, *values):
    def change(content, folder):
        content["annotations"][index]["keypoints"][3:6] = values

    return change


def lost(index):
    return lambda content, folder: (folder / content["images"][index]["file_name"]).unlink()


# What is done to six images with an annotation each; the rule that it breaks, what is named, and how many are left.
RECORDS = {
    "a keypoint too few": (annotation(3, keypoints=[5, 5, 2] * 2), "keypoint-count", "4 (clip1/003.png)", 5),
    "numbers as pairs": (annotation(3, keypoints=[[5, 5, 2]] * 3), "keypoint-count", "4 (clip1/003.png)", 5),
    "a text in keypoints": (annotation(3, keypoints=[5, 5, "visible"] * 3), "keypoint-count", "4 (", 5),
    "keypoints that are no list": (annotation(3, keypoints={"nose": [1, 2]}), "keypoint-count", "4 (", 5),
    "a labelled keypoint at NaN": (keypoint(2, math.nan, 5, 2), "keypoint-number", "3 (clip1/002.png)", 5),
    "a labelled keypoint at null": (keypoint(2, 5, None, 1), "keypoint-number", "3 (clip1/002.png)", 5),
    "a labelled keypoint at infinity": (keypoint(2, 5, math.inf, 2), "keypoint-number", "3 (", 5),
    "a keypoint far to the left": (keypoint(2, -17, 5, 2), "keypoint-outside", "3 (", 5),
    "a keypoint far below": (keypoint(2, 5, 80, 1), "keypoint-outside", "3 (", 5),
    "a box of NaN": (annotation(0, bbox=[math.nan, 1, 9, 9]), "bbox", "1 (clip0/000.png)", 5),
    "a box of three numbers": (annotation(0, bbox=[1, 9, 9]), "bbox", "1 (", 5),
    "a box without area": (annotation(0, bbox=[5, 5, 0, 20]), "bbox-area", "1 (", 5),
    "a box of negative size": (annotation(0, bbox=[30, 30, -20, -20]), "bbox-area", "1 (", 5),
    "a box to the right of the image": (annotation(0, bbox=[64, 5, 20, 20]), "bbox-outside", "1 (", 5),
    "a box above the image": (annotation(0, bbox=[5, -20, 20, 20]), "bbox-outside", "1 (", 5),
    "an area of NaN": (annotation(0, area=math.nan), "area", "1 (", 5),
    "a negative area": (annotation(0, area=-5), "area", "1 (", 5),
    "an annotation twice": (again("annotations", 1), "duplicate-annotation", "2 (clip0/001.png)", 6),
    "an annotation without its image": (annotation(5, image_id=99), "unknown-image", "6", 5),
    "an annotation of no image": (annotation(5, image_id=None), "unknown-image", "6", 5),
    "an image twice": (again("images", 1), "duplicate-image", "2 (clip0/001.png)", 6),
    "an id for two images": (image(1, id=1), "duplicate-image", "1 (clip0/000.png), 1 (clip0/001.png)", 4),
    "an image without id": (image(1, id=None), "image-id", "None (clip0/001.png)", 5),
    "an image without file_name": (image(1, file_name=""), "file-name", "2", 5),
    "a file_name that is a number": (image(1, file_name=5), "file-name", "2 (5)", 5),
    "an image without width": (image(1, width=-64), "image-size", "2 (clip0/001.png)", 5),
    "an image that is not there": (lost(1), "image-missing", "2 (clip0/001.png)", 5),
    "a folder in place of an image": (image(1, file_name="clip0"), "image-missing", "2 (clip0)", 5),
}


def broken(tiny, *changes):
    for change in changes:
        change(tiny.content, Path(tiny.img_prefix))
    Path(tiny.ann_file).write_text(json.dumps(tiny.content))
    return tiny


def check_usable(table):
    assert np.isfinite(table.keypoints).all()
    assert (table.bbox[:, 2:] > 0).all()
    assert (table.area > 0).all()


@pytest.mark.parametrize("name", RECORDS)
def test_a_bad_record(tiny_coco, caplog, name):
    change, rule, named, left = RECORDS[name]
    tiny = broken(tiny_coco, change)
    with pytest.raises(RayPoseError) as error:
        CocoKeypoints(tiny.ann_file, tiny.img_prefix)
    expected = {rule, "unknown-image"} if rule == "image-id" or "two images" in name else {rule}
    assert {each.rule for each in error.value.problems} == expected
    problem = next(each for each in error.value.problems if each.rule == rule)
    assert problem.file == tiny.ann_file
    assert named in problem.message
    with caplog.at_level(logging.WARNING, "raypose"):
        table = CocoKeypoints(tiny.ann_file, tiny.img_prefix, on_bad_sample="skip")
    assert len(table) == left
    check_usable(table)
    [warning] = caplog.messages
    total = len(tiny.content["annotations"])
    if total > left:
        assert f"{total - left} of {total} annotations" in warning
    assert rule in warning
    assert tiny.ann_file in warning


def test_all_at_once(tiny_coco):
    parts = ["a keypoint too few", "a labelled keypoint at NaN", "a box without area", "an image that is not there"]
    tiny = broken(tiny_coco, *(RECORDS[name][0] for name in parts), annotation(5, image_id=99))
    for read in (CocoKeypoints, lambda *args: dataset_info({**tiny.cfg})):
        with pytest.raises(RayPoseError) as error:
            read(tiny.ann_file, tiny.img_prefix)
        rules = [*(RECORDS[name][1] for name in parts), "unknown-image"]
        assert sorted(each.rule for each in error.value.problems) == sorted(rules)
        assert all(each.file == tiny.ann_file for each in error.value.problems)
        for name in parts:
            assert RECORDS[name][2] in str(error.value)


def test_one_line_says_what_is_skipped(tiny_coco, caplog):
    tiny = broken(tiny_coco, RECORDS["a keypoint too few"][0], lost(1), lost(2))
    with caplog.at_level(logging.WARNING, "raypose"):
        assert len(CocoKeypoints(tiny.ann_file, tiny.img_prefix, on_bad_sample="skip")) == 3
    assert caplog.messages == [
        f"{tiny.ann_file}: warning: going on without 3 of 6 annotations and 2 of 6 images (on_bad_sample: skip): "
        "image-missing 2, keypoint-count 1"
    ]


# What looks wrong and is not: converters write it, and what is meant is known.
GOOD = {
    "no box": annotation(0, bbox=None),
    "a box of zeros": annotation(0, bbox=[0, 0, 0, 0]),
    "no area": annotation(0, area=0),
    "NaN where nothing is labelled": keypoint(0, math.nan, math.nan, 0),
    "null where nothing is labelled": keypoint(0, None, None, None),
    "a keypoint a bit outside": keypoint(0, -15, 70, 1),
    "a box that goes beyond the image": annotation(0, bbox=[-20, -20, 200, 200]),
    "ids from 0": lambda content, folder: [each.update(id=i) for i, each in enumerate(content["annotations"])],
    "no ids": lambda content, folder: [each.pop("id") for each in content["annotations"]],
    "no sizes": lambda content, folder: [each.pop("width") for each in content["images"]],
    "sizes of 0": lambda content, folder: [each.update(width=0, height=0) for each in content["images"]],
    "a bad box of nobody": annotation(0, keypoints=[0] * 9, bbox=[1, 1, 0, 5]),
    "a missing image of nobody": lambda content, folder: content["images"].append({"id": 9, "file_name": "none.png"}),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_enough(tiny_coco, caplog, name):
    tiny = broken(tiny_coco, GOOD[name])
    table = CocoKeypoints(tiny.ann_file, tiny.img_prefix)
    assert len(table) == (5 if "nobody" in name and "box" in name else 6)
    check_usable(table)
    assert check_images(table) == {}
    assert not caplog.messages


@pytest.mark.parametrize("on_bad_sample", ["error", "skip"])
def test_what_nothing_can_be_made_of(tiny_coco, on_bad_sample):
    tiny = broken(tiny_coco, RECORDS["a keypoint too few"][0])
    with pytest.raises(RayPoseError) as error:
        CocoKeypoints(tiny.ann_file, tiny.img_prefix + "x", on_bad_sample=on_bad_sample)
    assert [each.rule for each in error.value.problems] == ["image-folder", "keypoint-count"]
    broken(tiny, *(lost(i) for i in range(6)))
    said = {"error": "6 of 6 image files", "skip": "nothing to learn from"}[on_bad_sample]
    with pytest.raises(RayPoseError, match=said):
        CocoKeypoints(tiny.ann_file, tiny.img_prefix, on_bad_sample=on_bad_sample)


def test_the_data_section_says_it_for_all_its_datasets(tiny_coco):
    tiny = broken(tiny_coco, RECORDS["a keypoint too few"][0], lost(5))
    nested = [tiny.cfg, {"type": "Subset", "dataset": tiny.cfg, "fraction": 1.0}]
    for cfg in (*nested, {"type": "CombinedDataset", "datasets": nested}):
        data = {"train": cfg, "val": cfg}
        with pytest.raises(RayPoseError, match="3 x 3 numbers"):
            build_datasets(data)
        train, val, _ = build_datasets({**data, "on_bad_sample": "skip"})
        assert len(train) == len(val) == (8 if "datasets" in cfg else 4)


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def as_jpeg(path):
    cv2.imwrite(str(path.with_suffix(".jpg")), cv2.imread(str(path)), [cv2.IMWRITE_JPEG_QUALITY, 95])
    path.with_suffix(".jpg").replace(path)


def turned(path):
    """Twice as high as wide, and to be turned by EXIF."""
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(np.full((32, 64, 3), 90, np.uint8)).save(path, "JPEG", exif=exif)


# What is done to an image file; the rule that it breaks, and what is said.
PIXELS = {
    "cut off": (half, "image-file", "cannot decode"),
    "a JPEG that is cut off": (lambda path: (as_jpeg(path), half(path)), "image-file", "cannot decode"),
    "empty": (lambda path: path.write_bytes(b""), "image-file", "the file is empty"),
    "a text": (lambda path: path.write_text("<html>not found</html>"), "image-file", "cannot decode"),
    "of another size": (lambda path: cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8)), "image-size",
                        "is 64 x 48, but its annotation file says 64 x 64"),
}  # fmt: skip


@pytest.mark.parametrize("name", PIXELS)
def test_bad_pixels(tiny_coco, caplog, name):
    change, rule, said = PIXELS[name]
    table = CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix)
    assert check_images(table) == {}
    change(Path(table.paths[2]))
    seen = []
    problems = check_images(table, threads=2, progress=lambda *done: seen.append(done))
    assert seen == [(i, 6) for i in range(1, 7)]
    assert list(problems) == [2]
    with pytest.raises(RayPoseError) as error:
        without_bad(table, problems)
    [problem] = error.value.problems
    assert problem.rule == rule
    assert problem.file == table.paths[2]
    assert problem.message.startswith("image 3: ")
    assert said in problem.message
    with caplog.at_level(logging.WARNING, "raypose"):
        left = without_bad(table, problems, "skip")
    assert left.image_ids.tolist() == [1, 2, 4, 5, 6]
    [warning] = caplog.messages
    assert f"1 of 6 annotations and 1 of 6 images (on_bad_sample: skip): {rule} 1" in warning


def test_all_bad_pixels_at_once(tiny_coco):
    table = CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix)
    half(Path(table.paths[0]))
    Path(table.paths[4]).unlink()
    with pytest.raises(RayPoseError) as error:
        without_bad(table, check_images(table))
    assert [each.message[:9] for each in error.value.problems] == ["image 1: ", "image 5: "]
    assert "No such file" in str(error.value)
    for path in table.paths:
        Path(path).write_bytes(b"")
    with pytest.raises(RayPoseError) as error:
        without_bad(table, check_images(table), "skip")
    assert error.value.problems[0].message == "nothing is left of 6 images"
    assert len(error.value.problems) == 7


def test_annotations_of_an_image_before_it_was_turned(tiny_coco):
    turned(Path(tiny_coco.img_prefix) / "clip1/002.png")
    tiny = broken(tiny_coco, image(2, width=64, height=32), annotation(2, keypoints=[9, 9, 2] * 3))
    table = CocoKeypoints(tiny.ann_file, tiny.img_prefix)
    [problem] = check_images(table).values()
    assert "is 32 x 64, but its annotation file says 64 x 32" in problem.message
    assert "EXIF" in problem.hint
    table = CocoKeypoints(broken(tiny, image(2, width=32, height=64)).ann_file, tiny.img_prefix)
    assert check_images(table) == {}


def test_an_interrupt_does_not_wait_for_all_images(tiny_coco, monkeypatch):
    decoded = []

    def slowly(path, size):
        decoded.append(path)
        time.sleep(0.02)

    def interrupt(done, total):
        raise KeyboardInterrupt

    monkeypatch.setattr(quality, "decode", slowly)
    table = CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix)
    with pytest.raises(KeyboardInterrupt):
        check_images(table, progress=interrupt)
    assert len(decoded) < len(table.paths)
