"""A search with trainings: the winner is tested once, on data that no trial has read."""

import json

import pytest

from raypose.space import Space
from raypose.tuning.search import tune

SPACE = """\
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
training: {{epochs: 2, batch_size: 2}}
tune: {{metric: EPE, num_trials: 2, scheduler: null}}
"""


@pytest.mark.usefixtures("cluster")
def test_the_winner_is_tested_once(tmp_path, tiny_coco, monkeypatch):
    space = Space.parse(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    result = tune(space, experiments=tmp_path, quiet=True)
    values = [record.value for record in result.records]
    assert result.best.value == min(values)  # EPE is better when lower, without a word on `mode`
    file = result.folder / "best" / "metrics.json"
    metrics = json.loads(file.read_text())
    assert metrics["trial"] == result.best.number
    assert {"AP", "EPE", "PCK"} <= metrics["test"].keys()
    assert metrics["test"]["EPE"] != metrics["EPE"]

    import raypose.evaluation

    monkeypatch.setattr(raypose.evaluation, "evaluate", lambda *args: pytest.fail("tested again"))
    tune(space, experiments=tmp_path, quiet=True, resume=True)
    assert json.loads(file.read_text()) == metrics


def test_trials_do_not_read_the_test_data(tmp_path, tiny_coco):
    from raypose.training.run import Run
    from raypose.trial import train

    text = SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix)
    config = Space.parse(text).default()
    config["data"]["test"]["ann_file"] = "nowhere.json"
    train(config, Run(seed=0, dir=tmp_path, report=lambda epoch, metrics: None))
