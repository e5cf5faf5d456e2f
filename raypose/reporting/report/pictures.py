"""The report's figures as PNG files."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

import vl_convert

from raypose.reporting.report.drawing import sheet
from raypose.reporting.report.figure import Figure
from raypose.reporting.report.theme import PRINT
from raypose.reporting.report.view import View

WIDTH = 720  # pixels of a figure, which a picture has twice of
SCALE = 2


def write_pictures(view: View, figures: Iterable[Figure], folder: Path) -> list[Path]:
    """One PNG a figure, and `samples.png` of the best model's predictions; the files that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {each.name: _png(each) for each in figures}
    if view.kept and view.kept.samples:
        drawn["samples"] = vl_convert.svg_to_png(sheet(view.kept, view.kept.samples), scale=SCALE)
    return [_write(folder / f"{_file_name(name)}.png", png) for name, png in drawn.items()]


def _png(figure: Figure) -> bytes:
    spec = {
        **figure.spec,
        "width": WIDTH,
        "title": {"text": figure.title, "anchor": "start", "fontSize": 15, "offset": 14},
    }
    return vl_convert.vegalite_to_png({**spec, "padding": 16}, scale=SCALE, config=PRINT, allowed_base_urls=[])


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _write(path: Path, content: bytes) -> Path:
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    return path
