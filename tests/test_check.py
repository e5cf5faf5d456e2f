from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from pydantic import Field

from raypose import config, registry
from raypose.check import check, components, load_checked
from raypose.check.report import Report
from raypose.check.values import checkable, fits
from raypose.check.variants import variants
from raypose.errors import Problem, RayPoseError, nearest
from raypose.registry import Registry
from raypose.space import Space, dump, from_random
from raypose.space.traverse import as_written

GOOD = """\
name: openfield
seed: 3
data:
  train: {type: Coco, ann_file: ann.json, img_prefix: images}
  val: {type: Coco, img_prefix: images, ann_file: ann.json}
  input_size: {choice: [[128, 128], [192, 192]]}
  augment: {rotation: {uniform: [0, 45]}, scale: 0.3, flip: 0.5}
model:
  type: TopDown
  backbone:
    choice:
      - type: ResNet
        depth: {choice: [18, 50]}
      - {type: Hourglass, num_stacks: {randint: [1, 3]}, pretrained: some_name}
      - {type: Free, anything: {goes: [1, 2]}, codec: 3, train: true}
  neck: null
  keypoint_head:
    type: Head
    codec: {type: MSRA, sigma: {uniform: [1, 3]}}
    loss_keypoint:
      choice:
        - {type: MSE, use_target_weight: true}
        - {type: Wing, omega: {quniform: [8, 20, 2]}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, betas: [0.9, 0.999], paramwise_cfg: {norm_decay_mult: 0}}
    - {type: AdamW, lr: 1, constructor: Default}
    - {constructor: Cocktail, backbone: {type: AdamW, lr: 0.1}, keypoint_head: {choice: [{type: AdamW}]}}
training:
  epochs: 20
  batch_size: {choice: [16, 32]}
  lr_schedule: {type: Cosine, warmup: 0.05}
  metrics: [{type: AP}, {type: Named, name: mine}]
tune:
  metric: AP50
  mode: max
  num_trials: 40
  sampler: {type: TPE, seed: 3}
  scheduler: {type: Patient, wrapped_pruner: {type: Median}}
  resources: {cpu: 1, gpu: 0.5}
"""


def coco(ann_file: str, img_prefix: str = "", cache_dir: str | None = None): ...
def resnet(depth: Literal[18, 34, 50], in_stage: Any = None): ...
def hourglass(num_stacks: int = 1, width: int | None = None, stages: Sequence[int] = (1,)): ...
def free(**kwargs): ...
def head(in_channels, num_keypoints, codec=None, loss_keypoint=None, deconv: tuple[int, int] = (1, 1), extra=None): ...
def msra(input_size: tuple[int, int], sigma: float = 2.0): ...
def mse(use_target_weight: bool = True): ...
def wing(omega: float, theta: Path | None = None): ...
def top_down(backbone, keypoint_head, neck: object = None, codec=None, loss_keypoint=None): ...
def adam(params, lr: float | Callable = 1e-3, betas: tuple[float | Callable, float] = (0.9, 0.9)): ...
def cosine(optimizer, T_max: int = 5): ...
def tpe(seed: int | None = None): ...
def patient(wrapped_pruner: Callable | None, patience: int = 1): ...
def median(n_startup_trials: int = 5): ...
def constructor(optimizer_cfg, paramwise_cfg=None): ...


class AP:
    names = ("AP", "AP50")


class Named:
    names = ("Named",)

    def __init__(self, name: str) -> None:
        self.names = (name,)


def make(name: str, **entries: Any) -> Registry:
    made = Registry(name)
    for key, entry in entries.items():
        made.register_module(name=key, module=entry)
    return made


DATASETS = make("dataset", Coco=coco)
LOSSES = make("loss", MSE=mse, Wing=wing)
SLOTS = {
    "backbone": make("backbone", ResNet=resnet, Hourglass=hourglass, Free=free),
    "neck": make("neck", Neck=free),
    "keypoint_head": make("head", Head=head),
    "codec": make("codec", MSRA=msra),
    "loss_keypoint": LOSSES,
    "model": make("posenet", TopDown=top_down),
    "train": DATASETS,
    "val": DATASETS,
    "test": DATASETS,
    "optimizer": make("optimizer", AdamW=adam),
    "lr_schedule": make("lr_schedule", Cosine=cosine),
    "metrics": make("metric", AP=AP, Named=Named),
}
SAMPLERS = make("sampler", TPE=tpe)
SCHEDULERS = make("scheduler", Patient=patient, Median=median)


@pytest.fixture(autouse=True)
def small_registries(request, monkeypatch) -> None:
    if "real" not in request.node.name:
        monkeypatch.setattr(config, "SLOTS", SLOTS)
        monkeypatch.setattr(
            components, "OPTIMIZER_BUILDERS", make("optimizer constructor", Default=constructor, Cocktail=constructor)
        )


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "ann.json").touch()
    (tmp_path / "images").mkdir()
    return tmp_path


