"""Every YAML file that is shipped, and every command and code block of README.md, runs."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from raypose.cli import COMMANDS, main
from raypose.space import Space, dump
from raypose.tuning.checked import load_checked

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands():
    """The `raypose ...` lines of the shell blocks, without the comments."""
    lines = [line.split("  #")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line.startswith("raypose ")]


def python_block(word):
    (found,) = [block for block in blocks("python") if word in block]
    return found


def yaml_block(name):
    (found,) = [block for block in blocks("yaml") if f"name: {name}" in block]
    return found


def run(command):
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    assert not end.value.code, command


@pytest.fixture
def mice(tmp_path, monkeypatch, tiny_coco):
    """The folder of the README's reader: `annotations/train.json` and `images/`."""
    (tmp_path / "annotations").mkdir()
    Path(tiny_coco.ann_file).rename(tmp_path / "annotations" / "train.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("file", sorted((ROOT / "search_spaces").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spaces_pass_the_check(file, data_root, monkeypatch):
    monkeypatch.setenv("RAYPOSE_DATA", str(data_root.resolve()))
    assert len(load_checked(file).dimensions) >= 5


def test_the_two_set_up_commands_are_one_line_each():
    lines = [line for block in blocks("bash") for line in block.splitlines() if "pip install" in line]
    assert len(lines) == 2
    run_line, test_line = lines
    assert run_line.endswith(".venv/bin/raypose tune search_spaces/quickstart.yaml")
    assert "'.[test]'" in test_line
    assert test_line.endswith(".venv/bin/pytest")


def test_every_command_is_in_the_readme_or_in_help():
    named = {command.split()[1] for command in commands()}
    assert named <= set(COMMANDS)
    assert {"init", "check", "sample", "tune", "show", "evaluate", "train"} <= named


def test_the_language_by_example(mice):
    (mice / "mice.yaml").write_text(yaml_block("mice"))
    space = load_checked(mice / "mice.yaml")
    names = {dimension.name for dimension in space.dimensions}
    assert {"model.backbone", "model.backbone.ResNet.depth", "optimizer.AdamW.lr"} <= names


@pytest.mark.usefixtures("cluster")
def test_the_tour_of_commands(mice, capsys):
    """As in the README, but for a space that was made small between two commands."""
    for command in commands():
        run(command.replace("--num-trials 80", "--num-trials 3"))
        if command.startswith("raypose init"):
            make_small(mice / "mice.yaml")
    best = {path.name for path in (mice / "experiments" / "mice" / "best").iterdir()}
    assert best == {"config.yaml", "weights.pt", "metrics.json"}
    assert (mice / "experiments" / "mice-train" / "weights.pt").exists()
    assert "mice: 2 trials" in capsys.readouterr().out


def make_small(file):
    config = Space.load(file).default()
    config["training"] |= {"epochs": 1, "batch_size": 2}
    config["tune"]["num_trials"] = 2
    config["data"]["input_size"] = [64, 64]
    text = dump(config)
    rate = config["optimizer"]["lr"]
    file.write_text(text.replace(f"lr: {rate}", "lr: {loguniform: [0.001, 0.01]}"))


@pytest.mark.usefixtures("cluster")
def test_modules_of_ones_own_in_a_real_search(mice, capsys):
    """One real search with Ray, trainings and all: a backbone, head, loss, optimizer and constructor of the user's."""
    (mice / "my_modules.py").write_text(python_block("MyBackbone"))
    (mice / "mine.yaml").write_text(yaml_block("mine"))
    run("raypose check mine.yaml")
    run("raypose list backbones --plugin my_modules.py")
    assert "MyBackbone(width=16)" in capsys.readouterr().out
    run("raypose tune mine.yaml")
    assert "2 COMPLETE" in capsys.readouterr().out
    config = Space.load(mice / "experiments" / "mine" / "best" / "config.yaml").config()
    assert config["model"]["backbone"]["type"] == "MyBackbone"
    run("raypose evaluate experiments/mine/best")


@pytest.mark.usefixtures("cluster")
def test_from_python(mice, capsys):
    (mice / "script.py").write_text(python_block("raypose.tune"))
    runpy.run_path(str(mice / "script.py"), run_name="__main__")
    assert re.search(r"\d\.\d+ \{'x': ", capsys.readouterr().out)


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "experiments/README.md", "docs/architecture.md"])
def test_links_lead_somewhere(file):
    path = ROOT / file
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{file}: {target}"
