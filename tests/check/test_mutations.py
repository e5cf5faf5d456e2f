"""What population-based training may change, and what is said of the rest."""

import pytest

from raypose import RayPoseError
from raypose.check import check
from raypose.check.mutations import mutable, mutated
from raypose.space import Space
from raypose.tuning.sampling.samplers import sampler_class
from raypose.tuning.stopping.schedulers import scheduler_class

SPACE = """
name: population
data:
  train: {type: SyntheticPeople, num_images: 8}
  val: {split: 0.25}
  input_size: {choice: [[64, 64], [96, 96]]}
  augment: {rotation: {uniform: [0, 45]}}
model:
  backbone: {choice: [{type: ResNet, depth: {choice: [18, 50]}}, {type: HourglassNet}]}
  keypoint_head:
    type: HeatmapHead
    codec: {type: MSRAHeatmap, sigma: {uniform: [1, 3]}}
    loss_keypoint: {type: AdaptiveWingLoss, omega: {uniform: [8, 20]}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, amsgrad: {choice: [true, false]}}
    - {type: SGD, lr: 0.1, momentum: {choice: [0.8, 0.9]}, paramwise_cfg: {norm_decay_mult: {uniform: [0, 1]}}}
training: {epochs: {choice: [10, 20]}, batch_size: {choice: [4, 8]}}
"""
TUNE = "tune: {num_trials: %d, scheduler: {type: PopulationBasedTraining, %s}}\n"
MUTABLE = [
    "data.augment.rotation",
    "model.keypoint_head.loss_keypoint.omega",
    "optimizer.AdamW.lr",
    "optimizer.SGD.momentum",
    "training.batch_size",
]
STRUCTURE = "weights, data and metrics must stay what they are"
STATE = "an optimizer's state is that of its options"


def problems(arguments, num_trials=4):
    space = Space.parse(SPACE + TUNE % (num_trials, arguments))
    return check(space, samplers=sampler_class, schedulers=scheduler_class)


def test_what_may_change():
    assert [each.name for each in mutable(Space.parse(SPACE).dimensions)] == MUTABLE


def test_patterns_name_dimensions_of_all_branches():
    space = Space.parse(SPACE)
    found = mutated(space, ["training.batch_size", "optimizer.*.lr", "optimizer.*.mom*"])
    assert [each.name for each in found] == ["optimizer.AdamW.lr", "optimizer.SGD.momentum", "training.batch_size"]
    assert [each.name for each in mutated(Space.parse("rate: {uniform: [0, 1]}"), ["*"])] == ["rate"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("optimizer.*.lrr", "no dimension is named 'optimizer.*.lrr'; did you mean 'optimizer.AdamW.lr'?"),
        ("model.*.depth", f"'model.backbone.ResNet.depth' cannot change while a training runs: {STRUCTURE}"),
        ("*.sigma", f"'model.keypoint_head.codec.sigma' cannot change while a training runs: {STRUCTURE}"),
        ("data.input_size", f"'data.input_size' cannot change while a training runs: {STRUCTURE}"),
        ("training.epochs", f"'training.epochs' cannot change while a training runs: {STRUCTURE}"),
        ("optimizer", "'optimizer' cannot change while a training runs: its options are components"),
        ("*.amsgrad", f"'optimizer.AdamW.amsgrad' cannot change while a training runs: {STATE}"),
        ("*.norm_*", "norm_decay_mult' cannot change while a training runs: parameter groups must stay what they are"),
    ],
)
def test_what_may_not_change_is_told_at_its_place(pattern, message):
    (found,) = problems(f"mutate: [training.batch_size, '{pattern}']")
    assert message in str(found)
    assert (found.line, found.value) == (19, f'"{pattern}"')
    with pytest.raises(RayPoseError) as error:
        mutated(Space.parse(SPACE), [pattern])
    assert message in str(error.value)


@pytest.mark.parametrize("arguments", ["burn_in_period: 2", "mutate: []"])
def test_without_mutations_they_are_listed(arguments):
    (found,) = problems(arguments)
    assert (found.rule, found.hint) == ("missing-argument", f"what may change: {', '.join(MUTABLE)}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("perturbation_interval: 0", "'perturbation_interval' must be greater than or equal to 1, but got 0"),
        ("burn_in_period: -1", "'burn_in_period' must be greater than or equal to 0, but got -1"),
        ("quantile_fraction: 0.7", "'quantile_fraction' must be less than or equal to 0.5, but got 0.7"),
        ("resample_probability: 2", "'resample_probability' must be less than or equal to 1, but got 2"),
        ("perturbation_factors: [1.2, -1]", "'perturbation_factors' must be greater than 0, but got -1"),
        ("perturbation_intervall: 3", "takes no argument 'perturbation_intervall'; did you mean"),
        ("perturbation_interval: 20", "warning: the population is never compared: its trainings end after epoch 20"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    (found,) = problems(f"mutate: ['*.lr'], {arguments}")
    assert message in str(found)


def test_a_population_has_two_trials_at_least():
    (found,) = problems("mutate: ['*.lr']", num_trials=1)
    assert "a population has 2 trials at least, but 'num_trials' is 1" in str(found)
    assert problems("mutate: ['*.lr'], perturbation_interval: 5", num_trials=2) == []
