"""A project's configuration and all of its labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from raypose.data.coco_file import some
from raypose.data.deeplabcut.labels import Labels, read_labels
from raypose.errors import Problem, RayPoseError, nearest

UNIQUE = "single"  # the individual whose body parts are no animal's, but the scene's
FOLDER = "labeled-data"
_TO_CSV = "DeepLabCut writes both; to make it: python -c \"import pandas; pandas.read_hdf('{0}.h5').to_csv('{0}.csv')\""


@dataclass(frozen=True)
class Project:
    """What is labelled in a project: R images, K body parts."""

    root: Path  # what the images are relative to
    names: list[str]  # [K]
    skeleton: list[tuple[int, int]]  # indices from 0
    name: str
    labels: list[Labels]  # one a file, its `parts` are those of `names`, the scene's own left out
    notes: list[str]  # what has been left out


def read_project(source: Path) -> Project:
    """A project's folder, or one CSV file of labels.

    Raises:
        RayPoseError: all that is wrong with its configuration and labels.

    Example:
        >>> read_project(Path("openfield-Pranav-2018-10-30")).names
        ['snout', 'leftear', 'rightear', 'tailbase']
    """
    files = _files(source)
    read = {file: read_labels(file) for file in files}
    if problems := [problem for _, found in read.values() for problem in found]:
        raise RayPoseError(problems)
    labels = {file: each for file, (each, _) in read.items() if each is not None}
    root = source if source.is_dir() else _root_of(source, next(iter(labels.values())))
    config = _config(root / "config.yaml")
    animals = {file: _animals(each) for file, each in labels.items()}
    names, problems = _names(config, animals, labels)
    if problems:
        raise RayPoseError(problems)
    chosen = [each.select(animals[file], names) for file, each in labels.items()]
    name = str(config.get("Task") or "animal")
    return Project(root, names, _skeleton(config, names), name, chosen, _notes(labels, animals, names))


def _files(source: Path) -> list[Path]:
    """The files of labels."""
    if source.is_dir():
        return _files_of(source)
    if source.suffix.lower() == ".h5":
        hint = _TO_CSV.format(source.with_suffix(""))
        raise RayPoseError(f"labels are read from CSV, not from {source}", hint=hint, rule="dlc-only-h5")
    if not source.is_file():
        raise RayPoseError(f"there is no {source}", hint="give a project's folder or a CSV file", rule="dlc-project")
    return [source]


def _files_of(root: Path) -> list[Path]:
    if not (root / "config.yaml").is_file():
        hint = "give the folder that holds it, or one CollectedData CSV file"
        raise RayPoseError(f"{root} is no DeepLabCut project: it has no config.yaml", hint=hint, rule="dlc-project")
    name = f"CollectedData_{_config(root / 'config.yaml').get('scorer')}"
    found = sorted((root / FOLDER).glob("*/CollectedData*.*"))
    files = [file for file in found if file.name == f"{name}.csv"]
    labelled = {file.parent: file for file in reversed(found)}
    problems = [_lacking(file, name) for folder, file in labelled.items() if folder / f"{name}.csv" not in files]
    if not found:
        message = f"no labels: there is no {root / FOLDER}/*/{name}.csv"
        problems = [Problem(message, hint="is anything labelled yet?", rule="dlc-no-labels")]
    if problems:
        raise RayPoseError(sorted(problems, key=str))
    return files


def _lacking(file: Path, name: str) -> Problem:
    """Beside `file` there is no `name`.csv."""
    if file.with_name(f"{name}.h5").exists():
        hint = _TO_CSV.format(file.with_name(name))
        return Problem(f"{file.parent} has {name}.h5, but no {name}.csv", hint=hint, rule="dlc-only-h5")
    hint = "is the scorer in config.yaml that of the labels?"
    return Problem(f"{file.parent} has {file.name}, but no {name}.csv", hint=hint, rule="dlc-scorer")


def _root_of(file: Path, labels: Labels) -> Path:
    """The nearest folder above a file of labels from which one of its images is found, else that of the file."""
    folders = (folder for folder in file.absolute().parents if any((folder / each).is_file() for each in labels.images))
    return next(folders, file.absolute().parent)


def _config(path: Path) -> dict[str, Any]:
    """Empty where there is no file."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RayPoseError(Problem(f"cannot be read: {error}", str(path), rule="dlc-config")) from None
    return config if isinstance(config, dict) else {}


def _animals(labels: Labels) -> list[str]:
    return [who for who in labels.individuals if who != UNIQUE] or labels.individuals


def _names(
    config: dict[str, Any], animals: Mapping[Path, list[str]], labels: Mapping[Path, Labels]
) -> tuple[list[str], list[Problem]]:
    """The animals' body parts: the configuration's, else the files'; and which files have others."""
    told = config.get("multianimalbodyparts" if config.get("multianimalproject") else "bodyparts")
    found = {file: each.parts_of(animals[file]) for file, each in labels.items()}
    if not isinstance(told, list) or not told:
        return list(dict.fromkeys(part for parts in found.values() for part in parts)), []
    names = list(map(str, told))
    return names, [
        Problem(
            f"config.yaml has no body parts {some(unknown)}", str(file), 2, hint=nearest(unknown[0], names),
            rule="dlc-bodyparts",
        )
        for file, parts in found.items()
        if (unknown := [part for part in parts if part not in names])
    ]  # fmt: skip


def _skeleton(config: dict[str, Any], names: list[str]) -> list[tuple[int, int]]:
    """Pairs of names that exist; a new project's configuration has some that don't."""
    chains: Iterable[Any] = config.get("skeleton") or []
    pairs = [pair for chain in chains if isinstance(chain, list) for pair in pairwise(chain)]
    return list(dict.fromkeys((names.index(a), names.index(b)) for a, b in pairs if a in names and b in names))


def _notes(labels: Mapping[Path, Labels], animals: Mapping[Path, list[str]], names: list[str]) -> list[str]:
    scene = sorted({p for file, each in labels.items() for p in each.parts if p not in each.parts_of(animals[file])})
    lacking = {file: [n for n in names if n not in each.parts] for file, each in labels.items()}
    notes = [f"left out, since they are no animal's: {', '.join(scene)}"] if scene else []
    notes += [f"not labelled in {file}: {', '.join(parts)}" for file, parts in lacking.items() if parts]
    empty = sum(int((~np.isfinite(each.points).all(-1).any((1, 2))).sum()) for each in labels.values())
    return notes + ([f"images without any label, left out: {empty}"] if empty else [])
