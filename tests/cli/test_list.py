"""`raypose list`: what it says of every component, of plugins, and of what can't be built."""

import re
import sys

import pytest
from torchvision.models import ResNet50_Weights

from raypose.plugins.loading import PREFIX, _forget
from raypose.registry import REGISTRIES

MODULES = '''
from typing import Annotated, Any, Literal

import torch
from torch import nn

from raypose import BACKBONES, HEADS, LOSSES


@BACKBONES.register_module()
class ListedNet(nn.Module):
    """A convolution,
    and nothing else.

    More of it.

    Args:
        kind: which one. Not shown.
        width, height (int): sizes
            of two lines.
    """

    def __init__(self, kind: Literal["a", "b"] = "a", width: int | None = None, height=3, flag: bool = True,
                 input_size: tuple[int, int] = (1, 1), sizes: list[int | str] = [1], plain: Any = None):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 1, stride=4, bias=False)

    def forward(self, x):
        return (self.conv(x),)


@BACKBONES.register_module()
class NeedsNet(ListedNet):
    def __init__(self, needed: float, **more):
        super().__init__()


@BACKBONES.register_module()
class BrokenNet(ListedNet):
    def forward(self, x):
        raise ArithmeticError("no way")


@BACKBONES.register_module()
class ValuesNet(ListedNet):
    def __init__(self):
        super().__init__()
        self.size = int(torch.ones(3).sum().item())  # impossible on meta


@HEADS.register_module()
class ListedHead(nn.Module):
    def __init__(self, in_channels, num_keypoints):
        super().__init__()
        self.final_layer = nn.Conv2d(in_channels, num_keypoints, 1)

    def forward(self, x):
        return self.final_layer(x)
'''


@pytest.fixture
def listed(cli, tmp_path):
    """`listed("backbones", "ListedNet", "-v")` -> what it prints, with the modules above."""
    (tmp_path / "my_modules.py").write_text(MODULES)

    def call(*args):
        result = cli("list", *args, "--plugin", "my_modules.py")
        assert (result.status, result.err) == (0, "")
        return "\n".join(line.rstrip() for line in result.out.splitlines()) + "\n"

    yield call
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        _forget(name)


def test_all_names(listed):
    out = listed()
    words = set(re.findall(r"\w+", out))
    assert all({kind, *registry} <= words for kind, registry in REGISTRIES.items())
    assert "ListedNet" in words
    assert all(len(line) <= 80 for line in out.splitlines())


def test_a_name_chooses(listed, cli):
    assert listed("backbones", "ListedNet").splitlines()[1:] == [
        "  ListedNet(kind: Literal['a', 'b'] = 'a', width: int | None = None, height=3, flag: bool = True, "
        "input_size: tuple[int, int] = (1, 1), sizes: list[int | str] = [1], plain: Any = None)"
    ]
    assert [line.split("(")[0].strip() for line in listed("heads", "listed").splitlines()] == ["heads", "ListedHead"]
    unknown = cli("list", "backbones", "ResNt")
    assert (unknown.status, unknown.err) == (2, "error: unknown backbone 'ResNt'; did you mean 'ResNet'?\n")
    assert cli("list", "--verbose").status == 2


def test_all_of_a_plugins_component(listed):
    _, shown = listed("backbones", "ListedNet", "-v").split("\n\n", 1)
    expected = """\
ListedNet  from my_modules.py
  A convolution, and nothing else.
  under 0.001 M parameters, under 0.001 GFLOPs
  kind        a | b, default a
              which one
  width       int | null, default null
              sizes of two lines.
  height      default 3
              sizes of two lines.
  flag        bool, default true
  sizes       list[int | str], default [1]
  plain       default null
  pretrained  str | null
  filled in   input_size

"""
    assert shown == expected


def test_sizes_are_those_of_the_defaults(listed):
    out = listed("backbones", "ResNet", "--verbose")
    params = ResNet50_Weights.IMAGENET1K_V2.meta["num_params"] - 2048 * 1000 - 1000
    linear = 2048 * 1000 / 1e9
    flops = (ResNet50_Weights.IMAGENET1K_V2.meta["_ops"] - linear) * 192 * 256 / 224**2  # torchvision's is of 224x224
    shown = re.search(r"([\d.]+) M parameters, ([\d.]+) GFLOPs", out)
    assert float(shown[1]) == pytest.approx(params / 1e6, rel=0.005)
    assert float(shown[2]) == pytest.approx(flops, rel=0.01)
    assert "ResNet  from raypose" in out
    assert "  depth        18 | 34 | 50 | 101 | 152, default 50" in out
    head = listed("heads", "ListedHead", "--verbose")
    assert f"{(2048 + 1) * 17 / 1e6:.3g} M parameters, {2048 * 17 * 8 * 6 / 1e9:.3g} GFLOPs" in head
    assert "on a ResNet-50" in head


def test_what_cannot_be_built_says_why(listed):
    needs = listed("backbones", "NeedsNet", "-v")
    assert "  no size: NeedsNet needs the argument 'needed'\n" in needs
    assert "  needed      float, required\n" in needs
    assert "  ...         any other argument\n" in needs
    broken = listed("backbones", "BrokenN", "-v")
    assert "  no size: BrokenNet fails on [3, 256, 192]: no way\n" in broken
    assert "M parameters" in listed("backbones", "ValuesNet", "-v")


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_component_is_described_within_80_columns(listed, monkeypatch, kind):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("raypose.cli._describe.size", lambda kind, name: "a size")  # seconds for all backbones
    out = listed(kind, "--verbose")
    assert re.findall(r"^(\w+)  from ", out, re.MULTILINE) == list(REGISTRIES[kind])
    assert all(len(line) <= 80 for line in out.splitlines())
    assert out.count("a size") == (len(REGISTRIES[kind]) if kind in ("backbones", "heads") else 0)


def test_packages_are_named_with_their_version(listed):
    from importlib.metadata import version

    assert f"SGD  from torch {version('torch')}\n" in listed("optimizers", "SGD", "-v")
