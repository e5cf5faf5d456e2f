"""What the `tune` section says of configurations: constraints on their cost and their metrics, points to try first."""

from __future__ import annotations

from raypose.check.metrics import Names, reported
from raypose.check.report import Report, alternatives
from raypose.errors import RayPoseError
from raypose.space import Space
from raypose.space.constraints import Constraint
from raypose.space.points import initial_points
from raypose.space.tree import Mapping, Scalar, Sequence


def bad_constraints(report: Report, tree: Mapping) -> None:
    """Report each of `tune.constraints` that cannot be read, or names what some branch does not report."""
    known = list(reported(report, tree))
    tune = tree.entries.get("tune")
    given = tune.entries.get("constraints") if isinstance(tune, Mapping) else None
    for each in alternatives(given) if given is not None else ():
        for item in each.items if isinstance(each, Sequence) else ():
            if isinstance(item, Scalar) and isinstance(item.value, str):
                _read(report, item, known)


def _read(report: Report, item: Scalar, known: list[Names | None]) -> None:
    try:
        for names in known:
            Constraint.parse(item.value, None if names is None else sorted(names))
    except RayPoseError as error:
        for problem in error.problems:
            report.add(item.mark, problem.message, problem.rule, problem.hint)


def bad_points(report: Report, space: Space) -> None:
    """Report what of `tune.initial_points` the space does not have, if all else could be read."""
    if space.problems or not space.dimensions:  # a configuration that a search sampled keeps its points
        return
    try:
        initial_points(space)
    except RayPoseError as error:
        known = {(each.file, each.line, each.column) for each in report.problems}
        new = [each for each in error.problems if (each.file, each.line, each.column) not in known]
        report.problems.extend(new)
