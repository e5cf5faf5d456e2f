"""`raypose check` and `raypose sample --table`: what is found by building, what it costs, and in which form it is told."""

import json
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

SPACE = """\
name: checked
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: ResNet, depth: {{choice: [18, 34]}}}}
  keypoint_head: {{type: HeatmapHead, num_deconv_filters: {{choice: [8, 16]}}}}
optimizer: {{type: AdamW, lr: {{loguniform: [1e-3, 1e-2]}}}}
training: {{epochs: 1, batch_size: {{choice: [4, 64]}}}}
tune: {{num_trials: 2}}
"""


@pytest.fixture
def space_file(tmp_path, tiny_coco):
    def write(old="", new=""):
        assert old in SPACE
        path = tmp_path / "space.yaml"
        path.write_text(SPACE.replace(old, new, 1).format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix))
        return path

    return write


UNFIT = ("{{type: HeatmapHead,", "{{type: HeatmapHead, in_channels: 3,")


def told(result):
    """The lines of what is printed, without the last one, which says what to do next."""
    *lines, last = result.out.strip().splitlines()
    assert last.startswith(("next: raypose tune ", "next: raypose train "))
    return lines


def test_the_least_and_the_most_are_shown(cli, space_file):
    path = space_file()
    result = cli("check", path)
    assert result.status == 0, result.err
    first, *rows = told(result)
    assert first == f"{path}: no mistakes found; 4 dimensions, every combination of the model built (4)"
    shown = {row.rpartition("  ")[0][:14].strip(): row.split()[-3:] for row in rows[1:]}
    assert shown[""] == ["least", "median", "most"]
    assert float(shown["M parameters"][0]) < float(shown["M parameters"][2])
    assert float(shown["GB at batch 4"][0]) < float(shown["GB at batch 64"][0])


def test_the_table_has_a_row_for_each_combination(cli, space_file):
    result = cli("check", space_file(), "--table")
    head, *rows = told(result)[2:]
    assert re.split(r"\s{2,}", head.strip()) == ["params, M", "GFLOPs", "GB at 4", "GB at 64", "combination"]
    assert [row.strip().split("  ")[-1] for row in rows] == [
        f"depth {depth}, num_deconv_filters {filters}" for depth in (18, 34) for filters in (8, 16)
    ]


