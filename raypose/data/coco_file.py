"""COCO keypoints files: read, and held against what the format promises, before anything is made of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from raypose.errors import Problem, RayPoseError, nearest

Record = dict[str, Any]
_SHOWN = 5


def read_json(path: Path) -> dict[str, list[Record]]:
    """The file's `images`, `annotations` and `categories`.

    Raises:
        RayPoseError: no such file, not JSON, or not COCO.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "give the COCO keypoints file as ann_file" if path.exists() else "is the path right, and ${VAR} set?"
        raise _error(path, f"cannot read the annotation file: {error.strerror}", "ann-file", hint) from None
    except json.JSONDecodeError as error:
        raise RayPoseError(Problem(f"not JSON: {error.msg}", str(path), error.lineno, error.colno, "json")) from None
    except UnicodeDecodeError:
        raise _error(path, "not JSON: not even UTF-8 text", "json") from None
    keys = ("images", "annotations", "categories")
    lacking = [key for key in keys if not isinstance(content, dict) or not isinstance(content.get(key), list)]
    if lacking:
        raise _error(path, f"not a COCO keypoints file: it has no list {', '.join(map(repr, lacking))}", "coco")
    wrong = [key for key in keys if not all(isinstance(each, dict) for each in content[key])]
    if wrong:
        raise _error(path, f"not a COCO keypoints file: {', '.join(wrong)} must hold mappings", "coco")
    return content


def choose_categories(path: Path, categories: list[Record], category: str | None, named: bool) -> list[Record]:
    """The categories that are read: all that have keypoints, if these are the same, else the one that was asked for.

    `named` says that the user gives the keypoints' names, so that a category need not.
    """
    usable = [each for each in categories if each.get("keypoints") or named]
    if not usable:
        hint = "annotate keypoints, or give their names:" if categories else ""
        raise _error(path, "no category has keypoints", "no-keypoints", hint)
    if category is not None:
        chosen = [each for each in usable if each.get("name") == category]
        if not chosen:
            hint = nearest(category, [str(each.get("name")) for each in usable])
            raise _error(path, f"no category '{category}' with keypoints", "unknown-category", hint)
        return chosen
    if len({tuple(each.get("keypoints", ())) for each in usable}) > 1:
        listed = "; ".join(f"{each.get('name')}: {', '.join(each.get('keypoints', ()))}" for each in usable)
        raise _error(path, f"categories with different keypoints ({listed})", "categories", "choose one with category:")
    return usable


def check_annotations(path: Path, annotations: list[Record], images: list[Record], num_keypoints: int) -> None:
    """All that is wrong with the annotations, at once.

    Raises:
        RayPoseError: wrong numbers of keypoints, or images that the file does not list, or lists twice.
    """
    counts = Counter(image.get("id") for image in images)
    found = [
        (
            [each for each in annotations if each.get("keypoints") and len(each["keypoints"]) != 3 * num_keypoints],
            f"keypoints must be 3 x {num_keypoints} numbers, but are not in annotations",
            "keypoint-count",
        ),
        (
            [each for each in annotations if each.get("image_id") not in counts],
            "'images' lacks the images of annotations",
            "unknown-image",
        ),
        (
            [each for each in annotations if each.get("bbox") and len(each["bbox"]) != 4],
            "a bbox must be 4 numbers, but is not in annotations",
            "bbox",
        ),
        ([image for image in images if not image.get("file_name")], "no file_name in images", "file-name"),
        ([image for image in images if counts[image.get("id")] > 1], "the same id in images", "duplicate-image"),
    ]
    problems = [
        Problem(f"{what} {some([each.get('id') for each in records])}", str(path), rule=rule)
        for records, what, rule in found
        if records
    ]
    if problems:
        raise RayPoseError(problems)


def check_files(path: Path, img_prefix: Path, paths: Iterable[Path]) -> None:
    """Raises:
    RayPoseError: image files that are not there; all are counted, the first few named.
    """
    if not img_prefix.is_dir():
        raise _error(path, f"no image folder {img_prefix}", "image-folder", "is img_prefix right, and ${VAR} set?")
    paths = list(paths)
    missing = [str(each) for each in paths if not each.is_file()]
    if missing:
        message = f"{len(missing)} of {len(paths)} image files are missing under {img_prefix}: {some(missing)}"
        raise _error(path, message, "image-missing")


def some(items: list[Any]) -> str:
    """The first few, and how many there are."""
    text = ", ".join(map(str, items[:_SHOWN]))
    return text if len(items) <= _SHOWN else f"{text}, ... ({len(items)} in all)"


def _error(path: Path, message: str, rule: str, hint: str = "") -> RayPoseError:
    return RayPoseError(Problem(message, str(path), hint=hint, rule=rule))
