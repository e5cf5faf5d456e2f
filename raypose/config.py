"""The sections of a space file as dataclasses: their keys, types and defaults. `raypose check` reads them, and so does
the code that uses a section (`Training(**config["training"])`), so that both always agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError, WithJsonSchema

from raypose import registry
from raypose.errors import Problem, RayPoseError

Section = TypeVar("Section")


def _seconds(value: Any) -> Any:
    """`1h30m` -> 5400.0; what is no such text is left for who validates it."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    if isinstance(value, str) and re.fullmatch(r"(\d+(\.\d+)?[dhms])+", value):
        return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([dhms])", value))
    return value


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

# Of time: seconds, or text such as 90s, 30m, 12h, 2d, 1h30m.
_TEXT = {"type": "string", "pattern": r"^(\d+(\.\d+)?[dhms])+$"}
_AS_JSON = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _TEXT]}
Duration = Annotated[Positive, BeforeValidator(_seconds), WithJsonSchema(_AS_JSON)]
DURATIONS = "write seconds, or a text such as 30m, 12h, 1h30m, 2d"

NAME_PATTERN = r"^\w[\w.-]*$"  # a folder's: letters, digits, _ . -
# The `tune.mode` that suits a value; `max` where nothing is known.
BETTER = {
    **dict.fromkeys(("AP", "AP50", "AP75", "AR", "APM", "APL", "AR50", "AR75", "ARM", "ARL"), "max"),
    **dict.fromkeys(("AP_easy", "AP_medium", "AP_hard", "PCK", "PCKh", "AUC"), "max"),
    **dict.fromkeys(("EPE", "NME", "loss", "train_loss", "params", "flops", "memory", "latency"), "min"),
}

# Metrics that a training measures, once, where `tune` names them: what the model costs. See `raypose.models.measured`.
COSTS = ("params", "flops", "memory", "latency")

EARLY_STOPPING = {"type": "SuccessiveHalvingPruner"}

# Which registry the component under a key comes from, wherever in a file the key stands.
SLOTS = {
    "backbone": registry.BACKBONES,
    "neck": registry.NECKS,
    "keypoint_head": registry.HEADS,
    "codec": registry.CODECS,
    "loss_keypoint": registry.LOSSES,
    "losses": registry.LOSSES,
    "model": registry.POSENETS,
    "train": registry.DATASETS,
    "val": registry.DATASETS,
    "test": registry.DATASETS,
    "dataset": registry.DATASETS,
    "datasets": registry.DATASETS,
    "optimizer": registry.OPTIMIZERS,
    "lr_schedule": registry.LR_SCHEDULES,
    "metrics": registry.METRICS,
}
# Those of them that hold a list of components.
LISTS = {"losses", "metrics", "datasets"}


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of the training images; each is off at 0."""

    flip: Fraction = 0.5  # probability
    rotation: Annotated[float, Field(ge=0, le=180)] = 30.0  # degrees to either side
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.25  # the crop is up to this fraction larger or smaller
    shift: Fraction = 0.05  # of the crop's size, to either side
    half_body: Fraction = 0.0  # probability of a crop around the upper or the lower body alone
    color: Fraction = 0.2  # brightness, contrast and saturation change by up to this fraction
    erasing: Fraction = 0.0  # probability that a random rectangle is blanked


@dataclass(frozen=True, kw_only=True)
class Data:
    """The `data` section: a dataset component each for `train`, `val` and, touched once for the winner, `test`."""

    train: dict[str, Any]
    val: dict[str, Any]  # or {split: 0.2, group_by: file_name_prefix}: a part of `train`
    test: dict[str, Any] | None = None
    input_size: tuple[PositiveInt, PositiveInt] = (192, 256)  # width, height of the crop that the model sees, in pixels
    padding: Positive = 1.25  # the crop is this much larger than the box
    augment: Augment = field(default_factory=Augment)
    store: bool = True  # cut each instance from its image once, for all trials of all experiments; see docs/data.md
    # What is wrong with the data ends a training before it starts; `skip` goes on without it, and says how much it is.
    on_bad_sample: Literal["error", "skip"] = "error"


@dataclass(frozen=True, kw_only=True)
class Split:
    """`val: {split: 0.2, group_by: ...}`: this fraction of `train`; images of one group stay together."""

    split: Annotated[float, Field(gt=0, lt=1)]
    group_by: str | None = None  # a key of the images' records in the annotation file, or `folder`
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Training:
    """The `training` section."""

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 32
    lr_schedule: dict[str, Any] | None = None  # a schedule, and how it warms up: `warmup`, ...
    grad_clip: Positive | None = None  # largest norm of all gradients together
    # Decay a step of the averaged weights that are validated and kept, for example 0.99.
    ema: Annotated[float, Field(ge=0, lt=1)] | None = None
    # `auto` is what a few steps of the model are fastest in, measured once where it is trained.
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False  # by torch.compile, which takes a minute or more before the first step
    flip_test: bool = False  # average the prediction with that of the mirrored image
    shift_heatmap: bool = False  # move the mirrored image's heatmap a pixel to the right; for weights of MMPose
    metrics: list[dict[str, Any]] = field(
        default_factory=lambda: [{"type": "CocoAP"}, {"type": "PCK"}, {"type": "EPE"}]
    )


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial takes; what is not said is derived from the cluster."""

    cpu: NonNegative | None = None
    gpu: NonNegative | None = None


@dataclass(frozen=True)
class Goal:
    """What a search makes as high (`max`) or as low (`min`) as it can."""

    metric: str
    mode: Literal["max", "min"]


