"""Kept samples as SVG over their crops."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from raypose.reporting.report.samples import Kept, Sample
from raypose.reporting.report.theme import PREDICTED, TRUTH

MOST = 30  # keypoints of the full size


def drawing(sample: Sample, kept: Kept, place: str = "") -> str:
    """An SVG element: the crop, lines between truth and prediction, both skeletons; `place` are attributes that say where it
    stands in another SVG."""
    data = base64.b64encode(sample.jpeg).decode("ascii")
    w, h = sample.width, sample.height
    many = len(kept.names)  # keypoints are smaller then
    radius = max(w, h / 2) / 70 * min(1.0, (MOST / max(many, 1)) ** 0.5)  # all crops are shown as wide
    titles = [_told(kept, sample, i) for i in range(many)]
    parts = [
        f'<image href="data:image/jpeg;base64,{data}" width="{w}" height="{h}"/>',
        _misses(sample, radius),
        _skeleton("truth", sample.truth, kept, TRUTH, radius, titles),
        _skeleton("predicted", sample.predicted, kept, PREDICTED, radius, titles),
    ]
    named = f' role="img" aria-label="{escape(sample.image)}: truth and prediction"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}"{place}{named}>{"".join(parts)}</svg>'


def _known(points: Sequence[Any], i: int) -> bool:
    """Whether a keypoint is labelled, or predicted: what is no finite number is null."""
    point = points[i] if i < len(points) else None
    return point is not None and all(each is not None for each in point) and point[2] > 0


def _misses(sample: Sample, radius: float) -> str:
    both = [i for i in range(len(sample.truth)) if _known(sample.truth, i) and _known(sample.predicted, i)]
    lines = [_line(sample.truth[i], sample.predicted[i]) for i in both]
    style = f'stroke="#fff" stroke-width="{radius * 0.45:.2f}" stroke-dasharray="{radius:.1f} {radius * 0.7:.1f}"'
    return f'<g class="miss" {style}>{"".join(lines)}</g>'


def _skeleton(
    name: str, points: Sequence[Sequence[float]], kept: Kept, color: str, radius: float, titles: Sequence[str]
) -> str:
    """Bones first, on a dark edge that shows them on light images, too; then keypoints."""
    bones = [(a, b) for a, b in kept.skeleton if _known(points, a) and _known(points, b)]
    lines = "".join(_line(points[a], points[b]) for a, b in bones)
    dots = "".join(_dot(points[i], radius, titles[i]) for i in range(len(kept.names)) if _known(points, i))
    edge = f'<g stroke="#000" stroke-opacity=".45" stroke-width="{radius * 1.5:.2f}">{lines}</g>'
    body = f'<g stroke="{color}" stroke-width="{radius * 0.75:.2f}">{lines}</g>'
    ends = f'<g fill="{color}" stroke="#000" stroke-opacity=".6" stroke-width="{radius * 0.35:.2f}">{dots}</g>'
    return f'<g class="{name}" stroke-linecap="round">{edge}{body}{ends}</g>'


def _line(a: Sequence[float], b: Sequence[float]) -> str:
    return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'


def _dot(point: Sequence[float], radius: float, title: str) -> str:
    return f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="{radius:.1f}"><title>{escape(title)}</title></circle>'


def _told(kept: Kept, sample: Sample, i: int) -> str:
    parts = []
    if _known(sample.predicted, i):
        parts.append(f"score {sample.predicted[i][2]:.2g}")
        if _known(sample.truth, i):
            parts.insert(0, f"{math.dist(sample.truth[i][:2], sample.predicted[i][:2]):.1f} pixels of this crop apart")
    if not _known(sample.truth, i):
        parts.append("not labelled")
    return f"{kept.names[i]}: {', '.join(parts)}"


def sheet(kept: Kept, samples: Iterable[Sample], columns: int = 5, cell: int = 260) -> str:
    """All samples as one SVG, with the error under each."""
    found, drawn = list(samples), []
    rows = -(-len(found) // columns)
    for i, each in enumerate(found):
        x, y = i % columns * cell + 8, i // columns * (cell + 28) + 8
        inner = drawing(each, kept, f' x="{x}" y="{y}" width="{cell - 16}" height="{cell - 16}"')
        told = "not labelled" if each.error is None else f"{each.error:.3g} {kept.unit}"
        place = f'x="{x + (cell - 16) / 2}" y="{y + cell}"'
        drawn.append(
            f'{inner}<text {place} text-anchor="middle" font-family="sans-serif" font-size="13">{escape(told)}</text>'
        )
    width, height = min(columns, len(found)) * cell, rows * (cell + 28)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    white = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{white}{"".join(drawn)}</svg>'
