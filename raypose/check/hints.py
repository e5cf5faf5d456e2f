"""What was probably meant: by an unknown key, by a mapping where none fits, by a dimension where a mapping is wanted."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache

from raypose import config
from raypose.check.report import mappings
from raypose.errors import nearest
from raypose.space.forms import FORMS, form
from raypose.space.traverse import as_written
from raypose.space.tree import Choice, Mapping, Node

TIMES = {"ref", "times"}

# Keys of MMPose's configurations, and what serves their purpose here.
MMPOSE = {
    "test_cfg": "`flip_test` is a key of `training`, and how outputs are decoded is the codec's",
    "train_cfg": "leave it out",
    "heatmap_size": "leave it out: it follows from the head",
    "image_size": "the size is `input_size` in `data`",
    "data_cfg": "the size is `input_size` in `data`",
    "samples_per_gpu": "that is `batch_size` in `training`",
    "workers_per_gpu": "leave it out",
    "total_epochs": "that is `epochs` in `training`",
    "max_epochs": "that is `epochs` in `training`",
    "lr_config": "that is `lr_schedule` in `training`",
    "param_scheduler": "that is `lr_schedule` in `training`",
    "optimizer_config": "gradients are clipped by `grad_clip` in `training`",
    "optim_wrapper": "that is `optimizer`",
    "evaluation": "metrics are `metrics` in `training`",
    "load_from": "that is `pretrained` in `model`",
    "data_preprocessor": "leave it out",
}


def meant(key: object, known: Iterable[str]) -> str:
    """The hint for an unknown key: what serves for it here, the nearest known one, where it belongs, else all known.

    Example:
        >>> meant("epochs", ["lr", "type"])
        'it belongs in `training`'
    """
    known = list(known)
    elsewhere = "" if get_close_matches(str(key), map(str, known), cutoff=0.8) else _elsewhere().get(str(key), "")
    return MMPOSE.get(str(key)) or elsewhere or nearest(key, known)


@cache
def _elsewhere() -> dict[str, str]:
    """Keys that one section alone has."""
    places: dict[str, list[str]] = {}
    for key, section in _keys(config.SpaceFile, ""):
        places.setdefault(key, []).append(section)
    said = {key: found[0] for key, found in places.items() if len(found) == 1}
    return {key: f"it belongs {f'in `{place}`' if place else 'at the top level'}" for key, place in said.items()}


def _keys(described: type, name: str) -> Iterator[tuple[str, str]]:
    for key, annotation in typing.get_type_hints(described).items():
        yield key, name
        if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            yield from _keys(annotation, key)


def literally(node: Node, wrong: Node, message: str) -> str:
    """The hint for a dimension that is perhaps meant as a mapping."""
    whole = as_written(node)
    written = whole if isinstance(node, Choice) and not any(mappings(node)) else as_written(wrong)
    if "a mapping" not in message or not isinstance(written, dict) or form(written) is None:
        return ""
    text = re.sub(r'"(\w+)":', r"\1:", json.dumps({"fixed": written}, ensure_ascii=False, default=str))
    return f"if it is no dimension, write {text}" if len(text) <= 60 else "if it is no dimension, write {fixed: ...}"


def almost_a_dimension(node: Mapping) -> str:
    """The hint for a mapping whose only key looks like a kind of dimension, or that is nearly a `ref` with `times`."""
    missing = TIMES - node.entries.keys()
    if len(node.entries) == 2 and len(missing) == 1:
        (wrong,) = node.entries.keys() - TIMES
        hint = nearest(wrong, missing)
    else:
        hint = nearest(next(iter(node.entries)), FORMS) if len(node.entries) == 1 else ""
    return hint if hint.startswith("did you mean") else ""
