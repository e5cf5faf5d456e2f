"""Backbones that torchvision and timm have: what the rows say is what the libraries do."""

from __future__ import annotations

import contextlib
import copy
import inspect
import pickle
import typing

import pytest
import timm
import torch
import torchvision
from torch import nn

from raypose import BACKBONES, RayPoseError
from raypose.models import backbones
from raypose.models.backbones import HRNet, Timm, ViT, timm_rows, timm_transformers, torchvision_rows
from raypose.models.backbones.rows import MAPS
from raypose.models.backbones.stages import check_out_indices
from raypose.models.backbones.timm_backbone import TimmNet
from raypose.models.ports import Port
from raypose.models.pretrained.matching import match
from raypose.optim.depths import parameter_depths
from raypose.registry import parameters

pytestmark = pytest.mark.slow

ROWS = {row.name: row for row in (*torchvision_rows.ROWS, *timm_rows.ROWS, *timm_transformers.ROWS)}
# The channels of their maps are in our rows.
TABULATED = {"AlexNet", "VGG", "MobileNetV2", "MobileNetV3", "ShuffleNetV2"}
NETS = [(row.name, value) for row in ROWS.values() for value in row.nets]


def build(name, value, **arguments):
    return getattr(backbones, name)(**({ROWS[name].argument: value} if value is not None else {}), **arguments)


@pytest.mark.parametrize("name", ROWS)
class TestClassesOfRows:
    def test_reads_like_one_written_by_hand(self, name):
        made, row = BACKBONES.get(name), ROWS[name]
        assert made.__name__ == made.__qualname__ == name
        assert getattr(__import__(made.__module__, fromlist=[name]), name) is made
        assert pickle.loads(pickle.dumps(made)) is made
        signature = inspect.signature(made, eval_str=True)
        assert list(signature.parameters) == list(row.arguments)
        if row.argument:
            assert typing.get_args(signature.parameters[row.argument].annotation) == tuple(row.nets)
        for argument in signature.parameters:
            assert f"\n    {argument}: " in inspect.getdoc(made)
        assert "arXiv:" in inspect.getdoc(made)
        assert max(map(len, made.__doc__.splitlines())) <= 120

    def test_other_values_are_refused(self, name):
        row = ROWS[name]
        if row.argument:
            with pytest.raises(
                RayPoseError, match=f"{row.argument} is one of {next(iter(row.nets))}, .*, but got 'none'"
            ):
                BACKBONES.build({"type": name, row.argument: "none"})
        with pytest.raises(RayPoseError, match="takes no argument 'norm_cfg'"):
            BACKBONES.build({"type": name, "norm_cfg": None})


def weights_are_published(name):
    if name.startswith("timm/"):
        return bool(timm.get_pretrained_cfg(name.removeprefix("timm/")).hf_hub_id)
    return bool(torchvision.models.get_weight(name).url)


@pytest.mark.parametrize(("name", "value"), NETS)
def test_the_library_has_every_network_and_its_weights(name, value):
    net = ROWS[name].nets[value]
    assert net.name in (torchvision if ROWS[name] in torchvision_rows.ROWS else timm).models.list_models()
    assert net.weights is None or weights_are_published(net.weights)


def all_maps_are_what_comes_out(name, value):
    indices = range(4) if ROWS[name].maps == MAPS else (0, 1, 2, 3)
    with torch.device("meta"):
        net = build(name, value, out_indices=indices).eval()
        maps = net(torch.empty(1, 3, 64, 64))
    assert [(each.shape[1], 64 // each.shape[2]) for each in maps] == [(p.channels, p.stride) for p in net.out]
    if name != "ViT":
        assert [port.stride for port in net.out] == [4, 8, 16, 32]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), [each for each in NETS if each[0] in TABULATED])
def test_all_maps_are_those_of_our_tables(name, value):
    all_maps_are_what_comes_out(name, value)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), [each for each in NETS if each[0] not in TABULATED])
def test_every_network_gives_all_maps(name, value):
    all_maps_are_what_comes_out(name, value)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.maps == MAPS])
def test_what_lies_above_the_last_map_is_left_out(name):
    value = next(iter(ROWS[name].nets))
    with torch.device("meta"):
        net = build(name, value, out_indices=(0, 1))
        maps = net(torch.empty(2, 3, 64, 64))
    assert [64 // each.shape[2] for each in maps] == [4, 8]
    gradients = torch.autograd.grad(sum(map(torch.sum, maps)), list(net.parameters()), allow_unused=True)
    assert all(each is not None for each in gradients)
    assert type(net).__name__ == name
    assert getattr(net, ROWS[name].argument or "training") == (value or True)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(100, 76), (72, 104), (98, 130)])
