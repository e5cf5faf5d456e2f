"""Keys of the `tune` section that cannot stand beside each other."""

from __future__ import annotations

from collections.abc import Iterator

from raypose.check.report import Report, plain
from raypose.config import Tune, read
from raypose.errors import Problem, RayPoseError
from raypose.space.tree import Mapping

KEYS = (
    "metric",
    "mode",
    "target",
    "repeats",
    "gpu_hours",
    "resources",
    "sampler",
    "initial_points",
)  # that are looked at


def clashes(tune: Tune) -> Iterator[tuple[str, Problem]]:
    """What is wrong with a `tune` section that is right key by key, each with the key to blame.

    Example:
        >>> [key for key, _ in clashes(Tune(metric=["AP", "EPE"], target=0.8))]
        ['target']
    """
    if (count := len(tune.goals)) > 1 and tune.target is not None:
        message = f"'target' is a value of one metric, but 'metric' has {count}"
        yield "target", Problem(message, rule="several-objectives", hint="write patience or another budget instead")
    if count > 1 and tune.repeats:
        message = f"'repeats' ranks trials by the mean of one metric, but 'metric' has {count}"
        yield "repeats", Problem(message, rule="several-objectives", hint="leave it out, or name one metric")
    if tune.gpu_hours is not None and tune.resources.gpu == 0:
        message = "a budget of GPU-hours needs trials with GPUs, but 'gpu' is 0"
        yield "gpu_hours", Problem(message, rule="no-gpus", hint="write time_budget instead, or set resources.gpu")
    if tune.initial_points and (tune.sampler or {}).get("type") == "GridSampler":
        message = "GridSampler tries its own grid and nothing else"
        hint = "leave out initial_points, or take another sampler"
        yield "initial_points", Problem(message, rule="initial-points", hint=hint)


def clashing(report: Report, tree: Mapping) -> None:
    """Report them, if the section can be read."""
    node = tree.entries.get("tune")
    if not isinstance(node, Mapping):
        return
    try:
        tune = read(Tune, {key: plain(child) for key, child in node.entries.items() if key in KEYS})
    except (RayPoseError, TypeError):  # which is reported elsewhere
        return
    for key, problem in clashes(tune):
        report.add(node.entries[key].mark, problem.message, problem.rule, problem.hint)
