"""Which learning rate and weight decay each parameter gets: the rules of mmcv 1.x's `paramwise_cfg`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from torch import nn

from raypose.errors import Problem, RayPoseError, nearest

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
CUSTOM = ("lr_mult", "decay_mult")


@dataclass(frozen=True)
class Entry:
    """A parameter, its full name, and the module that owns it."""

    name: str
    parameter: nn.Parameter
    module: nn.Module


def entries(model: nn.Module) -> Iterator[Entry]:
    """Every parameter of a model under every name that it has, frozen ones too."""
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            yield Entry(f"{prefix}.{name}" if prefix else name, parameter, module)


@dataclass(frozen=True, kw_only=True)
class Paramwise:
    """Multipliers of the learning rate and the weight decay.

    The longest of `custom_keys` that is a part of a parameter's name wins (of equally long ones the alphabetically
    first) and overrides the other rules. Bias rules leave the biases of norm layers alone.

    Example:
        >>> Paramwise.read({"norm_decay_mult": 0, "custom_keys": {"backbone": {"lr_mult": 0.1}}})
    """

    custom_keys: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    bias_lr_mult: float = 1.0
    bias_decay_mult: float = 1.0
    norm_decay_mult: float = 1.0
    dwconv_decay_mult: float = 1.0
    bypass_duplicate: bool = False  # a parameter with several names follows the first

    @classmethod
    def read(cls, cfg: Mapping[str, Any] | None) -> Paramwise:
        """The rules that a configuration names.

        Raises:
            RayPoseError: unknown keys, or multipliers that are not numbers >= 0; all of them at once.
        """
        cfg = {} if cfg is None else cfg
        problems = list(_problems(cfg, [each.name for each in fields(cls)], "paramwise_cfg"))
        if problems:
            raise RayPoseError(problems)
        return cls(**cfg)

    def multipliers(self, entry: Entry) -> tuple[float, float]:
        """(learning rate, weight decay) multipliers of one parameter."""
        matches = [key for key in self.custom_keys if key in entry.name]
        if matches:
            rule = self.custom_keys[min(matches, key=lambda key: (-len(key), key))]
            return rule.get("lr_mult", 1.0), rule.get("decay_mult", 1.0)
        if isinstance(entry.module, NORMS):
            return 1.0, self.norm_decay_mult
        is_bias = entry.name.rpartition(".")[2] == "bias"
        lr_mult = self.bias_lr_mult if is_bias else 1.0
        if _is_depthwise(entry.module):
            return lr_mult, self.dwconv_decay_mult
        return lr_mult, self.bias_decay_mult if is_bias else 1.0

    def check_custom_keys(self, names: Iterable[str]) -> None:
        """Raises RayPoseError for each of `custom_keys` that is a part of no name."""
        names = list(names)
        unused = [key for key in self.custom_keys if not any(key in name for name in names)]
        hint = f"there are {', '.join(names[:3])}, ..."
        if unused:
            raise RayPoseError(
                Problem(f"custom_keys: no parameter's name contains '{key}'", hint=hint, rule="unmatched-key")
                for key in unused
            )


def _is_depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels


def _problems(cfg: Any, known: Iterable[str], where: str) -> Iterator[Problem]:
    if not isinstance(cfg, Mapping):
        yield Problem(f"{where} is a mapping, but got {cfg!r}", rule="wrong-type")
        return
    for key, value in cfg.items():
        if key not in known:
            yield Problem(f"{where} has no key '{key}'", hint=nearest(key, known), rule="unknown-key")
        elif str(key).endswith("_mult") and not _is_multiplier(value):
            yield Problem(f"{where}: {key} >= 0 must hold, but got {value!r}", rule="wrong-type")
        elif key == "custom_keys" and not isinstance(value, Mapping):
            yield Problem(f"{where}: custom_keys is a mapping, but got {value!r}", rule="wrong-type")
        elif key == "custom_keys":
            for name, rule in value.items():
                yield from _problems(rule, CUSTOM, f"custom_keys['{name}']")


def _is_multiplier(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
