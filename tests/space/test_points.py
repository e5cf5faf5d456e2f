from __future__ import annotations

import random
from typing import Any

import optuna
import pytest

from raypose.errors import RayPoseError
from raypose.space import Space, defaults, dump, from_params, from_partial, from_random, from_trial, initial_points
from raypose.space.points import point

TEXT = """\
model:
  backbone:
    choice:
      - {type: ResNet, depth: {choice: [18, 50]}, width: 64}
      - {type: Hourglass, stacks: {randint: [1, 3]}}
      - {label: wide, type: ResNet, depth: 50, width: {choice: [128, 256]}}
  sizes: [64, {qrandint: [32, 128, 32]}]
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, head_lr: {ref: optimizer.AdamW.lr, times: 0.1}}
    - {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
    - {constructor: Cocktail, head: {type: {choice: [SGD, Lion]}}}
size: {choice: [[128, 128], [192, 192]]}
pick: {choice: [16, "on", null, true, 0.5, {uniform: [2, 3]}]}
same: {ref: pick}
epochs: 20
path: {ann_file: a.json}
arg: {fixed: {choice: [1]}}
tune:
  initial_points:
"""


def read(points: str) -> list[dict[str, Any]]:
    return initial_points(Space.parse(f"{TEXT}    {points}\n", file="s.yaml"))


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ("{}", {}),
        ("{model: {backbone: {type: ResNet, depth: 50}}, optimizer: {type: AdamW, lr: 1e-3}}",
         {"model.backbone": "ResNet", "model.backbone.ResNet.depth": "50",
          "optimizer": "AdamW", "optimizer.AdamW.lr": 1e-3}),
        ("{optimizer.AdamW.lr: 3e-4}", {"optimizer": "AdamW", "optimizer.AdamW.lr": 3e-4}),
        ("{model: {backbone: ResNet}}", {"model.backbone": "ResNet"}),
        ("{model: {backbone: wide}}", {"model.backbone": "wide"}),
        ("{model: {backbone: {label: wide, depth: 50}}}", {"model.backbone": "wide"}),
        ("{model: {backbone: {type: ResNet, width: 64}}}", {"model.backbone": "ResNet"}),
        ("{model: {backbone: {type: ResNet, width: 256}}}",
         {"model.backbone": "wide", "model.backbone.wide.width": "256"}),
        ("{model: {backbone: {type: ResNet, depth: 50}}}",
         {"model.backbone": "ResNet", "model.backbone.ResNet.depth": "50"}),
        ("{model: {backbone: {stacks: 2}}}", {"model.backbone": "Hourglass", "model.backbone.Hourglass.stacks": 2}),
        ("{model.backbone: {width: 128}}", {"model.backbone": "wide", "model.backbone.wide.width": "128"}),
        ("{model.backbone.Hourglass.stacks: 1, model: {sizes: [64, 96]}}",
         {"model.backbone": "Hourglass", "model.backbone.Hourglass.stacks": 1, "model.sizes.1": 96}),
        ("{model: {sizes: [64, 90]}}", {"model.sizes.1": 96}),
        ("{optimizer: {lr: 5e-2}}", {"optimizer": "SGD", "optimizer.SGD.lr": 5e-2}),
        ("{optimizer: {lr: 5e-3}}", {"optimizer": "AdamW", "optimizer.AdamW.lr": 5e-3}),
        ("{optimizer: {lr: 5e-3}, optimizer.SGD.lr: 5e-3}", {"optimizer": "SGD", "optimizer.SGD.lr": 5e-3}),
        ("{optimizer: {constructor: Cocktail, head: {type: Lion}}}",
         {"optimizer": "Cocktail", "optimizer.Cocktail.head.type": '"Lion"'}),
        ("{optimizer: {head_lr: 3e-5}}", {"optimizer": "AdamW", "optimizer.AdamW.lr": 3e-4}),
        ("{optimizer: {lr: 3e-4, head_lr: 3e-5}}", {"optimizer": "AdamW", "optimizer.AdamW.lr": 3e-4}),
        ("{size: [192, 192]}", {"size": "[192,192]"}),
        ("{size: '[192,192]'}", {"size": "[192,192]"}),
        ("{pick: 16}", {"pick": "16"}),
        ("{pick: 16.0}", {"pick": "16"}),
        ("{pick: on}", {"pick": '"on"'}),
        ("{pick: null}", {"pick": "null"}),
        ("{pick: true}", {"pick": "true"}),
        ("{pick: 2.5}", {"pick": '{"uniform":[2,3]}', 'pick.{"uniform":[2,3]}': 2.5}),
        ("{same: 0.5}", {"pick": "0.5"}),
        ("{same: 16, pick: 16}", {"pick": "16"}),
        ("{epochs: 20, path: {ann_file: a.json}, arg: {fixed: {choice: [1]}}}", {}),
    ],
)  # fmt: skip
def test_a_partial_configuration_is_values_of_dimensions(given: str, params: dict) -> None:
    assert read(f"[{given}]") == [params]
    space = Space.parse(TEXT)
    as_plain = Space.parse(f"a: {given}").config()["a"]
    assert point(space.tree, as_plain) == (params, [])


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ("{modle: {}}", ["7: unknown key 'modle'; did you mean 'model'?"]),
        ("{model: {backbon: ResNet}}", ["15: unknown key 'backbon' in 'model'; did you mean 'backbone'?"]),
        ("{model: {backbone: {type: ResNet, deth: 18}}}",
         ["40: unknown key 'deth' in 'model.backbone.ResNet'; did you mean 'depth'?"]),
        ("{optimizer.Adam.lr: 1}", ["7: unknown key 'optimizer.Adam.lr'; did you mean 'optimizer.AdamW.lr'?"]),
        ("{model: {backbone: {type: ResNt}}}", ["25: 'model.backbone' has no option 'ResNt'; did you mean 'ResNet'?"]),
        ("{model: {backbone: ResNt}}", ["25: 'model.backbone' has no option 'ResNt'; did you mean 'ResNet'?"]),
        ("{model: {backbone: {label: none}}}",
         ["25: 'model.backbone' has no option 'none'; known: Hourglass, ResNet, wide"]),
        ("{size: [1, 2]}", ["13: 'size' has no option '[1,2]'; did you mean '[192,192]'?"]),
        ("{pick: 7}", ["13: 'pick' has no option '7'; known: "]),
        ("{optimizer.AdamW.lr: 1}", ["27: `0.0001 <= optimizer.AdamW.lr <= 0.01` must hold, but got 1"]),
        ("{optimizer: {type: SGD, lr: x}}", ["34: `0.001 <= optimizer.SGD.lr <= 0.1` must hold, but got 'x'"]),
        ("{optimizer: {type: AdamW, head_lr: 1}}", ["41: `0.0001 <= optimizer.AdamW.lr <= 0.01` must hold, but got 10.0; "
         "'optimizer.AdamW.head_lr' is a `ref` to 'optimizer.AdamW.lr' times 0.1"]),
        ("{optimizer: {type: AdamW, head_lr: x}}", ["41: 'optimizer.AdamW.head_lr' must be a number, but got x"]),
        ("{epochs: 30}", ["15: 'epochs' is not searched: it is 20, but got 30"]),
        ("{epochs: {a: 1}}", ["15: 'epochs' is not searched: it is 20, but got {\"a\":1}"]),
        ("{model: {sizes: [64]}}",
         ["22: 'model.sizes' is not searched: it is [64,{\"qrandint\":[32,128,32]}], but got [64]"]),
        ("{model: 5}", ["14: 'model' is not searched: it is {\"backbone\":"]),
        ("{optimizer.AdamW.lr: 1e-3, optimizer.SGD.lr: 1e-2}", ["33: 'optimizer' cannot be both AdamW and SGD"]),
        ("{optimizer.AdamW.lr: 1e-3, optimizer: SGD}", ["44: 'optimizer' cannot be both AdamW and SGD"]),
        ("{optimizer.AdamW.lr: 1e-3, optimizer: {type: SGD}}", ["44: 'optimizer' cannot be both AdamW and SGD"]),
        ("{optimizer.AdamW.lr: 1e-3, optimizer: {lr: 2e-3}}", ["49: 'optimizer.AdamW.lr' cannot be both 0.001 and 0.002"]),
        ("{optimizer: {type: AdamW, lr: 1e-3, head_lr: 1e-3}}", ["51: 'optimizer.AdamW.lr' cannot be both 0.001 and 0.01"]),
        ("{optimizer.SGD.lr: 0.05, optimizer: {lr: 5e-4}}",
         ["47: `0.001 <= optimizer.SGD.lr <= 0.1` must hold, but got 0.0005"]),
        ("{pick: 16, same: 0.5}", ["23: 'pick' cannot be both 16 and 0.5; 'same' is a `ref` to 'pick'"]),
        ("{epochs: 1, size: 2}", ["15: 'epochs' is", "24: 'size' has no option"]),
        ("{epochs: {uniform: [0, 1]}}", ['15: a point holds values, but \'epochs\' is {"uniform":[0,1]}']),
        ("{size: {ref: pick}}", ['13: a point holds values, but \'size\' is {"ref":"pick"}']),
        ("5", ["6: a point must be a mapping, but got 5"]),
    ],
)  # fmt: skip
def test_points_that_cannot_be(given: str, messages: list[str]) -> None:
    with pytest.raises(RayPoseError) as caught:
        read(f"[{given}]")
    found = [str(problem) for problem in caught.value.problems]
    line = TEXT.count("\n") + 1
    assert len(found) == len(messages), found
    for problem, message in zip(found, messages, strict=True):
        assert problem.startswith(f"s.yaml:{line}:{message}")
    assert all(problem.rule for problem in caught.value.problems)


