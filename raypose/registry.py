"""Registries: names to components, and the one way to build a component from a configuration.

A registry imports the package of its built-in components at the first look-up, so that `from raypose import BACKBONES`
costs nothing.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from raypose.errors import Problem, RayPoseError, nearest


class Registry:
    """Components of one kind by name.

    Example:
        >>> LOSSES = Registry("loss")
        >>> @LOSSES.register_module()
        ... class MyLoss: ...
        >>> LOSSES.get("MyLoss") is MyLoss
        True
    """

    def __init__(self, name: str, *builtin: str) -> None:
        self.name = name
        self._builtin = list(builtin)
        self._entries: dict[str, Callable] = {}

    def register_module(
        self, name: str | list[str] | None = None, force: bool = False, module: Callable | None = None
    ) -> Any:
        """Register a class or function under `name` (default: its own); a decorator unless `module` is given.

        Raises:
            RayPoseError: the name is taken and `force` is not set.
        """
        if callable(name):
            raise RayPoseError(f"register_module needs brackets: write @{self.name.upper()}.register_module()")

        def register(component: Callable) -> Callable:
            names = [name] if isinstance(name, str) else name or [component.__name__]
            for each in names:
                if each in self._entries and not force:
                    where = getattr(self._entries[each], "__module__", "?")
                    raise RayPoseError(
                        f"{self.name} '{each}' is already registered by {where}",
                        hint="choose another name, or register_module(force=True) to replace it",
                        rule="duplicate-name",
                    )
                self._entries[each] = component
            return component

        return register if module is None else register(module)

    def get(self, name: str) -> Callable:
        """The component of that name.

        Raises:
            RayPoseError: no such component; the hint names the nearest one, or all.
        """
        self._load()
        if name not in self._entries:
            hint = nearest(name, self._entries)
            raise RayPoseError(f"unknown {self.name} '{name}'", hint=hint, rule="unknown-component")
        return self._entries[name]

    def build(self, cfg: Mapping[str, Any], **default_args: Any) -> Any:
        """`build_from_cfg(cfg, self, default_args)`."""
        return build_from_cfg(cfg, self, default_args)

    def remove(self, predicate: Callable[[Callable], bool]) -> None:
        """Forget the components for which `predicate` holds (an older version of a plugin, for one)."""
        self._entries = {name: entry for name, entry in self._entries.items() if not predicate(entry)}

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"Registry({self.name!r}, {list(self)})"

    def _load(self) -> None:
        while self._builtin:
            importlib.import_module(self._builtin.pop())


def build_from_cfg(cfg: Mapping[str, Any], registry: Registry, default_args: Mapping[str, Any] | None = None) -> Any:
    """Build `registry`'s component `cfg["type"]` with the other entries as its arguments.

    `default_args` fill in what `cfg` does not give.

    Raises:
        RayPoseError: no `type`, an unknown one, or arguments that the component does not take or lacks.

    Example:
        >>> build_from_cfg(dict(type="MyModel", arg1=1), BACKBONES)
    """
    if not isinstance(cfg, Mapping) or "type" not in cfg:
        raise RayPoseError(f"the {registry.name} must be a mapping with a 'type', but got {cfg!r}", rule="missing-type")
    args = {**(default_args or {}), **cfg}
    name = args.pop("type")
    component = registry.get(name) if isinstance(name, str) else name
    problems = [Problem(message, hint=hint, rule=rule) for _, message, hint, rule in call_problems(component, args)]
    if problems:
        raise RayPoseError(problems)
    return component(**args)


def offer(cfg: Mapping[str, Any], registry: Registry, **values: Any) -> dict[str, Any]:
    """`cfg` completed by those of `values` that the component's signature names and the user did not give."""
    given = dict(cfg)
    taken = parameters(registry.get(given["type"]))
    return {**{key: value for key, value in values.items() if key in taken}, **given}


