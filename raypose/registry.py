"""Registries: names to components, and the one way to build a component from a configuration.

A registry imports the package of its built-in components at the first look-up, so that `from raypose import BACKBONES`
costs nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from raypose import entry_points
from raypose.callables import Lazy, call_problems, parameters, subclass
from raypose.callables import takes_anything as takes_anything
from raypose.errors import Problem, RayPoseError, nearest


class Registry:
    """Components of one kind by name.

    builtin: modules that register components, imported at the first look-up.
    base: `module:attribute` of a class; the name of any importable subclass of it, `my_package.MyClass`, is a name too.

    Example:
        >>> LOSSES = Registry("loss")
        >>> @LOSSES.register_module()
        ... class MyLoss: ...
        >>> LOSSES.get("MyLoss") is MyLoss
        True
    """

    def __init__(self, name: str, *builtin: str, base: str | None = None) -> None:
        self.name = name
        self._builtin = list(builtin)
        self._base = base
        self._entries: dict[str, Any] = {}
        self._left_out: dict[str, str] = {}

    def register_module(
        self, name: str | list[str] | None = None, force: bool = False, module: Callable | Lazy | None = None
    ) -> Any:
        """Register a class or function under `name` (default: its own); a decorator unless `module` is given.

        Raises:
            RayPoseError: the name is taken and `force` is not set.
        """
        if callable(name):
            raise RayPoseError(
                f"register_module needs brackets: write @{self.name.upper()}.register_module()", rule="register-module"
            )

        def register(component: Any) -> Any:
            self._load_builtin()  # so that a name taken twice is the mistake of who comes after RayPose
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

    def register_lazy(self, name: str, target: str) -> None:
        """Register what `target`, a `module:attribute`, stands for; it is imported when it is asked for.

        Example:
            >>> OPTIMIZERS.register_lazy("Lamb", "timm.optim:Lamb")
        """
        self.register_module(name, module=Lazy(target))

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Refuse classes, by the full names of where they are defined, with the reason as the message.

        Example:
            >>> OPTIMIZERS.leave_out({"torch.optim.lbfgs.LBFGS": "evaluates the loss several times a step"})
        """
        self._left_out.update(reasons)

    def get(self, name: str) -> Callable:
        """The component of that name.

        Raises:
            RayPoseError: no such component (the hint names the nearest one, or all), one that is left out, or it cannot
                be imported.
        """
        self._load()
        if name not in self._entries and self._base is not None and "." in name:
            found = subclass(name, Lazy(self._base), self.name)
            self._refuse(name, f"{found.__module__}.{found.__qualname__}".__eq__)
            return found
        if name not in self._entries:
            self._refuse(name, lambda full: full.rpartition(".")[2] == name)
            hint = nearest(name, self._entries)
            raise RayPoseError(f"unknown {self.name} '{name}'", hint=hint, rule="unknown-component")
        if isinstance(self._entries[name], Lazy):
            self._entries[name] = self._entries[name].load(f"{self.name} '{name}'")
        return self._entries[name]

    def build(self, cfg: Mapping[str, Any], **default_args: Any) -> Any:
        """`build_from_cfg(cfg, self, default_args)`."""
        return build_from_cfg(cfg, self, default_args)

    def remove(self, predicate: Callable[[Callable], bool]) -> None:
        """Forget the components for which `predicate` holds (an older version of a plugin, for one).

        One that is not imported yet is asked about by a stand-in with its `__module__` and `__name__`.
        """
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

    def _refuse(self, name: str, is_meant: Callable[[str], bool]) -> None:
        for full, reason in self._left_out.items():
            if is_meant(full):
                raise RayPoseError(f"{self.name} '{name}' {reason}", rule="left-out")

    def _load(self) -> None:
        self._load_builtin()
        load_entry_points()

    def _load_builtin(self) -> None:
        while self._builtin:
            importlib.import_module(self._builtin.pop())


def load_entry_points() -> None:
    """Load those that are left, after all built-in components, so that a name taken twice is the package's mistake."""
    entry_points.load(before=_load_all_builtin)


def _load_all_builtin() -> None:
    for registry in REGISTRIES.values():
        registry._load_builtin()


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
# May have check(table), which raises where the table lacks what it needs, and per_keypoint, which gives {name: [K]}.
METRICS = Registry("metric", "raypose.metrics")
# A torch.optim.Optimizer; any importable one also has its dotted name.
OPTIMIZERS = Registry("optimizer", "raypose.optim.optimizers", base="torch.optim:Optimizer")
# __init__(optimizer_cfg, paramwise_cfg=None); __call__(model) -> optimizer.
OPTIMIZER_BUILDERS = Registry("optimizer constructor", "raypose.optim.constructors", "raypose.optim.layer_decay")
# A torch.optim.lr_scheduler.LRScheduler; first argument `optimizer`. Stepped once an epoch; one with an argument `clock`
# (raypose.optim.epoch_schedule.Clock), once an optimizer step.
LR_SCHEDULES = Registry("lr_schedule", "raypose.optim.schedules", "raypose.optim.annealing")

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
