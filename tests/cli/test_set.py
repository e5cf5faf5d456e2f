"""`--set` on every command that reads a space."""

from __future__ import annotations

import pytest

from raypose.space import Space

TEXT = """\
data:
  train: {type: SyntheticPeople, num_images: 8}
  val: {type: SyntheticPeople, num_images: 4}
  input_size: [64, 64]
model: {backbone: {type: HourglassNet, num_stacks: 1, feat_channel: 8}, keypoint_head: {type: HeatmapHead}}
optimizer: {choice: [{type: AdamW, lr: {loguniform: [1e-4, 1e-2]}}, {type: SGD, lr: 0.1}]}
training: {epochs: 2, batch_size: 4}
"""


@pytest.fixture
def spaces(tmp_path):
    (tmp_path / "base.yaml").write_text(TEXT)
    (tmp_path / "s.yaml").write_text("base: base.yaml\nname: derived\n")


@pytest.mark.parametrize("command", ["check", "sample", "tune", "train"])
def test_problems_name_the_override(cli, spaces, command: str) -> None:
    result = cli(command, "s.yaml", "--set", "optimizer={type: SGD, lr: 0.1}", "--set", "training.epochs=x")
    assert result.status == 2
    assert "error: --set training.epochs=x: 'epochs' must be an integer" in result.err


def test_a_sample_is_of_the_changed_space(cli, spaces) -> None:
    result = cli("sample", "s.yaml", "--set", "training.epochs=7", "--set", "optimizer.AdamW.lr=1e-3", "--default")
    config = Space.parse(result.out).config()
    assert config["training"] == {"epochs": 7, "batch_size": 4}
    assert config["optimizer"] == {"type": "AdamW", "lr": 1e-3}
    assert config["name"] == "derived"


def test_check_counts_the_dimensions_that_are_left(cli, spaces) -> None:
    assert "1 dimension" in cli("check", "s.yaml", "--set", "optimizer.AdamW.lr=1e-3").out
