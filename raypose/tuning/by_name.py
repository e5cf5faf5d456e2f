"""Classes of Optuna and Ray Tune by their names, and calls of them whose mistakes are the user's."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from raypose.errors import RayPoseError, nearest
from raypose.registry import call_problems


def find(name: str, kind: str, modules: Iterable[Any], base: Any) -> Any:
    """The public class `name` in one of some modules, of those that are subclasses of `base` (or of one of several) and
    can be built. `kind` is for the message.

    Raises:
        RayPoseError: there is none.

    Example:
        >>> find("TPESampler", "sampler", [optuna.samplers], optuna.samplers.BaseSampler)
    """
    found: dict[str, Any] = {}
    for module in modules:
        found |= {n: getattr(module, n) for n in getattr(module, "__all__", dir(module)) if not n.startswith("_")}
    bases = base if isinstance(base, tuple) else (base,)
    known = {n for n, cls in found.items() if isinstance(cls, type) and issubclass(cls, bases) and cls not in bases}
    usable = {n for n in known if not inspect.isabstract(found[n])}
    if name not in usable:
        raise RayPoseError(f"unknown {kind} '{name}'", hint=nearest(name, usable), rule="unknown-component")
    return found[name]


def call(cls: Callable, arguments: Mapping[str, Any]) -> Any:
    """`cls(**arguments)`, without notes on what is experimental.

    Raises:
        RayPoseError: arguments that it does not take or lacks, or values that it refuses.
    """
    if problems := call_problems(cls, arguments):
        raise RayPoseError("; ".join(f"{message}; {hint}" for _, message, hint, _ in problems), rule="wrong-argument")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cls(**arguments)
    except (ValueError, TypeError, AssertionError) as error:
        raise RayPoseError(f"{getattr(cls, '__name__', cls)}: {error}", rule="wrong-value") from error


def arguments(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What a component's configuration says besides its `type`."""
    return {key: value for key, value in cfg.items() if key != "type"}


def is_component(value: Any) -> bool:
    """Whether a value is a component's configuration."""
    return isinstance(value, Mapping) and "type" in value