def found(text: str, folder: Path) -> list[str]:
    space = Space.parse(text, file="s.yaml", folder=folder)
    problems = check(space, samplers=SAMPLERS.get, schedulers=SCHEDULERS.get)
    assert all(problem.rule for problem in problems)
    return [str(problem) for problem in problems]


def test_a_good_space_has_no_problems(folder) -> None:
    assert found(GOOD, folder) == []
    rng = random.Random(0)
    for _ in range(5):
        sampled = Space.parse(GOOD, folder=folder).sample(from_random(rng))
        assert sampled["name"] == "openfield"


# What is replaced in GOOD (=> by what; § marks where the problem is), and what is found then.
BAD_TEXT = r"""
# keys
seed: 3 => §sede: 3
    unknown key 'sede' in the top level; did you mean 'seed'?
name: openfield\n => §
    the top level lacks the key 'name'
  epochs: 20 =>   §epoch: 20
    unknown key 'epoch' in 'training'; did you mean 'epochs'?
scale: 0.3 => §scael: 0.3
    unknown key 'scael' in 'augment'; did you mean 'scale'?
{cpu: 1, gpu => {§cpus: 1, gpu
    unknown key 'cpus' in 'resources'; did you mean 'cpu'?
{cpu: 1, gpu: 0.5} => §[1]
    'resources' must be a mapping, but got [1]
  train: {type: Coco, ann_file: ann.json, img_prefix: images}\n =>
    4:3: 'data' lacks the key 'train'
seed: 3 => §3: 3
    unknown key '3' in the top level; known: base, data, model, name, optimizer, plugins, seed, training, tune
# components
type: ResNet => type: §ResNt
    unknown backbone 'ResNt'; did you mean 'ResNet'?
type: MSRA => type: §Integral
    unknown codec 'Integral'; known: MSRA
{type: Wing, omega => §{omega
    'loss_keypoint' lacks its 'type'
{type: MSE, use_target_weight: true} => §MSE
    'loss_keypoint' must be a mapping with a 'type', but got "MSE"; write {type: MSE}
codec: {type: MSRA, sigma: {uniform: [1, 3]}} => codec: §[1]
    'codec' must be a mapping with a 'type', but got [1]
codec: {type: MSRA, sigma: {uniform: [1, 3]}} => codec: null
    nothing
    loss_keypoint:\n      choice: =>     loss_keypoint:\n      §chioce:
    'loss_keypoint' lacks its 'type'; did you mean 'choice'?
type: ResNet => type: {choice: [ResNet, §ResNt]}
    unknown backbone 'ResNt'; did you mean 'ResNet'?
type: ResNet => type: §{randint: [0, 3]}
    the name of a component must be a string, but got {"randint":[0,3]}
type: ResNet => type: §5
    the name of a component must be a string, but got 5
  type: TopDown\n =>
    nothing
  type: TopDown\n =>   type: §TopDwn\n
    unknown posenet 'TopDwn'; did you mean 'TopDown'?
  neck: null\n =>   neck: {type: §Nek}\n
    unknown neck 'Nek'; did you mean 'Neck'?
  neck: null\n =>   neck: {type: Neck}\n
    nothing
anything: {goes: [1, 2]} => deep: [{backbone: {type: §ResNt}}]
    unknown backbone 'ResNt'; did you mean 'ResNet'?
# arguments
sigma: => §sgima:
    msra takes no argument 'sgima'; did you mean 'sigma'?
        depth: {choice: [18, 50]}\n =>
    12:15: resnet needs the argument 'depth'
type: Wing, omega: {quniform: [8, 20, 2]} => type: §Wing
    wing needs the argument 'omega'
wrapped_pruner: {type: Median} => patience: 3
    39:21: patient needs the argument 'wrapped_pruner'
{type: Median} => {type: Median, §n: 3}
    median takes no argument 'n'; known: n_startup_trials
{type: AdamW, lr: 0.1} => {type: AdamW, §rl: 0.1}
    adam takes no argument 'rl'; known: betas, constructor, lr, paramwise_cfg
[{type: AdamW}] => [{type: §AdmW}]
    unknown optimizer 'AdmW'; did you mean 'AdamW'?
constructor: Default => constructor: §Defalt
    unknown optimizer constructor 'Defalt'; did you mean 'Default'?
constructor: Cocktail => constructor: §Coctail
    unknown optimizer constructor 'Coctail'; did you mean 'Cocktail'?
{type: AdamW, lr: 1, constructor: Default} => §{lr: 1}
    'optimizer' lacks its 'type'
warmup: 0.05 => §wramup: 0.05
    cosine takes no argument 'wramup'; did you mean 'warmup'?
warmup: 0.05 => §zzz: 0.05
    cosine takes no argument 'zzz'; known: T_max, warmup, warmup_iters, warmup_ratio, warmup_type
warmup: 0.05 => §optimizer: 0.05
    cosine takes no argument 'optimizer'; it belongs at the top level
warmup: 0.05 => warmup: 0.05, §warmup_iters: 5
    warmup and warmup_iters say the same; give warmup or warmup_iters
warmup: 0.05 => T_max: 3, §warmup_ratio: 0.1
    'warmup_ratio' needs a length; give warmup or warmup_iters
pretrained: some_name => §pretraind: some_name
    hourglass takes no argument 'pretraind'; did you mean 'pretrained'?
# values
epochs: 20 => epochs: §20.5
    'epochs' must be an integer, but got 20.5
epochs: 20 => epochs: §true
    'epochs' must be an integer, but got true
epochs: 20 => epochs: §{uniform: [5, 9]}
    'epochs' must be an integer, but got {"uniform":[5,9]}
epochs: 20 => epochs: §{unifrm: [5, 9]}
    'epochs' must be an integer, but got {"unifrm":[5,9]}; did you mean 'uniform'?
epochs: 20 => epochs:§
    'epochs' must be an integer, but got null
scale: 0.3 => scale: §big
    'scale' must be a number, but got "big"
scale: 0.3 => scale: 0
    nothing
scale: 0.3 => scale: {choice: [0, §x, {uniform: [0, 0.9]}]}
    'scale' must be a number, but got "x"
name: openfield => name: §12
    'name' must be a string, but got 12
mode: max => mode: §maximise
    'mode' must be 'max' or 'min', but got "maximise"; did you mean 'max'?
name: openfield => name: §my mice
    'name' must match pattern '^\w[\w.-]*$', but got "my mice"
[192, 192] => §[192]
    'input_size' must be a list of 2 integers, but got [192]
[192, 192] => [192, §x]
    'input_size' must be an integer, but got "x"
[192, 192] => [{randint: [2, 5]}, §{uniform: [2, 5]}]
    'input_size' must be an integer, but got {"uniform":[2,5]}
choice: [18, 50] => choice: [18, §49]
    'depth' must be 18, 34 or 50, but got 49
depth: {choice: [18, 50]} => depth: §{randint: [18, 50]}
    'depth' must be 18, 34 or 50, but got {"randint":[18,50]}
use_target_weight: true => use_target_weight: §1
    'use_target_weight' must be true or false, but got 1
lr: 0.1 => lr: §-1
    'lr' must be greater than or equal to 0, but got -1
lr: 0.1 => lr: §'1e-1'
    'lr' must be a number, but got "1e-1"; write it without quotes
[0.9, 0.999] => [0.9, §x]
    'betas' must be a number, but got "x"
{norm_decay_mult: 0} => §5
    'paramwise_cfg' must be a mapping, but got 5
{norm_decay_mult: 0} => §{uniform: [0, 1]}
    'paramwise_cfg' must be a mapping, but got {"uniform":[0,1]}; if it is no dimension, write {fixed: {uniform: [0, 1]}}
{norm_decay_mult: 0} => {choice: [§on, {}]}
    'paramwise_cfg' must be a mapping, but got "on"
{norm_decay_mult: 0} => {choice: [§on]}
    'paramwise_cfg' must be a mapping, but got "on"; if it is no dimension, write {fixed: {choice: ["on"]}}
lr: 0.1 => lr: §{ref: data.flip, tims: 2}
    'lr' must be a number, but got {"ref":"data.flip","tims":2}; did you mean 'times'?
lr: 0.1 => lr: §{rf: data.flip, times: 2}
    'lr' must be a number, but got {"rf":"data.flip","times":2}; did you mean 'ref'?
seed: 3 => §bas: x.yaml
    unknown key 'bas' in the top level; did you mean 'base'?
seed: 3 => base: §{choice: [a, b]}
    'base' must be a file or a list of files, but got {"choice":["a","b"]}; it is read before all else and can't be searched
pretrained: some_name => pretrained: §5
    'pretrained' must be a string, but got 5
pretrained: some_name => stages: [1, §[2]]
    'stages' must be an integer, but got [2]
warmup: 0.05 => warmup: §-1
    'warmup' must be greater than or equal to 0, but got -1
{type: Coco, img_prefix: images, ann_file: ann.json} => {split: §a}
    'split' must be a number, but got "a"
{type: Coco, img_prefix: images, ann_file: ann.json} => {split: 0.2, §group: a}
    unknown key 'group' in 'val'; did you mean 'group_by'?
{type: Coco, img_prefix: images, ann_file: ann.json} => §{splt: 0.2}
    'val' lacks its 'type'
{type: Coco, img_prefix: images, ann_file: ann.json} => {choice: [{split: 0.2, group_by: f}, {split: 0.1}]}
    nothing
# bounds
flip: 0.5 => flip: §1.5
    'flip' must be less than or equal to 1, but got 1.5
flip: 0.5 => flip: §-0.1
    'flip' must be greater than or equal to 0, but got -0.1
flip: 0.5 => half_body: {choice: [0, 1, §2]}
    'half_body' must be less than or equal to 1, but got 2
flip: 0.5 => color: §{uniform: [0, 1.2]}
    'color' must be less than or equal to 1, but got {"uniform":[0,1.2]}
flip: 0.5 => shift: §{uniform: [-1, 1]}
    'shift' must be greater than or equal to 0, but got {"uniform":[-1,1]}
uniform: [0, 45] => uniform: [0, 180]
    nothing
{uniform: [0, 45]} => §{uniform: [0, 181]}
    'rotation' must be less than or equal to 180, but got {"uniform":[0,181]}
scale: 0.3 => scale: §1
    'scale' must be less than 1, but got 1
  augment: =>   padding: §0\n  augment:
    'padding' must be greater than 0, but got 0
  augment: =>   padding: §.inf\n  augment:
    'padding' must be a finite number, but got Infinity
scale: 0.3 => scale: §.nan
    'scale' must be a finite number, but got NaN
[192, 192] => [192, §0]
    'input_size' must be greater than 0, but got 0
{type: Coco, img_prefix: images, ann_file: ann.json} => {split: §1}
    'split' must be less than 1, but got 1
{type: Coco, img_prefix: images, ann_file: ann.json} => {split: §0}
    'split' must be greater than 0, but got 0
epochs: 20 => epochs: §0
    'epochs' must be greater than 0, but got 0
choice: [16, 32] => choice: [16, §-32]
    'batch_size' must be greater than 0, but got -32
epochs: 20 => grad_clip: §0
    'grad_clip' must be greater than 0, but got 0
epochs: 20 => grad_clip: null
    nothing
epochs: 20 => ema: §1
    'ema' must be less than 1, but got 1
epochs: 20 => ema: §-0.5
    'ema' must be greater than or equal to 0, but got -0.5
num_trials: 40 => num_trials: §0
    'num_trials' must be greater than 0, but got 0
num_trials: 40 => max_concurrent: §0
    'max_concurrent' must be greater than 0, but got 0
num_trials: 40 => keep: §0
    'keep' must be greater than 0, but got 0
num_trials: 40 => max_failures: 0
    nothing
num_trials: 40 => max_failures: §-1
    'max_failures' must be greater than or equal to 0, but got -1
{cpu: 1 => {cpu: §-1
    'cpu' must be greater than or equal to 0, but got -1
gpu: 0.5 => gpu: §-0.5
    'gpu' must be greater than or equal to 0, but got -0.5
# lists of components
[{type: AP}, {type: Named, name: mine}] => §{type: AP}
    'metrics' must be a list of components, but got {"type":"AP"}
{type: Named, name: mine} => {type: §Namd}
    unknown metric 'Namd'; did you mean 'Named'?
{type: Named, name: mine} => §AP
    'metrics' must be a mapping with a 'type', but got "AP"; write {type: AP}
# the metric
metric: AP50 => metric: §AP5
    no configured metric gives 'AP5', which tune.metric asks for; did you mean 'AP50'?
metric: AP50 => metric: mine
    nothing
metric: AP50 => metric: loss
    36:9: warning: mode 'max' contradicts 'loss', which is better when it is lower; write mode: min, or leave it out
metric: AP50\n => mode: max\n
    36:3: duplicate key 'mode'; it stands in line 35 already
[{type: AP}, {type: Named, name: mine}] => {choice: [[{type: AP}], [{type: Named, name: AP}]]}
    35:11: no configured metric gives 'AP50', which tune.metric asks for; did you mean 'AP'?
# samplers and schedulers
type: TPE, => type: §TPA,
    unknown sampler 'TPA'; did you mean 'TPE'?
seed: 3} => §sed: 3}
    tpe takes no argument 'sed'; did you mean 'seed'?
type: Patient => type: §Pateint
    unknown scheduler 'Pateint'; did you mean 'Patient'?
type: Median => type: §Medain
    unknown scheduler 'Medain'; did you mean 'Median'?
scheduler: {type: Patient, wrapped_pruner: {type: Median}} => scheduler: null
    nothing
sampler: {type: TPE, seed: 3} => sampler: null
    nothing
sampler: {type: TPE, seed: 3} => sampler: §TPE
    'sampler' must be a mapping with a 'type', but got "TPE"; write {type: TPE}
# what cannot be searched
name: openfield => name: §{choice: [a, b]}
    'name' cannot be searched
seed: 3\ndata => seed: §{randint: [0, 9]}\ndata
    'seed' cannot be searched
seed: 3\ndata => plugins: [§{choice: [a, b]}]\ndata
    'plugins.0' cannot be searched
num_trials: 40 => num_trials: §{randint: [2, 9]}
    'tune.num_trials' cannot be searched
seed: 3} => seed: §{randint: [2, 9]}}
    'tune.sampler.seed' cannot be searched
"""