def leading(goals: Sequence[Goal]) -> int:
    """Which of several objectives an epoch is better by, whose best weights are kept: the first that is no cost, since
    costs are the same in all epochs; where all are costs, the first.

    Example:
        >>> leading([Goal("latency", "min"), Goal("AP", "max")])
        1
    """
    return next((i for i, goal in enumerate(goals) if goal.metric not in COSTS), 0)


@dataclass(frozen=True, kw_only=True)
class Tune:
    """The `tune` section."""

    # What to search for: a metric, or several: [{AP: max}, {flops: min}]. Also params, flops, memory, latency (ms).
    metric: str | Annotated[list[str | dict[str, Literal["max", "min"]]], Field(min_length=1)] = "AP"
    mode: Literal["max", "min"] = None  # type: ignore[assignment]  # what suits the metric
    num_trials: PositiveInt = 20  # in all, those that are stopped early or fail included
    # Of optuna.samplers, or AlternatingSampler; default: what suits the space and the budget.
    sampler: dict[str, Any] | None = None
    # Early stopping, of optuna.pruners or ray.tune.schedulers; null: none, as is the default with several objectives.
    scheduler: dict[str, Any] | None = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)  # of one trial; default: a GPU, else a share of the cores
    max_concurrent: PositiveInt | None = None  # trials at a time; default: as many as there is room for
    keep: PositiveInt = 5  # the best trials that keep their weights
    max_failures: NonNegativeInt = 2  # restarts of a trial whose worker or node was lost
    # A trial without a report for so long is ended, for the reason `hang`; default: 10 times the slowest epoch so far,
    # at least a minute, ten minutes before a trial's first report.
    stall_timeout: Duration | None = None
    # Budgets beside `num_trials`: no trial starts and none goes on beyond the first that is spent.
    time_budget: Duration | None = None  # time of one start of the search: 90 (seconds), 30m, 12h, 1h30m, 2d
    gpu_hours: Positive | None = None  # hours of all trials together, times the GPUs that each has
    total_epochs: PositiveInt | None = None  # of all trials together
    patience: PositiveInt | None = None  # the search ends after so many trials without gain
    target: float | None = None  # the search ends at a value of the metric that is as good
    # What a configuration must satisfy to be trained, of `params`, `flops` and `memory`, and a model, of any metric, to
    # be the best: ["flops <= 2e9", "AP >= 0.6"].
    constraints: list[str] = field(default_factory=list)
    initial_points: list[dict[str, Any]] = field(default_factory=list)  # partial configurations that are tried first
    repeats: NonNegativeInt = 0  # trainings with other seeds of each of the `repeat_best` best trials
    repeat_best: PositiveInt = 3  # so many of the best trials are repeated
    final: bool = False  # train the winner once more, and evaluate it on `data.test`

    def __post_init__(self) -> None:
        if self.mode is None:
            object.__setattr__(self, "mode", self.goals[0].mode)
        if self.scheduler == {}:  # not given; Optuna's pruners compare one value
            object.__setattr__(self, "scheduler", EARLY_STOPPING if len(self.goals) == 1 else None)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The objectives."""
        if isinstance(self.metric, str):
            return (Goal(self.metric, self.mode or BETTER.get(self.metric, "max")),)
        named = [each if isinstance(each, dict) else {each: BETTER.get(each, "max")} for each in self.metric]
        return tuple(Goal(metric, mode) for each in named for metric, mode in each.items())  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class SpaceFile:
    """The top level of a space file."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    data: Data
    model: dict[str, Any]
    optimizer: dict[str, Any]
    seed: int = 0
    plugins: list[str] = field(default_factory=list)
    training: Training = field(default_factory=Training)
    tune: Tune = field(default_factory=Tune)


@cache
def _adapter(section: Any) -> TypeAdapter:
    return TypeAdapter(section)


def read(section: type[Section], mapping: dict[str, Any] | None) -> Section:
    """A section's dataclass from its part of a configuration; what is not given takes its default.

    Raises:
        RayPoseError: missing keys, values of a wrong type or out of bounds, all at once. Unknown keys are the check's.

    Example:
        >>> read(Training, {"epochs": 3}).epochs
        3
    """
    try:
        return _adapter(section).validate_python(mapping or {})  # type: ignore[arg-type]
    except ValidationError as error:
        found = [(".".join(map(str, (section.__name__.lower(), *e["loc"]))), e) for e in error.errors()]
        raise RayPoseError([Problem(f"{path}: {_message(e)}", rule="wrong-value") for path, e in found]) from None


def read_seed(config: dict[str, Any]) -> int:
    """The `seed` of a configuration.

    Raises:
        RayPoseError: it is no integer.

    Example:
        >>> read_seed({"seed": 3})
        3
    """
    value = config.get("seed", SpaceFile.seed)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RayPoseError(f"'seed' must be an integer, but got {value!r}", rule="wrong-type")
    return value


def read_duration(value: float | str, name: str) -> float:
    """A duration in seconds.

    Raises:
        RayPoseError: it is none; `name` is what it is called.

    Example:
        >>> read_duration("1h30m", "time_budget")
        5400.0
    """
    try:
        return TypeAdapter(Duration).validate_python(value)
    except ValidationError:
        raise RayPoseError(
            f"{name} must be a duration, but got {value!r}", hint=DURATIONS, rule="wrong-value"
        ) from None


def _message(error: Any) -> str:
    about_the_value = " should " in error["msg"]  # and not about a key
    return f"{error['msg']}, but got {error['input']!r}" if about_the_value else error["msg"]
