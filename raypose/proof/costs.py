"""What a configuration costs, put together from what its components cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from raypose.config import Data, Training, read
from raypose.data import dataset_info
from raypose.data.build import check_same_names
from raypose.models.builder import assemble
from raypose.models.connect import Parts, connect
from raypose.models.cost import Cost, count
from raypose.models.footprint import Footprint, measure, peak
from raypose.models.footprint_model import LossStep, Passage, passages
from raypose.models.footprint_optimizer import Needs, needs
from raypose.models.ports import image, is_multi_stage
from raypose.proof.likeness import likeness, shapes, zero_or_not
from raypose.proof.model import Setting
from raypose.proof.optimizer import built
from raypose.proof.workshop import Workshop

KEPT = 512  # parts and counts
PARTS = {each.name for each in fields(Parts)}


@dataclass(frozen=True)
class Build:
    """A configuration's parts and the model that they make, without memory for weights."""

    setting: Setting
    parts: Parts
    model: Any


class Costs:
    """`costs(config)`: the parameters, FLOPs and training memory of a configuration; components are counted once.

    Example:
        >>> costs = Costs()
        >>> print(costs(Space.load("search_spaces/quickstart.yaml").default()))
        0.23 M parameters, 0.0134 GFLOPs, 0.065 GB in training
    """

    def __init__(self, shop: Workshop | None = None) -> None:
        self.shop = shop or Workshop()
        self._alike: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
        self._numbers: dict[str, int] = {}

    @classmethod
    def bounded(cls) -> Costs:
        """For a process that prices many configurations: it forgets what it has not counted for long."""
        return cls(Workshop(most=KEPT))

    def __call__(self, config: Mapping[str, Any], memory: bool = True) -> Cost:
        """`memory` says whether that of a training step is told, which takes the longest.

        Raises:
            Failed: the model or its optimizer can't be built.
        """
        build, training = self.build(config), read(Training, config.get("training"))
        cost = self.cost(build)
        if not memory:
            return cost
        step = self.memory(build, config["optimizer"], training.batch_size, training.ema is not None)
        return replace(cost, memory=step)

    def build(self, config: Mapping[str, Any]) -> Build:
        """Raises Failed where the model can't be built."""
        setting = self.setting(config)
        cfg = config["model"]
        parts = connect(cfg, setting.num_keypoints, setting.input_size, setting.info, self.shop.once)
        own = {key: value for key, value in cfg.items() if key not in PARTS}
        key = (own, *(id(each) for each in (parts.backbone, parts.neck, parts.keypoint_head)))
        return Build(setting, parts, self.shop.once("posenet", key, partial(assemble, cfg, parts)))

    def setting(self, config: Mapping[str, Any]) -> Setting:
        """What the model is built for. Raises Failed where the data can't be read, or its parts have other keypoints."""
        data, training = read(Data, config["data"]), read(Training, config.get("training"))
        told = partial(dataset_info, on_bad_sample=data.on_bad_sample)
        info = self.shop.once("train", (data.train, data.on_bad_sample), partial(told, data.train))
        if "type" in data.val:
            val = self.shop.once("val", (data.val, data.on_bad_sample), partial(told, data.val))
            self.shop.once("val", (info.names, val.names), partial(check_same_names, info.names, {"val": val.names}))
        return Setting(len(info.names), data.input_size, info, training.flip_test, training.shift_heatmap)

    def cost(self, build: Build) -> Cost:
        """The parameters and FLOPs."""
        return Cost(sum(each.numel() for each in build.model.parameters()), self._flops(build))

    def memory(self, build: Build, optimizer: Mapping[str, Any], batch_size: int, ema: bool = False) -> int:
        """Bytes of a training step. Raises Failed where the optimizer can't be built.

        What an optimizer keeps hardly depends on its rates and the like, so that each kind of optimizer is tried once.
        """

        def tried() -> Needs:
            return needs(built(optimizer, build.model))

        kept, meanwhile = self.shop.once("state", (zero_or_not(optimizer),), tried)
        return peak(self._footprints(build), batch_size, kept, meanwhile, ema)

    def passages(self, build: Build) -> list[Passage]:
        return passages(build.model, image(build.setting.input_size), build.parts)

    def _flops(self, build: Build) -> int:
        flops = 0
        for each in self.passages(build):
            if not isinstance(each.module, LossStep):
                key = (self.like(each.module), shapes(each.inputs))
                flops += self.shop.once("flops", key, partial(count, each.module, each.inputs))
        return flops

    def _footprints(self, build: Build) -> list[Footprint]:
        return [self.footprint(build, each) for each in self.passages(build)]

    def footprint(self, build: Build, passage: Passage) -> Footprint:
        """What a passage takes in a training step. Raises Failed where that can't be told."""
        head = build.parts.keypoint_head
        taken = (getattr(head, "in_ports", None), is_multi_stage(head))  # of what comes before the head
        key = (self.like(passage.module), shapes(passage.inputs), taken if passage.then else None)
        how = partial(measure, passage.module, passage.inputs, passage.gradient, passage.then)
        return self.shop.once("footprint", key, how)

    def like(self, module: nn.Module) -> int:
        """A number that modules which cost the same have in common."""
        if module not in self._alike:
            self._alike[module] = self._numbers.setdefault(repr(likeness(module)), len(self._numbers))
        return self._alike[module]