def cases(table: str) -> Iterator[tuple[str, str, str]]:
    """(old text, new text, message); a message of `nothing` is the empty string."""
    lines = [line for line in table.splitlines() if line and not line.startswith("#")]
    for change, message in zip(lines[::2], lines[1::2], strict=True):
        old, new = change.replace("\\n", "\n").split(" =>")
        yield old, new.removeprefix(" "), message.strip().removeprefix("nothing")


BAD = list(cases(BAD_TEXT))


@pytest.mark.parametrize(
    ("old", "new", "expected"), BAD, ids=[f"{i}-{new.strip()[:30]}" for i, (_, new, _) in enumerate(BAD)]
)
def test_each_mistake_and_nothing_else(folder, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    before, mark, _ = GOOD.replace(old, new, 1).partition("§")
    where = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: " if mark else ""
    try:
        problems = found(GOOD.replace(old, new.replace("§", ""), 1), folder)
    except RayPoseError as error:
        problems = [str(problem) for problem in error.problems]
    assert problems == ([f"s.yaml:{where}{expected}"] if expected else [])


def test_all_mistakes_at_once_by_line(folder) -> None:
    text = GOOD
    for old, new, expected in BAD:
        if old in text and expected and old.count("\n") == new.count("\n") == 0:
            text = text.replace(old, new.replace("§", ""), 1)
    problems = found(text, folder)
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)
    assert len(lines) > 15
    assert len(set(problems)) == len(problems)