@pytest.mark.parametrize("name", sorted(set(backbones.__all__) - {"Timm", "ViT"}))  # ViT's timm says so itself
def test_size_divisor_says_which_sizes_fail(name, size):
    with torch.device("meta"), torch.no_grad():
        net = getattr(backbones, name)().eval()
        divisor = getattr(net, "size_divisor", 1)
        refused = any(length % divisor for length in size)
        with pytest.raises((RuntimeError, AssertionError)) if refused else contextlib.nullcontext():
            net(torch.empty(1, 3, *size[::-1]))
        net(torch.empty(1, 3, 96, 64))
    assert divisor in (1, 4, 32)


@pytest.mark.parametrize("widen_factor", [0.001, 0.01])
def test_factors_that_leave_no_channels(widen_factor):
    message = f"CSPNeXt can't be built with widen_factor {widen_factor}: groups must be"
    with torch.device("meta"), pytest.raises(RayPoseError, match=message):
        backbones.CSPNeXt(widen_factor=widen_factor)


@pytest.mark.parametrize(("name", "value"), [("ResNeXt", 152), ("SEResNet", 18), ("ViT", "small")])
def test_no_imagenet_weights(name, value):
    with torch.device("meta"), pytest.raises(RayPoseError, match=f"there are no ImageNet weights of this {name}"):
        build(name, value).init_weights("imagenet")


# The libraries' own networks, which give the same for the same weights: arguments, and theirs.
SAME = [
    ("ShuffleNetV2", {"widen_factor": 0.5}, "torchvision", "shufflenet_v2_x0_5", {}),
    ("MobileNetV2", {"widen_factor": 0.5}, "torchvision", "mobilenet_v2", {"width_mult": 0.5}),
    ("ResNetV1d", {"depth": 18}, "timm", "resnet18d", {}),
    ("ResNeSt", {"depth": 50}, "timm", "resnest50d", {}),
    ("SEResNet", {"depth": 18}, "timm", "seresnet18", {}),
    ("RegNet", {"arch": "regnety_400mf"}, "timm", "regnety_004", {}),
    ("CSPNeXt", {"arch": "P5", "deepen_factor": 0.167, "widen_factor": 0.375}, "timm", "cspnext_tiny", {}),
    ("PyramidVisionTransformerV2", {"arch": "b0"}, "timm", "pvt_v2_b0", {}),
    ("ConvNeXt", {"arch": "atto"}, "timm", "convnext_atto", {"head_norm_first": True}),
    ("ViT", {"arch": "deit-tiny", "input_size": (64, 96)}, "timm", "deit_tiny_patch16_224",
     {"img_size": (96, 64), "class_token": False, "global_pool": "avg", "fc_norm": False}),
]  # fmt: skip
SLOW = [
    ("VGG", {"depth": 11}, "torchvision", "vgg11_bn", {}),
    ("ResNeXt", {"depth": 50}, "torchvision", "resnext50_32x4d", {}),
    ("SEResNeXt", {"depth": 50}, "timm", "seresnext50_32x4d", {}),
]


@pytest.mark.parametrize(
    ("name", "arguments", "library", "theirs", "options"),
    [*SAME, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)],
    ids=lambda each: str(each)[:20],
)
def test_computes_what_the_library_does(name, arguments, library, theirs, options):
    torch.manual_seed(0)
    other = {"torchvision": torchvision.models.get_model, "timm": timm.create_model}[library](theirs, **options).eval()
    net, image = getattr(backbones, name)(**arguments).eval(), torch.randn(1, 3, 96, 64)
    found = net.load_state_dict(other.state_dict(), strict=False)
    assert found.missing_keys == []
    assert all(key.startswith(("fc.", "head.", "classifier.")) for key in found.unexpected_keys)
    if library == "timm":
        if name == "ViT":
            net.patch_embed.proj.padding = (0, 0)
        tokens = other.forward_features(image)
        expected = tokens if tokens.ndim == 4 else tokens.transpose(1, 2).unflatten(2, (6, 4))
    else:
        taken = {net.ends[-1]: "last"}
        expected = torchvision.models.feature_extraction.create_feature_extractor(other, taken)(image)["last"]
    torch.testing.assert_close(net(image)[-1], expected)


def test_hrnet_has_mmposes_names_and_timms_maps():
    torch.manual_seed(0)
    other = timm.create_model("hrnet_w18", features_only=True, feature_location="", out_indices=(1, 2, 3, 4)).eval()
    image = torch.randn(1, 3, 64, 64)
    maps = other(image)
    for indices in ((0,), (1, 3), (0, 1, 2, 3)):
        net = HRNet("w18", indices).eval()
        assert net.load_state_dict(other.state_dict(), strict=False).missing_keys == []
        for each, i in zip(net(image), indices, strict=True):
            torch.testing.assert_close(each, maps[i])
    keys = HRNet("w18").state_dict().keys()
    assert {"conv1.weight", "layer1.0.downsample.0.weight", "transition1.0.0.weight"} <= keys
    assert {"stage2.0.branches.0.0.conv1.weight", "stage4.2.fuse_layers.0.3.1.running_mean"} <= keys
    assert not any(key.startswith(("stage4.2.fuse_layers.1", "incre_modules", "final_layer")) for key in keys)


