"""What early stopping costs and saves, beside a full random search: `RAYPOSE_DATA=... python benchmarks/early_stopping.py`.

RayPose's default (its sampler, and its pruner) and a random search without early stopping have the same number of trials.
Told are the epochs that the first takes, as a share of the second's, and by how much its winner is better on data that the
search did not see: the mean of paired differences, a seed each, and its 95 % interval.

**Curves**: 4 scripted trainings at a time, in one process, without Ray. A training is a power law towards its asymptote,
`a (1 - 1 / (1 + t / tau))`, and what is validated has noise. Rate and asymptote follow from the same dimensions: a higher
learning rate is faster, and too high for the end; a wider net and stronger augmentation are slower, and better in the end
(up to a point); and some of both is luck. So curves cross: fast ones tend to end lower. The first line told is how well
the ranks after some epochs tell those of the end; by Spearman's rho 0.3 after a twentieth of the training, 0.6 after a
seventh, 0.9 after three sevenths: informative early on, but far from perfect. What the winner is worth is its curve without
noise, at the end. A third row stops random trials early, so that both searches have the same ones: what stopping alone
loses.

**Mouse**: the frames of `openfield-mouse`, small nets at 64x64, on Ray. Searches see the 93 frames of train.json, of which
they keep 30 % for validation; their winners are trained again with three seeds, and evaluated on val.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from rich.console import Console

from raypose.config import Tune
from raypose.space import Space
from raypose.tuning.sampling.sampler_choice import install
from raypose.tuning.search_state import SearchState
from raypose.tuning.searcher import StudyScheduler
from raypose.tuning.stopping.schedulers import build_scheduler

RANDOM = {"sampler": {"type": "RandomSampler"}}
FULL = {**RANDOM, "scheduler": None}
SEARCHES: dict[str, dict[str, Any]] = {
    "random search, all to their end": FULL,
    "the same trials, stopped early": RANDOM,
    "RayPose's default": {},
}
AT_A_TIME = 4
# Studies of curves lie in memory where the system has such a place: a disk is waited for at every epoch.
MEMORY = next((place for place in ("/dev/shm",) if os.access(place, os.W_OK)), None)
CURVES = "name: curves\nrate: {uniform: [0, 1]}\nwidth: {uniform: [0, 1]}\naugment: {uniform: [0, 1]}\n"


@dataclass(frozen=True)
class Found:
    """What a search took and found: its epochs, and what its winner is worth on data that it did not see."""

    epochs: int
    worth: float


@dataclass
class Curve:
    """A scripted training of `epochs` epochs."""

    epochs: int
    asymptote: float
    tau: float
    noise: Sequence[float]

    @classmethod
    def of(cls, config: Mapping[str, float], epochs: int, rng: np.random.Generator) -> Curve:
        rate, width, augment = (config[name] - best for name, best in (("rate", 0.4), ("width", 1), ("augment", 0.6)))
        asymptote = 0.8 - 0.9 * rate**2 - 0.12 * width**2 - 0.15 * augment**2 + rng.normal(0, 0.015)
        slow = -1.6 * (rate - 0.1) + 0.7 * (width + 0.5) + 0.7 * (augment + 0.1) + rng.normal(0, 0.35)
        return cls(epochs, asymptote, epochs / 12 * np.exp(slow), rng.normal(0, 0.012, epochs))

    def true(self, epoch: int) -> float:
        return self.asymptote * (1 - 1 / (1 + epoch / self.tau))

    def seen(self, epoch: int) -> float:
        return float(self.true(epoch) + self.noise[epoch - 1])


def search_curves(settings: dict[str, Any], trials: int, epochs: int, seed: int) -> Found:
    """One search: a study on disk, asked as Ray Tune asks it, in turns of its running trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, tune = Space.parse(CURVES), Tune(metric="score", mode="max", num_trials=trials, **settings)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        pruner = build_scheduler(tune.scheduler, "score", "max", epochs)
        state = SearchState(space, Path(folder), tune, seed=seed, pruner=pruner)
        install(state.study, space, tune, seed)
        scheduler, curves, running, told = StudyScheduler(state), {}, {}, 0
        while True:
            while len(running) < AT_A_TIME and (task := state.next_task()) is not None:
                rng = np.random.default_rng([seed, task.number])
                curves[task.number], running[task.number] = Curve.of(task.config, epochs, rng), 0
            if not running:
                return Found(told, curves[state.best().number].true(epochs))
            for number, epoch in list(running.items()):
                told, running[number] = told + 1, epoch + 1
                if _ends(scheduler, number, curves[number], epoch + 1):
                    del running[number]


