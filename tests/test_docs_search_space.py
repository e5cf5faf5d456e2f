"""Every example of docs/search_space.md passes the check, and its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from raypose.cli import main
from raypose.errors import RayPoseError
from raypose.space import Choice, Space, defaults, initial_points
from raypose.space.constraints import NAMES
from raypose.space.kinds import KINDS
from raypose.tuning.checked import load_checked

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "search_space.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"^```bash\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
WHOLE = """\
name: mice
data:
  train: {type: SyntheticPeople, num_images: 24}
  val: {split: 0.25}
model: {backbone: {type: ResNet, depth: 18}, keypoint_head: {type: HeatmapHead}}
optimizer: {type: AdamW, lr: 1e-3}
"""
HEAD = """\
from torch import nn

from raypose import HEADS


@HEADS.register_module()
class SamplerHead(nn.Module):
    def __init__(self, in_channels, num_keypoints, jitter: dict):
        super().__init__()
"""


@pytest.fixture
def reader(tmp_path, monkeypatch, tiny_coco):
    """The reader's folder: annotations, images, a module, and the examples that are files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MICE", raising=False)
    (tmp_path / "annotations").mkdir()
    Path(tiny_coco.ann_file).rename(tmp_path / "annotations" / "train.json")
    (tmp_path / "sampler_head.py").write_text(HEAD)
    (tmp_path / "mice.yaml").write_text(WHOLE)
    for text in EXAMPLES:
        if named := re.match(r"# (\S+\.yaml)\n", text):
            (tmp_path / named[1]).parent.mkdir(exist_ok=True)
            (tmp_path / named[1]).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "text", [text for text in EXAMPLES if not text.startswith("# common")], ids=lambda text: text.splitlines()[0]
)
def test_every_example_passes_the_check(reader, text: str) -> None:
    is_part = not re.search(r"^(name|base):", text, re.MULTILINE)
    (reader / "s.yaml").write_text(f"base: mice.yaml\nname: s\n{text}" if is_part else text)
    space = load_checked("s.yaml")
    for dimension in space.dimensions:
        for label in dimension.labels if isinstance(dimension, Choice) else ():
            space.sample(lambda each, d=dimension, own=label: own if each is d else defaults(each))
    initial_points(space)


def test_the_base_is_merged_as_the_text_says(reader) -> None:
    config = Space.load("rates.yaml").default()
    assert config["model"]["backbone"] == {"type": "ResNet", "depth": 18}
    assert config["optimizer"] == {"type": "SGD", "lr": pytest.approx(0.01)}
    assert config["training"] == {"epochs": 40, "batch_size": 16}
    assert config["data"]["train"]["ann_file"] == f"{reader}/annotations/train.json"


def test_the_errors_are_those_of_the_text() -> None:
    told = re.findall(r"^```text\n(.*?)\n```$", TEXT, re.MULTILINE)
    (ref,) = [text for text in EXAMPLES if "label: two" in text]
    with pytest.raises(RayPoseError) as caught:
        Space.parse(ref.replace("lr: 0.1}", "lr: {ref: optimizer.two.keypoint_head.lr}}"), "s.yaml")
    assert str(caught.value) == told[0]
    (points,) = [text for text in EXAMPLES if "initial_points" in text]
    with pytest.raises(RayPoseError) as caught:
        initial_points(Space.parse(points.replace("0.02", "0.2"), "s.yaml"))
    assert str(caught.value) == told[1]


def test_what_does_not_go_together_is_told_as_in_the_readme() -> None:
    """Where it is tried: see test_docs.py."""
    told = re.findall(r"^```text\n(.*?)\n```$", TEXT, re.MULTILINE)[-1]
    assert f"$ raypose check sizes.yaml\nerror: {told}\n" in (ROOT / "README.md").read_text()


def test_the_names_of_costs_are_those_of_the_language() -> None:
    assert re.findall(r"^\| `(\w+)` \|", TEXT.partition("## What a model may cost")[2], re.MULTILINE) == list(NAMES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(reader, command: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(shlex.split(command)[1:])
    assert not end.value.code


def test_every_word_of_the_language_is_there() -> None:
    words = [
        "choice",
        *KINDS,
        "ref",
        "times",
        "fixed",
        "base",
        "--set",
        "label",
        "initial_points",
        "constraints",
        "${VAR}",
    ]
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", TEXT, re.DOTALL))
    assert [word for word in words if word not in code] == []


def test_every_dimension_is_shown_by_example() -> None:
    shown = {kind for kind in ("choice", *KINDS) for text in EXAMPLES if f"{{{kind}: [" in text}
    assert shown == {"choice", *KINDS}
    assert re.findall(r"^\| `\{(\w+): \[", TEXT, re.MULTILINE) == ["choice", *KINDS]


def test_the_values_that_comments_tell() -> None:
    (text,) = [each for each in EXAMPLES if "qloguniform" in each]
    space = Space.parse(f"name: s\n{text}")
    found = {each.name: [each.low, each.high] for each in space.dimensions if not isinstance(each, Choice)}
    assert found["model.backbone.num_stacks"] == [1, 3]
    assert found["model.backbone.feat_channel"] == [16, 64]
    assert found["data.augment.scale"] == [0.1, 0.5]
