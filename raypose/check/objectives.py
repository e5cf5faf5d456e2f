"""The objectives that `tune.metric` names, one or several, and what cannot go with several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raypose import config
from raypose.check.report import Report, is_null, mappings, shown
from raypose.errors import RayPoseError, nearest
from raypose.space.tree import Mapping, Mark, Node, Scalar, Sequence

MODES = ("max", "min")
LISTED = "write it as in [{AP: max}, {flops: min}]"


@dataclass(frozen=True)
class Objective:
    """A metric that is named, where, and the node of its mode if it has one."""

    metric: str
    mark: Mark
    mode: Scalar | None = None


def named(tree: Mapping) -> list[Objective]:
    """What `tune.metric` names, as far as it can be read."""
    tune = tree.entries.get("tune")
    entries = tune.entries if isinstance(tune, Mapping) else {}
    metric, mode = entries.get("metric"), entries.get("mode")
    if isinstance(metric, Sequence):
        return [objective for item in metric.items for objective in _listed(item)]
    if metric is None or (isinstance(metric, Scalar) and isinstance(metric.value, str)):
        name = config.Tune.metric if metric is None else metric.value
        return [Objective(str(name), (metric or tree).mark, mode if isinstance(mode, Scalar) else None)]
    return []


def objectives(report: Report, tree: Mapping) -> Mapping:
    """The tree without a `tune.metric` that is a list, after what is wrong with that and with what stands beside it."""
    tune = tree.entries.get("tune")
    metric = tune.entries.get("metric") if isinstance(tune, Mapping) else None
    if isinstance(tune, Mapping):
        _constant(report, tune.entries.get("scheduler"), named(tree))
    if not isinstance(tune, Mapping) or not isinstance(metric, Sequence):
        return tree
    if not metric.items:
        report.add(metric.mark, "'metric' must name an objective at least, but got []", "wrong-type", LISTED)
    for item in metric.items:
        _shape(report, item)
    found, seen = named(tree), set()
    for each in found:
        if each.metric in seen:
            report.add(each.mark, f"'{each.metric}' is an objective twice", "duplicate-name", "leave one out")
        seen.add(each.metric)
    if (mode := tune.entries.get("mode")) is not None:
        hint = f"leave it out, and {LISTED}"
        report.add(mode.mark, "'mode' is of one metric, but 'metric' is a list", "several-objectives", hint)
    if len(found) > 1:
        _early_stopping(report, tune.entries.get("scheduler"), found)
    return Mapping(tree.mark, {**tree.entries, "tune": tune.without("metric")}, tree.key_marks)


def _listed(item: Node) -> Iterator[Objective]:
    if isinstance(item, Scalar) and isinstance(item.value, str):
        yield Objective(item.value, item.mark)
    elif isinstance(item, Mapping):
        for name, mode in item.entries.items():
            yield Objective(str(name), item.key_marks[name], mode if isinstance(mode, Scalar) else None)


def _shape(report: Report, item: Node) -> None:
    if not isinstance(item, Mapping) or not item.entries:
        if not (isinstance(item, Scalar) and isinstance(item.value, str)):
            report.add(item.mark, f"an objective must be a metric, but got {shown(item)}", "wrong-type", LISTED)
        return
    for name, mode in item.entries.items():
        value: Any = mode.value if isinstance(mode, Scalar) else None
        if value not in MODES:
            hint = nearest(value, MODES) if isinstance(value, str) else LISTED
            report.add(mode.mark, f"'{name}' must be max or min, but got {shown(mode)}", "wrong-type", hint)


def _constant(report: Report, scheduler: Node | None, found: list[Objective]) -> None:
    """Early stopping by what does not change, and by default there is early stopping."""
    if len(found) == 1 and found[0].metric in config.COSTS and not (scheduler is not None and is_null(scheduler)):
        message = f"early stopping compares trials by '{found[0].metric}', which is the same in all epochs"
        report.warn(found[0].mark, message, "constant-objective", "write scheduler: null")


def _early_stopping(report: Report, scheduler: Node | None, found: list[Objective]) -> None:
    """Optuna's pruners compare one value; Ray's schedulers go by the first objective."""
    if scheduler is None or is_null(scheduler):
        return
    for each in mappings(scheduler):
        kind = each.entries.get("type")
        try:
            cls: Any = report.slots["scheduler"].get(kind.value) if isinstance(kind, Scalar) else None
        except (RayPoseError, TypeError, KeyError):  # an unknown one is reported elsewhere
            continue
        if getattr(cls, "__module__", "").startswith("optuna."):
            message = f"early stopping by Optuna's pruners compares one value, but 'metric' has {len(found)}"
            hint = "write scheduler: null, or one of Ray's (ASHAScheduler), which goes by the first objective"
            report.add(each.mark, message, "several-objectives", hint)
        elif found[0].metric in config.COSTS:
            message = f"early stopping goes by the first objective, and '{found[0].metric}' is the same in all epochs"
            report.warn(each.mark, message, "several-objectives", "write first what gets better by training")
