"""The transformers that timm has, and the ConvNeXt, which is built like one."""

from __future__ import annotations

from typing import Any

from raypose.models.backbones.rows import INPUT_SIZE, Net, Row, backbone, drop_path
from raypose.models.backbones.timm_backbone import TimmBackbone

PVT_BLOCKS = {
    "stem": r"^patch_embed",
    "blocks": [
        (r"^stages\.(\d+)\.downsample", (0,)),
        (r"^stages\.(\d+)\.blocks\.(\d+)", None),
        (r"^stages\.(\d+)\.norm", (99999,)),  # goes to the block before it
    ],
}


def pad_patches(net: Any) -> None:
    """ViTPose's patches begin two pixels outside the image."""
    net.patch_embed.proj.padding = (2, 2)


def _swin(arch: str) -> Net:
    # As in MMPose: windows of 7 at any size, shifted in every other block, padded where they don't divide a map.
    name = f"swin_{arch}_patch4_window7_224"
    return Net(name, f"timm/{name}", {"always_partition": True, "strict_img_size": False})


def _vit(name: str, weights: str | None, **options: Any) -> Net:
    plain = {"class_token": False, "global_pool": "avg", "fc_norm": False, "dynamic_img_size": True}
    return Net(name, weights, {**plain, **options})


ROWS = [
    Row(
        "SwinTransformer",
        "Swin transformer (Liu et al. 2021, arXiv:2103.14030): attention inside windows, shifted in every other block. "
        "The last map is normalised.",
        "torchvision's table, with the classifier at 224x224: 28.3 M parameters and 4.49 G multiply-adds (tiny), 49.6 M and "
        "8.74 G (small), 87.8 M and 15.4 G (base).",
        {arch: _swin(arch) for arch in ("tiny", "small", "base", "large")},
        argument="arch",
        explained="the paper's T, S, B or L.",
        default="tiny",
        options=drop_path(0.1),
        norm=True,
        size_divisor=4,  # its patches
    ),
    Row(
        "PyramidVisionTransformerV2",
        "PVTv2 (Wang et al. 2021, arXiv:2106.13797): four stages of attention to maps that are scaled down.",
        "The paper's table, with the classifier at 224x224: 25.4 M parameters and 4.0 G multiply-adds (b2).",
        {f"b{i}": Net(f"pvt_v2_b{i}", f"timm/pvt_v2_b{i}") for i in range(6)},
        argument="arch",
        explained="the paper's b0 to b5; MMPose's `embed_dims=64, num_layers=[3, 4, 6, 3]` is b2.",
        default="b2",
        options=drop_path(0.1),
        fine_groups=PVT_BLOCKS,
    ),
    Row(
        "ConvNeXt",
        "ConvNeXt (Liu et al. 2022, arXiv:2201.03545): depthwise 7x7 convolutions in blocks like a transformer's. The last "
        "map is normalised.",
        "torchvision's table, with the classifier at 224x224: 28.6 M parameters and 4.46 G multiply-adds (tiny), 50.2 M and "
        "8.68 G (small), 88.6 M and 15.4 G (base).",
        {
            arch: Net(f"convnext_{arch}", f"timm/convnext_{arch}", {"head_norm_first": True})
            for arch in ("atto", "femto", "pico", "nano", "tiny", "small", "base", "large", "xlarge")
        },
        argument="arch",
        explained="the paper's T, S, B, L or XL, or one of timm's smaller ones.",
        default="tiny",
        options=drop_path(),
        norm=True,
    ),
    Row(
        "ViT",
        "Vision transformer (Dosovitskiy et al. 2020, arXiv:2010.11929) as in ViTPose (Xu et al. 2022, arXiv:2204.12484): "
        "patches of 16, no class token, all maps of stride 16 and normalised. The position embeddings are made for "
        "`input_size` and interpolated for other sizes.",
        "MMPose's get_flops.py on ViTPose's configurations, with a HeatmapHead at 256x192: 24.29 M (small), 89.99 M (base), "
        "308.54 M (large) and 637.21 M (huge) parameters.",
        {
            "deit-tiny": _vit("deit_tiny_patch16_224", "timm/deit_tiny_patch16_224"),
            "deit-small": _vit("deit_small_patch16_224", "timm/deit_small_patch16_224"),
            "small": _vit("vit_small_patch16_224", None, num_heads=12),
            "base": _vit("vit_base_patch16_224", "timm/vit_base_patch16_224.mae"),
            "large": _vit("vit_large_patch16_224", "timm/vit_large_patch16_224.mae"),
            "huge": _vit("vit_huge_patch14_224", "timm/vit_huge_patch14_224.mae", patch_size=16),
        },
        argument="arch",
        explained="ViTPose's small (12 heads), base, large or huge; or DeiT's tiny or small (6 heads).",
        default="small",
        out_indices=(-1,),
        maps="after which blocks to give a map, from 0; negative ones count from the last.",
        options={**drop_path(0.1), "input_size": INPUT_SIZE},
        norm=True,
        adapt=pad_patches,
        size_divisor=16,  # its patches
    ),
]

SwinTransformer, PyramidVisionTransformerV2, ConvNeXt, ViT = (backbone(TimmBackbone, row, __name__) for row in ROWS)
