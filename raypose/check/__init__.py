"""Holds a search space, every branch of it, against the sections of `config` and what is registered.

slots (what is known about the component under a key) and values (a node against an annotation) are used by components
(names and arguments) and sections (keys); rules and agreement are about several places at once.
"""

from __future__ import annotations

from pathlib import Path

from raypose import config
from raypose.check.agreement import misfits
from raypose.check.paramwise import paramwise
from raypose.check.report import Report
from raypose.check.rules import missing_files, not_searchable, unknown_metric
from raypose.check.sections import section
from raypose.check.slots import Lookup, all_slots
from raypose.errors import Problem, RayPoseError
from raypose.space import Space

__all__ = ["check", "load_checked"]


def check(space: Space, *, samplers: Lookup | None = None, schedulers: Lookup | None = None) -> list[Problem]:
    """All that is wrong with a space, by line: keys, component names, arguments, types, bounds, kinds of
    output, files, the metric.

    Nothing is built and nothing runs. The space's plugins must have been loaded. `samplers` and `schedulers` find a
    class by its name or raise RayPoseError; without them the `tune` section's components are not looked up.

    Example:
        >>> for problem in check(Space.load("search.yaml")):
        ...     print(problem)
        search.yaml:14:9: unknown backbone 'ResNt'; did you mean 'ResNet'?
    """
    report = Report(all_slots(samplers, schedulers))
    section(report, space.tree, config.SpaceFile, "the top level")
    not_searchable(report, space.tree)
    misfits(report, space.tree)
    paramwise(report, space.tree.entries.get("optimizer"))
    missing_files(report, space.tree)
    unknown_metric(report, space.tree)
    return report.in_order()


def load_checked(path: str | Path, *, samplers: Lookup | None = None, schedulers: Lookup | None = None) -> Space:
    """The space in a file, its plugins loaded.

    Raises:
        RayPoseError: all that is wrong with it.

    Example:
        >>> space = load_checked("search_spaces/quickstart.yaml")
    """
    space = Space.load(path)
    plugins = space.default().get("plugins")
    plugins = [plugins] if isinstance(plugins, str) else plugins  # not a list is reported, but no unknown names then
    if isinstance(plugins, list) and all(isinstance(each, str) for each in plugins):
        from raypose.plugins import load_plugins

        load_plugins(plugins)
    if problems := check(space, samplers=samplers, schedulers=schedulers):
        raise RayPoseError(problems)
    return space
