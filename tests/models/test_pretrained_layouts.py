"""The names that other libraries have for the weights of our backbones."""

from __future__ import annotations

import itertools

import pytest
import torch
import torchvision
from torch import nn

from raypose import BACKBONES
from raypose.models.pretrained.layouts import LAYOUTS
from raypose.models.pretrained.matching import match
from raypose.models.pretrained.resizing import resized

# Of each network: what it is called elsewhere, and here. MMPose's and MMPretrain's names are those of their modules'
# attributes (MMPose 1.3.2), with what is special in the network: its stem, its first block, a later block, its end.
NAMES = {
    "MMPose's ResNetV1d": (
        {"type": "ResNetV1d"},
        "stem.0.conv.weight > conv1.0.weight, stem.1.bn.bias > conv1.4.bias, stem.2.conv.weight > conv1.6.weight, "
        "stem.2.bn.weight > bn1.weight, layer1.0.downsample.0.weight > layer1.0.downsample.1.weight, "
        "layer1.0.downsample.1.bias > layer1.0.downsample.2.bias, layer2.0.downsample.1.weight > =, "
        "layer2.0.downsample.2.bias > =, layer4.2.conv3.weight > =",
    ),
    "MMPose's ResNeSt": (
        {"type": "ResNeSt"},
        "stem.0.conv.weight > conv1.0.weight, layer1.0.conv2.conv.weight > =, layer1.0.conv2.bn0.bias > =, "
        "layer3.1.conv2.fc2.bias > =, layer1.0.downsample.0.weight > layer1.0.downsample.1.weight, "
        "layer1.0.downsample.1.bias > layer1.0.downsample.2.bias, stem.1.conv.weight > conv1.3.weight",
    ),
    "MMPose's SEResNet": (
        {"type": "SEResNet"},
        "conv1.weight > =, layer1.0.downsample.0.weight > =, "
        "layer1.0.se_layer.conv1.conv.weight > layer1.0.se.fc1.weight, "
        "layer4.2.se_layer.conv2.conv.bias > layer4.2.se.fc2.bias",
    ),
    "MMPose's SEResNeXt": (
        {"type": "SEResNeXt"},
        "layer2.1.conv2.weight > =, layer2.1.se_layer.conv1.conv.bias > layer2.1.se.fc1.bias",
    ),
    "MMPose's RegNet": (
        {"type": "RegNet"},
        "conv1.weight > stem.conv.weight, bn1.bias > stem.bn.bias, layer1.0.conv1.weight > s1.b1.conv1.conv.weight, "
        "layer1.0.bn1.bias > s1.b1.conv1.bn.bias, layer2.0.downsample.0.weight > s2.b1.downsample.conv.weight, "
        "layer2.0.downsample.1.weight > s2.b1.downsample.bn.weight, layer4.10.bn3.weight > s4.b11.conv3.bn.weight",
    ),
    "MMPose's CSPNeXt": (
        {"type": "CSPNeXt"},
        "stem.0.conv.weight > =, stage1.0.conv.weight > stages.0.0.conv.weight, "
        "stage1.1.blocks.0.conv2.depthwise_conv.bn.bias > stages.0.1.blocks.0.conv2.depthwise_conv.bn.bias, "
        "stage4.1.conv1.conv.weight > stages.3.1.conv1.conv.weight, "
        "stage4.2.attention.fc.bias > stages.3.2.attention.fc.bias",
    ),
    "MMPose's MobileNetV2": (
        {"type": "MobileNetV2"},
        "conv1.conv.weight > features.0.0.weight, conv1.bn.bias > features.0.1.bias, "
        "layer1.0.conv.0.conv.weight > features.1.conv.0.0.weight, layer1.0.conv.0.bn.bias > features.1.conv.0.1.bias, "
        "layer1.0.conv.1.conv.weight > features.1.conv.1.weight, layer1.0.conv.1.bn.bias > features.1.conv.2.bias, "
        "layer2.0.conv.0.conv.weight > features.2.conv.0.0.weight, layer2.1.conv.1.bn.bias > features.3.conv.1.1.bias, "
        "layer4.3.conv.2.conv.weight > features.10.conv.2.weight, layer7.0.conv.2.bn.bias > features.17.conv.3.bias, "
        "conv2.conv.weight > features.18.0.weight, conv2.bn.bias > features.18.1.bias",
    ),
    "MMPose's ShuffleNetV2": (
        {"type": "ShuffleNetV2"},
        "conv1.conv.weight > conv1.0.weight, conv1.bn.bias > conv1.1.bias, layers.3.conv.weight > conv5.0.weight, "
        "layers.0.0.branch1.0.conv.weight > stage2.0.branch1.0.weight, layers.3.bn.bias > conv5.1.bias, "
        "layers.0.0.branch1.1.bn.bias > stage2.0.branch1.3.bias, "
        "layers.1.2.branch2.0.bn.bias > stage3.2.branch2.1.bias, "
        "layers.1.2.branch2.1.conv.weight > stage3.2.branch2.3.weight, "
        "layers.2.3.branch2.2.bn.bias > stage4.3.branch2.6.bias",
    ),
    "MMPose's VGG": (
        {"type": "VGG", "depth": 11},
        "features.0.conv.weight > features.0.weight, features.0.bn.bias > features.1.bias, "
        "features.2.conv.weight > features.4.weight, features.4.conv.weight > features.8.weight, "
        "features.5.bn.bias > features.12.bias, features.7.conv.weight > features.15.weight, "
        "features.8.conv.bias > features.18.bias, features.10.conv.weight > features.22.weight, "
        "features.11.bn.weight > features.26.weight",
    ),
    "MMPretrain's ViT": (
        {"type": "ViT"},
        "patch_embed.projection.weight > patch_embed.proj.weight, layers.0.ln1.bias > blocks.0.norm1.bias, "
        "layers.11.ln2.weight > blocks.11.norm2.weight, layers.3.attn.qkv.weight > blocks.3.attn.qkv.weight, "
        "layers.3.attn.proj.bias > blocks.3.attn.proj.bias, layers.3.ffn.layers.0.0.weight > blocks.3.mlp.fc1.weight, "
        "layers.3.ffn.layers.1.bias > blocks.3.mlp.fc2.bias, ln1.weight > norm.weight",
    ),
    "ViTPose's ViT": (
        {"type": "ViT"},
        "patch_embed.proj.weight > =, blocks.0.norm1.bias > =, blocks.5.mlp.fc2.weight > =, "
        "last_norm.weight > norm.weight",
    ),
    "MMPose's SwinTransformer": (
        {"type": "SwinTransformer"},
        "patch_embed.projection.weight > patch_embed.proj.weight, "
        "stages.0.blocks.1.norm1.bias > layers.0.blocks.1.norm1.bias, "
        "stages.2.blocks.5.attn.w_msa.qkv.weight > layers.2.blocks.5.attn.qkv.weight, "
        "stages.2.blocks.5.attn.w_msa.relative_position_bias_table > "
        "layers.2.blocks.5.attn.relative_position_bias_table, "
        "stages.3.blocks.0.ffn.layers.0.0.bias > layers.3.blocks.0.mlp.fc1.bias, "
        "stages.3.blocks.0.ffn.layers.1.weight > layers.3.blocks.0.mlp.fc2.weight, norm3.bias > norm.bias, "
        "stages.0.downsample.reduction.weight > layers.1.downsample.reduction.weight",
    ),
    "the authors' SwinTransformer": (
        {"type": "SwinTransformer"},
        "layers.0.downsample.norm.weight > layers.1.downsample.norm.weight, layers.1.blocks.0.norm1.bias > =, "
        "layers.2.downsample.reduction.weight > layers.3.downsample.reduction.weight",
    ),
    "MMPose's PyramidVisionTransformerV2": (
        {"type": "PyramidVisionTransformerV2"},
        "layers.0.0.projection.weight > patch_embed.proj.weight, layers.2.0.norm.bias > stages.2.downsample.norm.bias, "
        "layers.1.0.projection.bias > stages.1.downsample.proj.bias, "
        "layers.0.1.2.norm1.bias > stages.0.blocks.2.norm1.bias, "
        "layers.0.1.0.attn.sr.weight > stages.0.blocks.0.attn.sr.weight, layers.3.2.weight > stages.3.norm.weight, "
        "layers.0.1.0.attn.attn.out_proj.bias > stages.0.blocks.0.attn.proj.bias, "
        "layers.0.1.0.ffn.layers.1.weight > stages.0.blocks.0.mlp.dwconv.weight, "
        "layers.0.1.0.ffn.layers.4.bias > stages.0.blocks.0.mlp.fc2.bias",
    ),
    "the authors' PyramidVisionTransformerV2": (
        {"type": "PyramidVisionTransformerV2"},
        "patch_embed1.proj.weight > patch_embed.proj.weight, patch_embed3.norm.bias > stages.2.downsample.norm.bias, "
        "block1.2.norm1.bias > stages.0.blocks.2.norm1.bias, "
        "block4.1.attn.kv.weight > stages.3.blocks.1.attn.kv.weight, "
        "block2.0.mlp.dwconv.dwconv.weight > stages.1.blocks.0.mlp.dwconv.weight, norm4.weight > stages.3.norm.weight",
    ),
}


