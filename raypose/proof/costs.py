"""What a configuration costs, put together from what its components cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from raypose.config import Data, Training, read
from raypose.data import dataset_info
from raypose.kinds import agreed
from raypose.models.builder import assemble
from raypose.models.connect import Parts
from raypose.models.cost import Cost, count
from raypose.models.footprint import Footprint, measure, peak
from raypose.models.footprint_model import LossStep, NeckStep
from raypose.models.ports import as_stages, image, is_multi_stage
from raypose.models.topdown import TopDown, select
from raypose.optim import build_optimizer
from raypose.proof.model import Setting, prove_model
from raypose.proof.workshop import Workshop


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
        1.02 M parameters, 0.0353 GFLOPs, 0.108 GB in training
    """

    def __init__(self, shop: Workshop | None = None) -> None:
        self.shop = shop or Workshop()

    def __call__(self, config: Mapping[str, Any]) -> Cost:
        """Raises Failed, a RayPoseError, where the model or its optimizer can't be built."""
        return self.cost(self.build(config), config, read(Training, config.get("training")).batch_size)

    def build(self, config: Mapping[str, Any]) -> Build:
        """Raises Failed where the model can't be built."""
        setting = self.setting(config)
        parts = prove_model(self.shop, config["model"], setting)
        return Build(setting, parts, assemble(config["model"], parts))

    def setting(self, config: Mapping[str, Any]) -> Setting:
        """What the model is built for. Raises Failed where the data can't be read."""
        data, training = read(Data, config["data"]), read(Training, config.get("training"))
        source = data.val if "type" in data.val else data.train  # the smaller one; their keypoints are the same
        info = self.shop.once("data", (source,), lambda: dataset_info(source))
        return Setting(len(info.names), data.input_size, info, training.flip_test)

    def cost(self, build: Build, config: Mapping[str, Any], batch_size: int) -> Cost:
        """Raises Failed where the optimizer can't be built."""
        model, training = build.model, read(Training, config.get("training"))
        params = sum(each.numel() for each in model.parameters())
        kept, meanwhile = self._optimizer(config["optimizer"], model)
        memory = peak(self._footprints(build), batch_size, kept, meanwhile, ema=training.ema is not None)
        return Cost(params, self._flops(build), memory)

    def _optimizer(self, cfg: Mapping[str, Any], model: Any) -> tuple[float, float]:
        """What it keeps and takes hardly depends on rates and the like, so that each kind is tried once."""
        from raypose.models.footprint_optimizer import needs

        key = (_zero_or_not(cfg),)
        return self.shop.once("state", key, lambda: needs(build_optimizer(cfg, model, unmatched=lambda error: None)))

    def _flops(self, build: Build) -> int:
        parts, head = build.parts, build.parts.keypoint_head
        if type(build.model) is not TopDown:
            return self._counted(build.model, image(build.setting.input_size))
        below = self._counted(parts.backbone, image(build.setting.input_size))
        if parts.neck is not None:
            below += self._counted(NeckStep(parts.neck), parts.seen, parts.neck)
        return below + self._counted(head, select(parts.features, head))

    def _counted(self, module: Any, inputs: Any, of: Any = None) -> int:
        return self.shop.once("flops", (id(of or module), _shapes(inputs)), lambda: count(module, inputs))

    def _footprints(self, build: Build) -> list[Footprint]:
        parts, head, images = build.parts, build.parts.keypoint_head, image(build.setting.input_size)
        loss = LossStep(parts.codec, parts.loss_keypoint, agreed(head, parts.codec), build.setting.num_keypoints)
        after = self._measured(loss, parts.output, of=head)
        if type(build.model) is not TopDown:
            return [self._measured(build.model, images, of=head, gradient=False), after]
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
            first.append(self._measured(NeckStep(parts.neck), parts.seen, taken, of=parts.neck, then=chosen))
        return [*first, self._measured(head, select(parts.features, head)), after]

    def _measured(self, module: Any, inputs: Any, taken: Any = None, of: Any = None, **options: Any) -> Footprint:
        key = (id(of or module), type(module).__name__, _shapes(inputs), taken)
        return self.shop.once("footprint", key, lambda: measure(module, inputs, **options))


def _shapes(value: Any) -> Any:
    return tuple(value.shape[1:]) if isinstance(value, Tensor) else tuple(map(_shapes, value))


def _zero_or_not(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _zero_or_not(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_zero_or_not(each) for each in value]
    return bool(value) if isinstance(value, float) else value