def test_swin_pads_windows_that_do_not_divide():
    torch.manual_seed(0)
    other = timm.create_model("swin_tiny_patch4_window7_224", drop_path_rate=0.0).eval()
    net = backbones.SwinTransformer("tiny", (2,)).eval()
    assert net.load_state_dict(other.state_dict(), strict=False).missing_keys == []
    image = torch.randn(1, 3, 224, 224)
    # Up to the third stage all windows of 7 divide a map of 224x224.
    expected = other.forward_intermediates(image, indices=[2], intermediates_only=True)[0]
    torch.testing.assert_close(net(image)[0], expected)
    tables = {each.shape for key, each in net.state_dict().items() if key.endswith("bias_table")}
    assert tables == {(13 * 13, heads) for heads in (3, 6, 12)}
    # Beyond it MMPose's shift where timm's, made for 224x224, have one window.
    with torch.device("meta"):
        assert backbones.SwinTransformer("tiny").layers[3].blocks[1].shift_size == (3, 3)
    assert net(image[..., :160, :96])[0].shape == (1, 384, 10, 6)


class TestViT:
    def test_is_vitposes(self):
        with torch.device("meta"):
            net = ViT("small", input_size=(192, 256))
        assert net.pos_embed.shape == (1, 16 * 12, 384)
        assert net.blocks[0].attn.num_heads == 12
        assert net.patch_embed.proj.padding == (2, 2)
        assert net.out == (Port(384, 16),)
        assert not any("cls" in key or "head" in key for key in net.state_dict())

    def test_position_embeddings_are_interpolated_for_another_size(self):
        net = ViT("deit-tiny", input_size=(64, 64)).eval()
        with torch.no_grad():
            net.pos_embed.fill_(0.5)
        before = net(torch.zeros(1, 3, 64, 64))[0]
        after = net(torch.zeros(1, 3, 128, 96))[0]
        assert after.shape == (1, 192, 8, 6)
        # Equal embeddings stay equal, so the same patches give the same.
        torch.testing.assert_close(after[0, :, 4, 3], before[0, :, 2, 2], atol=1e-4, rtol=1e-4)

    def test_blocks_are_chosen(self):
        with torch.device("meta"):
            net = ViT("small", out_indices=[2, 5])
        assert net.out == (Port(384, 16), Port(384, 16))
        assert len(net.blocks) == 6


class Root(nn.Module):
    """A network of timm's kind whose weights, buffers and behaviour lie at its root."""

    feature_info = ({"num_chs": 3, "reduction": 1},)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.register_buffer("offset", torch.ones(3, 1, 1))
        self.register_buffer("table", torch.ones(1), persistent=False)

    def prune_intermediate_layers(self, *args, **options):
        pass

    def forward_intermediates(self, x, **options):
        return [(x * self.scale + self.offset) * (2 if self.training else 1)]


def test_the_root_of_a_network_is_that_of_the_backbone():
    net, image = TimmNet(Root(), [0]), torch.ones(1, 3, 2, 2)
    assert list(net.state_dict()) == ["scale", "offset"]
    assert net(image)[0].mean() == 4
    assert net.eval()(image)[0].mean() == 2
    twin = copy.deepcopy(net).to(torch.float64)
    assert twin(image.double())[0].dtype == torch.float64
    assert net(image)[0].dtype == torch.float32
    net.load_state_dict({"scale": torch.full((3, 1, 1), 5.0), "offset": torch.zeros(3, 1, 1)})
    assert (net(image)[0].mean(), twin(image.double())[0].mean()) == (5, 2)
    swapped = torch.func.functional_call(net, {"scale": torch.zeros(3, 1, 1)}, (image,))
    assert swapped[0].mean() == 0


