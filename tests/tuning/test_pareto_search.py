"""Searches with several objectives and an outcome constraint: real Ray, scripted trials; and a training that measures."""

import io
import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from raypose import RayPoseError
from raypose.cli import show
from raypose.cli._result import print_result
from raypose.space import Space
from raypose.tuning.search import tune

SPACE = """
name: pareto
seed: 1
x: {{uniform: [0, 1]}}
training: {{epochs: 3}}
tune:
  metric: [{{AP: max}}, {{flops: min}}]
  num_trials: {trials}
  max_concurrent: 1
  constraints: ["AP >= {least}"]
  initial_points: [{{x: 0.1}}, {{x: 0.9}}]
  {more}
"""


def space(trials=6, least=0.3, more=""):
    return Space.parse(SPACE.format(trials=trials, least=least, more=more))


def make_trial():
    # Nested, so that it travels to the workers by value. More flops, more AP; the second epoch is the best.
    def trial(config, run):
        import os
        import signal
        import time

        experiment = run.dir.parent.parent
        for epoch in (1, 2, 3):
            if run.dir.name == "0003" and epoch == 3 and (experiment / "driver").exists():
                os.kill(int((experiment / "driver").read_text()), signal.SIGINT)
                (experiment / "driver").unlink()
                time.sleep(2)
            (run.dir / "weights.pt").write_text(run.dir.name)
            (run.dir / "metrics.json").write_text("{}")
            ap = config["x"] * (1.0, 1.2, 1.1)[epoch - 1] / 1.2
            run.report(epoch, {"AP": ap, "flops": 1e9 * config["x"]})

    return trial


@pytest.mark.usefixtures("cluster")
def test_a_search_with_two_objectives_and_an_outcome_constraint_interrupted_and_resumed(tmp_path):
    import os

    (tmp_path / "pareto").mkdir()
    (tmp_path / "pareto" / "driver").write_text(str(os.getpid()))
    out = io.StringIO()
    console = Console(file=out, width=150)
    first = tune(space(), trial=make_trial(), experiments=tmp_path, console=console)
    assert first.interrupted == signal.SIGINT
    assert "no early stopping: it compares one value, but there are 2 objectives" in out.getvalue()
    result = tune(space(), trial=make_trial(), experiments=tmp_path, quiet=True, resume=True)
    assert [each.state for each in result.records] == ["COMPLETE"] * 6
    assert [each.epochs for each in result.records] == [3] * 6
    x = {each.number: each.params["x"] for each in result.records}
    feasible = sorted((number for number in x if x[number] >= 0.3), key=x.__getitem__, reverse=True)
    assert 0 < len(feasible) < 6
    assert [each.number for each in result.front] == feasible  # each has more AP for more flops
    assert result.best.number == feasible[0]
    assert [bool(each.breaks) for each in result.records] == [False] * len(feasible) + [True] * (6 - len(feasible))
    assert result.best.values == pytest.approx({"AP": x[feasible[0]], "flops": 1e9 * x[feasible[0]]})
    models = {each.name: (each / "weights.pt").read_text() for each in (result.folder / "pareto").iterdir()}
    assert models == {f"{number:04d}": f"{number:04d}" for number in feasible}
    assert [each["trial"] for each in json.loads((result.folder / "pareto.json").read_text())] == feasible
    assert (result.folder / "best" / "weights.pt").read_text() == f"{feasible[0]:04d}"

    console = Console(file=(out := io.StringIO()), width=150)
    assert print_result(console, result, space()) == 0
    assert out.getvalue().index("Pareto front") < out.getvalue().index("pareto: 6 trials")
    assert "models of the front: " in out.getvalue()
    assert "breaks AP >= 0.3" in out.getvalue()
    shown = CliRunner().invoke(show.command, [str(result.folder), "--json"], catch_exceptions=False)
    assert json.loads(shown.output)["front"] == feasible
    shown = CliRunner().invoke(show.command, [str(result.folder)], catch_exceptions=False)
    assert "Pareto front (* best of its column)" in shown.output


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_nothing_is_the_best_where_no_trial_meets_a_constraint(tmp_path):
    result = tune(space(3, least=2), trial=make_trial(), experiments=tmp_path, quiet=True)
    assert (result.best, result.front) == (None, [])
    assert not (result.folder / "best").exists()
    console = Console(file=(out := io.StringIO()), width=150)
    assert print_result(console, result, space(3)) == 1
    nearest = max(result.records, key=lambda each: each.value)
    assert (
        f"no trial meets 'AP >= 2': the nearest is trial {nearest.number} with AP {nearest.value:.4g}" in out.getvalue()
    )


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_ray_stops_by_the_first_objective_and_what_it_stops_is_on_no_front(tmp_path):
    more = "scheduler: {type: ASHAScheduler, grace_period: 1, reduction_factor: 2}"
    result = tune(space(8, 0, more), trial=make_trial(), experiments=tmp_path, quiet=True)
    states = {each.number: each.state for each in result.records}
    assert {*states.values()} == {"COMPLETE", "PRUNED"}
    assert all(states[each.number] == "COMPLETE" for each in result.front)


