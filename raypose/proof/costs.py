"""What a configuration costs, put together from what its components cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from raypose.config import Data, Training, read
from raypose.data import dataset_info
from raypose.kinds import agreed
from raypose.models.builder import assemble
from raypose.models.connect import Parts, connect
from raypose.models.cost import Cost, count
from raypose.models.footprint import Footprint, measure, peak
from raypose.models.footprint_model import LossStep, NeckStep
from raypose.models.footprint_optimizer import Needs, needs
from raypose.models.ports import as_stages, image, is_multi_stage
from raypose.models.topdown import TopDown, select
from raypose.optim import build_optimizer
from raypose.proof.likeness import likeness, plain, shapes, zero_or_not
from raypose.proof.model import Setting
from raypose.proof.workshop import Workshop

KEPT = 512  # parts and counts
Wrap = Callable[[nn.Module], nn.Module]


def as_it_is(module: nn.Module) -> nn.Module:
    return module


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
        parts = connect(config["model"], setting.num_keypoints, setting.input_size, setting.info, self.shop.once)
        return Build(setting, parts, assemble(config["model"], parts))

    def setting(self, config: Mapping[str, Any]) -> Setting:
        """What the model is built for. Raises Failed where the data can't be read."""
        data, training = read(Data, config["data"]), read(Training, config.get("training"))
        source = data.val if "type" in data.val else data.train  # the smaller one; their keypoints are the same
        info = self.shop.once("data", (source,), lambda: dataset_info(source))
        return Setting(len(info.names), data.input_size, info, training.flip_test)

    def cost(self, build: Build) -> Cost:
        """The parameters and FLOPs."""
        return Cost(sum(each.numel() for each in build.model.parameters()), self._flops(build))

    def memory(self, build: Build, optimizer: Mapping[str, Any], batch_size: int, ema: bool = False) -> int:
        """Bytes of a training step. Raises Failed where the optimizer can't be built.

        What an optimizer keeps hardly depends on its rates and the like, so that each kind of optimizer is tried once.
        """

        def tried() -> Needs:
            return needs(build_optimizer(optimizer, build.model, unmatched=lambda error: None))

        kept, meanwhile = self.shop.once("state", (zero_or_not(optimizer),), tried)
        return peak(self._footprints(build), batch_size, kept, meanwhile, ema)

    def _flops(self, build: Build) -> int:
        parts, head, images = build.parts, build.parts.keypoint_head, image(build.setting.input_size)
        if type(build.model) is not TopDown:
            return self._counted(build.model, images)
        below = 0 if parts.neck is None else self._counted(parts.neck, parts.seen, NeckStep)
        return self._counted(parts.backbone, images) + below + self._counted(head, select(parts.features, head))

    def _footprints(self, build: Build) -> list[Footprint]:
        parts, head, images = build.parts, build.parts.keypoint_head, image(build.setting.input_size)
        loss = LossStep(parts.codec, parts.loss_keypoint, agreed(head, parts.codec), build.setting.num_keypoints)
        key = (plain(parts.codec), repr(parts.loss_keypoint), plain(parts.loss_keypoint), shapes(parts.output))
        after = self.shop.once("footprint", key, lambda: measure(loss, parts.output))
        if type(build.model) is not TopDown:
            return [self._measured(build.model, images, gradient=False), after]
        taken = (getattr(head, "in_ports", None), is_multi_stage(head))

        def stages(output: Any) -> Any:
            return as_stages(output, is_multi_stage(parts.backbone))

        def chosen(seen: Any) -> Any:
            return select(seen, head)

        if parts.neck is None:
            first = [
                self._measured(parts.backbone, images, taken, gradient=False, then=lambda out: chosen(stages(out)))
            ]
        else:
            first = [self._measured(parts.backbone, images, gradient=False, then=stages)]
            first.append(self._measured(parts.neck, parts.seen, taken, NeckStep, then=chosen))
        return [*first, self._measured(head, select(parts.features, head)), after]

    def _counted(self, module: nn.Module, inputs: Any, wrap: Wrap = as_it_is) -> int:
        return self.shop.once("flops", (self._like(module), shapes(inputs)), lambda: count(wrap(module), inputs))

    def _measured(
        self, module: nn.Module, inputs: Any, taken: Any = None, wrap: Wrap = as_it_is, **options: Any
    ) -> Footprint:
        key = (self._like(module), shapes(inputs), taken)
        return self.shop.once("footprint", key, lambda: measure(wrap(module), inputs, **options))

    def _like(self, module: nn.Module) -> int:
        """A number that modules which cost the same have in common."""
        if module not in self._alike:
            self._alike[module] = self._numbers.setdefault(repr(likeness(module)), len(self._numbers))
        return self._alike[module]
