"""The spaces of docs/recipes pass the check, their commands are ones that `raypose` takes, and the laptop's are run."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from raypose import cli
from raypose.space import Choice, defaults
from raypose.tuning.checked import load_checked

ROOT = Path(__file__).parents[1]
RECIPES = {path.stem: path.read_text() for path in sorted((ROOT / "docs" / "recipes").glob("*.md"))}
BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text()
SMALLER = {
    "num_trials: 12": "num_trials: 2",
    "epochs: 30": "epochs: 1",
    "[128, 128]": "[64, 64]",
    "min_resource: 10": "min_resource: 1",
}
PARTS = ["snout", "leftear", "rightear", "tailbase"]


def spaces(name: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", RECIPES[name], re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```$", RECIPES[name], re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("raypose ")]


@pytest.mark.parametrize(("name", "command"), [(name, each) for name in RECIPES for each in commands(name)])
def test_every_command_is_taken(name: str, command: str) -> None:
    group, (_, called, *rest) = cli.raypose, shlex.split(command)
    found = group.get_command(None, called)
    if called == "data":
        called, *rest = rest
        found = found.get_command(None, called)
    assert found is not None, command
    found.make_context(called, rest, resilient_parsing=all(word.startswith("-") for word in rest))


def test_the_space_for_coco_passes_the_check(tmp_path, monkeypatch, data_root) -> None:
    monkeypatch.setenv("COCO", str(data_root / "coco-mini"))
    (text,) = spaces("coco")
    (tmp_path / "coco.yaml").write_text(text)
    warnings = []
    space = load_checked(tmp_path / "coco.yaml", warn=warnings.extend)
    assert warnings == []
    for dimension in space.dimensions:
        for label in dimension.labels if isinstance(dimension, Choice) else ():
            space.sample(lambda each, d=dimension, own=label: own if each is d else defaults(each))


def write_project(root: Path, videos: int = 2, frames: int = 6) -> None:
    """A DeepLabCut project with labels of bright dots on grey frames."""
    rng = np.random.default_rng(0)
    for video in range(videos):
        folder = root / "labeled-data" / f"v{video}"
        folder.mkdir(parents=True)
        with (folder / "CollectedData_me.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["scorer", *["me"] * (2 * len(PARTS))])
            writer.writerow(["bodyparts", *(part for part in PARTS for _ in "xy")])
            writer.writerow(["coords", *"xy" * len(PARTS)])
            for i in range(frames):
                points = rng.uniform(10, 86, (len(PARTS), 2))
                image = np.full((96, 96, 3), 100, np.uint8)
                for x, y in points.astype(int).tolist():
                    cv2.circle(image, (x, y), 4, (255, 255, 255), -1)
                cv2.imwrite(str(folder / f"img{i}.png"), image)
                writer.writerow([f"labeled-data/v{video}/img{i}.png", *points.ravel().tolist()])
    (root / "config.yaml").write_text(f"Task: mice\nscorer: me\nmultianimalproject: false\nbodyparts: {PARTS}\n")


def run(command: str) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(shlex.split(command)[1:])
    assert not end.value.code, command


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The laptop's reader, who has followed the page up to its YAML."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path / "my-project")
    (tmp_path / "laptop.yaml").write_text(spaces("laptop")[0])
    return tmp_path


def test_the_laptops_space_follows_from_its_labels(reader) -> None:
    for command in commands("laptop")[:3]:
        run(command)
    assert (reader / "mice-train.png").exists()
    warnings = []
    space = load_checked("laptop.yaml", warn=warnings.extend)
    assert warnings == []
    assert {each.name for each in space.dimensions} >= {"model.backbone", "data.augment.rotation", "optimizer.lr"}
    assert "ResNet" not in str(space.default())
    assert space.default()["tune"]["final"] is True


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_the_laptops_commands(reader, capsys) -> None:
    for command in commands("laptop"):
        run(command.replace("--num-trials 40", "--num-trials 3").replace("--epochs 90", "--epochs 1"))
        if command.startswith("raypose init"):  # smaller than a reader's
            text = (reader / "laptop.yaml").read_text()
            for large, small in SMALLER.items():
                assert large in text
                text = text.replace(large, small)
            (reader / "laptop.yaml").write_text(text)
    assert "on the test data" in capsys.readouterr().out
    assert (reader / "mice-model" / "weights.pt").exists()


def test_what_is_said_to_be_measured_is_in_the_benchmarks() -> None:
    (told,) = re.findall(r"^On two cores .*?\n\n", RECIPES["coco"], re.MULTILINE | re.DOTALL)
    for figure in ("2,201 samples/s", "437 samples/s", "0.04 s", "1.17 s", "35%"):
        assert figure in BENCHMARKS
        assert figure.replace("%", " %") in " ".join(told.split())


def test_the_slurm_script_has_what_is_to_be_changed() -> None:
    script = (ROOT / "docs" / "cluster" / "slurm.sh").read_text()
    for option in re.findall(r"`(--[\w-]+)=\d+`", RECIPES["coco"]):
        assert f"#SBATCH {option}=" in script


@pytest.mark.slow
def test_what_the_check_says_of_the_space_for_coco(tmp_path, monkeypatch, data_root, capsys) -> None:
    """In part: 16 of the 144 combinations."""
    monkeypatch.setenv("COCO", str(data_root / "coco-mini"))
    (tmp_path / "coco.yaml").write_text(spaces("coco")[0])
    kept = "model.backbone={type: ResNet, depth: {choice: [50, 101]}, pretrained: imagenet}"
    run(f"raypose check {tmp_path}/coco.yaml --set '{kept}' --set 'data.input_size=[192, 256]'")
    assert "every combination of the model built (16)" in capsys.readouterr().out
