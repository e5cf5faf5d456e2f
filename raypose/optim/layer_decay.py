"""Layer decay: the closer a layer is to the image, the lower its learning rate (BEiT, Bao et al. 2021, arXiv:2106.08254)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field
from torch import nn

from raypose.errors import Problem, RayPoseError
from raypose.optim.constructors import DefaultOptimizerConstructor
from raypose.optim.depths import parameter_depths
from raypose.optim.entries import Entry
from raypose.optim.groups import base_settings
from raypose.optim.paramwise import Paramwise
from raypose.registry import OPTIMIZER_BUILDERS

Rate = Annotated[float, Field(gt=0, le=1)]
DecayType = Literal["layer_wise", "stage_wise"]
TYPES = get_args(DecayType)
POSITION_EMBEDDINGS = ("pos_embed", "relative_position_bias_table")


@dataclass(frozen=True, kw_only=True)
class LayerDecayParamwise(Paramwise):
    """What `paramwise_cfg` of layer decay may hold."""

    decay_rate: Rate = None  # type: ignore[assignment]  # one of the two is needed
    layer_decay_rate: Rate = None  # type: ignore[assignment]
    decay_type: DecayType = "layer_wise"
    num_layers: int | None = None


KEYS = {each.name for each in fields(LayerDecayParamwise)} - {each.name for each in fields(Paramwise)}


@OPTIMIZER_BUILDERS.register_module(["LayerDecayOptimizerConstructor", "LearningRateDecayOptimizerConstructor"])
class LayerDecayOptimizerConstructor(DefaultOptimizerConstructor):
    """Learning rates that fall by a factor a layer, from the head, which has the full rate, to the backbone's stem.

    A parameter at depth d of a backbone of L layers after its stem (d = 0) has lr * decay_rate ** (L + 1 - d), as in
    MMPose. Biases, other 1-D parameters and position embeddings have no weight decay. All that is not in the backbone
    has the full rate. What the default constructor takes, `custom_keys` and all, multiplies on top.

    `paramwise_cfg` has, besides the default constructor's keys:
        decay_rate: the factor, above 0 and at most 1; `layer_decay_rate` is the same.
        decay_type: `layer_wise` (default), a residual or transformer block each, or `stage_wise`.
        num_layers: L; it follows from the backbone, and one that does not agree is an error.

    Example:
        >>> build = LayerDecayOptimizerConstructor(dict(type="AdamW", lr=5e-4, weight_decay=0.1), dict(decay_rate=0.75))
        >>> optimizer = build(model)
    """

    paramwise: ClassVar[type] = LayerDecayParamwise

    def rules(self, model: nn.Module) -> LayerDecay:
        cfg = self.paramwise_cfg or {}
        paramwise = Paramwise.read(cfg, others=KEYS)
        backbone = getattr(model, "backbone", None)
        problems = list(_problems(cfg))
        if not isinstance(backbone, nn.Module):
            problems.append(Problem("layer decay needs a model with a backbone", rule="missing-backbone"))
        if problems or not isinstance(backbone, nn.Module):
            raise RayPoseError(problems)
        decay_rate = cfg["decay_rate"] if "decay_rate" in cfg else cfg["layer_decay_rate"]
        depths, head = parameter_depths(backbone, cfg.get("decay_type") == "stage_wise")
        if cfg.get("num_layers") not in (None, head - 1):
            message = f"num_layers is {cfg['num_layers']}, but {type(backbone).__name__} has {head - 1}"
            raise RayPoseError(message, hint="leave it out: it follows from the backbone", rule="wrong-value")
        factors = {key: decay_rate ** (head - depth) for key, depth in depths.items()}
        return LayerDecay(paramwise, factors, "weight_decay" in base_settings(self.optimizer_cfg))


@dataclass(frozen=True)
class LayerDecay:
    """`paramwise` times a factor for each parameter of the backbone, by its `id`, and the rule of no weight decay."""

    paramwise: Paramwise
    factors: Mapping[int, float]
    decays: bool  # whether the optimizer has a weight decay at all

    @property
    def bypass_duplicate(self) -> bool:
        return self.paramwise.bypass_duplicate

    def multipliers(self, entry: Entry) -> tuple[float, float]:
        """(learning rate, weight decay) multipliers of one parameter."""
        lr_mult, decay_mult = self.paramwise.multipliers(entry)
        flat = entry.parameter.ndim <= 1 or any(each in entry.name for each in POSITION_EMBEDDINGS)
        lr_mult *= self.factors.get(id(entry.parameter), 1.0)
        return lr_mult, 0.0 if flat and self.decays else decay_mult

    def check_custom_keys(self, names: Iterable[str]) -> None:
        self.paramwise.check_custom_keys(names)


def _problems(cfg: Mapping[str, Any]) -> Iterator[Problem]:
    rates = [cfg[key] for key in ("decay_rate", "layer_decay_rate") if key in cfg]
    kind, num_layers = cfg.get("decay_type", TYPES[0]), cfg.get("num_layers")
    if len(rates) != 1:
        yield Problem("layer decay needs one decay_rate", hint="for example decay_rate: 0.75", rule="missing-argument")
    for rate in rates:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1:
            yield Problem(f"paramwise_cfg: 0 < decay_rate <= 1 must hold, but got {rate!r}", rule="wrong-value")
    if kind not in TYPES:
        yield Problem(f"paramwise_cfg: decay_type must be {' or '.join(TYPES)}, but got {kind!r}", rule="wrong-value")
    if num_layers is not None and (isinstance(num_layers, bool) or not isinstance(num_layers, int)):
        yield Problem(f"paramwise_cfg: num_layers must be an integer, but got {num_layers!r}", rule="wrong-type")
