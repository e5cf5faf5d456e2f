"""What is known about the component under a key: where its name is looked up, and what its builder adds. Data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Optional

from pydantic import Field

from raypose import config

Lookup = Callable[[str], Callable]

# Arguments that a builder fills in where they are left out, by registry.
GIVEN = {
    "backbone": {"num_keypoints", "input_size"},
    "neck": {"in_channels", "num_keypoints", "input_size"},
    "head": {"in_channels", "in_stride", "in_featuremap_size", "num_stages", "num_keypoints", "input_size"}
    | {"codec", "loss_keypoint"},
    "codec": {"num_keypoints", "input_size"},
    "loss": {"num_keypoints", "input_size", "target_sigma", "kind", "info"},
    "posenet": {"neck", "codec", "loss_keypoint"},
    "optimizer": {"params"},
    "lr_schedule": {"optimizer", "clock"},
    "sampler": {"search_space"},
}

# Those of them that are never the user's to write.
HIDDEN = {"optimizer": {"params"}, "lr_schedule": {"optimizer", "clock"}}

# Keys that a builder takes out before it builds, with their types, by registry.
EXTRA: dict[str, dict[str, Any]] = {
    "backbone": {"pretrained": Optional[str]},  # noqa: UP045
    "posenet": {"pretrained": Optional[str]},  # noqa: UP045
    "optimizer": {"constructor": Optional[str], "paramwise_cfg": Optional[dict]},  # noqa: UP045
    "lr_schedule": {
        "warmup": config.NonNegative,
        "warmup_iters": Annotated[int, Field(ge=0)],
        "warmup_type": Literal["linear", "exp", "constant"],
        "warmup_ratio": Annotated[float, Field(gt=0, le=1)],
    },
}

# Of EXTRA's keys those of which exactly one goes with any of the others, by registry.
ONE_OF = {"lr_schedule": ("warmup", "warmup_iters")}

# Of the keys of `paramwise_cfg` those of which exactly one must be there, by constructor.
NEEDS_ONE: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("LayerDecayOptimizerConstructor", "LearningRateDecayOptimizerConstructor"), ("decay_rate", "layer_decay_rate")
)

# Constructors that build one optimizer, of a `type`, and those that build one for each part of the model.
BUILD_ONE = {"DefaultOptimizerConstructor", *NEEDS_ONE}
BUILD_PARTS = {"CocktailOptimizerConstructor"}

# Bounds of numbers that signatures don't tell, by registry.
BOUNDS = {
    "optimizer": dict.fromkeys(("lr", "weight_decay"), Field(ge=0, allow_inf_nan=False)),
    "sampler": {"n_startup_trials": Field(ge=0), "n_ei_candidates": Field(ge=1)},
    "scheduler": {"grace_period": Field(gt=0), "max_t": Field(gt=0), "reduction_factor": Field(gt=1)},
}

# The type of a component that names none, by registry.
DEFAULT_TYPE = {"posenet": "TopDown", "optimizer constructor": "DefaultOptimizerConstructor"}

# Keys under which samplers and schedulers stand, those that they take as arguments included.
SAMPLER_KEYS = ("sampler", "base_sampler", "independent_sampler")
SCHEDULER_KEYS = ("scheduler", "wrapped_pruner")


@dataclass(frozen=True)
class Slot:
    """The component under a key."""

    name: str
    get: Lookup
    given: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    extra: Mapping[str, Any] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    bounds: Mapping[str, Any] = field(default_factory=dict)
    default_type: str | None = None
    many: bool = False  # a list of components


def all_slots(samplers: Lookup | None = None, schedulers: Lookup | None = None) -> dict[str, Slot]:
    """Every key that holds a component."""
    found = {
        key: Slot(
            registry.name,
            registry.get,
            frozenset(GIVEN.get(registry.name, ())),
            frozenset(HIDDEN.get(registry.name, ())),
            EXTRA.get(registry.name, {}),
            ONE_OF.get(registry.name, ()),
            BOUNDS.get(registry.name, {}),
            DEFAULT_TYPE.get(registry.name),
            key in config.LISTS,
        )
        for key, registry in config.SLOTS.items()
    }
    sampler = Slot("sampler", samplers or _anything, frozenset(GIVEN["sampler"]), bounds=BOUNDS["sampler"])
    found |= {**dict.fromkeys(SAMPLER_KEYS, sampler), "samplers": replace(sampler, many=True)}
    return found | {
        key: Slot("scheduler", schedulers or _anything, bounds=BOUNDS["scheduler"]) for key in SCHEDULER_KEYS
    }


def _anything(name: str) -> Callable:
    def unknown(**kwargs: Any) -> None: ...

    return unknown
