"""What population-based training may change while a training runs: `mutate`, patterns of the names of dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from raypose.check.epochs import longest
from raypose.check.report import Report, mappings
from raypose.errors import RayPoseError, nearest
from raypose.space import Space
from raypose.space.tree import Choice, Dimension, Mapping, Node, Scalar
from raypose.space.tree import Sequence as List

NAME = "PopulationBasedTraining"

# What a training can go on with after it has changed, by the section: patterns of the names of dimensions. The rest would
# make other weights, other targets, other data, or another measure. What is in none of these sections may change.
MUTABLE = {
    "model": ("model.*loss_keypoint.*",),
    "data": ("data.augment.*", "data.padding"),
    "optimizer": ("optimizer.*",),
    "training": ("training.batch_size", "training.grad_clip", "training.lr_schedule.*"),
    **dict.fromkeys(("name", "seed", "plugins", "tune"), ()),
}
# Of these, what makes other parameter groups.
GROUPS = "*.paramwise_cfg.*"


def mutable(dimensions: Iterable[Dimension]) -> list[Dimension]:
    """Those of some dimensions that may change while a training runs."""
    return [each for each in dimensions if not why_not(each)]


def why_not(dimension: Dimension) -> str:
    """Why a dimension may not change while a training runs; empty if it may."""
    name, section = dimension.name, dimension.name.partition(".")[0]
    options = [option.node for option in dimension.options] if isinstance(dimension, Choice) else []
    if any(isinstance(node, Mapping) for node in options):
        return "its options are components"
    if section in MUTABLE and not any(fnmatchcase(name, pattern) for pattern in MUTABLE[section]):
        return "weights, data and metrics must stay what they are"
    if fnmatchcase(name, GROUPS):
        return "parameter groups must stay what they are"
    if section == "optimizer" and any(isinstance(n, Scalar) and not isinstance(n.value, (int, float)) for n in options):
        return "an optimizer's state is that of its options"
    if section == "optimizer" and any(isinstance(n, Scalar) and isinstance(n.value, bool) for n in options):
        return "an optimizer's state is that of its options"
    return ""


def mutated(space: Space, patterns: Sequence[str]) -> list[Dimension]:
    """The dimensions that patterns such as `optimizer.*.lr` name, in the file's order.

    Raises:
        RayPoseError: none is given, or one matches no dimension, or one that may not change.

    Example:
        >>> [each.name for each in mutated(space, ["optimizer.*.lr"])]
        ['optimizer.AdamW.lr', 'optimizer.SGD.lr']
    """
    if not patterns:
        raise RayPoseError(f"{NAME} needs 'mutate'", hint=_listed(space), rule="missing-argument")
    for pattern in patterns:
        _refuse(space, pattern)
    return [each for each in space.dimensions if any(matches(each, pattern) for pattern in patterns)]


def matches(dimension: Dimension, pattern: str) -> bool:
    """Whether a pattern names a dimension, wholly or with `*`."""
    return dimension.name == pattern or fnmatchcase(dimension.name, pattern)


def mutations(report: Report, space: Space) -> None:
    """Report what is wrong with `mutate`, with the size of the population and with the interval, where there is one."""
    tune = space.tree.entries.get("tune")
    entries = tune.entries if isinstance(tune, Mapping) else {}
    for scheduler in mappings(entries.get("scheduler")):
        kind = scheduler.entries.get("type")
        if isinstance(kind, Scalar) and kind.value == NAME and space.dimensions:
            _mutate(report, space, scheduler)
            _interval(report, space, scheduler.entries.get("perturbation_interval"))
            if isinstance(trials := entries.get("num_trials"), Scalar) and trials.value == 1:
                report.add(trials.mark, "a population has 2 trials at least, but 'num_trials' is 1", "wrong-value")


def _mutate(report: Report, space: Space, scheduler: Mapping) -> None:
    given = scheduler.entries.get("mutate")
    if given is None or (isinstance(given, List) and not given.items):
        report.add((given or scheduler).mark, f"{NAME} needs 'mutate'", "missing-argument", _listed(space))
    for item in given.items if isinstance(given, List) else ():
        if isinstance(item, Scalar) and isinstance(item.value, str):
            try:
                _refuse(space, item.value)
            except RayPoseError as error:
                for each in error.problems:
                    report.add(item.mark, each.message, each.rule, each.hint)


def _refuse(space: Space, pattern: str) -> None:
    found = [each for each in space.dimensions if matches(each, pattern)]
    if not found:
        names = [each.name for each in mutable(space.dimensions)]
        raise RayPoseError(
            f"'mutate': no dimension is named '{pattern}'", hint=nearest(pattern, names), rule="unknown-dimension"
        )
    for each in found:
        if reason := why_not(each):
            message = f"'{each.name}' cannot change while a training runs: {reason}"
            raise RayPoseError(message, hint=_listed(space), rule="not-mutable")


def _interval(report: Report, space: Space, interval: Node | None) -> None:
    epochs = longest(space.tree)
    if isinstance(interval, Scalar) and isinstance(interval.value, int) and interval.value >= epochs:
        message = f"the population is never compared: its trainings end after epoch {epochs}"
        report.warn(interval.mark, message, "past-the-end")


def _listed(space: Space) -> str:
    names = [each.name for each in mutable(space.dimensions)]
    return f"what may change: {', '.join(names)}" if names else "the space has no dimension that may change"
