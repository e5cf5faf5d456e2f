from __future__ import annotations

import logging
import re
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


def saved(tmp_path, net):
    torch.save({key: torch.zeros(value.shape) for key, value in net.state_dict().items()}, tmp_path / "a.pth")
    return str(tmp_path / "a.pth")


def built(name, **arguments):
    with torch.device("meta"):
        net = BACKBONES.build({"type": name, **arguments})
    return net.to_empty(device="cpu")


def _slow(*case):
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("backbone", "checkpoint", "why"),
    [
        (
            ("ResNet", {"depth": 50}),
            ("ResNet", {"depth": 18}),
            r"\d+ of the 265 weights of ResNet fit; layer1.0.conv1.weight has the shape \[64, 64, 3, 3\] in it, "
            r"but is \[64, 64, 1, 1\] here",
        ),
        (("ResNet", {"depth": 34}), ("ResNet", {"depth": 18}), "it has no layer1.2.bn1.bias"),
        _slow(("ResNet", {"depth": 101}), ("ResNet", {"depth": 50}), "it has no layer3.10.bn1.bias"),
        _slow(("ResNet", {"depth": 18}), ("HRNet", {"arch": "w18"}), "seems to be of another network"),
        _slow(("ResNet", {"depth": 50}), ("HRNet", {"arch": "w18"}), "it has no|has the shape"),
        _slow(("ResNet", {"depth": 50}), ("ResNeXt", {"depth": 50}), "has the shape"),
        _slow(("LiteHRNet", {"depth": 30}), ("LiteHRNet", {"depth": 18}), "it has no stage"),
    ],
)
def test_another_networks_checkpoint_is_an_error(tmp_path, backbone, checkpoint, why):
    file = saved(tmp_path, built(checkpoint[0], **checkpoint[1]))
    with pytest.raises(RayPoseError, match="seems to be of another network") as error:
        load_pretrained(built(backbone[0], **backbone[1]), file)
    assert re.search(why, str(error.value)), error.value


class Extended(torch.nn.Module):
    """A library's network and more."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.adapter = torch.nn.Sequential(*(torch.nn.Conv2d(4, 4, 1) for _ in range(40)))


def four_channels(net):
    net.conv1 = torch.nn.Conv2d(4, 64, 7, bias=False)
    return net


@pytest.mark.parametrize(
    ("make", "checkpoint"),
    [
        (lambda: built("ResNet", depth=18, out_indices=[1]), ("ResNet", {"depth": 18})),  # cut
        (lambda: four_channels(built("ResNet", depth=18)), ("ResNet", {"depth": 18})),  # other images
        (lambda: Extended(built("ResNet", depth=18)), ("ResNet", {"depth": 18})),  # a user's own
        (lambda: built("SEResNet", depth=50), ("ResNet", {"depth": 50})),
        (lambda: built("LiteHRNet"), ("LiteHRNet", {"with_head": False})),
    ],
)
def test_a_network_with_more_or_less_than_the_checkpoint_loads(tmp_path, make, checkpoint):
    load_pretrained(make(), saved(tmp_path, built(checkpoint[0], **checkpoint[1])))


def test_a_small_network_of_other_images_loads(tmp_path):
    def net(channels):
        return torch.nn.Sequential(torch.nn.Conv2d(channels, 4, 3), torch.nn.Conv2d(4, 8, 3))

    load_pretrained(net(1), saved(tmp_path, net(3)))


@pytest.mark.parametrize("name", ["HourglassNet", "LiteHRNet", "ViT"])
@pytest.mark.parametrize("pretrained", ["imagenet", "DEFAULT"])
def test_no_imagenet_weights_of_a_network(name, pretrained):
    with torch.device("meta"), pytest.raises(RayPoseError, match=f"there are no ImageNet weights of this {name}"):
        BACKBONES.build({"type": name}).init_weights(pretrained)


@pytest.mark.parametrize("name", ["ResNet", "HourglassNet", "LiteHRNet"])
def test_what_is_no_name(name):
    with torch.device("meta"), pytest.raises(RayPoseError, match="a path, a URL or a name, but got 18"):
        BACKBONES.build({"type": name}).init_weights(18)
