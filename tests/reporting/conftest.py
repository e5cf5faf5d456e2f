"""A search whose trials are scripted: an experiment folder as a real one leaves it, without Ray and training."""

import json

import optuna
import pytest
from optuna.trial import TrialState

from raypose.config import Tune
from raypose.reporting.experiment import load_experiment
from raypose.space import Space
from raypose.tuning.followups import more
from raypose.tuning.outcomes import Outcomes
from raypose.tuning.search_state import SearchState

SPACE = """\
name: mice
data:
  train: {type: CocoKeypoints, ann_file: "${MICE}/train.json", img_prefix: "${MICE}"}
  val: {type: CocoKeypoints, ann_file: "${MICE}/val.json", img_prefix: "${MICE}"}
  input_size: [96, 128]
model:
  type: TopDown
  backbone:
    choice:
      - {type: ResNet, depth: {choice: [18, 50]}, pretrained: "torchvision://resnet"}
      - {type: HourglassNet, num_stacks: {randint: [1, 4]}}
  keypoint_head: {type: HeatmapHead}
optimizer: {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
training: {epochs: 4}
"""
META = {"versions": {"torch": "2.0"}, "python": "3.11.7", "fingerprint": {"parameters": 12345}}


class Search:
    def __init__(self, folder, **tune):
        self.folder = folder / "experiments" / "mice"
        (self.folder / "trials").mkdir(parents=True)
        (self.folder / "space.yaml").write_text(SPACE)
        self.state = SearchState(Space.parse(SPACE), self.folder, Tune(**{"num_trials": 99, **tune}), seed=0)
        self.state.outcomes = Outcomes(tune.get("constraints", []))
        self.state.study.sampler = optuna.samplers.RandomSampler(seed=0)

    def run(self, *curve, end="COMPLETE", reason="", detail="", **more_metrics):
        """A trial with these values of the (first) objective by epoch; `end=None` leaves it running. Returns its number."""
        task, names = self.state.next_task(), [goal.metric for goal in self.state.goals]
        folder = self.state.files.path(task.number)
        folder.mkdir()
        (folder / "config.yaml").write_text(task.text)
        (folder / "weights.pt").write_text(f"weights of {task.number}")
        (folder / "meta.json").write_text(json.dumps({**META, **task.meta}))
        for epoch, value in enumerate(curve, 1):
            row = {"epoch": epoch, names[0]: value, **more_metrics, "EPE": 10 - value}
            with open(folder / "metrics.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")
            if value == max(curve):
                (folder / "metrics.json").write_text(json.dumps(row))
            self.state.report(task.number, epoch, row)
        if end is not None:
            self.state.finish(task.number, TrialState[end], reason, detail)
        return task.number

    def follow(self, *values):
        """The repeats and the final training, with these values."""
        for value in values:
            assert more(self.state)
            self.run(value)

    def load(self):
        return load_experiment(self.folder)


@pytest.fixture
def search(tmp_path, monkeypatch):
    """`search(metric=..., repeats=...)`, a search whose `tune` section has that."""
    monkeypatch.setattr("optuna.storages.journal._file.os.fsync", lambda file: None)  # the disk is not what is tested

    def make(**tune):
        monkeypatch.setenv("MICE", str(tmp_path))
        made = Search(tmp_path, **tune)
        monkeypatch.delenv("MICE")  # who looks at an experiment may lack it
        return made

    return make
