"""A training step of what a model passes through, forward and backward, without values."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from raypose.models.cost import copy_on
from raypose.models.footprint_ends import inputs_like, loss_of
from raypose.models.footprint_model import LossStep, Passage
from raypose.models.quick import Quick
from raypose.models.topdown import TopDown
from raypose.models.valueless import without_values
from raypose.proof.costs import Build, Costs
from raypose.proof.likeness import shapes
from raypose.proof.workshop import Failed


def prove_training(costs: Costs, build: Build, batch_size: int) -> None:
    """Run each part in training mode, forward and backward, as often as parts differ; a model of the user's own class
    whole, its prediction too.

    Raises:
        Failed: a part fails.
    """
    if type(build.model) is not TopDown:
        costs.shop.once("training", (costs.like(build.model), "whole"), partial(_prove_whole, build))
        return
    for each in costs.passages(build):
        if not isinstance(each.module, LossStep) and not (batch_size > 1 and _measured(costs, build, each)):
            key = (costs.like(each.module), shapes(each.inputs), batch_size)
            costs.shop.once("training", key, partial(_prove, each, batch_size))


def _measured(costs: Costs, build: Build, passage: Passage) -> bool:
    """Whether its memory can be told, which takes a training step of many images, and is asked for later anyway."""
    try:
        costs.footprint(build, passage)
    except Failed:
        return False
    return True


def _prove(passage: Passage, batch_size: int) -> None:
    name = type(getattr(passage.module, "neck", passage.module)).__name__
    failure = f"{name} fails in a training step of {batch_size} image{'s' * (batch_size > 1)}"
    without_values(lambda device: _step(device, passage, batch_size), failure, "training-step")


def _step(device: str, passage: Passage, batch_size: int) -> None:
    module = copy_on(device, passage.module).train()
    with torch.enable_grad(), Quick():
        loss = loss_of(module(inputs_like(passage.inputs, batch_size, device, passage.gradient)))
        if loss is not None:
            loss.backward()


def _prove_whole(build: Build) -> None:
    name, (width, height) = type(build.model).__name__, build.setting.input_size

    def step(device: str) -> None:
        model: Any = copy_on(device, build.model).train()
        images = torch.zeros(2, 3, height, width, device=device)
        keypoints, visible = torch.zeros(2, build.setting.num_keypoints, 2), torch.ones(2, build.setting.num_keypoints)
        with torch.enable_grad():
            model.loss(images, keypoints, visible)["loss"].backward()
        model.eval().predict(images)

    without_values(step, f"{name} fails in a training step or a prediction", "training-step")
