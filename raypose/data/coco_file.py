"""COCO keypoints files: read, and held against what the format promises, before anything is made of them."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from raypose.errors import Problem, RayPoseError, nearest

Record = dict[str, Any]
_SHOWN = 5


def load(path: Path, what: str, hint: str = "") -> Any:
    """The content of a JSON file; `what` it is called, and `hint` says what to give if it is there and no file.

    Raises:
        RayPoseError: no such file, or not JSON.
    """
    try:
        return _parsed(path.read_bytes())
    except OSError as error:
        hint = hint if path.exists() else "is the path right, and ${VAR} set?"
        raise _error(path, f"cannot read the {what}: {error.strerror}", "ann-file", hint) from None
    except json.JSONDecodeError as error:
        raise RayPoseError(Problem(f"not JSON: {error.msg}", str(path), error.lineno, error.colno, "json")) from None
    except UnicodeDecodeError:
        raise _error(path, "not JSON: not even UTF-8 text", "json") from None


def _parsed(text: bytes) -> Any:
    """Python's own reader takes several times as long, but says where a mistake is."""
    collects = gc.isenabled()
    gc.disable()  # else all that is read so far is looked through again and again
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text.decode("utf-8"))
    finally:
        if collects:
            gc.enable()


def read_json(path: Path) -> dict[str, list[Record]]:
    """The file's `images`, `annotations` and `categories`.

    Raises:
        RayPoseError: no such file, not JSON, or not COCO.
    """
    return as_coco(path, load(path, "annotation file", hint="give the COCO keypoints file as ann_file"))


def as_coco(path: Path, content: Any) -> dict[str, list[Record]]:
    """What has been read of the file `path`, if it is COCO's.

    Raises:
        RayPoseError: it is not.
    """
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

    `named` says that the user gives the keypoints' names, so that a category need not, if none does or it is asked for.
    """
    usable = [each for each in categories if each.get("keypoints")]
    if named and (category is not None or not usable):
        usable = categories
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


def some(items: list[Any]) -> str:
    """The first few, and how many there are."""
    text = ", ".join(map(str, items[:_SHOWN]))
    return text if len(items) <= _SHOWN else f"{text}, ... ({len(items)} in all)"


def _error(path: Path, message: str, rule: str, hint: str = "") -> RayPoseError:
    return RayPoseError(Problem(message, str(path), hint=hint, rule=rule))
