"""The report's figures, one kind a module: a function from a `View` to figures, none where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from raypose.reporting.report.figure import Figure
from raypose.reporting.report.figures.costs import costs
from raypose.reporting.report.figures.curves import curves
from raypose.reporting.report.figures.errors import errors
from raypose.reporting.report.figures.importance import importance
from raypose.reporting.report.figures.keypoints import keypoints
from raypose.reporting.report.figures.parallel import parallel
from raypose.reporting.report.figures.pareto import pareto
from raypose.reporting.report.figures.progress import progress
from raypose.reporting.report.figures.slices import slices
from raypose.reporting.report.view import View

FIGURES: Mapping[str, Callable[[View], list[Figure]]] = {
    "progress": progress,
    "pareto": pareto,
    "importance": importance,
    "parallel": parallel,
    "slices": slices,
    "curves": curves,
    "costs": costs,
    "keypoints": keypoints,
    "errors": errors,
}