def _ends(scheduler: StudyScheduler, number: int, curve: Curve, epoch: int) -> bool:
    trial, last = SimpleNamespace(config={"number": number}), epoch == curve.epochs
    result = {"epoch": epoch, "score": curve.seen(epoch), "last_epoch": last}
    decision = scheduler.on_trial_result(None, trial, result)
    if last:
        decision = scheduler.on_trial_result(None, trial, {"ended": "COMPLETE"})
    return decision == scheduler.STOP


def correlations(epochs: int, count: int = 400) -> dict[int, float]:
    """By epoch, the rank correlation of values seen there with values at the end, of random curves."""
    rng = np.random.default_rng(0)
    curves = [
        Curve.of({name: rng.uniform() for name in ("rate", "width", "augment")}, epochs, rng) for _ in range(count)
    ]
    ends = [curve.true(epochs) for curve in curves]
    shares = (1 / 18, 1 / 7, 3 / 7, 2 / 3)
    return {at: _spearman([c.seen(at) for c in curves], ends) for at in (max(1, round(s * epochs)) for s in shares)}


def _spearman(one: Sequence[float], other: Sequence[float]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


MOUSE = """\
name: mouse
data:
  train: {type: CocoKeypoints, ann_file: "${RAYPOSE_DATA}/openfield-mouse/annotations/train.json",
          img_prefix: "${RAYPOSE_DATA}/openfield-mouse/images"}
  val: {split: 0.3}
  test: {type: CocoKeypoints, ann_file: "${RAYPOSE_DATA}/openfield-mouse/annotations/val.json",
         img_prefix: "${RAYPOSE_DATA}/openfield-mouse/images"}
  input_size: [64, 64]
  augment: {rotation: {uniform: [0, 180]}, scale: {uniform: [0.0, 0.4]}, flip: 0.5}
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: {choice: [2, 3, 4]}, feat_channel: {choice: [8, 16, 24]},
             stage_blocks: 1}
  keypoint_head:
    type: TopdownHeatmapMultiStageHead
    num_deconv_filters: 16
    codec: {type: MSRAHeatmap, sigma: {uniform: [0.6, 2.0]}}
    loss_keypoint: {choice: [{type: JointsMSELoss}, {type: SpatialCrossEntropyLoss}, {type: AdaptiveWingLoss}]}
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [3e-4, 3e-2]}, weight_decay: {loguniform: [1e-3, 1e-1]}}
    - {type: RMSprop, lr: {loguniform: [1e-4, 1e-2]}}
    - {type: SGD, lr: {loguniform: [1e-3, 1.0]}, momentum: 0.9}
training:
  epochs: 20
  batch_size: {choice: [8, 16]}
  lr_schedule: {type: CosineAnnealingLR, warmup: 0.05}
  ema: 0.9
  metrics: [{type: EPE}]
tune: {metric: EPE, mode: min, resources: {cpu: 1}}
"""


def search_mouse(settings: dict[str, Any], trials: int, epochs: int, size: int, pool: Executor, seed: int) -> Found:
    """One search on Ray, and the error in pixels of its winner, trained again with three seeds, on unseen frames."""
    import raypose

    given = {"seed": seed, "training.epochs": epochs, "data.input_size": [size, size], "tune.num_trials": trials}
    given |= {f"tune.{key}": value for key, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "space.yaml"
        file.write_text(MOUSE)
        space = Space.load(file, overrides=[f"{key}={json.dumps(value)}" for key, value in given.items()])
        result = raypose.tune(space, experiments=folder, quiet=True, check=False)
        errors = pool.map(partial(train_again, result.folder / "best"), range(1000, 1003))
        return Found(sum(record.epochs for record in result.records), statistics.mean(errors))


def train_again(best: Path, seed: int) -> float:
    """The error on the unseen frames of a model folder's configuration, trained with another seed."""
    from raypose.evaluation import evaluate
    from raypose.training.run import Run
    from raypose.trial import train

    folder = best.parent / f"again{seed}"
    folder.mkdir()
    (folder / "config.yaml").write_text((best / "config.yaml").read_text())
    train(Space.load(folder / "config.yaml").config(), Run(seed, folder, report=lambda epoch, metrics: None))
    return evaluate(folder, "test")[0]["EPE"]


def compare(searches: Mapping[str, Callable[[], list[Found]]], better: int) -> Iterator[str]:
    """A row of the table for each; the first is what the others are compared with. `better`: 1 where more is."""
    base: list[Found] = []
    for name, search in searches.items():
        found = search()
        base = base or found
        share = sum(each.epochs for each in found) / sum(each.epochs for each in base)
        gains = [better * (each.worth - other.worth) for each, other in zip(found, base, strict=True)]
        worth = statistics.mean(each.worth for each in found)
        yield f"| {name} | {share:.0%} | {worth:.4g} | {'' if found is base else interval(gains)} |"


def interval(gains: Sequence[float]) -> str:
    """The mean and half the width of its 95 % interval, by Student's t."""
    mean, count = statistics.mean(gains), len(gains)
    if count < 2:
        return f"{mean:+.4f}"
    from scipy.stats import t

    return f"{mean:+.4f} ± {t.ppf(0.975, count - 1) * statistics.stdev(gains) / count**0.5:.4f}"


def curves(asked: argparse.Namespace, pool: Executor) -> None:
    rho = ", ".join(f"{value:.2f} after {epoch}" for epoch, value in correlations(asked.epochs).items())
    print(f"curves: {asked.curves} seeds, {asked.trials} trials of {asked.epochs} epochs; rank correlation {rho}\n")
    print("| search | epochs | winner at its end | better by |\n| --- | --- | --- | --- |")
    searches = {
        name: lambda s=settings: list(
            pool.map(
                partial(search_curves, s, asked.trials, asked.epochs),
                range(asked.first_seed, asked.first_seed + asked.curves),
            )
        )
        for name, settings in SEARCHES.items()
    }
    for row in compare(searches, better=1):
        print(row, flush=True)


def mouse(asked: argparse.Namespace, pool: Executor) -> None:
    from raypose.tuning.nodes.cluster import cluster

    print(f"\nmouse: {asked.mouse} seeds, {asked.mouse_trials} trials of {asked.mouse_epochs} epochs\n")
    print("| search | epochs | error on unseen frames, pixels | better by |\n| --- | --- | --- | --- |")
    sizes = asked.mouse_trials, asked.mouse_epochs, asked.size, pool
    searches = {
        name: lambda s=settings: [
            search_mouse(s, *sizes, seed) for seed in range(asked.first_seed, asked.first_seed + asked.mouse)
        ]
        for name, settings in SEARCHES.items()
        if settings is not RANDOM
    }
    with cluster(None, Console(quiet=True)):
        for row in compare(searches, better=-1):
            print(row, flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=50, metavar="SEEDS")
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--mouse", type=int, default=5, metavar="SEEDS")
    parser.add_argument("--mouse-trials", type=int, default=16)
    parser.add_argument("--mouse-epochs", type=int, default=27)
    parser.add_argument("--size", type=int, default=64, help="width and height of the mouse's crops")
    parser.add_argument(
        "--first-seed", type=int, default=1000, help="the defaults were chosen on curves of seeds from 0"
    )
    asked = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        if asked.curves:
            curves(asked, pool)
        if asked.mouse:
            mouse(asked, pool)


if __name__ == "__main__":
    main()
