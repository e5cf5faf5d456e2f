"""What RayPose adds to a search: `python benchmarks/overhead.py`.

Trials that cost nothing, against a hand-written script of Ray Tune with its OptunaSearch and reused actors, in turns on one
cluster; suggestions, the journal included, against bare Optuna in memory; opening a study of 5,000 trials; and what the
driver's memory grows by over 2,000 trials. `--only PART ...` runs parts of it: trials, reports, suggestions, memory.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import optuna

# Twelve dimensions, of which a trial has seven or eight.
DIMENSIONS = """\
a: {loguniform: [1e-5, 1e-1]}
b: {uniform: [0, 1]}
c: {randint: [1, 9]}
d: {choice: [16, 32, 64]}
kind:
  choice:
    - {type: A, e: {uniform: [0, 1]}, f: {choice: [18, 50, 101]}, g: {uniform: [0, 45]}}
    - {type: B, h: {randint: [1, 4]}, i: {loguniform: [1e-3, 1]}}
    - {type: C, j: {uniform: [1, 3]}, k: {choice: [1, 2]}}
"""
SPACE = """\
name: {name}
{dimensions}
training: {{epochs: {epochs}}}
tune: {{metric: score, num_trials: {trials}, max_concurrent: 2, scheduler: null, resources: {{cpu: 1, gpu: 0}},
       sampler: {{type: {sampler}}}}}
"""
ROUNDS = 3


def settle() -> None:
    """Only what goes wrong is to be seen."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("ray").setLevel(logging.ERROR)


def value(config: dict[str, Any]) -> float:
    """Something to learn."""
    return -((config["b"] - 0.3) ** 2) - 0.1 * config["c"]


def by_raypose(folder: Path, trials: int, epochs: int, sampler: str = "TPESampler") -> float:
    """Seconds of a search; of one trial, seconds of its reports alone."""
    import raypose

    def trial(config: dict[str, Any], run: Any) -> None:
        started = time.perf_counter()
        for epoch in range(1, epochs + 1):
            run.report(epoch, {"score": -((config["b"] - 0.3) ** 2)})
        (run.dir / "seconds").write_text(str(time.perf_counter() - started))

    text = SPACE.format(name=folder.name, dimensions=DIMENSIONS, epochs=epochs, trials=trials, sampler=sampler)
    started = time.perf_counter()
    result = raypose.tune(raypose.Space.parse(text), trial=trial, experiments=folder.parent, quiet=True)
    took = time.perf_counter() - started
    assert sum(record.state == "COMPLETE" for record in result.records) == trials
    return took if trials > 1 else float((result.folder / "trials" / "0000" / "seconds").read_text())


def define(trial: optuna.Trial) -> None:
    """DIMENSIONS, as OptunaSearch has them."""
    trial.suggest_float("a", 1e-5, 1e-1, log=True)
    trial.suggest_float("b", 0, 1)
    trial.suggest_int("c", 1, 8)
    trial.suggest_categorical("d", [16, 32, 64])
    kind = trial.suggest_categorical("kind", ["A", "B", "C"])
    if kind == "A":
        trial.suggest_float("e", 0, 1)
        trial.suggest_categorical("f", [18, 50, 101])
        trial.suggest_float("g", 0, 45)
    elif kind == "B":
        trial.suggest_int("h", 1, 3)
        trial.suggest_float("i", 1e-3, 1, log=True)
    else:
        trial.suggest_float("j", 1, 3)
        trial.suggest_categorical("k", [1, 2])


def by_hand(folder: Path, trials: int, epochs: int) -> float:
    """The same, as one would write it."""
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    def trial(config: dict[str, Any]) -> None:
        started = time.perf_counter()
        for _ in range(epochs):
            tune.report({"score": -((config["b"] - 0.3) ** 2)})
        tune.report({"score": 0.0, "seconds": time.perf_counter() - started})

    sampler = optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=0)
    started = time.perf_counter()
    results = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(define, metric="score", mode="max", sampler=sampler),
            num_samples=trials,
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name=folder.name, storage_path=str(folder.parent / "ray"), verbose=0),
    ).fit()
    took = time.perf_counter() - started
    assert len(results) == trials
    return took if trials > 1 else results[0].metrics["seconds"]


def in_turns(folder: Path, trials: int, epochs: int) -> tuple[list[float], list[float]]:
    """Seconds of RayPose and of the script by hand, in turns; Tune's own loggers write only for the latter."""
    from raypose.tuning.nodes.cluster import ENVIRONMENT

    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS):
        found[0].append(by_raypose(folder / f"search_{trials}_{turn}", trials, epochs))
        kept = {name: os.environ.pop(name) for name in ENVIRONMENT if name in os.environ}
        found[1].append(by_hand(folder / f"hand_{trials}_{turn}", trials, epochs))
        os.environ.update(kept)
    return found