def test_missing_files(folder) -> None:
    text = GOOD.replace("ann_file: ann.json", "ann_file: {choice: [ann.json, other.json, images]}", 1)
    text = text.replace("images}\n  val", "image}\n  val")
    assert found(text, folder) == [
        f"s.yaml:4:53: no such annotation file: {folder}/other.json; written as 'other.json'",
        f"s.yaml:4:65: no such annotation file: {folder}/images; written as 'images'",
        f"s.yaml:4:87: no such image folder: {folder}/image; written as 'image'",
    ]


def test_without_finders_samplers_are_not_looked_up(folder) -> None:
    text = GOOD.replace("TPE", "Whatever").replace("Median", "Whatever").replace("Patient", "Whatever")
    assert check(Space.parse(text, folder=folder)) == []


def test_a_missing_section_uses_defaults(folder) -> None:
    text = GOOD[: GOOD.index("tune:")].replace("  metrics: [{type: AP}, {type: Named, name: mine}]\n", "")
    assert found(text, folder) == []  # the default metrics are unknown here, so that nothing is said about them


Any_ = Any


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, int),
        (None, type(None)),
        (Path, str),
        (Registry, Any_),
        (Callable, Any_),
        ("int", Any_),
        (Any, Any_),
        (int | Registry, int),
        (Registry | None, Any_),
        (int | str | None, int | str | None),
        (float | Any, Any_),
        (Optional[int], int | None),  # noqa: UP045
        (Union[int, Registry], int),  # noqa: UP007
        (Iterable[int], list[int]),
        (tuple[float | Registry, float], tuple[float, float]),
        (dict[str, Registry], dict[str, Any]),
        (list, list),
        (Sequence, list),
        (Literal["a"], Literal["a"]),
        (Annotated[Registry, 3], Any_),
        (Space, Any_),
    ],
)
def test_what_of_an_annotation_can_be_checked(annotation: object, expected: object) -> None:
    assert checkable(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (
            int,
            ["1", "-3", "{randint: [0, 3]}", "{choice: [1, {randint: [0, 3]}]}"],
            ["1.0", "true", "'1'", "null", "[1]"],
        ),
        (float, ["1", "1.5", "1e-4", ".inf", "{uniform: [0, 1]}", "{randint: [0, 3]}"], ["true", "on", "'1'", "{}"]),
        (str, ["on", "'1'", "''"], ["1", "true", "null", "[a]"]),
        (bool, ["true", "{choice: [true, false]}"], ["1", "on", "null"]),
        (int | None, ["1", "null"], ["x", "1.5"]),
        (float | Literal["auto"], ["1", "auto"], ["other", "null"]),
        (
            list[int],
            ["[]", "[1, 2]", "[{randint: [0, 3]}]", "{choice: [[1], [2]]}"],
            ["[1, x]", "1", "[{uniform: [0, 3]}]"],
        ),
        (tuple[int, int], ["[1, 2]"], ["[1]", "[1, 2, 3]", "{a: 1}"]),
        (tuple[int, ...], ["[]", "[1, 2, 3]"], ["[1.5]"]),
        (dict[str, float], ["{a: 1}", "{a: {uniform: [0, 1]}}"], ["{a: x}", "[1]"]),
        (
            Annotated[float, Field(gt=0, lt=1)],
            ["0.5", "{uniform: [0.1, 0.9]}"],
            ["0", "{uniform: [0, 0.5]}", "{uniform: [0.5, 1]}"],
        ),
        (int | list[int], ["1", "[1]"], ["[x]", "x"]),
        (Registry, ["anything", "[1]"], []),
    ],
)
def test_values_against_annotations(annotation: object, good: list[str], bad: list[str]) -> None:
    def mistakes(text: str) -> list[Problem]:
        report = Report({})
        fits(report, Space.parse(f"x: {text}").tree.entries["x"], annotation, "x")
        return report.problems

    assert [text for text in good if mistakes(text)] == []
    assert [text for text in bad if not mistakes(text)] == []


