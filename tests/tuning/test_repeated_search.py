"""Repeats and the final training through Ray: scripted trials whose values depend on their seed, and a small real one."""

import json
import random

import pytest
from rich.console import Console

from raypose.cli._result import print_result
from raypose.reporting.roles import FINAL, REPEAT, TRIAL
from raypose.reporting.sameness import Sameness
from raypose.space import Space
from raypose.tuning.search import tune

pytestmark = pytest.mark.usefixtures("cluster")

SCRIPTED = """
name: scripted
kind: {{choice: [lucky, steady, poor, bad]}}
training: {{epochs: 4}}
tune:
  metric: score
  num_trials: 4
  sampler: {{type: GridSampler, search_space: {{kind: ['"lucky"', '"steady"', '"poor"', '"bad"']}}}}
  scheduler: {scheduler}
  max_concurrent: {at_a_time}
  repeats: 2
  repeat_best: 2
  final: true
"""
# The seeds of the first trials: those bring `lucky` its luck.
FIRST = [random.Random(f"0/{number}").getrandbits(31) for number in range(4)]


def make_trial(lucky_seeds):
    def trial(config, run):
        values = {"lucky": 0.9 if run.seed in lucky_seeds else 0.2, "steady": 0.7, "poor": 0.3, "bad": 0.1}
        for epoch in range(1, 5):
            run.report(epoch, {"score": values[config["kind"]] + 0.001 * epoch})

    return trial


def by_role(result, role):
    return sorted((record for record in result.records if record.role == role), key=lambda record: record.number)


@pytest.mark.parametrize(
    ("scheduler", "at_a_time", "epochs"),
    [
        ("null", 1, 4),
        pytest.param("{type: HyperBandScheduler, reduction_factor: 2}", 2, 4, marks=pytest.mark.slow),
        pytest.param(
            "{type: ASHAScheduler, grace_period: 1, reduction_factor: 2, max_t: 2}", 2, 2, marks=pytest.mark.slow
        ),
    ],
)
def test_the_winner_is_the_best_by_its_mean_and_trained_once_more(tmp_path, scheduler, at_a_time, epochs):
    space = Space.parse(SCRIPTED.format(scheduler=scheduler, at_a_time=at_a_time))
    result = tune(space, trial=make_trial(FIRST), experiments=tmp_path, quiet=True)
    own = {json.loads(record.params["kind"]): record for record in by_role(result, TRIAL)}
    assert max(own.values(), key=lambda record: record.value) is own["lucky"]
    assert result.best is own["steady"]
    assert [len(own[kind].repeats) for kind in ("lucky", "steady", "poor", "bad")] == [2, 2, 0, 0]
    repeats = by_role(result, REPEAT)
    assert [(each.state, each.epochs) for each in repeats] == [("COMPLETE", epochs)] * 4
    assert {each.of for each in repeats} == {own["lucky"].number, own["steady"].number}
    (final,) = by_role(result, FINAL)
    assert (final.of, final.state, final.epochs) == (own["steady"].number, "COMPLETE", 4)
    assert result.final is final
    again = tune(space, trial=make_trial(FIRST), experiments=tmp_path, quiet=True, resume=True)
    assert again.records == result.records


REAL = """\
name: tested
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  test: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  input_size: [64, 64]
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: 8, stage_blocks: 1}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: {{loguniform: [1e-3, 1e-2]}}}}
training: {{epochs: 1, batch_size: 2}}
tune: {{metric: EPE, num_trials: 2, scheduler: null, repeats: 1, repeat_best: 1, final: true}}
"""


@pytest.mark.slow
def test_the_final_model_alone_is_tested(tmp_path, tiny_coco, capsys):
    space = Space.parse(REAL.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    result = tune(space, experiments=tmp_path, quiet=True)
    assert [record.role for record in result.records] == [TRIAL] * 2 + [REPEAT, FINAL]
    best = json.loads((result.folder / "best" / "metrics.json").read_text())
    final = json.loads((result.folder / "final" / "metrics.json").read_text())
    assert (best["trial"], "test" in best) == (result.best.number, False)
    assert final["trial"] == result.final.number
    assert {"AP", "EPE", "PCK"} <= final["test"].keys()
    assert final["test"]["EPE"] != final["EPE"]

    from raypose.evaluation import evaluate

    found = evaluate(result.folder / "final")[0]
    assert found["EPE"] == pytest.approx(final["EPE"], abs=1e-4)

    sameness = Sameness.read(result.folder)
    assert (sameness.trials, sameness.differences, sameness.unequal) == (4, {}, [])
    meta = json.loads((result.folder / "trials" / "0003" / "meta.json").read_text())
    assert (meta["role"], meta["of"]) == (FINAL, result.best.number)
    assert {"model", "optimizer", "parameters", "groups"} == meta["fingerprint"].keys()
    assert meta["fingerprint"]["groups"][0]["lr"] == pytest.approx(meta["params"]["optimizer.lr"])

    assert print_result(Console(width=200), result, space) == 0
    out = capsys.readouterr().out
    assert "mean of its runs" in out
    assert "on the test data: " in out.partition("final model: ")[2]
