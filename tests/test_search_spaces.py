"""Every branch of the shipped search spaces can be built."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raypose.check.variants import variants
from raypose.models.builder import build_model
from raypose.optim import build_optimizer
from raypose.space import Space
from raypose.space.walker import walk

SPACES = sorted((Path(__file__).parents[1] / "search_spaces").glob("*.yaml"))
NUM_KEYPOINTS = 4


def branches(file):
    """Configurations in which each option of each choice, and both ends of each range, occur at least once."""
    tree = Space.load(file, expand=False).tree
    for tree_of_one in variants(tree):
        yield walk(tree_of_one, lambda dimension: None, lambda scalar: scalar.value)


@pytest.mark.parametrize("file", SPACES, ids=lambda file: file.stem)
def test_every_option_is_built(file):
    for config in branches(file):
        width, height = config["data"]["input_size"]
        with torch.device("meta"):
            model = build_model(config["model"], NUM_KEYPOINTS, (width, height))  # which runs it, too
        build_optimizer(config["optimizer"], model)


def test_the_catalogue_is_as_broad_as_it_says():
    cfg = [config["model"] for config in branches(SPACES[0].parent / "catalogue.yaml")]
    assert len({each["backbone"]["type"] for each in cfg}) >= 10
    assert len({each["keypoint_head"]["type"] for each in cfg}) >= 4
    losses = [each["keypoint_head"]["loss_keypoint"] for each in cfg]
    assert len({part["type"] for loss in losses for part in loss.get("losses", [loss])}) >= 5
