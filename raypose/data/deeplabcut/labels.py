"""Labels as DeepLabCut writes them: `CollectedData_<scorer>.csv`, three or four header rows, then a row an image."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raypose.data.coco_file import some
from raypose.errors import Problem

ALONE = ""  # the individual of a file without individuals
_HEADERS = ("scorer", "individuals", "bodyparts", "coords")
Column = tuple[str, str, str]  # individual, body part, x or y


@dataclass(frozen=True)
class Labels:
    """A file's R rows, I individuals and K body parts."""

    images: list[str]  # [R] with / between folders, from `labeled-data` on where that is in it
    individuals: list[str]  # [I]
    parts: list[str]  # [K] all of the file
    points: np.ndarray  # [R,I,K,2] x, y in pixels; NaN where not labelled
    owned: np.ndarray  # [I,K] bool: which body parts an individual has columns for

    def parts_of(self, individuals: Sequence[str]) -> list[str]:
        """The body parts that any of them has."""
        rows = [self.individuals.index(who) for who in individuals]
        return [self.parts[i] for i in np.flatnonzero(self.owned[rows].any(axis=0))]

    def select(self, individuals: Sequence[str], parts: Sequence[str]) -> Labels:
        """The labels of these alone; those of parts that the file does not have are NaN."""
        rows = [self.individuals.index(who) for who in individuals]
        points = np.full((len(self.images), len(rows), len(parts), 2), np.nan)
        owned = np.zeros((len(rows), len(parts)), bool)
        for i, part in enumerate(parts):
            if part in self.parts:
                points[:, :, i] = self.points[:, rows, self.parts.index(part)]
                owned[:, i] = self.owned[rows, self.parts.index(part)]
        return Labels(self.images, list(individuals), list(parts), points, owned)


def read_labels(path: Path) -> tuple[Labels | None, list[Problem]]:
    """What the file holds, or all that is wrong with it."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not a CSV file ({error})"
        return None, [Problem(f"cannot read the labels: {reason}", str(path), rule="dlc-csv")]
    headers = {row[0].strip(): row for _, row in rows[:4] if row[0].strip() in _HEADERS}
    if not {"scorer", "bodyparts", "coords"} <= headers.keys():
        message = "not a CSV file of DeepLabCut: its first rows must be scorer, (individuals,) bodyparts, coords"
        return None, [Problem(message, str(path), rows[0][0] if rows else 1, rule="dlc-header")]
    data = rows[len(headers) :]
    first = next((i for i, cell in enumerate(headers["coords"][1:], start=1) if cell.strip()), 1)
    columns, problems = _columns(path, headers, first)
    problems += _uneven(path, data, len(headers["coords"]))
    if problems:
        return None, problems
    values, problems = _values(path, data, first)
    if problems:
        return None, problems
    images = [_image(row[:first]) for _, row in data]
    if repeated := [image for image, count in Counter(images).items() if count > 1]:
        return None, [Problem(f"images with several rows: {some(repeated)}", str(path), rule="dlc-repeated")]
    return _labels(images, columns, values), []


def _columns(path: Path, headers: dict[str, list[str]], first: int) -> tuple[dict[Column, int], list[Problem]]:
    """Where x and y of each body part of each individual stand, from the first column of values on."""
    cells = [headers[name][first:] for name in _HEADERS[1:] if name in headers]
    if len({len(row) for row in cells}) > 1:
        return {}, [Problem("the header rows have different lengths", str(path), rule="dlc-header")]
    keys = [tuple(cell.strip() for cell in each) for each in zip(*cells, strict=True)]
    full = [key if len(key) == 3 else (ALONE, *key) for key in keys]
    columns = {(who, part, axis): i for i, (who, part, axis) in enumerate(full) if axis in ("x", "y")}
    parts = {(who, part) for who, part, _ in columns}
    lone = sorted("/".join(filter(None, key)) for key in parts if not all((*key, axis) in columns for axis in "xy"))
    problems = [Problem(f"no x and y for {some(lone)}", str(path), rule="dlc-header")] if lone else []
    if len(columns) < sum(axis in ("x", "y") for *_, axis in full):
        names = sorted({"/".join(filter(None, key)) for key in full if full.count(key) > 1})
        problems.append(Problem(f"columns that come twice: {some(names)}", str(path), rule="dlc-header"))
    if not columns and not problems:
        problems.append(Problem("no columns of x and y", str(path), rule="dlc-header"))
    return columns, problems


def _uneven(path: Path, data: Sequence[tuple[int, list[str]]], length: int) -> list[Problem]:
    uneven = [number for number, row in data if len(row) != length]
    message = f"rows must have {length} cells, as the header has, but those of lines {some(uneven)} don't"
    return [Problem(message, str(path), uneven[0], rule="dlc-row")] if uneven else []


def _values(path: Path, data: Sequence[tuple[int, list[str]]], first: int) -> tuple[np.ndarray, list[Problem]]:
    values, problems = np.full((len(data), len(data[0][1]) - first if data else 0), np.nan), []
    for i, (number, row) in enumerate(data):
        for j, cell in enumerate(row[first:]):
            try:
                values[i, j] = float(cell) if cell.strip() else math.nan
            except ValueError:
                problems.append(Problem(f"'{cell}' is no number", str(path), number, rule="dlc-number"))
    return values, problems


def _image(cells: Sequence[str]) -> str:
    path = "/".join(cell.strip() for cell in cells).replace("\\", "/")
    start = path.rfind("labeled-data/")  # what is before it is another machine's
    return path[start:] if start > 0 else path


def _labels(images: list[str], columns: dict[Column, int], values: np.ndarray) -> Labels:
    individuals = list(dict.fromkeys(who for who, _, _ in columns))
    parts = list(dict.fromkeys(part for _, part, _ in columns))
    points = np.full((len(images), len(individuals), len(parts), 2), np.nan)
    owned = np.zeros((len(individuals), len(parts)), bool)
    for (who, part, axis), column in columns.items():
        row, place = individuals.index(who), parts.index(part)
        points[:, row, place, "xy".index(axis)] = values[:, column]
        owned[row, place] = True
    points[~np.isfinite(points).all(-1)] = np.nan
    return Labels(images, individuals, parts, points, owned)
