"""Every example of docs/data.md passes the check, its commands are ones that `raypose` takes, and what it says is so."""

from __future__ import annotations

import json
import logging
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from raypose import cli
from raypose.config import Augment, Data, Training
from raypose.data import CocoKeypoints
from raypose.data.crops import room
from raypose.data.info_files import read_info
from raypose.errors import RayPoseError
from raypose.registry import DATASETS, METRICS
from raypose.training import fastest
from raypose.tuning.checked import load_checked

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "data.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PROSE = " ".join(re.sub("```.*?```", "", TEXT, flags=re.DOTALL).split())
WHOLE = """\
name: search
data:
  train: {type: CocoKeypoints, ann_file: annotations.json, img_prefix: images}
  val: {split: 0.2}
model: {backbone: {type: ResNet, depth: 18}, keypoint_head: {type: HeatmapHead}}
optimizer: {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}
"""
NAMES = read_info("ap10k").keypoints
CONTENT = {
    "images": [{"id": i, "file_name": f"{i}.png", "file_name_prefix": str(i), "width": 64, "height": 64} for i in (1, 2)],
    "annotations": [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [2, 2, 40, 40], "area": 1600, "iscrowd": 0,
         "keypoints": [9, 9, 2] * len(NAMES), "num_keypoints": len(NAMES)}
        for i in (1, 2)
    ],
    "categories": [{"id": 1, "name": "animal", "keypoints": NAMES, "skeleton": []}],
}  # fmt: skip


def table(heading):
    """The cells of the rows of the table whose first column has this heading."""
    lines = TEXT[TEXT.index(f"\n| {heading} |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def commands():
    lines = re.findall(r"^\$ (raypose .*)$", TEXT, re.MULTILINE)
    return list(dict.fromkeys([*lines, *re.findall(r"`(raypose \w+ [^`]*)`", PROSE)]))


@pytest.mark.parametrize("command", commands())
def test_every_command_is_taken(command):
    group, (_, name, *rest) = cli.raypose, shlex.split(command)
    found = group.get_command(None, name)
    if name == "data":
        name, *rest = rest
        found = found.get_command(None, name)
    assert found is not None, command
    found.make_context(name, rest, resilient_parsing=False)


def test_every_data_command_is_told():
    from raypose.cli.data import COMMANDS

    assert [name for name in COMMANDS if not any(f"raypose data {name}" in each for each in commands())] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: " ".join(text.split())[:50])
def test_every_example_passes_the_check(text, tmp_path):
    (tmp_path / "base.yaml").write_text(WHOLE)
    (tmp_path / "images").mkdir()
    for name in ("annotations", "train", "mice", "rats"):
        (tmp_path / f"{name}.json").write_text(json.dumps(CONTENT))
    example = yaml.safe_load(text)
    whole = example if {"data", "training"} & {*example} else {"data": example}
    space = {"base": "base.yaml", "name": "search", **whole}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(space, sort_keys=False))
    warnings = []
    load_checked(tmp_path / "s.yaml", warn=warnings.extend)
    assert warnings == []


def test_every_dataset_and_metric_is_told():
    assert {*re.findall(r"\w+", " ".join(row[0] for row in table("type")))} == {*DATASETS}
    code = " ".join(re.findall(r"```yaml.*?```|`[^`\n]+`", TEXT, re.DOTALL))
    assert [name for name in METRICS if not re.search(rf"\b{name}\b", code)] == []


def test_the_table_of_augmentation():
    assert [(key, float(default)) for key, default, _ in table("key")] == [
        (field.name, field.default) for field in fields(Augment)
    ]


def test_an_unknown_dataset_info(tiny_coco):
    with pytest.raises(RayPoseError) as caught:
        CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, dataset_info="cocos")
    told = re.search(r"`(unknown dataset_info .*?), \.\.\.`", PROSE)[1]
    assert told in str(caught.value)


def test_what_skip_says(tiny_coco, caplog):
    content = tiny_coco.content
    content["images"][0]["file_name"] = content["images"][1]["file_name"] = "gone.png"
    content["annotations"][2]["keypoints"] = [1, 2, 2]
    Path(tiny_coco.ann_file).write_text(json.dumps(content))
    with caplog.at_level(logging.WARNING, "raypose"):
        CocoKeypoints(tiny_coco.ann_file, tiny_coco.img_prefix, on_bad_sample="skip")
    told = re.search(r"`(annotations\.json: warning: .*?)`", PROSE)[1]
    assert told in caplog.text


def test_defaults_and_numbers():
    assert (Data(train={}, val={}).store, Data(train={}, val={}).on_bad_sample) == (True, "error")
    assert (Training().precision, fastest.GAIN) == ("auto", 1.1)
    assert f"at least {fastest.GAIN} times as fast" in PROSE


def test_what_the_precision_line_says(caplog):
    from raypose.training import settled

    said = f"precision bf16: {settled._said('bf16', 'fp32', 1.83)}"
    assert f"`{said}`" in PROSE


def test_the_variables_of_the_environment(monkeypatch, tmp_path):
    named = {*re.findall(r"\$?(RAYPOSE_CACHE\w*)", TEXT)}
    assert named == {"RAYPOSE_CACHE", "RAYPOSE_CACHE_SIZE"}
    monkeypatch.setenv("RAYPOSE_CACHE", str(tmp_path))
    assert room.crops_folder() == tmp_path / "crops"
    monkeypatch.setenv("RAYPOSE_CACHE_SIZE", re.search(r"\(such as `(\w+)`", PROSE)[1])
    assert room.budget() == 200e9
