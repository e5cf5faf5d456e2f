"""Files that say what a dataset's keypoints are: those in `dataset_infos/`, and users' own in the same format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from raypose.arguments import problems
from raypose.errors import Problem, RayPoseError, nearest

Keypoint = int | str  # an index from 0, or a name
Color = tuple[int, int, int]  # red, green, blue

SUFFIXES = (".yaml", ".yml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is ten times as fast
_FOLDER = resources.files("raypose") / "data" / "dataset_infos"


@dataclass(frozen=True, kw_only=True)
class InfoFile:
    """What a file says; None is what it leaves to others. The keys are as in `CocoKeypoints`, but for `keypoints`.

    Example, of a file:
        keypoints: [snout, leftear, rightear, tailbase]
        skeleton: [[snout, leftear, tailbase, rightear, snout]]
    """

    name: str = ""  # of the dataset
    source: str = ""  # where it, and these facts, are from
    keypoints: list[str] | None = None  # their names, in the order of the annotations
    flip_pairs: list[list[Keypoint]] | None = None
    sigmas: float | list[float] | None = None
    skeleton: list[list[Keypoint]] | None = None
    upper_body: list[Keypoint] | None = None
    colors: dict[str, list[int]] | list[list[int]] | None = None


_READER = TypeAdapter(InfoFile)


def known_infos() -> list[str]:
    """The names of the package's files.

    Example:
        >>> "coco" in known_infos()
        True
    """
    return sorted(Path(file.name).stem for file in _FOLDER.iterdir() if file.name.endswith(SUFFIXES))


if TYPE_CHECKING:
    InfoName = str
else:  # what `raypose check` and editors hold a name against
    InfoName = (
        Literal[tuple(known_infos())] | Annotated[str, Field(pattern=r"\.ya?ml$", title="the path of a .yaml file")]
    )


def read_info(info: str | Mapping[str, Any]) -> InfoFile:
    """One of the package's files by its name, a user's by its path, which ends in .yaml or .yml, or what one would hold.

    Raises:
        RayPoseError: no such file, or one that cannot be read.

    Example:
        >>> read_info("mouse4").keypoints
        ['snout', 'leftear', 'rightear', 'tailbase']
    """
    if isinstance(info, Mapping):
        return _checked(dict(info), "dataset_info")
    if info.endswith(SUFFIXES):
        return _users(Path(info).expanduser())
    if info in known_infos():
        return _packaged(info)
    known = f"known: {', '.join(known_infos())}, and paths of .yaml files"
    near = nearest(info, known_infos())
    hint = known if near.startswith("known") else f"{near} {known}"
    raise RayPoseError(f"unknown dataset_info '{info}'", hint=hint, rule="unknown-dataset-info")


def info_named_like(names: Sequence[str]) -> InfoFile | None:
    """The package's file with keypoints of these names in this order; case, and what stands between words, is the same.

    Example:
        >>> info_named_like(["Snout", "LeftEar", "RightEar", "TailBase"]).name
        'Mouse in an open field, of DeepLabCut'
    """
    return _by_names().get(_folded(names))


@cache
def _packaged(name: str) -> InfoFile:
    return _parsed((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), name)


@cache
def _by_names() -> dict[tuple[str, ...], InfoFile]:
    """Of files with the same names, which agree in the rest, the first."""
    infos = [_packaged(name) for name in reversed(known_infos())]
    return {_folded(info.keypoints or ()): info for info in infos}


def _folded(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(re.sub(r"[\W_]+", "_", name.lower()) for name in names)


def _users(path: Path) -> InfoFile:
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise RayPoseError(Problem(f"cannot read the dataset_info: {reason}", str(path), rule="dataset-info")) from None


def _parsed(text: str, file: str) -> InfoFile:
    return _checked(_mapping(text, file), file)


def _checked(content: dict[Any, Any], file: str) -> InfoFile:
    keys = [field.name for field in fields(InfoFile)]
    if unknown := [key for key in content if key not in keys]:
        raise RayPoseError(
            Problem(f"unknown key '{key}'", file, hint=nearest(key, keys), rule="unknown-key") for key in unknown
        )
    try:
        return _READER.validate_python(content)
    except ValidationError as error:
        raise RayPoseError(problems(error, file)) from None


def _mapping(text: str, file: str) -> dict[Any, Any]:
    try:
        content = yaml.load(text, _LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise RayPoseError(Problem(f"not YAML: {error.problem}", file, line, column, rule="yaml")) from None
    except yaml.YAMLError as error:
        raise RayPoseError(Problem(f"not YAML: {error}", file, rule="yaml")) from None
    if not isinstance(content, dict):
        raise RayPoseError(Problem("a dataset_info is a mapping, with keypoints and more", file, rule="dataset-info"))
    return content