def test_the_problems_of_all_points_come_at_once() -> None:
    with pytest.raises(RayPoseError) as caught:
        read("[{epochs: 1}, {}, {size: 3}]")
    assert len(caught.value.problems) == 2
    with pytest.raises(RayPoseError, match=r"s.yaml:21:5: 'initial_points' must be a list of mappings, but got 5"):
        read("5")


def test_true_is_not_1() -> None:
    space = Space.parse("a: {choice: [1, true, 0, false]}\nb: 1")
    assert [point(space.tree, {"a": value})[0]["a"] for value in (1, True, 0, False)] == ["1", "true", "0", "false"]
    assert [problem.rule for problem in point(space.tree, {"b": True})[1]] == ["fixed-value"]


def test_no_points() -> None:
    assert initial_points(Space.parse("a: 1")) == initial_points(Space.parse("{a: 1, tune: {metric: AP}}")) == []


def test_any_configuration_of_a_space_is_a_point_that_gives_it_again() -> None:
    space, rng = Space.parse(TEXT), random.Random(0)
    for _ in range(100):
        config = space.sample(from_random(rng))
        del config["tune"]
        params, problems = point(space.tree, config)
        assert problems == []
        again = space.sample(from_params(params))
        assert dump({**again, "tune": None}) == dump({**config, "tune": None})


def test_a_partial_configuration_is_completed_by_defaults() -> None:
    space = Space.parse(TEXT)
    config = space.sample(from_partial({"optimizer": "SGD", "optimizer.SGD.lr": 0.05}))
    assert config["optimizer"] == {"type": "SGD", "lr": 0.05, "momentum": 0.9}
    assert config["model"] == space.sample(defaults)["model"]


def test_a_study_tries_the_points_first() -> None:
    space = Space.parse(f"{TEXT}    [{{optimizer: {{type: SGD, lr: 0.05}}, pick: 2.5}}, {{size: [192, 192]}}]")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for params in initial_points(space):
        study.enqueue_trial(params)
    first, second = (space.sample(from_trial(study.ask())) for _ in range(2))
    assert (first["optimizer"]["type"], first["optimizer"]["lr"], first["pick"]) == ("SGD", 0.05, 2.5)
    assert second["size"] == [192, 192]
