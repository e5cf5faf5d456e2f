"""A detector's boxes in place of labelled ones: who needs labels cannot do with them."""

from __future__ import annotations

from collections.abc import Iterator

from raypose.check.metrics import metric_lists
from raypose.check.report import Report, alternatives, mappings, plain
from raypose.errors import RayPoseError
from raypose.space.traverse import descend
from raypose.space.tree import Mapping, Mark, Node, Scalar

_HINT = "with a detector's boxes, write metrics: [{type: CocoAP}] in training, or leave out bbox_file"


def missing_labels(report: Report, tree: Mapping) -> None:
    """Report detections that are trained on, and metrics that compare each row of `val` or `test` with its own labels."""
    for data in mappings(tree.entries.get("data")):
        for mark in _detections(data.entries.get("train")):
            hint = "give bbox_file to data.val and data.test alone"
            report.add(mark, "nothing to learn from: a detector's boxes have no labels", "detections", hint)
        evaluated = [mark for part in ("val", "test") for mark in _detections(data.entries.get(part))]
        if evaluated:
            _metrics(report, tree, evaluated[0])


def _metrics(report: Report, tree: Mapping, detections: Mark) -> None:
    """Report each metric where it stands; those that come by default, at the detections."""
    for metrics in metric_lists(tree):
        for metric in metrics:
            cfg = plain(metric) if isinstance(metric, Node) else metric
            if _needs_labels(report, cfg):
                mark = metric.mark if isinstance(metric, Node) else detections
                message = f"{cfg['type']} compares each instance with its own labels, which a detector's boxes lack"
                report.add(mark, message, "metric-needs", _HINT)


def _needs_labels(report: Report, cfg: object) -> bool:
    try:
        return getattr(report.slots["metrics"].get(cfg["type"]), "own_labels", False)  # type: ignore[index]
    except (RayPoseError, TypeError, KeyError):  # reported elsewhere
        return False


def _detections(node: Node | None) -> Iterator[Mark]:
    for _, each in descend(node) if node is not None else ():
        if isinstance(each, Mapping) and "bbox_file" in each.entries:
            for value in alternatives(each.entries["bbox_file"]):
                if isinstance(value, Scalar) and value.value is not None:
                    yield value.mark
