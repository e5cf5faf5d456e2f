"""What `raypose check` says of `tune.sampler`: errors where it cannot do the search, warnings where it does it badly."""

from __future__ import annotations

import pytest

from raypose.check.samplers import TRAITS
from raypose.space import Space
from raypose.tuning.checked import problems_of
from raypose.tuning.sampling import samplers

SPACE = """\
name: a
data: {train: {type: SyntheticPeople}, val: {type: SyntheticPeople, split: val}}
model:
  backbone: {choice: [{type: ResNet, depth: {choice: [18, 50]}}, {type: HourglassNet, num_stacks: {randint: [1, 3]}}]}
  keypoint_head: {type: HeatmapHead}
optimizer: {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, weight_decay: {quniform: [0.0, 0.2, 0.1]}}
training: {batch_size: {choice: [16, 32]}}
tune: {%s, sampler: §}
"""
FLAT = SPACE.replace(
    "{choice: [{type: ResNet, depth: {choice: [18, 50]}}, {type: HourglassNet, num_stacks: {randint: [1, 3]}}]}",
    "{type: ResNet, depth: {choice: [18, 50]}}",
)
ONE = "metric: AP, scheduler: null"
SOME = "'model.backbone.ResNet.depth', 'model.backbone.HourglassNet.num_stacks', which only some configurations have"
LR = "optimizer.lr: [0.001]"


def said(text: str, sampler: str) -> list[str]:
    before, after = text.split("§")
    space = Space.parse(f"{before}{sampler}{after}", "s.yaml", tolerant=True)
    start = len(before.splitlines()[-1]) + 1
    return [
        f"{each.level} {each.message}; {each.hint}".replace(f"{each.line}:{start}", "")
        for each in problems_of(space)
        if each.line == 8 and (each.column or 0) >= start
    ]


@pytest.fixture(autouse=True)
def all_packages(monkeypatch):
    monkeypatch.setattr(samplers, "find_spec", lambda package: package)


@pytest.mark.parametrize(
    ("sampler", "text", "expected"),
    [
        ("{type: TPESampler}", SPACE % 'metric: AP, constraints: ["flops <= 1e9"]', []),
        ("null", SPACE % ONE, []),
        ("{type: RandomSampler}", SPACE % "metric: AP", []),
        ("{type: GPSampler}", FLAT % ONE, []),
        ("{type: GPSampler}", SPACE % ONE, [f"warning GPSampler samples at random {SOME}"]),
        ("{type: GPSampler}", FLAT % "metric: AP", ["warning GPSampler learns from finished trials alone, not from those"]),
        ("{type: NSGAIISampler}", FLAT % f'{ONE}, constraints: ["flops <= 1e9"]', ["alone, not from draws that break"]),
        ("{type: QMCSampler}", SPACE % ONE, [f"warning QMCSampler samples at random {SOME}"]),
        ("{type: CmaEsSampler}", FLAT % ONE, ["random 'model.backbone.depth', 'training.batch_size', which are choices"]),
        (
            "{type: CmaEsSampler}",
            FLAT % 'metric: [AP, PCK], scheduler: null, constraints: ["AP >= 0.5"]',
            ["CmaEsSampler draws as if", "are choices", "error CmaEsSampler searches one objective, but 'metric' has 2"],
        ),
        ("{type: GPSampler}", FLAT % "metric: [AP, PCK], scheduler: null", []),
        ("{type: GPSampler}", FLAT % "metric: [AP, PCK]", []),
        ("{type: BruteForceSampler}", SPACE % ONE, ["error BruteForceSampler tries every configuration, but there is no"]),
        ("{type: GridSampler}", FLAT % ONE, ["error GridSampler needs the values to try of 'optimizer.lr'"]),
        (f"{{type: GridSampler, search_space: {{{LR}}}}}", FLAT % ONE, []),
        (f"{{type: GridSampler, search_space: {{{LR}}}}}", SPACE % ONE, ["warning GridSampler may end before"]),
        ("{type: GridSampler, search_space: 3}", FLAT % ONE, ["error 'search_space' must be a mapping, but got 3"]),
        (
            f"{{type: GridSampler, search_space: {{{LR}, training.batchsize: [16], training.batch_size: [24]}}}}",
            FLAT % ONE,
            ["no dimension 'training.batchsize'; did you mean 'training.batch_size'", "'training.batch_size' has no option"],
        ),
        (
            "{type: PartialFixedSampler, base_sampler: {type: GPSampler}, fixed_params: {optimizer.lr: 7, optimizer.l: 1}}",
            SPACE % ONE,
            [f"warning GPSampler samples at random {SOME}", "error `0.0001 <= optimizer.lr <= 0.01` must hold, but got 7",
             "error the space has no dimension 'optimizer.l'; did you mean 'optimizer.lr'"],
        ),
        (
            "{type: AlternatingSampler, samplers: [{type: TPESampler}, {type: QMCSampler}]}",
            SPACE % ONE,
            ["warning QMCSampler samples at random"],
        ),
        ("{type: AlternatingSampler, samplers: [{type: TPEsampler}]}", SPACE % ONE, ["error unknown sampler 'TPEsampler'"]),
    ],
)  # fmt: skip
def test_what_does_not_suit_a_space_is_said_where_it_stands(sampler, text, expected):
    found = said(text, sampler)
    assert len(found) == len(expected), found
    for part in expected:
        assert any(part in each for each in found), (part, found)


def test_a_package_that_is_missing_is_told_before_anything_starts(monkeypatch):
    monkeypatch.setattr(samplers, "find_spec", lambda package: None)
    assert "error QMCSampler needs the package 'scipy', which is not installed; pip install scipy" in said(
        FLAT % ONE, "{type: QMCSampler}"
    )


def test_the_table_is_of_samplers_that_there_are():
    for name in TRAITS:
        assert samplers.sampler_class(name)


def test_points_that_a_grid_would_not_try_are_refused_where_they_stand():
    sampler = f"{{type: GridSampler, search_space: {{{LR}}}}}, initial_points: [{{optimizer.lr: 1e-3}}]"
    (told,) = said(FLAT % ONE, sampler)
    assert (
        told
        == "error GridSampler tries its own grid and nothing else; leave out initial_points, or take another sampler"
    )
    assert said(FLAT % ONE, sampler.replace("[{optimizer.lr: 1e-3}]", "[]")) == []
