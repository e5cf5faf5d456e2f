"""Keys of the `training` section that do nothing without a flip test."""

from __future__ import annotations

from raypose.check.report import Report, alternatives, mappings
from raypose.space.tree import Mapping, Scalar


def shift_without_flip(report: Report, tree: Mapping) -> None:
    """Warn of a `shift_heatmap` where `flip_test` is on in no branch."""
    for training in mappings(tree.entries.get("training")):
        if _may_be_on(training, "shift_heatmap") and not _may_be_on(training, "flip_test"):
            message = "'shift_heatmap' does nothing without a flip test"
            mark = training.entries["shift_heatmap"].mark
            report.warn(mark, message, "shift-without-flip", "write flip_test: true, or leave it out")


def _may_be_on(section: Mapping, key: str) -> bool:
    node = section.entries.get(key)
    return node is not None and any(isinstance(each, Scalar) and each.value is True for each in alternatives(node))
