"""What can be wrong with the images and annotations of a COCO keypoints file: all of it is found at once.

| what is wrong | what comes of it |
| --- | --- |
| no file, not JSON, not COCO, no category with keypoints, no image folder | always an error |
| one of `sample_rules.RULES`, or pixels (see `quality`) | a bad sample: an error, or left out with `on_bad_sample: skip` |
| no box, or all zeros; no area | derived from the keypoints; from the box |
| no annotation ids, or ids that are no positive numbers | numbered from 1 |
| a keypoint with visibility 0 and whatever coordinates | not labelled |
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import numpy as np

from raypose.data.coco_file import Record, some
from raypose.data.records import Records
from raypose.data.sample_rules import RULES, Rule
from raypose.errors import Problem, RayPoseError

OnBadSample = Literal["error", "skip"]
logger = logging.getLogger("raypose")


def good_samples(
    path: Path,
    images: list[Record],
    annotations: list[Record],
    num_keypoints: int,
    folder: Path | None = None,
    on_bad_sample: OnBadSample = "error",
    every_image: bool = False,
) -> Records:
    """The images and annotations of the file `path` that break no rule; with `skip`, a warning says how many do.

    `folder` is that of the image files; without it, they are not looked for. `every_image`: also those of images in
    which nobody is labelled must be there.

    Raises:
        RayPoseError: there is no such folder, or, with `error`, all that is wrong.

    Example:
        >>> len(good_samples(path, content["images"], content["annotations"], 17, Path("val2017")).annotations)
        11004
    """
    there = folder is None or folder.is_dir()
    records = Records(images, annotations, num_keypoints, folder if there else None, every_image)
    broken = {rule: mask for rule in RULES if (mask := rule.broken(records)).any()}
    problems = [_problem(path, rule, mask, records) for rule, mask in broken.items()]
    if not there:
        hint = "is img_prefix right, and ${VAR} set?"
        problems.insert(0, Problem(f"no image folder {folder}", str(path), hint=hint, rule="image-folder"))
    if not problems:
        return records
    if on_bad_sample == "error" or not there:
        raise RayPoseError(problems)
    bad = {of: np.zeros(len(getattr(records, of)), bool) for of in ("images", "annotations")}
    for rule, mask in broken.items():
        bad[rule.of] |= mask
    bad["annotations"] |= np.append(bad["images"], False)[records.image_row]
    logger.warning("%s", _left_out(path, bad, broken))
    good = _without(images, bad["images"]), _without(annotations, bad["annotations"])
    return Records(*good, num_keypoints, folder, every_image)


def _problem(path: Path, rule: Rule, mask: np.ndarray, records: Records) -> Problem:
    rows = np.flatnonzero(mask).tolist()
    found = [_label(getattr(records, rule.of)[row], _image(records, rule, row)) for row in rows]
    text = rule.text.format(bad=len(rows), all=len(mask), K=records.num_keypoints, folder=records.folder)
    return Problem(f"{text} {some(found)}", str(path), hint=rule.hint, rule=rule.name)


def _image(records: Records, rule: Rule, row: int) -> Record:
    if rule.of == "images":
        return records.images[row]
    image = records.image_row[row]
    return records.images[image] if image >= 0 else {}


def _label(record: Record, image: Record) -> str:
    """Its id, and the image's file name where there is one."""
    name = image.get("file_name")
    return f"{record.get('id')} ({name})" if name else str(record.get("id"))


def _left_out(path: Path, bad: dict[str, np.ndarray], broken: dict[Rule, np.ndarray]) -> Problem:
    counts = " and ".join(f"{mask.sum()} of {len(mask)} {of}" for of, mask in reversed(bad.items()) if mask.any())
    why = ", ".join(f"{rule.name} {mask.sum()}" for rule, mask in broken.items())
    message = f"going on without {counts} (on_bad_sample: skip): {why}"
    return Problem(message, str(path), rule="bad-samples", level="warning")


def _without(records: list[Record], bad: np.ndarray) -> list[Record]:
    return [each for each, left_out in zip(records, bad, strict=True) if not left_out]