def test_variants_show_every_option_and_both_ends_of_every_range() -> None:
    space = Space.parse("a: {choice: [1, [{uniform: [2, 3]}, {choice: [4, 5, 6]}]]}\nb: {randint: [7, 9]}\nc: 10")
    seen: set = set()

    def collect(value) -> None:
        if isinstance(value, (dict, list)):
            for each in value.values() if isinstance(value, dict) else value:
                collect(each)
        else:
            seen.add(value)

    trees = variants(space.tree)
    for tree in trees:
        collect(space.__class__(tree, "", "").sample(lambda dimension: pytest.fail("a dimension was left")))
    assert seen == {1, 2.0, 3.0, 4, 5, 6, 7, 8, 10}
    assert len(trees) == 4
    assert as_written(trees[0])["c"] == 10


def test_every_builder_key_and_registry_is_known() -> None:
    from raypose.check import slots

    names = {each.name for each in registry.REGISTRIES.values()}
    names |= {"sampler", "scheduler"}  # Optuna's and Ray's
    assert set(slots.GIVEN) | set(slots.EXTRA) | set(slots.DEFAULT_TYPE) <= names


def test_load_checked_loads_plugins_first(folder) -> None:
    (folder / "mine.py").write_text("from raypose import BACKBONES\n")
    file = folder / "s.yaml"
    file.write_text(GOOD.replace("seed: 3", "plugins: [mine.py]", 1))
    assert load_checked(file, samplers=SAMPLERS.get, schedulers=SCHEDULERS.get).default()["plugins"] == [
        f"{folder}/mine.py"
    ]
    (folder / "one.py").write_text("from raypose import NECKS\nNECKS.register_module('FromOneFile', module=dict)\n")
    file.write_text(GOOD.replace("seed: 3", "plugins: one.py", 1))
    with pytest.raises(RayPoseError, match="'plugins' must be a list") as caught:
        load_checked(file, samplers=SAMPLERS.get, schedulers=SCHEDULERS.get)
    assert len(caught.value.problems) == 1
    assert "FromOneFile" in registry.NECKS
    registry.NECKS.remove(lambda each: each is dict)
    file.write_text(GOOD.replace("ResNet", "ResNt"))
    with pytest.raises(RayPoseError, match=r"s.yaml:12:15: unknown backbone 'ResNt'"):
        load_checked(file)


