"""Budgets in the `tune` section that nothing could spend or reach."""

from __future__ import annotations

from raypose.check.objectives import named
from raypose.check.report import Report, is_null
from raypose.space.tree import Mapping, Node, Scalar


def budgets(report: Report, tree: Mapping) -> None:
    """Report GPU-hours of trials without GPUs, and a target beside several objectives."""
    tune = tree.entries.get("tune")
    if not isinstance(tune, Mapping):
        return
    resources = tune.entries.get("resources")
    gpu = resources.entries.get("gpu") if isinstance(resources, Mapping) else None
    hours, target = _given(tune, "gpu_hours"), _given(tune, "target")
    if hours is not None and isinstance(gpu, Scalar) and gpu.value == 0:
        hint = "write time_budget instead, or set resources.gpu"
        report.add(hours.mark, "a budget of GPU-hours needs trials with GPUs, but 'gpu' is 0", "no-gpus", hint)
    if target is not None and len(found := named(tree)) > 1:
        message = f"'target' is a value of one metric, but 'metric' has {len(found)}"
        report.add(target.mark, message, "several-objectives", "write patience or another budget instead")


def _given(tune: Mapping, key: str) -> Node | None:
    node = tune.entries.get(key)
    return None if node is None or is_null(node) else node