def build(cfg, device="meta"):
    with torch.device(device):
        return BACKBONES.build(cfg)


@pytest.mark.parametrize("layout", NAMES)
def test_names_of_other_libraries(layout):
    cfg, text = NAMES[layout]
    backbone = build(cfg)
    wanted = backbone.state_dict()
    pairs = dict(pair.split(" > ") for pair in text.split(", "))
    names = {theirs: theirs if ours == "=" else ours for theirs, ours in pairs.items()}
    found = {
        f"backbone.{theirs}": torch.tensor(float(i)).expand(wanted[ours].shape)
        for i, (theirs, ours) in enumerate(names.items())
    }
    fits = match(found, backbone).fits
    assert {ours: float(value.flatten()[0]) for ours, value in fits.items()} == {
        o: i for i, o in enumerate(names.values())
    }


def outputs(ours, theirs, img, features):
    """What both networks make of an image, after ours has loaded the weights of theirs."""
    randomize(theirs)
    fitting = match(theirs.state_dict(), ours)
    assert (fitting.missing, fitting.other_shape) == ([], {})
    ours.load_state_dict(fitting.fits, strict=False)
    with torch.no_grad():
        return ours.eval()(img)[-1], features(theirs.eval())(img)


def randomize(module):
    generator = torch.Generator().manual_seed(3)
    for value in itertools.chain(module.parameters(), module.buffers()):
        if value.is_floating_point():
            value.data.uniform_(0.1, 0.9, generator=generator) if value.ndim < 2 else nn.init.kaiming_uniform_(
                value.data, generator=generator
            )


