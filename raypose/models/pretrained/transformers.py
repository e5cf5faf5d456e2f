"""Transformers: from MMPose's, MMPretrain's, torchvision's and the authors' names to timm's."""

from __future__ import annotations

from raypose.models.pretrained.conversions import merge_in_timms_order, split_pvt_attention, spread_class_position
from raypose.models.pretrained.layout import TOP, Layout, shifted

TRANSFORMERS = (
    Layout(
        "MMPretrain's ViT",
        (
            (r"\blayers\.(\d+)\.ln([12])\.", r"blocks.\1.norm\2."),
            (r"\blayers\.(\d+)\.ffn\.layers\.0\.0\.", r"blocks.\1.mlp.fc1."),
            (r"\blayers\.(\d+)\.ffn\.layers\.1\.", r"blocks.\1.mlp.fc2."),
            (r"\blayers\.(\d+)\.attn\.", r"blocks.\1.attn."),
            (r"\bpatch_embed\.projection\.", "patch_embed.proj."),
            (TOP + r"ln1\.", "norm."),
        ),
    ),
    Layout("ViTPose's ViT", ((r"\blast_norm\.", "norm."),), spread_class_position),
    Layout(
        "MMPose's SwinTransformer",
        (
            (r"\battn\.w_msa\.", "attn."),
            (r"\bffn\.layers\.0\.0\.", "mlp.fc1."),
            (r"\bffn\.layers\.1\.", "mlp.fc2."),
            (r"\bpatch_embed\.projection\.", "patch_embed.proj."),
            (r"\bstages\.(\d)\.blocks\.", r"layers.\1.blocks."),
            (r"\bstages\.(\d)\.downsample\.", shifted("layers.{}.downsample.", 1)),
            (TOP + r"norm3\.", "norm."),
        ),
        merge_in_timms_order,
    ),
    Layout("the authors' SwinTransformer", ((r"\blayers\.(\d)\.downsample\.", shifted("layers.{}.downsample.", 1)),)),
    Layout(
        "MMPose's PyramidVisionTransformerV2",
        (
            (r"\blayers\.0\.0\.projection\.", "patch_embed.proj."),
            (r"\blayers\.0\.0\.norm\.", "patch_embed.norm."),
            (r"\blayers\.(\d)\.0\.projection\.", r"stages.\1.downsample.proj."),
            (r"\blayers\.(\d)\.0\.norm\.", r"stages.\1.downsample.norm."),
            (r"\blayers\.(\d)\.1\.(\d+)\.", r"stages.\1.blocks.\2."),
            (r"\blayers\.(\d)\.2\.", r"stages.\1.norm."),
            (r"\battn\.attn\.out_proj\.", "attn.proj."),
            (r"\bffn\.layers\.0\.", "mlp.fc1."),
            (r"\bffn\.layers\.1\.", "mlp.dwconv."),
            (r"\bffn\.layers\.4\.", "mlp.fc2."),
        ),
        split_pvt_attention,
    ),
    Layout(
        "the authors' PyramidVisionTransformerV2",
        (
            (TOP + r"norm(\d)\.", shifted("stages.{}.norm.", -1)),
            (r"\bblock(\d)\.(\d+)\.", shifted("stages.{}.blocks.{}.", -1)),
            (r"\bpatch_embed1\.", "patch_embed."),
            (r"\bpatch_embed(\d)\.", shifted("stages.{}.downsample.", -1)),
            (r"\bdwconv\.dwconv\.", "dwconv."),
        ),
    ),
    Layout(
        "torchvision's SwinTransformer",
        (
            (r"\bfeatures\.0\.0\.", "patch_embed.proj."),
            (r"\bfeatures\.0\.2\.", "patch_embed.norm."),
            (r"\bfeatures\.([246])\.", lambda match: f"layers.{int(match[1]) // 2}.downsample."),
            (r"\bfeatures\.([1357])\.(\d+)\.", lambda match: f"layers.{int(match[1]) // 2}.blocks.{match[2]}."),
            (r"\bmlp\.0\.", "mlp.fc1."),
            (r"\bmlp\.3\.", "mlp.fc2."),
        ),
    ),
    Layout(
        "torchvision's ViT",
        (
            (r"\bconv_proj\.", "patch_embed.proj."),
            (r"\bclass_token$", "cls_token"),
            (r"\bencoder\.pos_embedding$", "pos_embed"),
            (r"\bencoder\.ln\.", "norm."),
            (r"\bencoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
            (r"\bln_(\d)\.", r"norm\1."),
            (r"\bself_attention\.in_proj_", "attn.qkv."),
            (r"\bself_attention\.out_proj\.", "attn.proj."),
            (r"\bmlp\.(0|linear_1)\.", "mlp.fc1."),
            (r"\bmlp\.(3|linear_2)\.", "mlp.fc2."),
        ),
    ),
)