def parameters(component: Callable) -> dict[str, inspect.Parameter]:
    """The named arguments of a component; annotations are resolved to types where that is possible."""
    try:
        signature = inspect.signature(component, eval_str=True)
    except (NameError, TypeError, ValueError):
        try:
            signature = inspect.signature(component)
        except (TypeError, ValueError):
            return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: p for name, p in signature.parameters.items() if p.kind in named}


def takes_anything(component: Callable) -> bool:
    """Whether a component has `**kwargs` (or a signature that Python cannot read)."""
    try:
        kinds = [p.kind for p in inspect.signature(component).parameters.values()]
    except (TypeError, ValueError):
        return True
    return inspect.Parameter.VAR_KEYWORD in kinds


def call_problems(
    component: Callable, args: Mapping[str, Any], given_later: frozenset[str] = frozenset()
) -> list[tuple[str | None, str, str, str]]:
    """What is wrong with calling `component(**args)`: a list of (argument or None, message, hint, rule).

    `given_later` are arguments that a builder fills in, so that their absence is no mistake.
    """
    known, name = parameters(component), getattr(component, "__name__", str(component))
    found: list[tuple[str | None, str, str, str]] = []
    if not takes_anything(component):
        for key in args.keys() - known.keys():
            found.append((key, f"{name} takes no argument '{key}'", nearest(key, known), "unknown-argument"))
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in args and key not in given_later:
            found.append((None, f"{name} needs the argument '{key}'", "", "missing-argument"))
    return sorted(found, key=lambda problem: problem[1])


# An nn.Module: forward(image [N,3,H,W]) -> tuple of feature maps, one a scale (a multi-stage one: a tuple of such
# tuples, and sets `multi_stage = True`). May declare `out`: a Port(channels, stride) for each map.
BACKBONES = Registry("backbone", "raypose.models.backbones")
# An nn.Module: forward(tuple of feature maps) -> tuple of feature maps.
NECKS = Registry("neck", "raypose.models.necks")
# An nn.Module: forward(last feature map; or those named by `in_ports`) -> output, or a list of outputs, one a stage.
# Takes `in_channels` and `num_keypoints` if it wants them; owns `codec` and `loss_keypoint` if it takes those.
HEADS = Registry("head", "raypose.models.heads")
# An nn.Module: forward(output, target, target_weight [N,K,1]) -> scalar.
LOSSES = Registry("loss", "raypose.models.losses")
# A whole model, built of a backbone, a neck and a keypoint_head.
POSENETS = Registry("posenet", "raypose.models.topdown")
# encode(keypoints [N,K,2], visible [N,K], output_shape) -> targets, weights; decode(output) -> keypoints, scores.
CODECS = Registry("codec", "raypose.codecs")
# Returns a raypose.data.KeypointTable: annotations without pixels.
DATASETS = Registry("dataset", "raypose.data")
# metric(table, keypoints [N,K,2], scores [N,K]) -> {name: float}; class attribute `names` lists what it produces.
METRICS = Registry("metric", "raypose.metrics")
# A torch.optim.Optimizer.
OPTIMIZERS = Registry("optimizer", "raypose.optim.optimizers")
# __init__(optimizer_cfg, paramwise_cfg=None); __call__(model) -> optimizer.
OPTIMIZER_BUILDERS = Registry("optimizer constructor", "raypose.optim.constructors")
# A torch.optim.lr_scheduler.LRScheduler; first argument `optimizer`.
LR_SCHEDULES = Registry("lr_schedule", "raypose.optim.schedules")

REGISTRIES = {
    "backbones": BACKBONES,
    "necks": NECKS,
    "heads": HEADS,
    "losses": LOSSES,
    "posenets": POSENETS,
    "codecs": CODECS,
    "datasets": DATASETS,
    "metrics": METRICS,
    "optimizers": OPTIMIZERS,
    "optimizer_builders": OPTIMIZER_BUILDERS,
    "lr_schedules": LR_SCHEDULES,
}