def test_torchvisions_regnet_gives_the_same_features():
    theirs = torchvision.models.regnet_y_400mf(weights=None)
    img = torch.rand(1, 3, 64, 64)
    a, b = outputs(
        build({"type": "RegNet", "arch": "regnety_400mf"}, "cpu"),
        theirs,
        img,
        lambda net: nn.Sequential(net.stem, net.trunk_output),
    )
    torch.testing.assert_close(a, b)


def test_torchvisions_convnext_gives_the_same_features():
    theirs = torchvision.models.convnext_tiny(weights=None)
    img = torch.rand(1, 3, 64, 64)
    a, b = outputs(
        build({"type": "ConvNeXt"}, "cpu"), theirs, img, lambda net: nn.Sequential(net.features, net.classifier[0])
    )
    torch.testing.assert_close(a, b)


def test_torchvisions_swin_gives_the_same_features():
    """Up to the third stage: where a map is a single window, torchvision doesn't shift it and MMPose does."""
    theirs = torchvision.models.SwinTransformer([4, 4], 96, [2, 2, 6, 2], [3, 6, 12, 24], [7, 7])
    theirs.features = theirs.features[:4]
    del theirs.norm, theirs.head
    ours = build({"type": "SwinTransformer", "out_indices": [1]}, "cpu")
    a, b = outputs(ours, theirs, torch.rand(1, 3, 112, 168), lambda net: nn.Sequential(net.features, net.permute))
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_torchvisions_vit_gives_the_same_class():
    from timm.models import VisionTransformer

    theirs = torchvision.models.VisionTransformer(32, 8, 2, 3, 48, 96, num_classes=4)
    theirs.heads = nn.Identity()
    ours = VisionTransformer(img_size=32, patch_size=8, depth=2, num_heads=3, embed_dim=48, mlp_ratio=2, num_classes=0)
    a, b = outputs(ours, theirs, torch.rand(2, 3, 32, 32), lambda net: net)
    torch.testing.assert_close(a, b[-1])


class Merging(nn.Module):
    """Swin's patch merging as MMPose writes it: neighbours are joined by `nn.Unfold`."""

    def __init__(self, channels):
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x):
        columns = nn.functional.unfold(x, 2, stride=2).transpose(1, 2)
        return self.reduction(self.norm(columns))


