"""Holds a search space, every branch of it, against the sections of `config` and what is registered.

slots (what is known about the component under a key) and values (a node against an annotation) are used by components
(names and arguments) and sections (keys); the other modules are rules about several places at once, one idea each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from raypose import config
from raypose.check import plugins
from raypose.check.agreement import misfits
from raypose.check.building import Builder, unbuildable
from raypose.check.clashes import clashing
from raypose.check.detections import missing_labels
from raypose.check.epochs import late_milestones
from raypose.check.flips import shift_without_flip
from raypose.check.metrics import metrics
from raypose.check.mutations import mutations
from raypose.check.objectives import objectives
from raypose.check.paramwise import paramwise
from raypose.check.rates import unusual_rates
from raypose.check.report import Report
from raypose.check.rules import missing_files, not_searchable
from raypose.check.samplers import unsuitable
from raypose.check.sections import section
from raypose.check.slots import Lookup, all_slots
from raypose.check.tune import bad_constraints, bad_points
from raypose.errors import Problem, RayPoseError
from raypose.space import Space

__all__ = ["Warn", "check", "load_checked", "settle"]

Warn = Callable[[list[Problem]], None]
logger = logging.getLogger("raypose")


def check(
    space: Space,
    *,
    samplers: Lookup | None = None,
    schedulers: Lookup | None = None,
    builders: Mapping[str, Builder] | None = None,
) -> list[Problem]:
    """All that is wrong with a space, by line: keys, component names, arguments, types, bounds, kinds of
    output, files, the metric; and warnings of what is probably not meant.

    No model is built and nothing runs. The space's plugins must have been loaded. `samplers` and `schedulers` find a
    class by its name or raise RayPoseError; without them the `tune` section's components are not looked up. `builders`
    build the components under some keys, see `raypose.check.building`, whose errors are problems too.

    Example:
        >>> for problem in check(Space.load("search.yaml")):
        ...     print(problem)
        search.yaml:14:9: unknown backbone 'ResNt'; did you mean 'ResNet'?
    """
    report = Report.on(space, all_slots(samplers, schedulers))
    tree = objectives(report, space.tree)
    section(report, tree, config.SpaceFile, "the top level")
    not_searchable(report, space.tree)
    misfits(report, space.tree)
    paramwise(report, space.tree.entries.get("optimizer"))
    missing_files(report, space.tree)
    metrics(report, space.tree)
    missing_labels(report, space.tree)
    late_milestones(report, space.tree)
    shift_without_flip(report, space.tree)
    clashing(report, space.tree)
    bad_constraints(report, space.tree)
    bad_points(report, space)
    mutations(report, space)
    unsuitable(report, space)
    unbuildable(report, tree, builders or {})
    unusual_rates(report, space.tree)
    return report.in_order(space.tree)


def load_checked(
    path: str | Path,
    *,
    samplers: Lookup | None = None,
    schedulers: Lookup | None = None,
    builders: Mapping[str, Builder] | None = None,
    overrides: Iterable[str] = (),
    warn: Warn | None = None,
) -> Space:
    """The space in a file, changed by `overrides`, its plugins loaded. `warn` gets the warnings if that is all there is.

    Raises:
        RayPoseError: all that is wrong with it, warnings included.

    Example:
        >>> space = load_checked("search_spaces/quickstart.yaml")
    """
    space = Space.load(path, overrides=overrides, tolerant=True)
    plugins.load(space)
    settle(check(space, samplers=samplers, schedulers=schedulers, builders=builders), warn)
    return space


def settle(problems: list[Problem], warn: Warn | None = None) -> None:
    """Hand mere warnings to `warn` (default: log them).

    Raises:
        RayPoseError: all problems, warnings included, if one of them is an error.
    """
    if any(each.level == "error" for each in problems):
        raise RayPoseError(problems)
    if problems:
        (warn or _log)(problems)


def _log(problems: list[Problem]) -> None:
    for problem in problems:
        logger.warning("%s", problem)
