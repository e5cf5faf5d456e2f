import importlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from raypose.cli import COMMANDS
from raypose.cli._device import device
from raypose.errors import RayPoseError
from raypose.registry import REGISTRIES
from raypose.space import Space
from raypose.training.speed import SPEED

SPACE = """\
name: tiny
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: HourglassNet, num_stacks: 1, downsample_times: 2, feat_channel: {{choice: [8, 12]}}, stage_blocks: 1}}
  keypoint_head: {{type: HeatmapHead, num_deconv_layers: 0}}
  loss_keypoint: {{type: SpatialCrossEntropyLoss}}
optimizer: {{type: AdamW, lr: {{loguniform: [1e-3, 1e-2]}}}}
training: {{epochs: 2, batch_size: 2}}
tune: {{num_trials: 2, max_concurrent: 1}}
"""


@pytest.fixture
def space_file(tmp_path, tiny_coco):
    path = tmp_path / "tiny.yaml"
    path.write_text(SPACE.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_complete(cli, command):
    result = cli(command, "--help")
    assert result.status == 0
    described = importlib.import_module(f"raypose.cli.{command}").command
    assert result.out.startswith("Usage: ")
    assert described.help.split()[0] in result.out
    options = [parameter for parameter in described.params if isinstance(parameter, click.Option)]
    assert all(option.opts[0] in result.out and option.help for option in options)


def test_help_of_all_is_instant_and_names_every_command():
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "raypose", "--help"], capture_output=True, text=True, check=True)
    assert time.perf_counter() - started < 5  # a second is usual; with torch or ray it would be ten on a busy machine
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_wrong_command_and_option(cli):
    assert cli("tun").status == 2
    assert cli("check", "--no-such-option", "a.yaml").status == 2


def test_check(cli, space_file):
    result = cli("check", space_file)
    assert (result.status, result.err) == (0, "")
    assert "no mistakes found; 2 dimensions" in result.out


def test_check_lists_all_mistakes_with_positions(cli, space_file):
    text = space_file.read_text().replace("HourglassNet", "HourglasNet").replace("epochs: 2", "epoch: 2")
    space_file.write_text(text)
    result = cli("check", space_file)
    assert result.status == 2
    assert "unknown backbone 'HourglasNet'; did you mean 'HourglassNet'?" in result.err
    assert "tiny.yaml:11:12: unknown key 'epoch'" in result.err
    assert len(result.err.splitlines()) == 2


def test_samples_are_configurations(cli, space_file, tmp_path):
    result = cli("sample", space_file, "-n", 3, "--seed", 1)
    documents = [Space.parse(text).config() for text in result.out.split("---\n")]
    assert len(documents) == 3
    assert {document["model"]["backbone"]["feat_channel"] for document in documents} <= {8, 12}
    assert all(1e-3 <= document["optimizer"]["lr"] <= 1e-2 for document in documents)
    assert cli("sample", space_file, "-n", 3, "--seed", 1).out == result.out
    (tmp_path / "one.yaml").write_text(cli("sample", space_file, "--default").out)
    assert Space.load(tmp_path / "one.yaml").config()["model"]["backbone"]["feat_channel"] == 8


@pytest.mark.parametrize("kind", REGISTRIES)
def test_list(cli, kind):
    result = cli("list", kind)
    assert result.status == 0
    assert all(f"  {name}(" in result.out for name in REGISTRIES[kind])


def test_list_of_an_unknown_kind(cli):
    result = cli("list", "backbone")
    assert result.status == 2
    assert "did you mean 'backbones'?" in result.err


def test_list_shows_allowed_values_and_plugins(cli, tmp_path):
    assert "depth: Literal[18, 34, 50, 101, 152] = 50" in cli("list", "backbones").out
    (tmp_path / "mine.py").write_text(
        "from raypose import BACKBONES\n@BACKBONES.register_module()\ndef MineOnly(width=3): ...\n"
    )
    try:
        assert "  MineOnly(width=3)" in cli("list", "backbones", "--plugin", "mine.py").out
    finally:
        REGISTRIES["backbones"].remove(lambda component: component.__name__ == "MineOnly")


def test_version(cli):
    import torch

    from raypose import __version__

    lines = cli("version").out.splitlines()
    assert lines[0] == f"raypose {__version__}"
    assert f"torch {torch.__version__.split('+')[0]}" in lines


def test_train_evaluate_and_train_again(cli, space_file, tmp_path):
    (tmp_path / "one.yaml").write_text(cli("sample", space_file, "--default").out)
    result = cli("train", "one.yaml")
    assert result.status == 0, result.err
    assert "epoch 2/2" in result.out
    folder = tmp_path / "experiments" / "tiny-train"
    assert {"config.yaml", "weights.pt", "metrics.json"} <= {path.name for path in folder.iterdir()}
    kept = json.loads((folder / "metrics.json").read_text())

    found = json.loads(cli("evaluate", folder, "--json").out)
    assert found["EPE"] == pytest.approx(kept["EPE"], abs=1e-4)
    again = cli("train", folder, "--to", "again")
    assert again.status == 0
    repeated = json.loads((tmp_path / "again" / "metrics.json").read_text())
    assert {**repeated, **dict.fromkeys(SPEED)} == {**kept, **dict.fromkeys(SPEED)}

    refused = cli("train", folder, "--to", "again")
    assert refused.status == 2
    assert "holds a training already; add --resume" in refused.err
    longer = cli("train", folder, "--to", "again", "--resume", "--epochs", 3)
    assert "epoch 3/3" in longer.out
    assert "epoch 2/3" not in longer.out


