"""Whether heads, codecs and losses have a kind of output in common, whichever of them a configuration comes to."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from itertools import product
from typing import Any

from raypose.check.report import Report, alternatives, is_null, mappings, plain
from raypose.check.variants import variants
from raypose.errors import Problem, RayPoseError
from raypose.kinds import agreed, default_codec, default_loss, mismatches
from raypose.registry import parameters
from raypose.space.tree import Mapping, Node

HINT = "where both are choices, choose between whole heads, each with its codec and loss"
# Stands in for what the builder gives a codec; its kind does not depend on that.
GIVEN = {"input_size": (64, 64), "num_keypoints": 1}


def misfits(report: Report, tree: Mapping) -> None:
    """Report each head with a codec and a loss that a model may get and that don't go together."""
    for model in mappings(tree.entries.get("model")):
        for head in mappings(model.entries.get("keypoint_head")):
            named = [_get(report, "keypoint_head", plain(each)) for each in _types(head)]
            parts = [_variants(name, head, model) for name in ("codec", "loss_keypoint")]
            all_of_them = list(product(named, *parts))
            for gives, codec, loss in all_of_them:
                for where, problem in _mismatches(report, gives, codec, loss):
                    hint = HINT if len(all_of_them) > 1 else ""
                    report.add((where or head).mark, problem.message, problem.rule, hint)


def _mismatches(
    report: Report, head: Any, codec: Node | None, loss: Node | None
) -> Iterator[tuple[Node | None, Problem]]:
    """What is wrong with a combination, and whether at its codec or its loss."""
    if head is None:
        return
    decodes = _codec(report, default_codec(head) if codec is None else plain(codec))
    takes = _losses(report, default_loss(agreed(head, decodes)) if loss is None else plain(loss))
    for problem in mismatches(head, decodes, takes):
        yield codec if "is a codec of" in problem.message else loss, problem


def _types(head: Mapping) -> list[Node]:
    return list(alternatives(head.entries["type"])) if "type" in head.entries else []


def _variants(name: str, head: Mapping, model: Mapping) -> list[Any]:
    """The codecs or losses that a head may get, None where none is named."""
    given = [part.entries[name] for part in (head, model) if name in part.entries and not is_null(part.entries[name])]
    return variants(given[0]) if given else [None]


def _get(report: Report, key: str, cfg: Any) -> Any:
    """The component that a configuration, or a name, means; None where there is none: that is reported elsewhere."""
    name = cfg.get("type") if isinstance(cfg, Table) else cfg
    try:
        return report.slots[key].get(name) if isinstance(name, str) else None
    except RayPoseError:
        return None


def _codec(report: Report, cfg: Any) -> Any:
    """A codec as built, since its kind may depend on its arguments; else its class, or None if that has several."""
    cls = _get(report, "codec", cfg)
    if cls is None:
        return None
    known = parameters(cls)
    args = {**{key: value for key, value in GIVEN.items() if key in known}, **cfg}
    try:
        return cls(**{key: value for key, value in args.items() if key != "type"})
    except Exception:  # whatever is wrong with its arguments is reported elsewhere
        return cls if isinstance(getattr(cls, "output", None), str) else None


def _losses(report: Report, cfg: Any) -> list[Any]:
    """The class of a loss, or those of all that are summed."""
    parts = cfg.get("losses") if isinstance(cfg, Table) else None
    if isinstance(parts, list):
        return [each for part in parts for each in _losses(report, part)]
    found = _get(report, "loss_keypoint", cfg)
    return [] if found is None else [found]
