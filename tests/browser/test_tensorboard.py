"""TensorBoard in a browser shows all trials of several experiments, with the columns of every branch."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from raypose.config import Tune, read
from raypose.space import Space
from raypose.training.trial_folder import TrialFolder
from raypose.tuning.columns import declare
from raypose.tuning.experiment import keep_space, open_folder
from raypose.tuning.search_state import SearchState

ROOT = Path(__file__).parents[2]
FLIES = """
name: flies
model: {backbone: {choice: [{type: ViT, patch: {choice: [8, 16]}}, {type: ResNet, depth: {choice: [18, 101]}}]}}
training: {batch_size: {choice: [16, 32]}}
tune: {metric: [AP, params], num_trials: 3}
"""


def scripted(experiments: Path, text: str) -> None:
    """A search as the code makes one, but for Ray and training."""
    space = Space.parse(text)
    config = space.default()
    tune = read(Tune, config["tune"])
    folder = open_folder(space, experiments, config, resume=False)
    keep_space(space, folder, config, resume=False)
    declare(experiments)
    state = SearchState(space, folder, tune, seed=1, pruner=optuna.pruners.NopPruner())
    state.study.sampler = optuna.samplers.RandomSampler(seed=1)
    objectives = {goal.metric: goal.mode for goal in tune.goals}
    while task := state.next_task():
        trial = TrialFolder(state.files.path(task.number))
        trial.open(task.text, task.meta, hparams=task.params, objectives=objectives)
        for epoch in range(1, 4):
            metrics = {"loss": 2 / epoch, "AP": 0.1 * epoch, "params": 1e6 * (1 + task.number)}
            trial.record(epoch, metrics)
            state.report(task.number, epoch, metrics)
        trial.close("COMPLETE")
        state.finish(task.number, TrialState.COMPLETE)


def dimensions(text: str) -> set[str]:
    return {dimension.name for dimension in Space.parse(text).dimensions}


def pictures():
    spec = importlib.util.spec_from_file_location("pictures_tensorboard", ROOT / "docs" / "pictures" / "tensorboard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def experiments(mice, tmp_path):
    """A real search, and another beside it that came later."""
    shutil.copytree(mice.parent, tmp_path / "experiments")
    scripted(tmp_path / "experiments", FLIES)
    return tmp_path / "experiments"


def test_all_trials_and_every_branch_of_a_real_search_and_of_another(experiments, tensorboard, open_page, artifacts):
    address, drawn = tensorboard(experiments, trials=9), pictures()
    page = open_page(address)
    table = drawn.shoot(page, address, artifacts, "mice/trials/0000")
    trials = {f"{each.parents[1].name}/{each.name}" for each in experiments.glob("*/trials/*")}
    assert len(trials) == 9
    space = (experiments / "mice" / "space.yaml").read_text()
    assert table >= dimensions(space) | dimensions(FLIES) | trials | {"AP", "params"}
    assert page.locator("tf-image-loader img").first.evaluate("image => image.naturalWidth") == 780
    for name in ("hparams", "scalars", "images"):
        assert (artifacts / f"tensorboard-{name}.png").stat().st_size > 20_000
    assert not page.seen.errors