def told(what: str, ours: list[float], theirs: list[float], scale: float, unit: str, limit: float) -> None:
    """A line of the table."""
    one, other = (statistics.median(each) * scale for each in (ours, theirs))
    print(f"| {what} | {one:.3g} {unit} | {other:.3g} {unit} | {one / other:.2f} | {limit} |", flush=True)


def ask(folder: Path, sizes: list[int], most: int) -> None:
    """Suggestions beside studies of these many trials, and how long the largest takes to open."""
    from raypose import Space
    from raypose.config import Tune
    from raypose.tuning.search_state import SearchState

    folder.mkdir()
    (folder / "trials").mkdir()
    dimensions = DIMENSIONS + "training: {epochs: 5}\n"
    space = Space.parse("name: asked\n" + dimensions)
    settings = Tune(metric="score", num_trials=10**6)
    sampler = lambda: optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=0)  # noqa: E731
    state = SearchState(space, folder, settings, seed=0)
    state.study.sampler = optuna.samplers.RandomSampler(seed=0)
    memory = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    for size in sizes:
        while len(state.trials()) < size:
            task = state.next_task()
            for epoch in range(1, 6):
                state.report(task.number, epoch, {"score": value(task.config) * epoch / 5})
            state.finish(task.number, optuna.trial.TrialState.COMPLETE)
        known = len(memory.get_trials(deepcopy=False))
        for trial in state.trials()[known:]:
            memory.add_trial(trial)
        ours, theirs = [], []
        state.study.sampler, memory.sampler = sampler(), sampler()
        for _ in range(most):
            started = time.perf_counter()
            task = state.next_task()
            ours.append(time.perf_counter() - started)
            state.finish(task.number, optuna.trial.TrialState.FAIL)
            started = time.perf_counter()
            trial = memory.ask()
            space.sample(_from(trial))
            theirs.append(time.perf_counter() - started)
            memory.tell(trial, state=optuna.trial.TrialState.FAIL)
        told(f"a suggestion at {size:,} trials", ours, theirs, 1000, "ms", 1.3)
        state.study.sampler = memory.sampler = optuna.samplers.RandomSampler(seed=size)
    opened = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        again = SearchState(space, folder, settings, seed=0)
        again.study.sampler = sampler()
        again.next_task()
        opened.append(time.perf_counter() - started)
    print(
        f"| open a study of {len(state.trials()):,} trials and suggest | {statistics.median(opened):.2f} s | | | 5 s |"
    )


def _from(trial: optuna.Trial) -> Any:
    from raypose.space import from_trial

    return from_trial(trial)


def grow(folder: Path, trials: int) -> None:
    """What the driver's resident memory grows by over these many trials, from the hundredth on."""
    import psutil

    import raypose

    process, sizes = psutil.Process(), {}

    def trial(config: dict[str, Any], run: Any) -> None:
        run.report(1, {"score": config["b"]})

    def watch(number: int) -> None:
        sizes[number] = process.memory_info().rss

    from raypose.tuning.search_state import SearchState

    finish = SearchState.finish

    def finish_and_watch(self: SearchState, number: int, *args: Any, **kwargs: Any) -> None:
        finish(self, number, *args, **kwargs)
        watch(number)

    SearchState.finish = finish_and_watch  # type: ignore[method-assign]
    text = SPACE.format(name=folder.name, dimensions=DIMENSIONS, epochs=1, trials=trials, sampler="RandomSampler")
    started = time.perf_counter()
    raypose.tune(raypose.Space.parse(text), trial=trial, experiments=folder.parent, quiet=True)
    SearchState.finish = finish  # type: ignore[method-assign]
    grown = (sizes[max(sizes)] - sizes[min(100, trials // 2)]) / 1e6
    took = (time.perf_counter() - started) / trials
    print(f"| driver memory over {trials:,} trials ({took:.2f} s each) | +{grown:.0f} MB | | | 100 MB |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["trials", "reports", "suggestions", "memory"])
    parser.add_argument("--trials", type=int, default=60, help="of a search of trivial trials")
    parser.add_argument("--reports", type=int, default=400, help="of one trial")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000], help="of the studies that are asked")
    parser.add_argument("--asks", type=int, default=30)
    parser.add_argument("--grow", type=int, default=2000, help="trials of the search whose driver is weighed")
    args = parser.parse_args()
    settle()
    import ray

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        print("| what | RayPose | peer | ratio | at most |\n| --- | --- | --- | --- | --- |")
        if set(args.only) & {"trials", "reports", "memory"}:
            ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        if "trials" in args.only:
            told("a trivial trial", *in_turns(folder, args.trials, 1), 1 / args.trials, "s", 1.1)
        if "reports" in args.only:
            told("a report", *in_turns(folder, 1, args.reports), 1000 / args.reports, "ms", 0.5)
        if "suggestions" in args.only:
            ask(folder / "asked", args.sizes, args.asks)
        if "memory" in args.only:
            grow(folder / "grown", args.grow)


if __name__ == "__main__":
    main()
