"""The objectives of a search against what the configured metrics give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raypose import config
from raypose.check.objectives import named
from raypose.check.report import Report, mappings, plain
from raypose.check.slots import Lookup
from raypose.check.variants import variants
from raypose.errors import RayPoseError, nearest
from raypose.space.tree import Mapping, Node, Scalar, Sequence

# What training reports besides the configured metrics.
ALWAYS_REPORTED = {name: name for name in ("loss", "train_loss", *config.COSTS)}

Names = dict[str, str]  # of a value: what it is called, and what it is called where the user does not rename it


def metrics(report: Report, tree: Mapping) -> None:
    """Report a metric that some branch does not give, a mode that contradicts it, and metrics that give the same."""
    for configured in metric_lists(tree):
        _twice(report, configured, [_names(cfg, report.slots["metrics"].get) for cfg in configured])
    for given in (each for each in reported(report, tree) if each is not None):
        for wanted in named(tree):
            if wanted.metric not in given:
                message = f"no configured metric gives '{wanted.metric}', which tune.metric asks for"
                report.add(wanted.mark, message, "unknown-metric", nearest(wanted.metric, given))
            elif wanted.mode is not None:
                _contradiction(report, wanted.mode, wanted.metric, config.BETTER.get(given[wanted.metric]))
            elif config.BETTER.get(given[wanted.metric]) == "min" and wanted.metric not in config.BETTER:
                message = f"'{wanted.metric}' is better when it is lower, but 'max' is the mode of a metric so named"
                hint = f"write mode: min, or {{{wanted.metric}: min}} in a list"
                report.add(wanted.mark, message, "mode-contradicts-metric", hint)


def reported(report: Report, tree: Mapping) -> Iterator[Names | None]:
    """All that a trial reports, for each list of metrics that the space may come to; None where one does not say."""
    for configured in metric_lists(tree):
        found = [_names(cfg, report.slots["metrics"].get) for cfg in configured]
        told = [each for each in found if each is not None]
        yield (
            {**ALWAYS_REPORTED, **{k: v for each in told for k, v in each.items()}} if len(told) == len(found) else None
        )


def metric_lists(tree: Mapping) -> Iterator[list[Any]]:
    """Each list of metrics that the space may come to, as nodes; of those where none is given, plain."""
    training = list(mappings(tree.entries.get("training"))) or [Mapping(tree.mark, {}, {})]
    for section in training:
        given = section.entries.get("metrics")
        for each in variants(given) if given is not None else [config.Training().metrics]:
            yield list(each.items) if isinstance(each, Sequence) else each if isinstance(each, list) else [None]


def _names(metric: Any, get: Lookup) -> Names | None:
    """What one metric gives, as it says once built, since names may depend on arguments; None where it does not say."""
    cfg = plain(metric) if isinstance(metric, Node) else metric
    try:
        cls = get(cfg["type"])
    except (RayPoseError, TypeError, KeyError):
        return None
    own = getattr(cls, "names", None)
    try:
        names = cls(**{key: value for key, value in cfg.items() if key != "type"}).names
    except Exception:  # whatever is wrong with its arguments is reported elsewhere
        return None
    if not isinstance(names, (tuple, list, set, frozenset)) or not all(isinstance(name, str) for name in names):
        return None
    ordered = isinstance(names, (tuple, list)) and isinstance(own, (tuple, list)) and len(own) == len(names)
    return dict(zip(names, own if ordered else names, strict=True))  # type: ignore[arg-type]


def _twice(report: Report, configured: list[Any], found: list[Names | None]) -> None:
    """Metrics of one list that give values of one name, which the first validation would refuse."""
    seen: set[str] = set()
    for metric, names in zip(configured, found, strict=True):
        for name in sorted(seen & (names or {}).keys())[:1]:
            if isinstance(metric, Node):
                report.add(metric.mark, f"two metrics give '{name}'", "duplicate-name", "give one another `name`")
        seen |= (names or {}).keys()


def _contradiction(report: Report, mode: Scalar, metric: str, better: str | None) -> None:
    if better is not None and mode.value in {"max", "min"} - {better}:
        which = "higher" if better == "max" else "lower"
        message = f"mode '{mode.value}' contradicts '{metric}', which is better when it is {which}"
        report.warn(mode.mark, message, "mode-contradicts-metric", f"write mode: {better}, or leave it out")