def test_a_pruner_is_refused(tmp_path):
    with pytest.raises(RayPoseError, match="pruners compares one value, but tune"):
        tune(space(more="scheduler: {type: MedianPruner}"), trial=make_trial(), experiments=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


TRAINING = """\
name: measured
data:
  train: {type: SyntheticPeople, num_images: 8}
  val: {split: 0.25}
  input_size: [64, 64]
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead}
optimizer: {type: AdamW, lr: 1e-3}
training: {epochs: 2, batch_size: 2}
tune: {metric: [{latency: min}, {EPE: min}], constraints: [flops <= 1e12, "EPE / memory < 1", "params > 1"]}
"""


def test_a_training_measures_what_it_is_asked_for_once(tmp_path, monkeypatch):
    from raypose import trial
    from raypose.models import measured
    from raypose.proof import Costs
    from raypose.training.run import Run

    config = Space.parse(TRAINING).default()
    reports = []

    def report(epoch, metrics):
        reports.append(metrics)
        with open(tmp_path / "metrics.jsonl", "a") as file:
            file.write(json.dumps({"epoch": epoch, **metrics}) + "\n")

    trial.train(config, Run(seed=0, dir=tmp_path, report=report))
    one, two = ({name: each[name] for name in ("params", "flops", "memory", "latency")} for each in reports)
    assert one == two
    cost = Costs()(config)
    assert (one["params"], one["flops"], one["memory"]) == (cost.params, cost.flops, cost.memory)
    assert 0 < one["latency"] < 1000
    kept = json.loads((tmp_path / "metrics.json").read_text())
    best = min(reports, key=lambda each: each["EPE"])  # latency is the same in all epochs
    assert (kept["EPE"], kept["latency"]) == (best["EPE"], best["latency"])

    monkeypatch.setitem(measured.MEASURES, "latency", lambda trained: pytest.fail("measured again"))
    config["training"]["epochs"] = 3
    checkpoint = tmp_path / "checkpoints"
    newest = sorted(checkpoint.iterdir())[-1]
    trial.train(config, Run(seed=0, dir=tmp_path, report=report, checkpoint=Path(newest)))
    assert reports[2]["latency"] == one["latency"]


def test_a_training_measures_nothing_that_nobody_asks_for(tmp_path, monkeypatch):
    from raypose import trial
    from raypose.training.run import Run

    config = Space.parse(TRAINING).default()
    config |= {"tune": {"metric": "EPE"}, "training": {"epochs": 1, "batch_size": 2}}
    reports = []
    trial.train(config, Run(seed=0, dir=tmp_path, report=lambda epoch, metrics: reports.append(metrics)))
    assert not {"params", "flops", "memory", "latency"} & reports[0].keys()