REAL = """\
name: openfield_mouse
data:
  train: {type: CocoKeypoints, ann_file: "${RAYPOSE_TEST_DATA}/ann.json", img_prefix: "${RAYPOSE_TEST_DATA}/images"}
  val:   {type: CocoKeypoints, ann_file: ann.json, img_prefix: images}
  test:  {type: SyntheticPeople}
  input_size: {choice: [[128, 128], [192, 192]]}          # width, height
  augment: {rotation: {uniform: [0, 45]}, scale: 0.3, flip: 0.5}
model:
  type: TopDown
  backbone:
    choice:
      - type: ResNet
        depth: {choice: [18, 50]}
        pretrained: {choice: [null, imagenet]}
      - {type: HourglassNet, num_stacks: {randint: [1, 3]}}
  keypoint_head:
    type: HeatmapHead
    codec: {type: MSRAHeatmap, sigma: {uniform: [1, 3]}}
    loss_keypoint:
      choice:
        - {type: JointsMSELoss, use_target_weight: true}
        - {type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, paramwise_cfg: {norm_decay_mult: 0}}
    - {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
    - constructor: CocktailOptimizerConstructor
      backbone: {type: SGD, lr: 0.01, paramwise_cfg: {bias_lr_mult: 2}}
      keypoint_head: {type: AdamW, lr: 1e-3, betas: [0.9, 0.99]}
training: {epochs: 20, batch_size: {choice: [16, 32]}, lr_schedule: {type: CosineAnnealingLR, warmup: 0.05}}
tune:
  metric: AP
  mode: max
  num_trials: 40
  sampler: {type: TPESampler, n_startup_trials: 5}
  scheduler: {type: PatientPruner, wrapped_pruner: {type: SuccessiveHalvingPruner}, patience: 2}
  resources: {cpu: 1, gpu: 0.5}
"""

