"""Parameter groups: parameters with equal multipliers in one group, since an optimizer steps group by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from torch import nn
from torch.optim import Optimizer

from raypose.errors import Problem, RayPoseError
from raypose.optim.entries import Entry, entries
from raypose.optim.fused import fused
from raypose.optim.optimizers import HINTS
from raypose.registry import OPTIMIZERS, build_from_cfg, parameters

Multipliers = tuple[float, float]  # of the learning rate and of the weight decay


class Rules(Protocol):
    """What a constructor makes of `paramwise_cfg`."""

    @property
    def bypass_duplicate(self) -> bool: ...

    def multipliers(self, entry: Entry) -> Multipliers: ...

    def check_custom_keys(self, names: Iterable[str]) -> None: ...


def build_on(chosen: Iterable[Entry], optimizer_cfg: Mapping[str, Any], rules: Rules) -> Optimizer:
    """The optimizer of `optimizer_cfg` over `chosen` parameters, frozen ones left out.

    Raises:
        RayPoseError: unknown optimizer or argument, wrong values, or `rules` that do not fit.
    """
    chosen = list(chosen)
    rules.check_custom_keys(entry.name for entry in chosen)
    try:
        groups = param_groups(chosen, base_settings(optimizer_cfg), rules)
        if not groups:
            raise RayPoseError("the optimizer has nothing to train: every parameter is frozen", rule="nothing-to-train")
        chosen_way = fused(optimizer_cfg, (each for group in groups for each in group["params"]))
        return build_from_cfg({**optimizer_cfg, **chosen_way, "params": groups}, OPTIMIZERS)
    except (TypeError, ValueError) as error:
        hint = next((hint for part, hint in HINTS.items() if part in str(error)), "")
        raise RayPoseError(f"{optimizer_cfg['type']}: {error}", hint=hint, rule="wrong-value") from error


def param_groups(chosen: Iterable[Entry], base: Mapping[str, Any], rules: Rules) -> list[dict[str, Any]]:
    """Groups of the trainable ones of `chosen`, in the order of their first parameter.

    `base` holds the optimizer's `lr` and `weight_decay`, as far as it has them.
    """
    first: dict[int, tuple[str, Multipliers]] = {}
    groups: dict[Multipliers, list[Entry]] = {}
    for entry in chosen:
        if not entry.parameter.requires_grad:
            continue
        multipliers = rules.multipliers(entry)
        name, others = first.setdefault(id(entry.parameter), (entry.name, multipliers))
        if name == entry.name:
            groups.setdefault(multipliers, []).append(entry)
        elif others != multipliers and not rules.bypass_duplicate:
            raise RayPoseError(
                f"'{name}' and '{entry.name}' are one parameter with two different settings",
                hint="set paramwise_cfg: {bypass_duplicate: true} to follow the first name",
                rule="duplicate-parameter",
            )
    return [
        {"params": [entry.parameter for entry in members], **_settings(members[0].name, multipliers, base)}
        for multipliers, members in groups.items()
    ]


def check_cover(optimizer: Optimizer, model: nn.Module, constructor: str) -> None:
    """Raises RayPoseError unless each trainable parameter of `model` is in exactly one group of `optimizer`."""
    counts = Counter(id(parameter) for group in optimizer.param_groups for parameter in group["params"])
    several = [e.name for e in entries(model) if counts[id(e.parameter)] > 1]
    none = [e.name for e in entries(model) if e.parameter.requires_grad and not counts[id(e.parameter)]]
    found = {"in no parameter group": none, "in more than one parameter group": several}
    if problems := [
        Problem(
            f"{constructor} leaves {_listed(names)} {where}",
            hint="each trainable parameter belongs in one; freeze what is not to be trained",
            rule="parameter-groups",
        )
        for where, names in found.items()
        if names
    ]:
        raise RayPoseError(problems)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def base_settings(optimizer_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The `lr` and `weight_decay` that are given, else the optimizer's defaults; a default decay of 0 is none."""
    component = optimizer_cfg.get("type")
    known = parameters(OPTIMIZERS.get(component) if isinstance(component, str) else component) if component else {}
    base = {key: known[key].default for key in ("lr", "weight_decay") if key in known}
    base = {key: value for key, value in base.items() if isinstance(value, float) and value > 0}
    return base | {key: optimizer_cfg[key] for key in ("lr", "weight_decay") if key in optimizer_cfg}


def _settings(name: str, multipliers: Multipliers, base: Mapping[str, Any]) -> dict[str, Any]:
    """What a group says itself: nothing where the multiplier is 1, since an optimizer may change what it is given."""
    settings = {}
    for key, multiplier in zip(("lr", "weight_decay"), multipliers, strict=True):
        if multiplier == 1:
            continue
        if key not in base:
            raise RayPoseError(
                f"paramwise_cfg multiplies the {key} of '{name}', but the optimizer has none",
                hint=f"give the optimizer an explicit {key}",
                rule="missing-argument",
            )
        settings[key] = base[key] * multiplier
    return settings
