"""How long `raypose check` takes, and how much memory: `python benchmarks/checking.py`.

One file has a mistake in its YAML. The others are spaces: of ResNet-18 and -50, MobileNetV3 and HRNet-W32 with five losses;
of ResNet-50 to -152, HRNet-W32 and -W48 with as many; and of ten backbones, ResNet-152 and HRNet-W48 among them, with two
input sizes and 25 kinds of heads. Each is checked in a process of its
own, imports included; the median of three.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMON = """\
name: checking
data:
  train: {type: SyntheticPeople}
  val: {type: SyntheticPeople, split: val}
  input_size: %s
model:
  backbone:
    choice:
%s
  keypoint_head:
    choice:
%s
optimizer:
  choice:
    - {type: AdamW, lr: {loguniform: [1e-4, 1e-2]}, weight_decay: 0.01, paramwise_cfg: {norm_decay_mult: 0}}
    - {type: SGD, lr: {loguniform: [1e-3, 1e-1]}, momentum: 0.9}
training: {epochs: 20, batch_size: {choice: [16, 32]}, lr_schedule: {type: CosineAnnealingLR, warmup: 0.05}}
"""
BACKBONES = [
    "{type: ResNet, depth: {choice: [50, 101, 152]}}",
    "{type: HRNet, arch: {choice: [w32, w48]}}",
    "{type: CSPNeXt, arch: {choice: [m, l]}}",
    "{type: ConvNeXt, arch: tiny}",
    "{type: MobileNetV3, arch: large}",
    "{type: HourglassNet, num_stacks: 1}",
]
LOSSES, COORDINATES = (
    f"{{choice: [{', '.join(f'{{type: {name}}}' for name in names)}]}}"
    for names in (
        ("JointsMSELoss", "AdaptiveWingLoss", "SpatialCrossEntropyLoss", "FocalHeatmapLoss", "JointsOHKMMSELoss"),
        ("L1Loss", "SmoothL1Loss", "MSELoss", "WingLoss", "SoftWingLoss"),
    )
)
TYPICAL = ["{type: ResNet, depth: {choice: [18, 50]}}", "{type: MobileNetV3, arch: large}", "{type: HRNet, arch: w32}"]
HEADS = [
    f"{{type: HeatmapHead, num_deconv_filters: {{choice: [128, 256]}}, loss_keypoint: {LOSSES}}}",
    "{type: RTMCCHead, loss_keypoint: {type: KLDiscretLoss, beta: {choice: [1.0, 2.0, 5.0, 8.0, 10.0]}}}",
    f"{{type: DeepposeRegressionHead, loss_keypoint: {COORDINATES}}}",
    f"{{type: IntegralRegressionHead, loss_keypoint: {COORDINATES}}}",
]
SPACES = {
    "a syntax error": ("name: [1\n", 0),
    "20 combinations": (("[192, 256]", TYPICAL, HEADS[1:2]), 20),
    "25 combinations of large networks": (("[192, 256]", BACKBONES[:2], HEADS[1:2]), 25),
    "500 combinations": (("{choice: [[192, 256], [256, 256]]}", BACKBONES, HEADS), 500),
}


def text(space: str | tuple) -> str:
    """A space's YAML."""
    if isinstance(space, str):
        return space
    size, *options = space
    return COMMON % (size, *("\n".join(f"      - {each}" for each in part) for part in options))


def check(file: Path) -> tuple[float, float, str]:
    """Seconds, the most GB that were resident, and the first line that was said."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "raypose", "check", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = process.stdout.read() if process.stdout else ""
    usage = os.wait4(process.pid, 0)[2]
    return time.perf_counter() - started, usage.ru_maxrss / 1e6, said.partition("\n")[0].replace(str(file), "SPACE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| space | seconds | GB | what it says |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, (space, _) in SPACES.items():
            file = Path(folder) / "space.yaml"
            file.write_text(text(space))
            runs = [check(file) for _ in range(rounds)]
            seconds, memory = (statistics.median(run[i] for run in runs) for i in (0, 1))
            print(f"| {name} | {seconds:.1f} | {memory:.2f} | {runs[0][2]} |", flush=True)


if __name__ == "__main__":
    main()
