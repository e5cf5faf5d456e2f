"""Each rule of the static check on the real registries, with its exact message, line and column."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import raypose
from raypose import config
from raypose.callables import parameters
from raypose.errors import RayPoseError
from raypose.registry import METRICS
from raypose.space import Space
from raypose.tuning.checked import load_checked

ROOT = Path(__file__).parents[1]


def module(path: Path):
    spec = importlib.util.spec_from_file_location(f"rules_{path.stem}", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


SPACES = module(Path(__file__).with_name("good_spaces.py")).good_spaces()
TEXT = SPACES["features"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    module(ROOT / "conftest.py").write_tiny_coco(folder)
    return folder


def problems(text: str, home: Path) -> list:
    (home / "s.yaml").write_text(text)
    found: list = []
    try:
        load_checked(home / "s.yaml", warn=found.extend)
    except RayPoseError as error:
        return error.problems
    return found


def said(old: str, new: str, home: Path) -> list[str]:
    """All that is found once `old` is replaced."""
    assert old in TEXT, old
    return [
        str(each).removeprefix(f"{home}/s.yaml:") for each in problems(TEXT.replace(old, new.replace("§", ""), 1), home)
    ]


def place(old: str, new: str) -> str:
    """LINE:COLUMN of § in `new`."""
    before = TEXT.replace(old, new, 1).partition("§")[0]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


SCHEDULE = "lr_schedule: {type: MultiStepLR, milestones: [5, 8], gamma: 0.1, warmup: 0.05, warmup_type: exp}"
PCK = "no configured metric gives 'PCK@0.1', which tune.metric asks for; did you mean 'PCK@0.2'?"
LATE = [  # the mistakes that train silently, or fail hours late, in MMPose
    ("norm_decay_mult", "§norm_deacy_mult",
     "unknown key 'norm_deacy_mult' in 'paramwise_cfg' of DefaultOptimizerConstructor; did you mean 'norm_decay_mult'?"),
    ("seed: 1", "§sede: 1", "unknown key 'sede' in the top level; did you mean 'seed'?"),
    ("flip_test", "§flip_tset", "unknown key 'flip_tset' in 'training'; did you mean 'flip_test'?"),
    ("  type: TopDown\n", "  type: TopDown\n  §test_cfg: {flip_test: true}\n",
     "TopDown takes no argument 'test_cfg'; "
     "`flip_test` is a key of `training`, and how outputs are decoded is the codec's"),
    ("{type: MSRAHeatmap,", "{type: MSRAHeatmap, §heatmap_size: [16, 16],",
     "MSRAHeatmap takes no argument 'heatmap_size'; leave it out: it follows from the head"),
    ("lr: 1e-3", "lr: §1e3", "warning: 'lr' is usually between 1e-07 and 10, but got 1000"),
    ("metric: PCK@0.2", "metric: §PCK@0.1", PCK),
    ("lr: 1e-3", 'lr: §"5e-4"', "'lr' must be a number, but got \"5e-4\"; write it without quotes"),
    ("label: decayed", "label: decayed, §momentum: 0.9",
     "AdamW takes no argument 'momentum'; known: amsgrad, betas, capturable, constructor, differentiable, eps, foreach, "
     "fused, lr, maximize, paramwise_cfg, weight_decay"),
    ("type: AdamW, label", "type: §AdmaW, label", "unknown optimizer 'AdmaW'; did you mean 'AdamW'?"),
]  # fmt: skip
VALUES = [
    ("choice: [18, 34]", "choice: [18, §49]", "'depth' must be 18, 34, 50, 101 or 152, but got 49"),
    ("depth: {choice: [18, 34]}", "depth: §{randint: [18, 35]}",
     "'depth' must be 18, 34, 50, 101 or 152, but got {\"randint\":[18,35]}"),
    ("{quniform: [1, 3, 0.5]}", "§{uniform: [-1, 2]}", "'sigma' must be greater than 0, but got {\"uniform\":[-1,2]}"),
    ("{quniform: [1, 3, 0.5]}", "§.inf", "'sigma' must be a finite number, but got Infinity"),
    ("grad_clip: 5.0", "grad_clip: §.inf", "'grad_clip' must be a finite number, but got Infinity"),
    ("{cpu: 1}", "{cpu: §.inf}", "'cpu' must be a finite number, but got Infinity"),
    ("lr: 1e-3", "lr: §.inf", "'lr' must be a finite number, but got Infinity"),
    ("patience: 2, ", "", "55:21: PatientPruner needs the argument 'patience'"),
    ("n_startup_trials: 5", "n_startup_trials: §-1", "'n_startup_trials' must be greater than or equal to 0, but got -1"),
    ("n_startup_trials: 5", 'n_startup_trials: §"5"',
     "'n_startup_trials' must be an integer, but got \"5\"; write it without quotes"),
    ("n_startup_trials: 5", "multivariate: §false, group: true",
     "TPESampler: ``group`` option can only be enabled when ``multivariate`` is enabled."),
    ("n_startup_trials: 2", "interval_steps: §0",
     "MedianPruner: Pruning interval steps must be at least 1, but got interval_steps=0."),
    ("{type: MedianPruner, n_startup_trials: 2}", "§{type: ThresholdPruner}",
     "ThresholdPruner: Either lower or upper must be specified."),
    ("{type: MedianPruner, n_startup_trials: 2}", "{type: PercentilePruner, percentile: §101.0}",
     "PercentilePruner: Percentile must be between 0 and 100 inclusive, but got percentile=101.0."),
    ("threshold: 0.2", "threshold: §-1", "'threshold' must be greater than 0, but got -1"),
    (SCHEDULE, "lr_schedule: {type: OneCycleLR, pct_start: §2}",
     "OneCycleLR: Expected float between 0 and 1 pct_start, but got 2"),
    (SCHEDULE, "lr_schedule: {type: FlatCosineAnnealingLR, min_lr: §0.1, min_lr_ratio: 0.1}",
     "min_lr and min_lr_ratio say the same; give one of them"),
    ("warmup: 0.05", "warmup_iters: 100000"),
    ("{type: EPE}", "§{type: PCK, name: PCK@0.2}", "two metrics give 'PCK@0.2'; give one another `name`"),
    ("  max_concurrent: 2", '  §epochs: 2', "unknown key 'epochs' in 'tune'; it belongs in `training`"),
]  # fmt: skip
TIMES = [
    ("milestones: [5, 8]", "milestones: [5, §20]",
     "'milestones' 20 never comes: the training ends after epoch 20 at the latest; times of schedules are epochs"),
    ("milestones: [5, 8]", "milestones: {choice: [[5], [6, §{randint: [30, 50]}]]}",
     "'milestones' 30 never comes: the training ends after epoch 20 at the latest; times of schedules are epochs"),
    ("milestones: [5, 8]", "milestones: [5, §10]",
     "warning: 'milestones' 10 never comes where the training ends after epoch 10"),
    ("milestones: [5, 8]", "milestones: [5, §{randint: [8, 15]}]",
     "warning: 'milestones' 14 never comes where the training ends after epoch 10"),
    ("milestones: [5, 8]", "milestones: [5, 9]"),
    ("  epochs: {choice: [10, 20]}\n", ""),
    ("  epochs: {choice: [10, 20]}\n  batch_size: 8\n  lr_schedule: {type: MultiStepLR, milestones: [5, 8]",
     "  batch_size: 8\n  lr_schedule: {type: MultiStepLR, milestones: [5, §25]",
     "'milestones' 25 never comes: the training ends after epoch 20; times of schedules are epochs"),
    ("warmup: 0.05", "warmup: §20",
     "'warmup' 20 never ends: the training ends after epoch 20 at the latest; times of schedules are epochs"),
    ("warmup: 0.05", "warmup: 3"),
]  # fmt: skip
CONSTRAINT = "constraint 'parameters <= 50e6': unknown name 'parameters' at character 1; did you mean 'params'?"
PRUNER = (
    "early stopping by Optuna's pruners compares one value, but 'metric' has 2; "
    "write scheduler: null, or one of Ray's (ASHAScheduler), which goes by the first objective"
)
PATIENT = "{type: PatientPruner, patience: 2, wrapped_pruner: {type: MedianPruner, n_startup_trials: 2}}"
LISTED = "write it as in [{AP: max}, {flops: min}]"
ONE = "metric: PCK@0.2\n  mode: max\n  num_trials: 12\n  sampler: {type: TPESampler, n_startup_trials: 5}\n"
TWO = ONE.replace("  mode: max\n", "")
CONSTANT = (
    "warning: early stopping compares trials by 'latency', which is the same in all epochs; write scheduler: null"
)
SEARCH = [
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[EPE, {flops: min}, latency]") + "  scheduler: null"),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[EPE, {flops: min}]")),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[EPE, flops]") + "  scheduler: {type: ASHAScheduler}"),
    (ONE + "  scheduler: ", TWO.replace("PCK@0.2", "[{PCK@0.2: max}, {flops: min}]") + "  scheduler: §", PRUNER),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[flops, EPE]") + "  scheduler: §{type: ASHAScheduler}",
     "warning: early stopping goes by the first objective, and 'flops' is the same in all epochs; "
     "write first what gets better by training"),
    ("metric: PCK@0.2\n  mode: max", "metric: [EPE]\n  mode: §min",
     f"'mode' is of one metric, but 'metric' is a list; leave it out, and {LISTED}"),
    ("metric: PCK@0.2\n  mode: max", "metric: §[]", f"'metric' must name an objective at least, but got []; {LISTED}"),
    ("metric: PCK@0.2\n  mode: max", "metric: [{EPE: §low}]", "'EPE' must be max or min, but got \"low\"; known: max, min"),
    ("metric: PCK@0.2\n  mode: max", "metric: [§3]", f"an objective must be a metric, but got 3; {LISTED}"),
    ("metric: PCK@0.2\n  mode: max", "metric: [{§APP: max}]",
     "no configured metric gives 'APP', which tune.metric asks for; did you mean 'AP'?"),
    ("metric: PCK@0.2\n  mode: max", "metric: [{EPE: §max}]",
     "warning: mode 'max' contradicts 'EPE', which is better when it is lower; write mode: min, or leave it out"),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[EPE, {§EPE: min}]") + "  scheduler: null",
     "'EPE' is an objective twice; leave one out"),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "latency") + "  scheduler: null"),
    ("metric: PCK@0.2\n  mode: max", "metric: §latency", CONSTANT),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[{§latency: min}]"), CONSTANT),
    ('"params <= 50e6"', '"EPE <= 9", "PCK@0.2 / flops > 1e-12", "latency < 15", "params <= 50e6"'),
    ('"params <= 50e6"', '§"latenzy <= 50"',
     "constraint 'latenzy <= 50': unknown name 'latenzy' at character 1; did you mean 'latency'?"),
    ("  mode: max", "  mode: §min",
     "warning: mode 'min' contradicts 'PCK@0.2', which is better when it is higher; write mode: max, or leave it out"),
    ("metric: PCK@0.2\n  mode: max", "metric: EPE\n  mode: §max",
     "warning: mode 'max' contradicts 'EPE', which is better when it is lower; write mode: min, or leave it out"),
    ("metric: PCK@0.2\n  mode: max", "metric: EPE"),
    ('"params <= 50e6"', '§"parameters <= 50e6"', CONSTRAINT),
    ("num_trials: 12", "num_trials: 12\n  time_budget: 1h30m\n  stall_timeout: 90\n  gpu_hours: 0.5"),
    ("num_trials: 12", "num_trials: 12\n  time_budget: §1x",
     "'time_budget' must be a number, but got \"1x\"; write seconds, or a text such as 30m, 12h, 1h30m, 2d"),
    ("num_trials: 12", "num_trials: 12\n  time_budget: §-1", "'time_budget' must be greater than 0, but got -1"),
    ("{cpu: 1}", "{gpu: 0}\n  gpu_hours: §2",
     "a budget of GPU-hours needs trials with GPUs, but 'gpu' is 0; write time_budget instead, or set resources.gpu"),
    (ONE + f"  scheduler: {PATIENT}", TWO.replace("PCK@0.2", "[EPE, {flops: min}]") + "  patience: 3\n  target: §0.8",
     "'target' is a value of one metric, but 'metric' has 2; write patience or another budget instead"),
    ("{optimizer.AdamW.lr: 1e-3}", "{optimizer.AdamW.lr: §1}",
     "`0.0001 <= optimizer.AdamW.lr <= 0.01` must hold, but got 1"),
]  # fmt: skip
DECAYED = (
    "constructor: LayerDecayOptimizerConstructor,\n       paramwise_cfg: {decay_rate: 0.8, decay_type: stage_wise}}"
)
COCKTAIL = "backbone: {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}"
DECAY = "LayerDecayOptimizerConstructor needs a 'decay_rate' in 'paramwise_cfg'; for example decay_rate: 0.75"
PARTS = "for example backbone: {type: SGD, lr: 0.01}"
MAPS = "CocktailOptimizerConstructor maps parts of the model to optimizers, but got"
OPTIMIZERS = [
    (DECAYED, "constructor: {choice: [null, DefaultOptimizerConstructor]}}"),
    (DECAYED, "constructor: {choice: [null, §DefaultConstructor]}}",
     "unknown optimizer constructor 'DefaultConstructor'; did you mean 'DefaultOptimizerConstructor'?"),
    ("type: AdamW, label: decayed, lr: 1e-3, constructor: Layer", "label: decayed, lr: 1e-3, constructor: Layer",
     "35:7: 'optimizer' lacks its 'type'; only a cocktail has an optimizer for each part"),
    ("decay_rate: 0.8, ", "", f"36:23: {DECAY}"),
    (DECAYED, "constructor: §LayerDecayOptimizerConstructor}", DECAY),
    (DECAYED, "constructor: LayerDecayOptimizerConstructor, paramwise_cfg: §null}", DECAY),
    ("decay_rate: 0.8", "decay_rate: 0.8, §layer_decay_rate: 0.8",
     "decay_rate and layer_decay_rate say the same; give decay_rate or layer_decay_rate"),
    ("decay_rate: 0.8", "layer_decay_rate: 0.8"),
    ("decay_rate: 0.8", "§decay_rat: 0.8",
     "unknown key 'decay_rat' in 'paramwise_cfg' of LayerDecayOptimizerConstructor; did you mean 'decay_rate'?"),
    ("      label: cocktail\n", "      label: cocktail\n      lr: §1\n", f"{MAPS} 1 for 'lr'; {PARTS}"),
    ("{type: AdamW, lr: {ref", "§{lr: {ref", "'optimizer' lacks its 'type'"),
]  # fmt: skip
RATES = [
    ("lr: 1e-3", "lr: 10", "35:41: warning: 'lr' is usually between 1e-07 and 10, but got 10"),
    ("lr: 1e-3", "lr: §0", "warning: 'lr' is usually between 1e-07 and 10, but got 0"),
    ("lr: 1e-3", "lr: 1"),
    ("lr: 1e-3", "lr: {choice: [1, 1e-8]}",
     "35:54: warning: 'lr' is usually between 1e-07 and 10, but got 1e-08"),
    ("{loguniform: [1e-3, 1e-1]}", "§{loguniform: [1e-3, 100]}",
     "warning: 'lr' is usually between 1e-07 and 10, but got 100",
     "40:40: warning: 'lr' is usually between 1e-07 and 10, but got 10"),
    ("{loguniform: [1e-4, 1e-2]}", "§{loguniform: [1e-9, 1e-2]}",
     "warning: 'lr' is usually between 1e-07 and 10, but got 1e-09"),
    ("weight_decay: 0.05", "weight_decay: §5", "warning: 'weight_decay' is usually between 0 and 1, but got 5"),
    ("momentum: 0.9", "momentum: §9", "warning: 'momentum' is usually between 0 and 1, but got 9"),
    ("weight_decay: 0.05", "weight_decay: §-5", "'weight_decay' must be greater than or equal to 0, but got -5"),
    (SCHEDULE, "lr_schedule: {type: OneCycleLR, max_lr: §1e3}",
     "warning: 'max_lr' is usually between 1e-07 and 10, but got 1000"),
]  # fmt: skip
ALL = LATE + VALUES + TIMES + SEARCH + OPTIMIZERS + RATES


@pytest.mark.parametrize(("old", "new", "messages"), [(old, new, more) for old, new, *more in ALL])
def test_the_message_line_and_column_of_each_mistake(home, old, new, messages) -> None:
    first = f"{place(old, new)}: " if "§" in new else ""
    assert said(old, new, home) == [f"{first if i == 0 else ''}{each}" for i, each in enumerate(messages)]


def test_every_metric_is_known_to_be_better_when_higher_or_lower() -> None:
    builtin = [METRICS.get(name) for name in METRICS if METRICS.get(name).__module__.startswith("raypose.")]
    given = {name for metric in builtin for name in metric.names} | {
        *METRICS.build({"type": "CocoAP", "details": True}).names
    }
    assert given | {"loss", "train_loss", *config.COSTS} == set(config.BETTER)


def test_mere_warnings_are_handed_on_and_go_with_errors(home, caplog) -> None:
    file = home / "s.yaml"
    file.write_text(TEXT.replace("lr: 1e-3", "lr: 1e3", 1).replace("mode: max", "mode: min"))
    warned: list = []
    assert load_checked(file, warn=warned.extend).default()["seed"] == 1
    assert [(each.level, each.line, each.rule) for each in warned] == [
        ("warning", 35, "unusual-value"),
        ("warning", 52, "mode-contradicts-metric"),
    ]
    load_checked(file)
    assert [record.message for record in caplog.records] == [str(each) for each in warned]
    file.write_text(file.read_text().replace("seed: 1", "sede: 1"))
    with pytest.raises(RayPoseError) as caught:
        load_checked(file, warn=pytest.fail)
    assert [each.level for each in caught.value.problems] == ["error", "warning", "warning"]


WRITTEN = [
    ("seed: 1", "sede: 1", '"sede"'),
    ("name: features\n", "", ""),
    ("choice: [18, 34]", "choice: [18, 49]", "49"),
    ("{quniform: [1, 3, 0.5]}", "{uniform: [-1, 2]}", '{"uniform":[-1,2]}'),
    ("metric: PCK@0.2", "metric: nothing", '"nothing"'),
    ("{cpu: 1}", "[1, {a: b}]", '[1,{"a":"b"}]'),
    ("patience: 2, ", "", '"PatientPruner"'),
    ("lr: 1e-3, constr", "lr: 1e3, constr", "1000.0"),
    ("- type: AdamW", "- lrr: 0.1\n      type: AdamW", '"lrr"'),
    ("- type: AdamW\n", "- label: AdamW\n", '{"lr":{"loguniform":[0.0001,0.01]},"betas":[0.9,0.99],"weight_decay":0.05,'
     '"paramwise_cfg":{"norm_decay_mult":0,"custom_keys":{"backbone":{"lr_mult":0.1}}}}'),
    ("annotations.json", "'${RAYPOSE_NOT_SET:-nowhere}.json'", '"${RAYPOSE_NOT_SET:-nowhere}.json"'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "value"), WRITTEN)
def test_the_offending_value_as_written(home, old, new, value) -> None:
    assert old in TEXT
    assert [each.value for each in problems(TEXT.replace(old, new, 1), home)] == [value]


def test_what_cannot_be_read_and_what_is_wrong_with_the_rest_at_once(home) -> None:
    text = TEXT.replace("seed: 1", "sede: 1").replace("{loguniform: [1e-4, 1e-2]}", "{loguniform: [1e-2, 1e-4]}")
    text = text.replace("{choice: [32, 64]}", "{choice: []}").replace("{quniform: [1, 3, 0.5]}", "{quniform: [1, 3]}")
    text = text.replace("type: RLEHead", "type: RLEHed").replace("grad_clip: 5.0", "grad_clip: ${RAYPOSE_NOT_SET}")
    found = problems(text.replace("ann_file: annotations", "ann_file: none"), home)
    assert [(each.line, each.rule, each.value) for each in found] == [
        (2, "unknown-key", '"sede"'),
        (4, "missing-file", '"none.json"'),
        (21, "empty-choice", "[]"),
        (22, "bad-range", "[1,3]"),
        (27, "unknown-component", '"RLEHed"'),
        (31, "bad-range", "[0.01,0.0001]"),
        (45, "unset-variable", '"${RAYPOSE_NOT_SET}"'),
    ]


def test_what_is_said_of_keypoints(home) -> None:
    """A name is no path, even where a folder has it, too; a file must be there, and the values be of their types."""
    (home / "coco").mkdir(exist_ok=True)
    (home / "mine.yaml").write_text("sigmas: 0.1")
    good = "dataset_info: {choice: [coco, mine.yaml, {sigmas: 0.1}]}, colors: {left: [0, 0, 0]}, skeleton: [[a, b, 2]]"
    assert problems(TEXT.replace("ann_file:", f"{good}, ann_file:", 1), home) == []
    wrong = "dataset_info: gone.yaml, upper_body: nose, colors: [0, 0, 0], skeleton: [[a, 0.5]]"
    assert [
        (each.rule, each.value) for each in problems(TEXT.replace("ann_file:", f"{wrong}, ann_file:", 1), home)
    ] == [
        ("missing-file", '"gone.yaml"'),
        ("wrong-type", '"nose"'),
        ("wrong-type", "0"),
        ("wrong-type", "0.5"),
    ]


def test_a_wrong_seed_is_the_users_mistake_from_python_too(tmp_path) -> None:
    space = Space.parse("{name: scripted, seed: abc, x: {uniform: [0, 1]}, tune: {metric: score}}")
    with pytest.raises(RayPoseError, match="'seed' must be an integer, but got 'abc'"):
        raypose.tune(space, trial=lambda config, run: None, experiments=tmp_path)


def test_annotations_of_which_some_cannot_be_resolved_are_read_one_by_one() -> None:
    from optuna.samplers import TPESampler

    known = parameters(TPESampler)  # `constraints_func` names types that exist for type checkers only
    assert known["n_startup_trials"].annotation is int
    assert isinstance(known["constraints_func"].annotation, str)


DATA = """name: boxes
data:
  train: {{type: CocoKeypoints, ann_file: annotations.json, img_prefix: images{train}}}
  val: {{type: CocoKeypoints, ann_file: annotations.json, img_prefix: images{val}}}
model: {{type: TopDown, backbone: {{type: ResNet, depth: 18}}, keypoint_head: {{type: HeatmapHead}}}}
optimizer: {{type: AdamW}}
training: {{epochs: 1{training}}}
tune: {{metric: AP}}
"""


@pytest.mark.parametrize(
    ("train", "val", "training", "found"),
    [
        ("", ", bbox_file: annotations.json", ", metrics: [{type: CocoAP}]", []),
        ("", ", bbox_file: null", "", []),
        ("", ", bbox_file: annotations.json", "", [(4, "metric-needs")] * 2),
        ("", ", bbox_file: {choice: [null, annotations.json]}", ", metrics: [{type: CocoAP}, {type: NME}]",
         [(7, "metric-needs")]),
        (", bbox_file: annotations.json", "", "", [(3, "detections")]),
        (", dataset_info: {choice: [mouse4, cocoo]}", "", "", [(3, "wrong-type")]),
        (", dataset_info: cocoo", "", "", [(3, "wrong-type")]),
    ],
)  # fmt: skip
def test_detections_and_facts_about_keypoints(train, val, training, found, home):
    told = problems(DATA.format(train=train, val=val, training=training), home)
    assert [(each.line, each.rule) for each in told] == found
