"""A `tune.metric` of several objectives."""

from __future__ import annotations

from raypose.check.report import Report, alternatives, is_null
from raypose.space.tree import Mapping, Sequence


def objectives(report: Report, tree: Mapping) -> Mapping:
    """The tree without a `tune.metric` that is a list, which is reported, and so is what cannot go with one."""
    tune = tree.entries.get("tune")
    metric = tune.entries.get("metric") if isinstance(tune, Mapping) else None
    if not isinstance(tune, Mapping) or not isinstance(metric, Sequence):
        return tree
    hint = "name one metric; `constraints` bounds what a model costs"
    message = "several objectives are not searched yet: 'metric' must be a string"
    report.add(metric.mark, message, "several-objectives", hint)
    scheduler = tune.entries.get("scheduler", metric)
    stopping = [each for each in alternatives(scheduler) if not is_null(each)]
    for each in stopping if len(metric.items) > 1 else ():
        by_default = ", also by default" if scheduler is metric else ""
        message = f"early stopping{by_default} compares one value, but 'metric' has {len(metric.items)}"
        report.add(each.mark, message, "several-objectives", "write scheduler: null")
    return Mapping(tree.mark, {**tree.entries, "tune": tune.without("metric")}, tree.key_marks)
