"""A state that is loaded into an optimizer and a schedule with other values: those count, from where it was."""

import warnings

import pytest
import torch

from raypose.optim import build_optimizer, build_schedule
from raypose.training.trainer import Trainer

EPOCHS, STEPS = 6, 5
COCKTAIL = {
    "constructor": "CocktailOptimizerConstructor",
    "backbone": {"type": "SGD", "lr": 0.02, "momentum": 0.9},
    "keypoint_head": {"type": "Adam", "lr": 1e-3},
}
SCHEDULES = [
    {"type": "CosineAnnealingLR", "warmup": 0.1, "eta_min": 1e-4},
    {"type": "OneCycleLR", "max_lr": 0.1, "cycle_momentum": False},
    {"type": "OneCycleLR", "cycle_momentum": False},
    {"type": "MultiStepLR", "milestones": [2, 4], "warmup_iters": 8, "warmup_type": "exp"},
    None,
]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone, self.keypoint_head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)


class Steps(list):
    def epoch(self, rng=None):
        return self


def trainer(optimizer, schedule, steps=STEPS):
    model = Model()
    built = build_optimizer(optimizer, model)
    made = build_schedule(schedule, built, EPOCHS, steps)
    return Trainer(model, built, made, Steps(range(steps)), evaluate=lambda model: {})


def step(each, epochs=1):
    """The values of each group after each of the steps of some epochs."""
    seen = []
    for _ in range(epochs * len(each.batches)):
        each.optimizer.zero_grad()
        each.model.keypoint_head(each.model.backbone(torch.ones(1, 2))).sum().backward()
        each.optimizer.step()
        each.schedule.step()
        seen.append([{k: v for k, v in group.items() if k != "params"} for group in each.optimizer.param_groups])
    each.epoch += epochs
    return seen


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda cfg: cfg["type"] if cfg else "constant")
@pytest.mark.parametrize(
    ("optimizer", "change", "steps"),
    [
        ({"type": "SGD", "lr": 0.01, "momentum": 0.9}, {"lr": 0.05, "weight_decay": 0.1}, STEPS),
        ({"type": "AdamW", "lr": 0.01}, {"lr": 0.002, "betas": (0.8, 0.99)}, STEPS),
        ({"type": "AdamW", "lr": 0.01}, {}, 3),
        (COCKTAIL, {"backbone": {"type": "SGD", "lr": 0.5, "momentum": 0.7}}, STEPS),
    ],
)
def test_the_new_values_count_from_where_the_training_is(schedule, optimizer, change, steps):
    first = trainer(optimizer, schedule)
    step(first, 2)
    state = first.state_dict()

    changed = trainer({**optimizer, **change}, schedule, steps)
    changed.load_state_dict(state)
    always = trainer({**optimizer, **change}, schedule, steps)
    step(always, 2)
    assert step(changed, 2) == step(always, 2)


@pytest.mark.parametrize("schedule", [SCHEDULES[0], None])
def test_what_the_optimizer_has_gathered_is_kept(schedule):
    first = trainer({"type": "SGD", "lr": 0.01, "momentum": 0.9}, schedule)
    step(first, 2)
    state = first.state_dict()
    changed = trainer({"type": "SGD", "lr": 0.02, "momentum": 0.9}, schedule)
    changed.load_state_dict(state)
    kept = changed.optimizer.state_dict()["state"]
    assert kept.keys() == {0, 1, 2, 3}
    for index, moments in kept.items():
        assert torch.equal(moments["momentum_buffer"], first.optimizer.state_dict()["state"][index]["momentum_buffer"])
    assert all(
        torch.equal(one, other) for one, other in zip(changed.model.parameters(), first.model.parameters(), strict=True)
    )


def test_another_schedule_goes_on_at_the_same_time():
    optimizer = {"type": "SGD", "lr": 0.01}
    first = trainer(optimizer, SCHEDULES[3])
    step(first, 3)
    state = first.state_dict()
    changed, always = trainer(optimizer, SCHEDULES[0]), trainer(optimizer, SCHEDULES[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changed.load_state_dict(state)
    step(always, 3)
    assert step(changed) == step(always)


def test_a_state_of_the_same_values_is_loaded_as_it_is():
    optimizer, schedule = {"type": "SGD", "lr": 0.01}, SCHEDULES[0]
    first = trainer(optimizer, schedule)
    step(first, 2)
    state = first.state_dict()
    state["optimizer"]["param_groups"][0]["lr"] = 0.123
    again = trainer(optimizer, schedule)
    again.load_state_dict(state)
    assert again.optimizer.param_groups[0]["lr"] == 0.123