REAL_BAD = [
    ("{type: MSRAHeatmap, sigma: {uniform: [1, 3]}}", "§{type: IntegralRegressionLabel}",
     "HeatmapHead gives 'heatmap' or 'combined', but IntegralRegressionLabel is a codec of 'coordinates'"),
    ("{type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}", "§{type: L1Loss}",
     "HeatmapHead with MSRAHeatmap gives 'heatmap', but L1Loss takes 'coordinates'"),
    ("{type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}",
     "§{type: MultipleLossWrapper, losses: [{type: JointsMSELoss}, {choice: [{type: L1Loss}, {type: JointsMSELoss}]}]}",
     "HeatmapHead with MSRAHeatmap gives 'heatmap', but L1Loss takes 'coordinates'"),
    ("{type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}",
     "{type: MultipleLossWrapper, losses: [{type: §JointMSELoss}]}", "unknown loss 'JointMSELoss'; did you mean"),
    ("{type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}", "{type: MultipleLossWrapper, losses: §{type: JointsMSELoss}}",
     "'losses' must be a list of components, but got"),
    ("type: HeatmapHead\n    codec: {", "type: {choice: [HeatmapHead, RLEHead]}\n    codec: §{",
     "RLEHead gives 'rle', but MSRAHeatmap is a codec of 'heatmap'"),
    ("type: ResNet", "type: §ResNt", "unknown backbone 'ResNt'; did you mean 'ResNet'?"),
    ("choice: [18, 50]", "choice: [18, §49]", "'depth' must be 18, 34, 50, 101 or 152, but got 49"),
    ("AdamW, lr: {log", "§LBFGS, lr: {log", "optimizer 'LBFGS' evaluates the loss several times a step"),
    ("AdamW, lr: {log", "§torch.optim.LBFGS, lr: {log", "optimizer 'torch.optim.LBFGS' evaluates the loss several"),
    ("SGD, lr: {log", "SGD, weight_decay: §-1, lr: {log", "'weight_decay' must be greater than or equal to 0, but got -1"),
    ("norm_decay_mult", "§nrm_decay_mult", "unknown key 'nrm_decay_mult' in 'paramwise_cfg' of Default"),
    ("norm_decay_mult: 0", "norm_decay_mult: {choice: [0, §-1]}", "'norm_decay_mult' must be greater than or equal to 0"),
    ("norm_decay_mult: 0", "custom_keys: {bn: {§lr: 1}}",
     "unknown key 'lr' in custom_keys['bn']; known: decay_mult, lr_mult"),
    ("norm_decay_mult: 0", "custom_keys: {bn: {lr_mult: §x}}", "'lr_mult' must be a number, but got \"x\""),
    ("norm_decay_mult: 0", "custom_keys: §[bn]", "'custom_keys' must be a mapping, but got [\"bn\"]"),
    ("bias_lr_mult: 2", "§bias_lr: 2", "unknown key 'bias_lr' in 'paramwise_cfg' of DefaultOptimizerConstructor"),
    ("CocktailOptimizerConstructor\n", "CocktailOptimizerConstructor\n      paramwise_cfg: {§bias_lr_mult: 2}\n",
     "unknown key 'bias_lr_mult' in 'paramwise_cfg' of CocktailOptimizerConstructor"),
    *(
        ("{norm_decay_mult: 0}", f"{{norm_decay_mult: 0, {wrong}}}, constructor: LayerDecayOptimizerConstructor", text)
        for wrong, text in (
            ("§decay_rat: 0.5", "unknown key 'decay_rat' in 'paramwise_cfg' of LayerDecayOptimizerConstructor; did you"),
            ("decay_rate: §2", "'decay_rate' must be less than or equal to 1, but got 2"),
            ("decay_rate: 0.5, decay_type: §layerwise", "'decay_type' must be 'layer_wise' or 'stage_wise', but got"),
            ("decay_rate: 0.5, num_layers: §x", "'num_layers' must be"),
        )
    ),
    ("momentum", "§momentun", "SGD takes no argument 'momentun'; did you mean 'momentum'?"),
    ("lr: 0.01", "lr: §'0.01'", "'lr' must be a number, but got \"0.01\"; write it without quotes"),
    ("warmup", "§wormup", "CosineAnnealingLR takes no argument 'wormup'"),
    ("metric: AP", "metric: §APs", "no configured metric gives 'APs', which tune.metric asks for; did you mean 'AP'?"),
    ("TPESampler", "§TPEsampler2", "unknown sampler 'TPEsampler2'; did you mean 'TPESampler'?"),
    ("patience: 2", "patience: 2, §min_dleta: 1", "PatientPruner takes no argument 'min_dleta'; did you mean"),
    ("{type: SuccessiveHalvingPruner}", "{type: §Halving}", "unknown scheduler 'Halving'"),
    ("use_target_weight: true", "use_target_weight: §'yes'", "'use_target_weight' must be true or false"),
]  # fmt: skip