def test_the_table_in_80_columns(cli, space_file, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    backbones = """{{choice: [
    {{type: ShuffleNetV2}}, {{label: "[red]", type: ResNet, depth: {{choice: [18, 34]}}}}]}}"""
    path = space_file("{{type: ResNet, depth: {{choice: [18, 34]}}}}", backbones)
    codec = "codec={type: MSRAHeatmap, sigma: {uniform: [1, 3]}}"
    lines = told(cli("check", path, "--table", "--set", f"model.keypoint_head.{codec}"))
    assert max(map(len, lines[1:])) <= 80
    left = lines[2].index("combination")
    assert " ".join(line[left:].strip() for line in lines[3:]) == " ".join(
        f"{backbone}, num_deconv_filters {filters}"
        for backbone in ("ShuffleNetV2", "backbone [red], depth 18", "backbone [red], depth 34")
        for filters in (8, 16)
    )


RANGE = ("{{choice: [8, 16]}}", "{{qrandint: [8, 64, 8]}}")


def test_ends_of_ranges_are_no_combinations(cli, space_file):
    path = space_file(*RANGE)
    limit = ["--set", "tune.constraints=['params <= 11.5e6']"]
    out = cli("check", path, *limit).out
    assert "every combination of the model built (2)" in out
    assert "params <= 11.5e6: met by 1 of 2 combinations" in out
    rows = told(cli("check", path, "--table", *limit))[3:-1]
    assert [row.split()[-1] for row in rows if "depth 18" in row] == ["32", "8", "64"]


def test_every_pair_of_options(cli, space_file, monkeypatch):
    import raypose.proof
    from raypose.proof import prove

    monkeypatch.setattr(raypose.proof, "prove", lambda space: prove(space, limit=1))
    out = cli("check", space_file(), "--set", "tune.constraints=['params <= 1e9']").out
    assert "every pair of options of the model built, in 4 combinations" in out
    assert "\nof these " in out
    assert "met by 4 of these 4 combinations" in out


def test_a_configuration_has_one_price(cli, space_file):
    fixed = {"model.backbone.depth": 18, "model.keypoint_head.num_deconv_filters": 8, "training.batch_size": 4}
    sets = [word for name, value in fixed.items() for word in ("--set", f"{name}={value}")]
    result = cli("check", space_file(), *sets)
    assert "least" not in result.out
    assert [len(row.split()) for row in told(result)[2:]] == [3, 2, 5]


def test_json_has_everything(cli, space_file):
    found = json.loads(cli("check", space_file(), "--json").out)
    assert found["problems"] == []
    assert found["proof"] == {"complete": True, "on_cpu": []}
    assert len(found["combinations"]) == 4
    assert set(found["combinations"][0]) == {"row", "params", "flops", "memory"}
    assert set(found["combinations"][0]["memory"]) == {"4", "64"}


def test_json_whatever_plugins_print(cli, space_file, tmp_path):
    (tmp_path / "loud.py").write_text("print('hello')\n")
    result = cli("check", space_file(), "--json", "--static", "--set", "plugins=[loud.py]")
    assert json.loads(result.out)["problems"] == []
    assert "hello" in result.err


@pytest.mark.parametrize(
    ("change", "line", "rule", "value"),
    [
        (("depth:", "deph:"), 7, "unknown-argument", '"deph"'),
        (UNFIT, 8, "contradiction", "3"),
        (("input_size: [64, 64]", "input_size: [64, 64"), 5, "yaml-syntax", ""),
    ],
    ids=["static", "structure", "syntax"],
)
def test_a_mistake_as_json(cli, space_file, change, line, rule, value):
    path = space_file(*change)
    result = cli("check", path, "--json")
    assert result.status == 2
    problem = next(each for each in json.loads(result.out)["problems"] if each["rule"] == rule)
    assert (problem["file"], problem["line"], problem["level"]) == (str(path), line, "error")
    assert problem["value"] in (value, '"in_channels"')
    assert result.err == ""


def test_what_building_finds_stops_a_search_too(cli, space_file, tmp_path, monkeypatch):
    import ray

    monkeypatch.setattr(ray, "init", lambda *args, **kwargs: pytest.fail("Ray was started"))
    path = space_file(*UNFIT)
    for command in ("check", "tune"):
        result = cli(command, path)
        assert result.status == 2
        assert result.err.startswith(f"error: {path}:8:38: HeatmapHead has in_channels: 3, but here it is 512")
    assert not (tmp_path / "experiments").exists()


@pytest.mark.parametrize("options", [["check", "--static"], ["sample"]], ids=" ".join)
def test_without_building(cli, space_file, monkeypatch, options):
    import raypose.proof

    monkeypatch.setattr(raypose.proof, "prove", lambda *args: pytest.fail("it was built"))
    command, *rest = options
    assert cli(command, space_file(*UNFIT), *rest).status == 0


def test_no_check_starts_without_building(cli, space_file, monkeypatch):
    import raypose.proof
    import raypose.tuning

    class Started(Exception):
        pass

    def started(*args, check, **kwargs):
        assert not check
        raise Started

    monkeypatch.setattr(raypose.proof, "prove", lambda *args: pytest.fail("it was built"))
    monkeypatch.setattr(raypose.tuning, "tune", started)
    assert "Started" in cli("tune", space_file(*UNFIT), "--no-check").err


def test_warnings_stop_nothing(cli, space_file):
    path = space_file("[1e-3, 1e-2]", "[1, 1000]")
    for command in ("check", "sample"):
        result = cli(command, path)
        assert result.status == 0
    result = cli("check", path)
    assert result.err.startswith(f"{path}:9:30: warning: ")
    assert result.out.startswith(f"{path}: no mistakes, 1 warning; ")


def test_warnings_beside_mistakes_are_no_errors(cli, space_file):
    path = space_file("[1e-3, 1e-2]", "[1, 1000]")
    for command in ("check", "sample", "tune"):
        lines = cli(command, path, "--set", "training.epochs=0").err.splitlines()
        assert sum(line.startswith("error: ") for line in lines) == 1
        assert sum(line.startswith(f"{path}:9:30: warning: ") for line in lines) == 1


@pytest.mark.parametrize("check", [True, False])
def test_a_search_checks_once(space_file, tmp_path, monkeypatch, check):
    from raypose.space import Space
    from raypose.tuning import checked, search

    seen = []
    monkeypatch.setattr(checked, "check_space", lambda space, structure: seen.append(structure))
    search._checked_training(Space.load(space_file()), check, structure=False)
    assert seen == [False] * check


def test_samples_side_by_side(cli, space_file):
    result = cli("sample", space_file(), "--table", "-n", "3", "--seed", "1")
    assert result.status == 0, result.err
    rows = {row.rpartition("  ")[0].split("  ")[0]: row.split() for row in result.out.splitlines()}
    assert len(rows["optimizer.lr"]) == 4
    assert {"model.backbone.depth", "training.batch_size", "M parameters", "GFLOPs", "GB in training"} <= set(rows)
    names = list(rows)
    assert names.index("model.backbone.depth") < names.index("optimizer.lr") < names.index("M parameters")


def test_samples_in_80_columns(cli, space_file, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("sample", space_file(), "--table", "-n", "8").out.splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line.split() for line in lines if line.startswith(" ")]
    assert len(heads) > 1
    assert [number for head in heads for number in head] == [str(i) for i in range(1, 9)]
    assert all(len(line.rpartition("  ")[2].split()) == 1 for line in lines if line)


def test_a_sample_that_cannot_be_built(cli, space_file):
    neck = "model.neck={choice: [null, {type: GlobalAveragePooling}]}"
    result = cli("sample", space_file(), "--table", "-n", "6", "--set", neck)
    assert result.status == 0, result.err
    (costs,) = (line for line in result.out.splitlines() if line.startswith("M parameters"))
    assert "can't be built" in costs
    assert re.search(r"\d\.\d", costs)
    assert "can't be built: " in result.out.splitlines()[-1]


def test_a_syntax_error_needs_nothing_heavy(space_file):
    path = space_file("input_size: [64, 64]", "input_size: [64, 64")
    started = time.process_time()
    command = [sys.executable, "-X", "importtime", "-m", "raypose", "check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "ray", "optuna", "timm", "torchvision", "cv2"}
    assert time.process_time() - started < 5


def test_how_to_go_on_has_every_option_as_it_was_given(cli, space_file, monkeypatch):
    import raypose.tuning

    monkeypatch.setattr(raypose.tuning, "tune", lambda *args, **kwargs: SimpleNamespace(interrupted=2, change=None))
    path = space_file()
    path = path.rename(path.with_name("my space.yaml"))
    given = "--experiments", "two words", "--num-trials", 3, "--set", "tune.constraints=[flops<=9e15]"
    result = cli("tune", path, "--no-check", *given)
    assert result.status == 130
    options = "--resume --experiments 'two words' --num-trials 3 --set 'tune.constraints=[flops<=9e15]'"
    assert f"interrupted; go on with: raypose tune '{path}' {options}" in result.out
