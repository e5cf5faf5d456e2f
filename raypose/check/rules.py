"""Rules about several places of a space at once, or about what lies outside of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from raypose import config
from raypose.check.report import Report, alternatives
from raypose.check.slots import Lookup
from raypose.check.variants import variants
from raypose.errors import RayPoseError, nearest
from raypose.space.traverse import children, descend
from raypose.space.tree import Dimension, Mapping, Node, Scalar
from raypose.space.walker import walk

# Top-level keys whose values are the same for all trials of a search.
FIXED = ("name", "seed", "plugins", "tune")
# Keys that name what must lie on the disk.
FILES = {"ann_file": ("annotation file", Path.is_file), "img_prefix": ("image folder", Path.is_dir)}
# What training reports besides the configured metrics.
ALWAYS_REPORTED = {"loss", "train_loss"}


def not_searchable(report: Report, tree: Mapping) -> None:
    """Dimensions where every trial must have the same value."""
    for key in FIXED:
        for path, node in descend(tree.entries[key], (key,)) if key in tree.entries else ():
            if isinstance(node, Dimension):
                report.add(node.mark, f"'{'.'.join(path)}' cannot be searched", "not-searchable")


def missing_files(report: Report, tree: Node) -> None:
    """Annotation files and image folders that are not there."""
    for key, node in _scalars(tree, None):
        if key in FILES and isinstance(node.value, str) and node.value:
            what, exists = FILES[key]
            if not exists(Path(node.value)):
                hint = f"written as '{node.written}'" if node.written != node.value else ""
                report.add(node.mark, f"no such {what}: {node.value}", "missing-file", hint)


def _scalars(node: Node, key: Any) -> Iterator[tuple[Any, Scalar]]:
    """Every scalar with the key of the mapping that it stands in."""
    if isinstance(node, Scalar):
        yield key, node
    for name, child in children(node).items():
        yield from _scalars(child, name if isinstance(node, Mapping) else key)


def unknown_metric(report: Report, tree: Mapping) -> None:
    """A `tune.metric` that the metrics of some branch do not give."""
    tune = tree.entries.get("tune")
    named = tune.entries.get("metric") if isinstance(tune, Mapping) else None
    wanted = named.value if isinstance(named, Scalar) else config.Tune.metric
    where = named if named is not None else tree
    for given in _configured(tree):
        produced = _produced(given, report.slots["metrics"].get)
        if isinstance(wanted, str) and produced is not None and wanted not in produced:
            message = f"no configured metric gives '{wanted}', which tune.metric asks for"
            report.add(where.mark, message, "unknown-metric", nearest(wanted, produced))


def _configured(tree: Mapping) -> Iterator[Any]:
    """Each list of metrics that the space may come to."""
    for training in alternatives(tree.entries.get("training", Mapping(tree.mark, {}, {}))):
        given = training.entries.get("metrics") if isinstance(training, Mapping) else None
        if given is None:
            yield config.Training().metrics
        else:
            yield from (walk(each, lambda _: None, lambda scalar: scalar.value) for each in variants(given))


def _produced(metrics: Any, get: Lookup) -> set[str] | None:
    """The names of all values; None where a metric is unknown or does not say."""
    names = set(ALWAYS_REPORTED)
    for cfg in metrics if isinstance(metrics, list) else [None]:
        found = _names(cfg, get)
        if found is None:
            return None
        names.update(found)
    return names


def _names(cfg: Any, get: Lookup) -> Iterable[str] | None:
    """What one metric gives: as it says once built, since names may depend on arguments, else as its class says."""
    try:
        cls = get(cfg["type"])
    except (RayPoseError, TypeError, KeyError):
        return None
    try:
        names = cls(**{key: value for key, value in cfg.items() if key != "type"}).names
    except Exception:  # whatever is wrong with its arguments is reported elsewhere
        names = getattr(cls, "names", None)
    return names if isinstance(names, (tuple, list, set, frozenset)) else None
