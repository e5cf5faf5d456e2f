"""What was probably meant by an unknown key."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Iterator
from functools import cache

from raypose import config
from raypose.errors import nearest

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
    near = nearest(key, known)
    elsewhere = "" if near.startswith("did you mean") else _elsewhere().get(str(key), "")
    return MMPOSE.get(str(key)) or elsewhere or near


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
