"""Callables: what they take, what is wrong with a call of one, and those that are imported when they are needed."""

from __future__ import annotations

import importlib
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from raypose.errors import RayPoseError, nearest


def parameters(component: Callable) -> dict[str, inspect.Parameter]:
    """The named arguments of a component; annotations are resolved to types where that is possible."""
    try:
        signature = inspect.signature(component)
    except (TypeError, ValueError):
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = _namespace(component)
    return {name: _resolved(p, names) for name, p in signature.parameters.items() if p.kind in named}


def _namespace(component: Any) -> dict[str, Any]:
    """Where the names in the annotations of a component are found."""
    function = inspect.unwrap(
        inspect.getattr_static(component, "__init__") if isinstance(component, type) else component
    )
    return getattr(function, "__globals__", None) or vars(sys.modules.get(getattr(component, "__module__", ""), sys))


def _resolved(parameter: inspect.Parameter, names: dict[str, Any]) -> inspect.Parameter:
    """A parameter whose annotation is a type, or still a string if it has names that exist for type checkers only."""
    if not isinstance(parameter.annotation, str):
        return parameter
    holder = types.SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        return parameter.replace(annotation=typing.get_type_hints(holder, names, include_extras=True)["it"])
    except Exception:  # whatever the annotation means, it is not for us
        return parameter


def takes_anything(component: Callable) -> bool:
    """Whether a component has `**kwargs` (or a signature that Python cannot read)."""
    try:
        kinds = [p.kind for p in inspect.signature(component).parameters.values()]
    except (TypeError, ValueError):
        return True
    return inspect.Parameter.VAR_KEYWORD in kinds


def call_problems(
    component: Callable,
    args: Mapping[str, Any],
    given_later: frozenset[str] = frozenset(),
    writable: Iterable[str] | None = None,
) -> list[tuple[str | None, str, str, str]]:
    """What is wrong with calling `component(**args)`: a list of (argument or None, message, hint, rule).

    `given_later` are arguments that a builder fills in, so that their absence is no mistake; `writable`, the names
    that the user may write, default: all arguments.
    """
    known, name = parameters(component), getattr(component, "__name__", str(component))
    found: list[tuple[str | None, str, str, str]] = []
    if not takes_anything(component):
        names = set(known if writable is None else writable)
        for key in args.keys() - names:
            found.append((key, f"{name} takes no argument '{key}'", nearest(key, names), "unknown-argument"))
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in args and key not in given_later:
            found.append((None, f"{name} needs the argument '{key}'", "", "missing-argument"))
    return sorted(found, key=lambda problem: problem[1])


class Lazy:
    """Stands for what `target`, a `module:attribute`, names, and is not imported yet. Has its module and name.

    Example:
        >>> Lazy("collections:OrderedDict").load("the mapping")
        <class 'collections.OrderedDict'>
    """

    def __init__(self, target: str) -> None:
        self.__module__, _, self.__name__ = target.partition(":")

    def __repr__(self) -> str:
        return f"{self.__module__}.{self.__name__}"

    def load(self, what: str) -> Any:
        """Raises RayPoseError, which begins with `what`, if there is no such module or attribute."""
        try:
            module = importlib.import_module(self.__module__)
        except Exception as error:
            message = f"{what} cannot be imported: {type(error).__name__}: {error}"
            raise RayPoseError(message, rule="unknown-component") from error
        if hasattr(module, self.__name__):
            return getattr(module, self.__name__)
        hint = nearest(self.__name__, [name for name in dir(module) if not name.startswith("_")])
        raise RayPoseError(
            f"{what} cannot be imported: {self.__module__} has no '{self.__name__}'",
            hint=hint if hint.startswith("did you mean") else "",
            rule="unknown-component",
        )


def subclass(name: str, base: Lazy, kind: str) -> type:
    """The subclass of `base` with the dotted name `name`, for example `my_package.optim.MyOptimizer`.

    Raises:
        RayPoseError: there is no such module, nothing of that name in it, or it is no such class.
    """
    module, _, attribute = name.rpartition(".")
    found = Lazy(f"{module}:{attribute}").load(f"{kind} '{name}'")
    if not (isinstance(found, type) and issubclass(found, base.load(kind))):
        raise RayPoseError(f"{kind} '{name}' must be a subclass of {base!r}, but it is {found!r}", rule="wrong-type")
    return found