class TestTimm:
    @pytest.mark.parametrize(
        ("model", "out_indices", "ports"),
        [
            ("mobilenetv4_conv_small", [4], [(960, 32)]),
            ("mobilenetv4_conv_small", [0, 2], [(32, 2), (64, 8)]),
            ("resnet18", [1, -1], [(64, 4), (512, 32)]),
            ("swin_tiny_patch4_window7_224", [1, 3], [(192, 8), (768, 32)]),  # channels last inside
            ("vit_tiny_patch16_224", [-1], [(192, 16)]),
            ("hrnet_w18_small", [2, 3], [(256, 8), (512, 16)]),
        ],
    )
    def test_any_network(self, model, out_indices, ports):
        with torch.device("meta"):
            net = BACKBONES.build({"type": "Timm", "model": model, "out_indices": out_indices, "input_size": (96, 128)})
            maps = net(torch.empty(2, 3, 128, 96))
        assert net.out == tuple(Port(*port) for port in ports)
        assert [tuple(each.shape) for each in maps] == [(2, c, 128 // s, 96 // s) for c, s in ports]
        gradients = torch.autograd.grad(sum(map(torch.sum, maps)), list(net.parameters()), allow_unused=True)
        assert all(each is not None for each in gradients)

    @pytest.mark.parametrize("model", ["resnet18", "mobilenetv4_conv_small", "regnetx_002"])
    def test_indices_are_those_of_features_only(self, model):
        torch.manual_seed(0)
        other = timm.create_model(model, features_only=True, out_indices=(1, 3)).eval()
        net, image = Timm(model, (1, 3)).eval(), torch.randn(1, 3, 64, 64)
        assert net.load_state_dict(other.state_dict(), strict=False).missing_keys == []
        torch.testing.assert_close(list(net(image)), list(other(image)))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"model": "mobilenetv4_conv_smal"}, "timm has no model .*did you mean 'mobilenetv4_conv_small'"),
            (
                {"model": "hf_hub:foo/bar"},
                r"timm has no model 'hf_hub:foo/bar'; timm.list_models\('\*part\*'\) finds names$",
            ),
            ({"model": "resnet18", "out_indices": [5]}, "ascending numbers out of 0, 1, 2, 3, 4, but got .5."),
            (
                {"model": "nest_tiny", "input_size": (96, 64)},
                "timm can't build 'nest_tiny' for images of 96x64: .*square",
            ),
            ({"model": "vgg11", "drop_path_rate": 0.1}, "timm can't build 'vgg11': .*drop_path_rate"),
        ],
    )
    def test_mistakes_are_named(self, arguments, message):
        with torch.device("meta"), pytest.raises(RayPoseError, match=message):
            Timm(**arguments)

    def test_a_network_without_maps_is_refused(self, monkeypatch):
        monkeypatch.setattr("raypose.models.backbones.timm_any.create", lambda *args, **options: nn.Linear(1, 1))
        with pytest.raises(RayPoseError, match="timm's 'resnet18' gives no feature maps"):
            Timm("resnet18")

    @pytest.mark.parametrize("model", ["poolformer_s12", "csatv2", "pit_ti_224", "rdnet_tiny"])
    def test_networks_that_timm_does_not_group_have_depths(self, model):
        with torch.device("meta"):
            net = Timm(model)
        assert hasattr(net, "layer_depths") == (model == "rdnet_tiny")
        for stage_wise in (False, True):
            depths, last = parameter_depths(net, stage_wise)
            assert set(depths.values()) == set(range(last))
            assert len(depths) == len(list(net.parameters()))

    def test_imagenet_weights_are_those_of_the_name(self):
        with torch.device("meta"):
            assert Timm("resnet18.a1_in1k").imagenet == "timm/resnet18.a1_in1k"


@pytest.mark.parametrize(
    ("given", "expected"), [([0], (0,)), ([-1], (3,)), ((1, 3), (1, 3)), ([0, -1], (0, 3)), (range(4), (0, 1, 2, 3))]
)
def test_out_indices(given, expected):
    assert check_out_indices(given) == expected


@pytest.mark.parametrize("given", [[], [4], [-5], [1, 0], [1, 1], [3, -1]])
def test_wrong_out_indices(given):
    with pytest.raises(RayPoseError, match="out_indices are ascending numbers out of 0, 1, 2, 3, but got"):
        check_out_indices(given)


def test_widths_may_be_written_as_integers():
    assert 1 in typing.get_args(parameters(backbones.MobileNetV2)["widen_factor"].annotation)
    with torch.device("meta"):
        assert backbones.MobileNetV2(widen_factor=1).out == backbones.MobileNetV2().out


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.nets[row.default].weights])
def test_the_librarys_own_weights_fit_whole(name):
    row = ROWS[name]
    known, net = row.nets[row.default].weights, build(name, row.default)
    with torch.device("meta"):
        if known.startswith("timm/"):
            theirs = timm.create_model(known.removeprefix("timm/").partition(".")[0])
        else:
            theirs = torchvision.models.get_model(row.nets[row.default].name, **row.nets[row.default].options)
    fitting = match({key: torch.empty(value.shape) for key, value in theirs.state_dict().items()}, net)
    assert len(fitting.fits) == len(net.state_dict())
