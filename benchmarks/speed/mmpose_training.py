"""MMPose's whole training of a ResNet-18, in blocks: for each line of the input, so many steps, and the seconds they took.

Run by `speed.peer` with the interpreter of an environment that has MMPose 1.x; nothing of RayPose is imported. Model,
augmentation and optimizer are those of its `td-hm_res50_8xb64-210e_coco-256x192.py` with depth 18, on a CPU with two
threads and two workers. Nothing is validated, saved or printed.

    PYTHON mmpose_training.py ANNOTATIONS.json BATCH_SIZE FOLDER
"""

# ruff: noqa: C408 (MMPose's configurations are written so)
from __future__ import annotations

import os
import sys
import time

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

CODEC = dict(type="MSRAHeatmap", input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
MODEL = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(type="ResNet", depth=18),
    head=dict(
        type="HeatmapHead",
        in_channels=512,
        out_channels=17,
        loss=dict(type="KeypointMSELoss", use_target_weight=True),
        decoder=CODEC,
    ),
)
PIPELINE = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size=CODEC["input_size"]),
    dict(type="GenerateTarget", encoder=CODEC),
    dict(type="PackPoseInputs"),
]


class InBlocks(Hook):
    """Waits before a step while no block is under way; a batch is fetched by then, as one is at the block's end."""

    def __init__(self, answers) -> None:
        self.answers, self.left, self.started = answers, 0, None

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if self.left == 0:
            if self.started is not None:
                print(time.perf_counter() - self.started, file=self.answers, flush=True)
            line = sys.stdin.readline()
            if not line:
                raise SystemExit
            self.left, self.started = int(line), time.perf_counter()
        self.left -= 1


def main(annotations: str, batch_size: str, folder: str) -> None:
    import torch

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what MMPose prints is no answer
    dataset = dict(
        type="CocoDataset", data_mode="topdown", ann_file=annotations, data_prefix=dict(img=""), pipeline=PIPELINE
    )
    config = dict(
        default_scope="mmpose",
        model=MODEL,
        work_dir=folder,
        log_level="ERROR",
        train_dataloader=dict(
            batch_size=int(batch_size),
            num_workers=2,
            persistent_workers=True,
            sampler=dict(type="InfiniteSampler", shuffle=True),
            dataset=dataset,
        ),
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=10**9, val_interval=10**9),
        optim_wrapper=dict(optimizer=dict(type="Adam", lr=5e-4)),
        default_hooks=dict(checkpoint=None),
        env_cfg=dict(mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0)),
    )
    runner = Runner.from_cfg(Config(config))
    runner.register_hook(InBlocks(answers))
    torch.set_num_threads(2)
    runner.train()


if __name__ == "__main__":
    main(*sys.argv[1:])