def test_swins_patch_merging_has_timms_order():
    ours = build({"type": "SwinTransformer"}, "cpu").layers[1].downsample
    theirs = Merging(96)
    randomize(theirs)
    found = {f"stages.0.downsample.{key}": value for key, value in theirs.state_dict().items()}
    whole = nn.ModuleDict({"layers": nn.ModuleDict({"1": nn.ModuleDict({"downsample": ours})})})
    # Names that this layout alone has tell it from the authors'.
    found |= {"stages.0.blocks.0.attn.w_msa.proj.bias": torch.ones(96)}
    whole["layers"]["0"] = nn.ModuleDict(
        {"blocks": nn.ModuleDict({"0": nn.ModuleDict({"attn": nn.ModuleDict({"proj": nn.Linear(96, 96)})})})}
    )
    whole.load_state_dict(match(found, whole).fits, strict=False)
    x = torch.rand(1, 96, 6, 4)
    torch.testing.assert_close(ours(x.permute(0, 2, 3, 1)).flatten(1, 2), theirs(x))


def test_pvts_projections_are_cut_apart():
    backbone = build({"type": "PyramidVisionTransformerV2"})
    weight = torch.arange(192.0).unsqueeze(1).expand(192, 64)
    linear = torch.rand(512, 64)
    found = {
        "layers.0.1.0.attn.attn.in_proj_weight": weight,
        "layers.0.1.0.ffn.layers.0.weight": linear[..., None, None],
    }
    fits = match(found, backbone).fits
    assert torch.equal(fits["stages.0.blocks.0.attn.q.weight"], weight[:64])
    assert torch.equal(fits["stages.0.blocks.0.attn.kv.weight"], weight[64:])
    assert torch.equal(fits["stages.0.blocks.0.mlp.fc1.weight"], linear)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_weights_that_merely_look_like_a_layouts_are_left_alone(layout):
    names = ["a.downsample.norm.num_batches_tracked", "b.downsample.norm.weight", "pos_embed", "layer9.9.weight"]
    weights = {name: torch.ones([7] * i) for i, name in enumerate(names)}
    renamed = layout.rename(weights)
    assert [value.shape for value in renamed.values()] == [value.shape for value in weights.values()]


class TestPositions:
    def test_of_another_grid_are_interpolated(self):
        vit = build({"type": "ViT"})  # 256x192: 16 rows of 12
        rows = torch.arange(14.0).repeat_interleave(14).expand(384, -1).T[None]
        value = torch.cat((torch.full((1, 1, 384), 1e6), rows), 1)
        new = match({"pos_embed": value, "norm.bias": torch.ones(384)}, vit).fits["pos_embed"]
        assert new.shape == (1, 192, 384)
        grid = new[0, :, 0].unflatten(0, (16, 12))
        assert float(grid.std(1).max()) < 1e-3
        assert torch.all(grid[1:, 0] > grid[:-1, 0])
        assert -1 < float(grid.min()) < float(grid.max()) < 14

    def test_vitposes_patches_have_that_of_the_class_added(self):
        vit, value = build({"type": "ViT"}), torch.rand(1, 193, 384)
        fits = match({"backbone.pos_embed": value, "backbone.last_norm.bias": torch.ones(384)}, vit).fits
        assert torch.equal(fits["pos_embed"], value[:, 1:] + value[:, :1])

    def test_the_class_keeps_its_own(self):
        module = nn.Module()
        module.patch_embed = nn.Module()
        module.patch_embed.grid_size = (4, 6)
        value = torch.rand(1, 1 + 16 * 12, 8)
        new = resized(value, torch.zeros(1, 25, 8), module, "pos_embed")
        assert new.shape == (1, 25, 8)
        assert torch.equal(new[:, 0], value[:, 0])

    def test_of_another_width_stay_as_they_are(self):
        value = torch.rand(1, 197, 192)
        fitting = match({"pos_embed": value, "norm.bias": torch.ones(384)}, build({"type": "ViT"}))
        assert fitting.other_shape == {"pos_embed": value.shape}

    @pytest.mark.filterwarnings("ignore::UserWarning")  # timm's own
    def test_of_another_window(self):
        swin = build({"type": "SwinTransformer"})
        key = "layers.0.blocks.0.attn.relative_position_bias_table"
        assert match({key: torch.rand(23 * 23, 3), "norm.bias": torch.ones(768)}, swin).fits[key].shape == (169, 3)

    def test_patches_of_another_size(self):
        value = torch.rand(384, 3, 14, 14)
        fits = match({"patch_embed.proj.weight": value, "norm.bias": torch.ones(384)}, build({"type": "ViT"})).fits
        assert fits["patch_embed.proj.weight"].shape == (384, 3, 16, 16)
