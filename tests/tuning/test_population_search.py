"""Population-based training through Ray: scripted trials whose checkpoints say who trained them, and a small real one."""

import json
import os
import signal

import pytest

from raypose.model_folder import load
from raypose.space import Space
from raypose.tuning.search import tune

pytestmark = pytest.mark.usefixtures("cluster")

EPOCHS = 6
SPACE = """
name: population
seed: 1
rate: {uniform: [0, 1]}
optimizer: {choice: [{type: A, lr: {uniform: [0.1, 1]}}, {type: B, speed: {uniform: [0.1, 1]}}]}
training: {epochs: 6}
tune:
  metric: score
  num_trials: 5
  sampler: {type: RandomSampler}
  scheduler:
    type: PopulationBasedTraining
    mutate: [rate, optimizer.*.lr]
    perturbation_interval: 2
    quantile_fraction: 0.5
    resample_probability: 0
  max_concurrent: 1
"""


def make_trial():
    # Nested, so that it travels to the workers by value.
    def trial(config, run):
        import json
        import os
        import signal
        import time

        from raypose.training.checkpoints import load, save_epoch

        name, experiment = run.dir.name, run.dir.parent.parent
        state = {"epoch": 0, "score": 0.0, "by": []} if run.checkpoint is None else load(run.checkpoint)
        if state["epoch"]:
            run.report(state["epoch"], {"score": state["score"]})
        for epoch in range(state["epoch"] + 1, config["training"]["epochs"] + 1):
            if name == "0004" and epoch == 2:
                raise ValueError("out of luck")
            for event in ("kill", "interrupt"):
                if epoch == 4 and name != "0004" and (experiment / event).exists():
                    (experiment / event).unlink()
                    if event == "kill":
                        os._exit(1)
                    os.kill(int((experiment / "driver").read_text()), signal.SIGINT)
                    time.sleep(5)
            state = {"epoch": epoch, "score": state["score"] + config["rate"], "by": [*state["by"], name]}
            save_epoch(state, run.dir / "checkpoints", epoch)
            (run.dir / "weights.pt").write_text(json.dumps(state))
            run.report(epoch, {"score": state["score"]})

    return trial


def search(folder, *events, **kwargs):
    (folder / "population").mkdir(parents=True, exist_ok=True)
    (folder / "population" / "driver").write_text(str(os.getpid()))
    for event in events:
        (folder / "population" / event).touch()
    return tune(Space.parse(SPACE), trial=make_trial(), experiments=folder, quiet=True, **kwargs)


def rows(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def lineages(result):
    files = {r.number: result.folder / "trials" / f"{r.number:04d}" / "lineage.jsonl" for r in result.records}
    return {number: rows(file) for number, file in files.items() if file.exists()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return search(tmp_path_factory.mktemp("whole"))


def test_the_bad_go_on_from_the_good(whole):
    *complete, failed = whole.records
    assert (failed.number, failed.state) == (4, "FAIL")
    assert [(record.state, record.epochs) for record in complete] == [("COMPLETE", EPOCHS)] * 4
    found = lineages(whole)
    assert sum(entries[0]["epoch"] == 2 for entries in found.values()) == 2
    assert {entry["epoch"] for entries in found.values() for entry in entries} == {2, 4}
    for record in complete:
        folder = whole.folder / "trials" / f"{record.number:04d}"
        assert [row["epoch"] for row in rows(folder / "metrics.jsonl")] == [*range(1, EPOCHS + 1)]
        weights = json.loads((folder / "weights.pt").read_text())
        assert weights["score"] == pytest.approx(record.value)
        assert f"rate: {record.params['rate']}" in (folder / "config.yaml").read_text()
        # Who trained each epoch follows from the lineage.
        last = found[record.number][-1] if record.number in found else {"epoch": 0, "params": record.params}
        assert weights["by"][last["epoch"] :] == [folder.name] * (EPOCHS - last["epoch"])
        assert last["epoch"] == 0 or weights["by"][last["epoch"] - 1] == f"{last['from']:04d}"
        assert record.params == last["params"]


@pytest.mark.slow
def test_a_lost_worker_and_an_interruption_change_nothing(whole, tmp_path):
    first = search(tmp_path, "kill", "interrupt")
    assert first.interrupted == signal.SIGINT
    assert lineages(first)
    second = search(tmp_path, resume=True)
    assert lineages(second) == lineages(whole)
    assert {r.number: (r.state, r.value) for r in second.records} == {
        r.number: (r.state, r.value) for r in whole.records
    }


REAL = """
name: real
data:
  train: {type: SyntheticPeople, num_images: 24, seed: 0}
  val: {type: SyntheticPeople, num_images: 8, seed: 1}
  input_size: [64, 64]
model:
  backbone:
    choice:
      - {type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}
      - {type: HourglassNet, label: wide, num_stacks: 1, downsample_times: 2, feat_channel: 16, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead, num_deconv_layers: 0, loss_keypoint: {type: SpatialCrossEntropyLoss}}
optimizer: {type: AdamW, lr: {loguniform: [1e-6, 1e-2]}}
training: {epochs: 4, batch_size: {choice: [4, 8]}, lr_schedule: {type: CosineAnnealingLR, warmup: 0.1}, ema: 0.5}
tune:
  metric: loss
  num_trials: 2
  scheduler: {type: PopulationBasedTraining, mutate: ["*.lr", training.batch_size], perturbation_interval: 2}
  initial_points:
    - {model: {backbone: {type: HourglassNet}}, optimizer: {lr: 1e-6}, training: {batch_size: 4}}
    - {model: {backbone: wide}, optimizer: {lr: 5e-3}, training: {batch_size: 8}}
"""


@pytest.mark.slow
def test_a_training_goes_on_from_the_weights_of_another_one(tmp_path):
    result = tune(Space.parse(REAL), experiments=tmp_path, quiet=True)
    assert [(record.state, record.epochs) for record in result.records] == [("COMPLETE", 4)] * 2
    ((number, (entry,)),) = lineages(result).items()
    clone, parent = (result.folder / "trials" / f"{each:04d}" for each in (number, entry["from"]))
    mine, theirs = rows(clone / "metrics.jsonl"), rows(parent / "metrics.jsonl")
    assert mine[:2] == theirs[:2]
    assert [row["loss"] for row in mine[2:]] != [row["loss"] for row in theirs[2:]]
    kept = json.loads((clone / "metrics.json").read_text())
    assert kept["loss"] == min(row["loss"] for row in mine)
    assert kept["loss"] == next(record.value for record in result.records if record.number == number)
    models = [load(each) for each in (clone, parent)]  # what it kept fits its configuration
    shapes = [{name: tensor.shape for name, tensor in model.state_dict().items()} for model in models]
    assert shapes[0] == shapes[1]
    # What it trained itself, it trained with its own rate, from where the schedule is.
    assert mine[2]["lr"] / theirs[2]["lr"] == pytest.approx(
        entry["params"]["optimizer.lr"]
        / next(r for r in result.records if r.number == entry["from"]).params["optimizer.lr"],
        rel=0.15,
    )
