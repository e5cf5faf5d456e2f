"""Optimizer constructors: a configuration and a model -> an optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from torch import nn
from torch.optim import Optimizer

from raypose.errors import Problem, RayPoseError, nearest
from raypose.optim.cocktail import Cocktail
from raypose.optim.entries import Entry, entries
from raypose.optim.groups import Rules, build_on
from raypose.optim.paramwise import NoParamwise, Paramwise
from raypose.optim.unmatched import UnmatchedKeys
from raypose.registry import OPTIMIZER_BUILDERS, build_from_cfg


@OPTIMIZER_BUILDERS.register_module()
class DefaultOptimizerConstructor:
    """One optimizer for the whole model; `paramwise_cfg` as in mmcv 1.x, see `raypose.optim.paramwise.Paramwise`.

    Multipliers of the weight decay need one: the optimizer's argument, or a default that is not 0 (as AdamW's).
    A constructor of one's own may inherit and return other `rules`; one whose class sets `paramwise`, a dataclass of what
    `paramwise_cfg` may hold, has that checked before anything is built.

    Example:
        >>> build = DefaultOptimizerConstructor(dict(type="AdamW", lr=1e-3), dict(norm_decay_mult=0))
        >>> optimizer = build(model)
    """

    paramwise: ClassVar[type] = Paramwise

    def __init__(self, optimizer_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None) -> None:
        self.optimizer_cfg, self.paramwise_cfg = optimizer_cfg, paramwise_cfg

    def __call__(self, model: nn.Module) -> Optimizer:
        return self.build(model, entries(model))

    def build(self, model: nn.Module, chosen: Iterable[Entry]) -> Optimizer:
        """The optimizer of some of the model's parameters."""
        return build_on(chosen, self.optimizer_cfg, self.rules(model))

    def rules(self, model: nn.Module) -> Rules:
        """What multiplies each parameter's learning rate and weight decay."""
        return Paramwise.read(self.paramwise_cfg)


@OPTIMIZER_BUILDERS.register_module()
class CocktailOptimizerConstructor:
    """Different optimizers for different parts of the model, stepped as one.

    `optimizer_cfg` maps a part, the name of a module or a parameter, to an optimizer that may have a `paramwise_cfg`
    and a `constructor` (one that inherits from the default one) of its own. Of the parts that contain a parameter the
    longest name wins; each trainable parameter must be in one.

    Example:
        >>> parts = dict(backbone=dict(type="SGD", lr=0.01), keypoint_head=dict(type="AdamW", lr=1e-3))
        >>> optimizer = CocktailOptimizerConstructor(parts)(model)
    """

    paramwise: ClassVar[type] = NoParamwise

    def __init__(self, optimizer_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None) -> None:
        if paramwise_cfg:
            raise RayPoseError("a cocktail has no paramwise_cfg", hint="give each part its own", rule="unknown-key")
        wrong = [part for part, cfg in optimizer_cfg.items() if not isinstance(cfg, Mapping)]
        if wrong or not optimizer_cfg:
            raise RayPoseError(
                f"a cocktail maps parts of the model to optimizers, but got {optimizer_cfg!r}",
                hint="for example backbone: {type: SGD, lr: 0.01}",
                rule="wrong-type",
            )
        self.parts = {part: dict(cfg) for part, cfg in optimizer_cfg.items()}

    def __call__(self, model: nn.Module) -> Cocktail:
        return Cocktail({part: self._build(part, model, found) for part, found in self._portions(model).items()})

    def _build(self, part: str, model: nn.Module, found: list[Entry]) -> Optimizer:
        cfg = dict(self.parts[part])
        name = cfg.pop("constructor", None) or DefaultOptimizerConstructor.__name__
        args = {"paramwise_cfg": cfg.pop("paramwise_cfg", None), "optimizer_cfg": cfg}
        try:
            constructor = build_from_cfg({"type": name, **args}, OPTIMIZER_BUILDERS)
            if not isinstance(constructor, DefaultOptimizerConstructor):
                hint = "only those can that inherit from DefaultOptimizerConstructor"
                raise RayPoseError(f"'{name}' cannot build a part of a cocktail", hint=hint, rule="wrong-type")
            return constructor.build(model, found)
        except UnmatchedKeys as error:
            raise error.below(part) from error
        except RayPoseError as error:
            raise RayPoseError(
                Problem(f"{part}: {each.message}", hint=each.hint, rule=each.rule) for each in error.problems
            ) from error

    def _portions(self, model: nn.Module) -> dict[str, list[Entry]]:
        portions: dict[str, list[Entry]] = {part: [] for part in self.parts}
        uncovered, seen = [], set()
        for entry in entries(model):
            owners = [part for part in self.parts if f"{entry.name}.".startswith(f"{part}.")]
            if id(entry.parameter) in seen:
                continue
            if owners:
                seen.add(id(entry.parameter))
                portions[max(owners, key=len)].append(entry)
            elif entry.parameter.requires_grad:
                uncovered.append(entry)
        _check(portions, [entry.name for entry in uncovered if id(entry.parameter) not in seen], model)
        return portions


def _check(portions: Mapping[str, list[Entry]], uncovered: list[str], model: nn.Module) -> None:
    known: Iterable[str] = [name for name, _ in model.named_children()]
    problems = [
        Problem(f"no parameter of the model is in '{part}'", hint=nearest(part, known), rule="unmatched-key")
        for part, found in portions.items()
        if not found
    ]
    if uncovered:
        names = ", ".join(uncovered[:3]) + (f" and {len(uncovered) - 3} more" if len(uncovered) > 3 else "")
        tops = list(dict.fromkeys(name.partition(".")[0] for name in uncovered))
        hint = f"every trainable parameter must be in a part: add {', '.join(tops)}"
        problems.append(Problem(f"no optimizer for {names}", hint=hint, rule="uncovered-parameter"))
    if problems:
        raise RayPoseError(problems)
