"""TensorBoard in a browser shows all trials of several experiments, with the columns of every branch."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from raypose.config import Tune, read
from raypose.data.drawing import draw_pose
from raypose.space import Space
from raypose.training.trial_folder import TrialFolder
from raypose.tuning.columns import declare
from raypose.tuning.experiment import keep_space, open_folder
from raypose.tuning.search_state import SearchState

ROOT = Path(__file__).parents[2]
MICE = """
name: mice
model:
  backbone:
    choice:
      - {type: ResNet, depth: {choice: [18, 50]}}
      - {type: HourglassNet, num_stacks: {randint: [1, 4]}}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
    - {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
tune: {metric: AP, num_trials: 6}
"""
FLIES = """
name: flies
model: {backbone: {choice: [{type: ViT, patch: {choice: [8, 16]}}, {type: ResNet, depth: {choice: [18, 101]}}]}}
training: {batch_size: {choice: [16, 32]}}
tune: {metric: [AP, params], num_trials: 3}
"""


def search(experiments: Path, text: str, picture: np.ndarray) -> set[str]:
    """A search as the code makes one, but for Ray and training; the names of its dimensions."""
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
        end = ("COMPLETE", "PRUNED", "FAIL")[task.number % 6 // 2 if task.number < 6 else 0]
        for epoch in range(1, 9 if end == "COMPLETE" else 4):
            quality = 0.6 * (1 - np.exp(-epoch / 3)) * (1 - 0.05 * task.number)
            metrics = {"loss": 2 / epoch, "AP": float(quality), "params": 1e6 * (1 + task.number)}
            if epoch in (1, 4):
                trial.show(epoch, "predictions", picture)
            trial.record(epoch, metrics)
            state.report(task.number, epoch, metrics)
        trial.close(end)
        state.finish(task.number, TrialState[end])
    return {dimension.name for dimension in space.dimensions}


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    from raypose.data import DatasetInfo

    folder = tmp_path_factory.mktemp("tensorboard") / "experiments"
    info = DatasetInfo(("a", "b", "c"), (), (0.1,) * 3, ((0, 1), (1, 2)))
    picture = draw_pose(
        np.full((192, 780, 3), 90, np.uint8), np.array([[90, 90], [300, 60], [600, 150]]), [2, 2, 2], info
    )
    names = search(folder, MICE, picture) | search(folder, FLIES, picture)
    return folder, names


@pytest.fixture
def serve():
    """`serve(folder)` -> the address of a TensorBoard of its own."""
    started = []

    def start(folder: Path) -> str:
        port = free_port()
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        address = f"http://localhost:{port}"
        wait_for(f"{address}/data/runs", lambda answer: b"trials" in answer)
        return address

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, ready, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if ready(urllib.request.urlopen(address, timeout=5).read()):
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise TimeoutError(address)


def pictures():
    spec = importlib.util.spec_from_file_location("pictures_tensorboard", ROOT / "docs" / "pictures" / "tensorboard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_trials_and_every_branch_of_several_experiments(experiments, serve, open_page, artifacts):
    folder, names = experiments
    address, drawn = serve(folder), pictures()
    page = open_page(address)
    wait_for(f"{address}/data/runs", lambda answer: answer.count(b"trials") == 9)
    table = drawn.shoot(page, address, artifacts, "mice/trials/0000")
    trials = {f"{each.parents[1].name}/{each.name}" for each in folder.glob("*/trials/*")}
    assert len(trials) == 9
    assert table >= names | trials | {"AP", "params"}
    assert page.locator("tf-image-loader img").first.evaluate("image => image.naturalWidth") == 780
    for name in ("hparams", "scalars", "images"):
        assert (artifacts / f"tensorboard-{name}.png").stat().st_size > 20_000
    assert not page.seen.errors


def test_one_experiment_alone(experiments, serve, open_page):
    folder, _ = experiments
    address, drawn = serve(folder / "mice"), pictures()
    page = open_page(address)
    drawn.hparams(page, address)
    names = {each.name for each in Space.parse(MICE).dimensions}
    assert drawn.cells(page) >= names | {"AP"} | {f"mice/{n:04d}" for n in range(6)}