def test_evaluate_on_another_file(cli, space_file, tiny_coco, tmp_path):
    (tmp_path / "one.yaml").write_text(cli("sample", space_file, "--default").out)
    cli("train", "one.yaml", "--epochs", 1, "--to", "model")
    result = cli(
        "evaluate", "model", "--ann-file", tiny_coco.ann_file, "--img-prefix", tiny_coco.img_prefix,
        "--predictions", "predictions.json",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "EPE" in result.out
    assert len(json.loads((tmp_path / "predictions.json").read_text())) == 6
    each = cli("evaluate", "model", "--per-keypoint").out
    header, *rows = each.split("\n\n")[1].splitlines()
    assert {"AP", "EPE", "PCK"} <= set(header.split())
    assert [row.split()[0] for row in rows] == ["nose", "left_hand", "right_hand"]
    found = json.loads(cli("evaluate", "model", "--per-keypoint", "--json").out)
    assert float(rows[0].split()[1 + header.split().index("EPE")]) == pytest.approx(
        found["per_keypoint"]["EPE"]["nose"], rel=1e-3
    )
    assert sum(found["per_keypoint"]["EPE"].values()) / 3 == pytest.approx(found["EPE"])
    assert cli("evaluate", "model", "--on", "test").status == 2
    assert cli("evaluate", "model", "--ann-file", tiny_coco.ann_file).status == 2
    assert "is not a model folder" in cli("evaluate", tiny_coco.img_prefix).err


@pytest.fixture
def cards_of(monkeypatch):
    """`cards_of(2)`: as on a machine with two CUDA devices."""

    def pretend(cards):
        monkeypatch.setattr("torch.cuda.is_available", lambda: cards > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: cards)

    return pretend


@pytest.mark.parametrize(
    ("name", "cards", "expected"),
    [
        (None, 0, "cpu"),
        (None, 1, "cuda"),
        ("cpu", 1, "cpu"),
        ("cuda", 1, "cuda"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_devices(cards_of, name, cards, expected):
    cards_of(cards)
    assert device(name) == expected


@pytest.mark.parametrize(
    ("name", "cards", "expected"),
    [
        ("cuda", 0, "there is no device 'cuda'"),
        ("cuda:1", 1, "there is no device 'cuda:1': CUDA has 1 here"),
        ("gpu", 1, "must be cpu, cuda or cuda:N, but got 'gpu'"),
        ("meta", 1, "must be cpu, cuda or cuda:N, but got 'meta'"),
        ("", 0, "must be cpu, cuda or cuda:N, but got ''"),
    ],
)
def test_devices_that_are_not_there(cards_of, name, cards, expected):
    cards_of(cards)
    with pytest.raises(RayPoseError, match=expected):
        device(name)


def test_evaluate_on_a_device_that_is_not_there(cli, tmp_path):
    result = cli("evaluate", tmp_path, "--device", "gpu")
    assert result.status == 2
    assert result.err == "error: --device must be cpu, cuda or cuda:N, but got 'gpu'\n"


def test_show_of_no_experiment(cli, tmp_path):
    result = cli("show", tmp_path)
    assert result.status == 2
    assert "is not an experiment" in result.err


def test_init_writes_a_space_that_passes_the_check(cli, tiny_coco, tmp_path):
    result = cli("init", tiny_coco.ann_file, "--name", "mice")
    assert result.status == 0, result.err
    assert "6 instances, 3 keypoints, 6 images" in result.out
    assert cli("check", "mice.yaml").status == 0
    refused = cli("init", tiny_coco.ann_file, "--name", "mice")
    assert refused.status == 2
    assert "mice.yaml exists; --force" in refused.err
    assert cli("init", "nothing.json").status == 2


@pytest.fixture
def other_coco(tmp_path, tiny_coco):
    """The same data in another folder, whose images have other names."""
    folder = tmp_path / "other" / "annotations"
    folder.mkdir(parents=True)
    shutil.copytree(tiny_coco.img_prefix, tmp_path / "other" / "pictures" / "more")
    content = json.loads(json.dumps(tiny_coco.content))
    for image in content["images"]:
        image["file_name"] = f"more/{image['file_name']}"
    file = folder / "val.json"
    file.write_text(json.dumps(content))
    return file


def test_init_looks_for_the_images_of_val_near_val(cli, tiny_coco, other_coco, tmp_path):
    result = cli("init", tiny_coco.ann_file, "--val", other_coco, "--name", "mice")
    assert result.status == 0, result.err
    assert cli("check", "mice.yaml", "--static").status == 0
    data = Space.load("mice.yaml").default()["data"]
    assert Path(data["train"]["img_prefix"]) == tmp_path / "images"
    assert Path(data["val"]["img_prefix"]) == tmp_path / "other" / "pictures"
    same = cli("init", tiny_coco.ann_file, "--val", tiny_coco.ann_file, "--images", tiny_coco.img_prefix, "--name", "b")
    assert same.status == 0
    assert Path(Space.load("b.yaml").default()["data"]["val"]["img_prefix"]) == tmp_path / "images"


def test_init_reads_val(cli, tiny_coco, other_coco):
    content = json.loads(other_coco.read_text())
    content["categories"][0]["keypoints"] = ["nose", "left_foot", "right_foot"]
    other_coco.write_text(json.dumps(content))
    result = cli("init", tiny_coco.ann_file, "--val", other_coco, "--name", "mice")
    assert (result.status, Path("mice.yaml").exists()) == (2, False)
    assert "train and val must have the same keypoints" in result.err
    content["images"] = content["images"][:1]
    other_coco.write_text(json.dumps(content))
    result = cli("init", tiny_coco.ann_file, "--val", other_coco, "--name", "mice")
    assert (result.status, Path("mice.yaml").exists()) == (2, False)
    assert "image" in result.err


def test_init_in_a_folder_whose_name_is_a_number(cli, tiny_coco, tmp_path):
    (tmp_path / "2023" / "annotations").mkdir(parents=True)
    file = shutil.move(tiny_coco.ann_file, tmp_path / "2023" / "annotations" / "train.json")
    assert cli("init", file, "--images", tiny_coco.img_prefix).status == 0
    assert cli("check", "2023.yaml", "--static").err == ""
    assert Space.load("2023.yaml").default()["name"] == "2023"


@pytest.mark.parametrize("name", ["my mice", "../mice", "", "mice\n"])
def test_init_refuses_a_name_that_no_folder_has(cli, tiny_coco, tmp_path, name):
    before = set(tmp_path.iterdir())
    result = cli("init", tiny_coco.ann_file, "--name", name)
    assert result.status == 2
    assert rf"--name must match ^\w[\w.-]*$ (letters, digits, _ . -), but got '{name}'" in result.err
    assert set(tmp_path.iterdir()) == before


def test_init_on_real_data(cli, data_root):
    result = cli("init", data_root / "openfield-mouse/annotations/train.json", "--name", "mice")
    assert "93 instances, 4 keypoints, 93 images" in result.out
    assert cli("check", "mice.yaml", "--static").status == 0
    config = Space.load("mice.yaml").default()
    assert config["data"]["augment"]["flip"] == 0.5  # ears left and right


def test_the_result_tells_of_the_test_data(tmp_path, capsys):
    from rich.console import Console

    from raypose.cli._result import print_result
    from raypose.reporting.records import Record
    from raypose.tuning.result import SearchResult

    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "metrics.json").write_text(json.dumps({"trial": 0, "AP": 0.5, "test": {"AP": 0.25}}))
    space = Space.parse("{name: a, tune: {metric: AP}}")
    done = SearchResult(tmp_path, [Record(0, "COMPLETE", 0.5, 3, {})])
    assert print_result(Console(), done, space) == 0
    out = capsys.readouterr().out
    assert "best AP 0.5 (trial 0)" in out
    assert "on the test data: AP 0.25" in out
    failed = SearchResult(tmp_path / "none", [Record(0, "FAIL", None, 0, {}, "raised", "ValueError: no")])
    assert print_result(Console(), failed, space) == 1
    assert "ValueError: no" in capsys.readouterr().out


STOPPED = "the budget of 5 epochs is spent: 0 trials finished, 1 goes on with --resume"


@pytest.mark.parametrize(("change", "status"), [("--set tune.total_epochs=10", 0), ("", 0), (None, 1)])
def test_a_search_that_a_budget_ended_says_how_to_go_on(cli, space_file, tmp_path, monkeypatch, change, status):
    from raypose.reporting.records import Record
    from raypose.tuning import search

    told = search.SearchResult(
        tmp_path, [Record(0, "RUNNING", None, 5, {})], stopped=STOPPED, change=change, asides=["3 duplicates"]
    )
    given = {}
    monkeypatch.setattr(search, "tune", lambda space, **options: given.update(options) or told)
    result = cli("tune", space_file, "--no-check", "--time-budget", "2h", "--warm-start", "a", "--warm-start", "b")
    assert (given["time_budget"], given["warm_start"]) == (7200, (Path("a"), Path("b")))
    assert result.status == status
    assert f"stopped: {STOPPED}" in result.out
    assert "3 duplicates" in result.out
    line = f"go on with: raypose tune {space_file} --resume --time-budget 2h {change}".rstrip()
    assert (f"{line}\n" in result.out) == (change is not None)


def test_a_time_budget_that_is_none_is_refused(cli, space_file):
    result = cli("tune", space_file, "--time-budget", "soon")
    assert result.status == 2
    assert "--time-budget must be a duration, but got 'soon'" in result.err
