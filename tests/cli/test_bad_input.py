"""Each mistake of a user's ends in a clear message and exit status 2, and nothing is started or written."""

import optuna
import pytest

from raypose import journal

GOOD = """\
name: bad
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: ResNet, depth: {{choice: [18, 34]}}}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: {{loguniform: [1e-3, 1e-2]}}}}
tune: {{num_trials: 2}}
"""

# what is replaced, by what, and what the message says
MISTAKES = {
    "syntax": ("input_size: [64, 64]", "input_size: [64, 64", ":5:"),
    "unknown key": ("input_size:", "imput_size:", ":5:3: unknown key 'imput_size'"),
    "unknown component": ("type: ResNet", "type: ResNt", ":7:20: unknown backbone 'ResNt'; did you mean 'ResNet'?"),
    "argument not taken": ("depth:", "deph:", "ResNet takes no argument 'deph'; did you mean 'depth'?"),
    "empty choice": ("[18, 34]", "[]", ":7:"),
    "value not allowed": ("[18, 34]", "[18, 35]", "35"),
    "low >= high": ("[1e-3, 1e-2]", "[1e-2, 1e-3]", "`low < high` must hold, but got (low=0.01, high=0.001)"),
    "log from 0": ("[1e-3, 1e-2]", "[0, 1e-2]", ":9:"),
    "wrong type": ("num_trials: 2", "num_trials: many", ":10:20: "),
    "missing annotation file": ("{ann_file}", "{ann_file}x", "annotations.jsonx"),
    "missing image folder": ("{img_prefix}", "{img_prefix}x", "imagesx"),
    "unknown sampler": ("num_trials: 2", "sampler: {{type: TPE}}", "unknown sampler 'TPE'"),
    "unknown scheduler": ("num_trials: 2", "scheduler: {{type: Asha}}", "unknown scheduler 'Asha'"),
    "unknown metric": ("num_trials: 2", "metric: mAP", "mAP"),
    "unset variable": ("name: bad", 'name: "${{NOT_SET_ANYWHERE}}"', "NOT_SET_ANYWHERE"),
    "duplicate key": ("name: bad", "name: bad\nname: worse", ":2:1: "),
    "missing plugin": ("name: bad", "name: bad\nplugins: [nothing.py]", "nothing.py"),
    "name with a slash": ("name: bad", "name: bad/worse", ":1:7: "),
}


@pytest.fixture
def space_file(tmp_path, tiny_coco, monkeypatch):
    import ray

    monkeypatch.setattr(ray, "init", lambda *args, **kwargs: pytest.fail("Ray was started"))

    def write(old="", new=""):
        assert old in GOOD
        path = tmp_path / "bad.yaml"
        path.write_text(GOOD.replace(old, new, 1).format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
        return path

    return write


@pytest.mark.parametrize("command", ["check", "tune"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(cli, space_file, tmp_path, command, mistake):
    old, new, message = MISTAKES[mistake]
    result = cli(command, space_file(old, new))
    assert result.status == 2, result.out
    assert message in result.err
    assert all(line.startswith("error: ") for line in result.err.splitlines() if line and not line.startswith(" "))
    assert "Traceback" not in result.err
    assert not (tmp_path / "experiments").exists()


@pytest.mark.parametrize("command", ["check", "tune", "sample", "train"])
def test_missing_file(cli, command):
    result = cli(command, "nothing.yaml")
    assert result.status == 2
    assert result.err.strip() == "error: no such file: nothing.yaml"


def test_a_space_is_no_configuration(cli, space_file):
    result = cli("train", space_file())
    assert result.status == 2
    assert "'model.backbone.depth' is one" in result.err
    assert ":7:" in result.err


def test_an_experiment_that_exists(cli, space_file, tmp_path):
    folder = tmp_path / "experiments" / "bad"
    folder.mkdir(parents=True)
    study = optuna.create_study(study_name=journal.STUDY_NAME, storage=journal.storage(folder, write=True))
    study.tell(study.ask(), 0.5)
    (folder / "space.yaml").write_text(space_file().read_text().replace("18, 34", "18, 50"))
    result = cli("tune", space_file())
    assert result.status == 2
    assert "exists already; add --resume to go on with it, or give the space another name" in result.err
    changed = cli("tune", space_file(), "--resume")
    assert changed.status == 2
    assert "changed: model.backbone.depth" in changed.err


def test_nothing_to_resume(cli, space_file):
    result = cli("tune", space_file(), "--resume")
    assert result.status == 2
    assert "no experiment to resume" in result.err


@pytest.mark.parametrize(("words", "meant"), [(("tnue", "x.yaml"), "tune"), (("data", "biuld", "x.yaml"), "build")])
def test_a_slip_in_a_command(cli, words, meant):
    result = cli(*words)
    assert result.status == 2
    assert f"did you mean '{meant}'?" in result.err
