"""Small models whose maps have clear peaks, and images for them."""

from __future__ import annotations

import torch
from torch import nn

from raypose.data.build import build_table
from raypose.model_folder import save_weights
from raypose.models.builder import build_model
from raypose.space import dump

SIZE, KEYPOINTS = (48, 64), 3  # width, height
BACKBONE = {
    "type": "HourglassNet", "num_stacks": 1, "feat_channel": 4, "growth": 1.0, "downsample_times": 1, "stage_blocks": 1,
}  # fmt: skip


def build(head, **parts):
    """A model in evaluation mode, whose outputs are as large as those of a trained one."""
    torch.manual_seed(0)
    model = build_model({"backbone": BACKBONE, "keypoint_head": head, **parts}, KEYPOINTS, SIZE).eval()
    grown(model)
    return model


def grown(model):
    """As if trained: the weights of the head are small at first."""
    with torch.no_grad():
        for name, value in model.keypoint_head.named_parameters():
            if value.ndim > 1 and not name.startswith("loss_keypoint"):
                value.normal_(std=0.3)


def crops(number=4, size=SIZE):
    """[N,3,H,W]: smooth, as pictures are."""
    noise = torch.randn(number, 3, size[1] // 4, size[0] // 4, generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(noise, scale_factor=4, mode="bilinear")


def write_folder(folder, dataset, **training):
    """A model folder; the head's weights are not those of a training."""
    head = {"type": "HeatmapHead", "num_deconv_layers": 0}
    config = {
        "name": "tiny",
        "data": {"train": dataset, "val": dataset, "input_size": [*SIZE], "store": False},
        "model": {"backbone": BACKBONE, "keypoint_head": head},
        "optimizer": {"type": "AdamW"},
        "training": training,
    }
    folder.mkdir()
    (folder / "config.yaml").write_text(dump(config))
    save_weights(build(head), build_table(dataset).info, SIZE, 1, folder / "weights.pt")
