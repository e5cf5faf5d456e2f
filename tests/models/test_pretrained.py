from __future__ import annotations

import logging
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
import torchvision

from raypose import BACKBONES, RayPoseError
from raypose.models.backbones import HourglassNet, ResNet
from raypose.models.builder import build_model
from raypose.models.pretrained import download, load_pretrained

RESNET18 = "resnet18-f37072fd.pth"


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty folder for weights, and no network."""

    def refuse(request, **kwargs):
        raise URLError(f"no route to {request.full_url}")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(download, "urlopen", refuse)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture(scope="module")
def resnet18():
    torch.manual_seed(7)
    return torchvision.models.resnet18(weights=None).state_dict()


@pytest.fixture
def weights(resnet18):
    return dict(resnet18)


def same(backbone, weights):
    return all(torch.equal(value, weights[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ("prefix", "nested"), [("", None), ("backbone.", "state_dict"), ("module.", "model"), ("module.backbone.", None)]
)
def test_checkpoint_with_any_prefix_and_nesting(tmp_path, weights, prefix, nested):
    content = {prefix + key: value for key, value in weights.items()}
    content["keypoint_head.final_layer.weight"] = torch.zeros(1)
    torch.save({nested: content, "meta": {"epoch": 3}} if nested else content, tmp_path / "a.pth")
    backbone = ResNet(18)
    backbone.init_weights(str(tmp_path / "a.pth"))
    assert same(backbone, weights)


def test_a_models_own_weights_load_into_another_backbone(tmp_path):
    cfg = {"backbone": {"type": "HourglassNet", "downsample_times": 1, "feat_channel": 8, "stage_blocks": 1}}
    cfg["keypoint_head"] = {"type": "HeatmapHead"}
    model = build_model(cfg, 3, (64, 64))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    cfg["backbone"]["pretrained"] = str(tmp_path / "weights.pt")
    other = build_model(cfg, 5, (64, 64))
    assert same(other.backbone, model.backbone.state_dict())


def test_what_does_not_fit_is_logged(tmp_path, weights, caplog):
    weights["layer4.1.conv2.weight"] = torch.zeros(3)
    del weights["layer1.0.conv1.weight"]
    torch.save(weights, tmp_path / "a.pth")
    with caplog.at_level(logging.INFO):
        ResNet(18).init_weights(str(tmp_path / "a.pth"))
    assert "ResNet: 118 of 120 weights loaded" in caplog.text
    assert "not in it: layer1.0.conv1.weight" in caplog.text
    assert "of another shape in it: layer4.1.conv2.weight" in caplog.text
    assert "in it but not used: fc.bias, fc.weight" in caplog.text


def test_nothing_that_fits_is_an_error(tmp_path, weights):
    torch.save(weights, tmp_path / "a.pth")
    with pytest.raises(RayPoseError, match=r"no weight of '.*a.pth' fits HourglassNet"):
        HourglassNet(1, 1, feat_channel=8).init_weights(str(tmp_path / "a.pth"))


@pytest.mark.parametrize("name", ["ResNet18_Weights.IMAGENET1K_V1", "torchvision://resnet18", "imagenet"])
def test_a_file_at_the_named_place_is_loaded(offline, weights, name):
    offline.mkdir(parents=True)
    torch.save(weights, offline / RESNET18)
    backbone = ResNet(18)
    backbone.init_weights(name)
    assert same(backbone, weights)


def test_a_timm_file_at_the_named_place_is_loaded(offline, weights):
    timm = pytest.importorskip("timm")
    torch.manual_seed(3)
    weights = timm.create_model("resnet18").state_dict()
    offline.mkdir(parents=True)
    safetensors.torch.save_file(weights, offline / "timm_resnet18.a1_in1k.safetensors")
    backbone = ResNet(18)
    backbone.init_weights("timm/resnet18.a1_in1k")
    assert same(backbone, weights)


@pytest.mark.parametrize("name", ["ResNet", "SEResNet", "HourglassNet", "LiteHRNet", "Timm"])
def test_no_pretrained_loads_nothing(offline, name):
    with torch.device("meta"):
        BACKBONES.build({"type": name}).init_weights()


@pytest.mark.parametrize("prefix", ["", "backbone.", "backbone.net."])
def test_a_wrapper_of_another_librarys_network(tmp_path, weights, prefix):
    class Wrapper(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torchvision.models.resnet18(weights=None)
            self.net.fc = torch.nn.Identity()

    torch.save({prefix + key: value for key, value in weights.items()}, tmp_path / "a.pth")
    wrapper = Wrapper()
    load_pretrained(wrapper, str(tmp_path / "a.pth"))
    assert same(wrapper.net, weights)
