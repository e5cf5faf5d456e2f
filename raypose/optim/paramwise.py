"""Which learning rate and weight decay each parameter gets: the rules of mmcv 1.x's `paramwise_cfg`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from raypose.errors import Problem, RayPoseError, nearest
from raypose.optim.entries import Entry
from raypose.optim.unmatched import UnmatchedKeys

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
# Deformable convolutions by the names of their classes: mmcv's count too, without an import of it.
DEFORMABLE = {"DeformConv2d", "ModulatedDeformConv2d"}
Multiplier = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class Custom:
    """The multipliers of one of `custom_keys`."""

    lr_mult: Multiplier = 1.0
    decay_mult: Multiplier = 1.0


@dataclass(frozen=True)
class NoParamwise:
    """No key is known."""


@dataclass(frozen=True, kw_only=True)
class Paramwise:
    """Multipliers of the learning rate and the weight decay.

    The longest of `custom_keys` that is a part of a parameter's name wins (of equally long ones the alphabetically
    first) and overrides the other rules. Bias rules leave norm layers and the offset layers of deformable convolutions
    alone. An offset layer is a convolution called `conv_offset`, in or next to the deformable one.

    Decay multipliers that are left out are None, so that the next rule has its say.

    Example:
        >>> Paramwise.read({"norm_decay_mult": 0, "custom_keys": {"backbone": {"lr_mult": 0.1}}})
    """

    custom_keys: Mapping[str, Custom] = field(default_factory=dict)
    bias_lr_mult: Multiplier = 1.0
    dcn_offset_lr_mult: Multiplier = 1.0
    bias_decay_mult: Multiplier = None  # type: ignore[assignment]
    norm_decay_mult: Multiplier = None  # type: ignore[assignment]
    dwconv_decay_mult: Multiplier = None  # type: ignore[assignment]
    # Of 1-D parameters about which none of the three above says anything (MMEngine).
    flat_decay_mult: Multiplier = None  # type: ignore[assignment]
    bypass_duplicate: bool = False  # a parameter with several names follows the first

    @classmethod
    def read(cls, cfg: Mapping[str, Any] | None, others: Iterable[str] = ()) -> Paramwise:
        """The rules that a configuration names; `others` are keys in it that are not for these rules.

        Raises:
            RayPoseError: unknown keys, or multipliers that are not numbers >= 0; all of them at once.
        """
        cfg = {} if cfg is None else cfg
        problems = list(_problems(cfg, [*(each.name for each in fields(cls)), *others], "paramwise_cfg"))
        if problems:
            raise RayPoseError(problems)
        given = {key: value for key, value in cfg.items() if key not in others}
        custom = {name: Custom(**rule) for name, rule in given.pop("custom_keys", {}).items()}
        return cls(custom_keys=custom, **given)

    def multipliers(self, entry: Entry) -> tuple[float, float]:
        """(learning rate, weight decay) multipliers of one parameter."""
        matches = [key for key in self.custom_keys if key in entry.name]
        if matches:
            rule = self.custom_keys[min(matches, key=lambda key: (-len(key), key))]
            return rule.lr_mult, rule.decay_mult
        return self._lr_mult(entry), self._decay_mult(entry)

    def _lr_mult(self, entry: Entry) -> float:
        if "conv_offset" in entry.owner and isinstance(entry.module, nn.Conv2d) and _is_deformables(entry):
            return self.dcn_offset_lr_mult
        return self.bias_lr_mult if _is_bias(entry) and not isinstance(entry.module, NORMS) else 1.0

    def _decay_mult(self, entry: Entry) -> float:
        given = None
        if isinstance(entry.module, NORMS):
            given = self.norm_decay_mult
        elif _is_depthwise(entry.module):
            given = self.dwconv_decay_mult
        elif _is_bias(entry):
            given = self.bias_decay_mult
        if given is None and entry.parameter.ndim == 1 and not _is_deformables(entry):
            given = self.flat_decay_mult
        return 1.0 if given is None else given

    def check_custom_keys(self, names: Iterable[str]) -> None:
        """Raises UnmatchedKeys for each of `custom_keys` that is a part of no name."""
        names = list(names)
        unused = [key for key in self.custom_keys if not any(key in name for name in names)]
        if unused:
            message = "custom_keys: no parameter's name contains '{}'"
            problems = [Problem(message.format(key), hint=_hint(key, names), rule="unmatched-key") for key in unused]
            raise UnmatchedKeys(problems, [("paramwise_cfg", "custom_keys", key) for key in unused])


def _hint(key: str, names: list[str]) -> str:
    """The nearest part of a name, else some names."""
    hint = nearest(key, {part for name in names for part in name.split(".")})
    return hint if hint.startswith("did you mean") else f"there are {', '.join(names[:3])}, ..."


def _is_bias(entry: Entry) -> bool:
    return entry.name.rpartition(".")[2] == "bias" and not _is_deformables(entry)


def _is_deformables(entry: Entry) -> bool:
    """Whether a parameter is of a layer in a deformable convolution, or of an offset layer next to one."""
    if entry.parent is None:
        return False
    beside = "conv_offset" in entry.owner and any(_is_deformable(each) for each in entry.parent.children())
    return beside or _is_deformable(entry.parent)


def _is_deformable(module: nn.Module) -> bool:
    return any(each.__name__ in DEFORMABLE for each in type(module).__mro__)


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
                yield from _problems(rule, [each.name for each in fields(Custom)], f"custom_keys['{name}']")


def _is_multiplier(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
