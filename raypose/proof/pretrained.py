"""Whether pretrained weights can be had, without reading them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from raypose.models.connect import pretrained_of
from raypose.models.pretrained import check_source
from raypose.models.pretrained.loading import IMAGENET
from raypose.proof.workshop import Workshop
from raypose.registry import BACKBONES


def prove_pretrained(shop: Workshop, cfg: Mapping[str, Any]) -> None:
    """Raises Failed for pretrained weights that are not there, and can't be fetched from anywhere.

    What a backbone of the user's own makes of a name is its own business.
    """
    named = pretrained_of(cfg)
    ours = BACKBONES.get(cfg["backbone"]["type"]).__module__.startswith("raypose.")
    for name in (named["model"], named["backbone"] if ours else None):
        if isinstance(name, str) and name.lower() not in IMAGENET:
            shop.once("pretrained", (name,), partial(check_source, name))