def test_real_components(folder, monkeypatch) -> None:
    from raypose.tuning.sampling.samplers import sampler_class
    from raypose.tuning.stopping.schedulers import scheduler_class

    monkeypatch.setenv("RAYPOSE_TEST_DATA", str(folder))

    def problems(text: str) -> list[str]:
        space = Space.parse(text, file="s.yaml", folder=folder)
        return [str(problem) for problem in check(space, samplers=sampler_class, schedulers=scheduler_class)]

    assert problems(REAL) == []
    rng = random.Random(0)
    for _ in range(10):
        assert problems(dump(Space.parse(REAL, folder=folder).sample(from_random(rng), portable=True))) == []
    for old, new, expected in REAL_BAD:
        assert old in REAL
        before = REAL.replace(old, new, 1).partition("§")[0]
        where = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        (problem, *more) = problems(REAL.replace(old, new.replace("§", ""), 1))
        assert more == [], new
        assert problem.startswith(f"s.yaml:{where}: {expected}")


def test_real_constructors_of_users_say_themselves_what_paramwise_cfg_holds(folder, monkeypatch) -> None:
    from raypose.optim.constructors import DefaultOptimizerConstructor
    from raypose.registry import OPTIMIZER_BUILDERS

    @dataclasses.dataclass
    class Times:
        times: Annotated[float, Field(gt=0)] = 1.0

    class Inherits(DefaultOptimizerConstructor): ...

    class Declares(DefaultOptimizerConstructor):
        paramwise = Times

    monkeypatch.setenv("RAYPOSE_TEST_DATA", str(folder))
    text = REAL.replace(
        "{norm_decay_mult: 0}",
        "{times: 0}, constructor: {choice: [Inherits, Silent, Declares, DefaultOptimizerConstructor]}",
    )
    OPTIMIZER_BUILDERS.register_module(module=Inherits)
    OPTIMIZER_BUILDERS.register_module("Silent", module=constructor)
    OPTIMIZER_BUILDERS.register_module(module=Declares)
    try:
        problems = check(Space.parse(text, file="s.yaml", folder=folder))
    finally:
        OPTIMIZER_BUILDERS.remove(lambda each: each in (Inherits, constructor, Declares))
    unknown, wrong = (each.message for each in problems)
    assert unknown == "unknown key 'times' in 'paramwise_cfg' of DefaultOptimizerConstructor"
    assert wrong == "'times' must be greater than 0, but got 0"


def test_real_kinds_of_every_combination(folder, monkeypatch) -> None:
    monkeypatch.setenv("RAYPOSE_TEST_DATA", str(folder))
    either = "codec: {choice: [{type: MSRAHeatmap}, {type: UDPHeatmap, heatmap_type: {choice: [gaussian, combined]}}]}"
    text = REAL.replace("codec: {type: MSRAHeatmap, sigma: {uniform: [1, 3]}}", either)
    hint = "where both are choices, choose between whole heads, each with its codec and loss"
    problems = check(Space.parse(text, file="s.yaml", folder=folder))
    assert [str(each) for each in problems] == [
        f"s.yaml:{line}:11: HeatmapHead with UDPHeatmap gives 'combined', but {loss} takes 'heatmap'; {hint}"
        for line, loss in ((21, "JointsMSELoss"), (22, "AdaptiveWingLoss"))
    ]


def test_real_shipped_spaces_have_no_problems() -> None:
    root = Path(__file__).parent.parent
    for file in sorted(root.glob("search_spaces/*.yaml")):
        problems = check(Space.load(file, expand=False))
        assert [str(each) for each in problems if each.rule != "missing-file"] == []


def test_real_sections_have_annotations_that_can_be_checked() -> None:
    for section in (config.Data, config.Training, config.Tune, config.Split, config.Resources, config.Augment):
        for each in dataclasses.fields(section):
            assert each.type
    assert nearest("ResNt", ["ResNet"]) == "did you mean 'ResNet'?"
