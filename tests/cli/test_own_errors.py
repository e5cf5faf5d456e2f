"""An error in a user's own module is told with the user's file and line, whatever has wrapped it on the way."""

import sys

import pytest

from raypose.plugins.loading import PREFIX, _forget

MODULES = """\
from torch import nn

from raypose import BACKBONES


@BACKBONES.register_module()
class FailingNet(nn.Module):
    def __init__(self, channels=8, training=False):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 1, stride=4)
        self.count = 0 if training else None

    def forward(self, x):
        if self.training and self.count is not None and x.std().item() > 0:  # not of zeros, which a check tries
            raise ArithmeticError("not while training")
        return (self.conv(x[:, :2] if self.conv.out_channels == 8 else x),)
"""
CONFIG = """\
name: failing
plugins: [my_modules.py]
data:
  train: {{type: CocoKeypoints, ann_file: "{ann_file}", img_prefix: "{img_prefix}"}}
  val: {{split: 0.34}}
  input_size: [64, 64]
model:
  backbone: {{type: FailingNet, {arguments}}}
  keypoint_head: {{type: HeatmapHead}}
optimizer: {{type: AdamW, lr: 1e-3}}
training: {{epochs: 1, batch_size: 2}}
"""


@pytest.fixture
def train(cli, tmp_path, tiny_coco):
    """`train("channels: 8")` -> the last line on stderr, and all that was logged, if it was started."""
    (tmp_path / "my_modules.py").write_text(MODULES)

    def call(arguments):
        text = CONFIG.format(ann_file=tiny_coco.ann_file, img_prefix=tiny_coco.img_prefix, arguments=arguments)
        (tmp_path / "failing.yaml").write_text(text)
        result = cli("train", "failing.yaml", "--to", "model", "--device", "cpu")
        assert result.status
        log = tmp_path / "model" / "log.txt"
        last = result.err.splitlines()[-1].replace(f"{tmp_path}/", "")
        return last, log.read_text() if log.exists() else None

    yield call
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        _forget(name)


def test_an_error_while_it_is_built(train):
    error, log = train("channels: [1]")
    assert error.startswith("error: failing.yaml:8:13: TypeError: ")
    assert error.endswith("(my_modules.py:10)")
    assert log is None


def test_an_error_in_the_dry_run(train):
    error, log = train("channels: 8")
    assert error.startswith("error: failing.yaml:8:13: FailingNet fails on [2, 3, 64, 64]: ")
    assert error.endswith("(my_modules.py:16)")
    assert log is None


def test_an_error_while_it_is_trained(train):
    error, log = train("channels: 4, training: true")
    assert error == "error: my_modules.py:15: ArithmeticError: not while training"
    assert 'my_modules.py", line 15, in forward' in log
