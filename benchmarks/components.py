"""What each head, codec and loss reaches on the mouse frames with one small hourglass and the same budget.

    RAYPOSE_DATA=... python benchmarks/components.py > table.md

Prints a table in Markdown: mean error (EPE) in pixels of the 640x480 frames, mean and standard deviation over the seeds,
of the epoch that validated best. Each row is trained at each of `RATES` on the first seed, and at the better one on the
others, since no learning rate is fair to all losses.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from raypose import CODECS, HEADS, LOSSES, Space
from raypose.kinds import KINDS, agreed, default_codec, default_loss, mismatches
from raypose.registry import Registry
from raypose.training.run import Run
from raypose.trial import train

RATES = (1e-3, 5e-3)
SPACE = """\
name: components
data:
  train: {type: CocoKeypoints, ann_file: "${RAYPOSE_DATA}/openfield-mouse/annotations/train.json",
          img_prefix: "${RAYPOSE_DATA}/openfield-mouse/images"}
  val: {type: CocoKeypoints, ann_file: "${RAYPOSE_DATA}/openfield-mouse/annotations/val.json",
        img_prefix: "${RAYPOSE_DATA}/openfield-mouse/images"}
  input_size: [96, 96]
  augment: {rotation: 90, scale: 0.2}
model:
  backbone: {type: HourglassNet, num_stacks: 1, downsample_times: 4, feat_channel: 24, growth: 1.0, stage_blocks: 1}
  keypoint_head: {type: HeatmapHead}
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.01}
training: {epochs: 30, batch_size: 8, lr_schedule: {type: CosineAnnealingLR, warmup: 0.05}, ema: 0.95, grad_clip: 5.0}
tune: {metric: EPE}
"""
# Losses that are an addition to another one rather than a loss of their own, with their weight in it. The mouse's
# keypoints, whose file has no skeleton, hang on the first one, the snout.
BESIDE_L1: dict[str, dict[str, Any]] = {
    "BoneLoss": {"loss_weight": 0.1, "joint_parents": [0, 0, 0, 0]},
    "OKSLoss": {"loss_weight": 0.1},
}


def rows() -> list[dict[str, Any]]:
    """Every head with every loss that goes with its own codec, and with each other codec under the usual loss."""
    found = []
    for head in {HEADS.get(name) for name in own_names(HEADS)}:
        own = default_codec(head)
        multi_stage = getattr(head, "multi_stage", False)  # on this backbone the same net as HeatmapHead
        for codec in [own] if multi_stage else [own, *(other for other in others() if other != own)]:
            built = CODECS.build(codec, input_size=(96, 96))
            kind = agreed(head, built)
            if kind is None:
                continue
            usual = default_loss(kind)
            losses = [dict(usual)]
            if codec == own and not multi_stage:
                names = [name for name in own_names(LOSSES) if name not in (usual["type"], "MultipleLossWrapper")]
                losses += [_loss(name) for name in names if _fits(name, head, built, kind)]
            if codec == own or kind != "coordinates":  # all codecs of coordinates train alike
                found += [{"type": head.__name__, "codec": dict(codec), "loss_keypoint": loss} for loss in losses]
    return sorted(found, key=lambda row: (row["type"], row["codec"]["type"]))


def own_names(registry: Registry) -> list[str]:
    """Of RayPose's own components, and not of what a plugin has registered."""
    return [name for name in registry if registry.get(name).__module__.startswith("raypose.")]


def _fits(name: str, head: Any, codec: Any, kind: str) -> bool:
    """Whether a loss goes with a head; of a DSNTHead's coordinates alone it is what it is of an IntegralRegressionHead's."""
    accepts = getattr(LOSSES.get(name), "accepts", ())
    return not mismatches(head, codec, [LOSSES.get(name)]) and not ("+" in kind and "coordinates" in accepts)


def others() -> list[Mapping[str, Any]]:
    """Every codec, once for each kind that it can serve."""
    return [*({"type": name} for name in CODECS), KINDS["combined"].codec]


def _loss(name: str) -> dict[str, Any]:
    if name in BESIDE_L1:
        parts = [{"type": "L1Loss"}, {"type": name, **BESIDE_L1[name]}]
        return {"type": "MultipleLossWrapper", "losses": parts}
    return {"type": name}


def train_one(head: dict[str, Any], rate: float, seed: int, epochs: int) -> float:
    """The best validated mean error in pixels; infinite where training fails."""
    config = Space.parse(SPACE, folder=Path.cwd()).config()
    config["model"]["keypoint_head"] = head
    config["optimizer"]["lr"] = rate
    config["training"]["epochs"] = epochs
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        run = Run(seed=seed, dir=Path(folder), report=lambda epoch, metrics: errors.append(metrics["EPE"]))
        try:
            train(config, run)
        except FloatingPointError:
            return float("inf")
    return min(errors)


def described(head: dict[str, Any]) -> str:
    """A row's first three columns."""
    return " | ".join((head["type"], _shown(head["codec"]), _shown(head["loss_keypoint"])))


def _shown(part: dict[str, Any]) -> str:
    if "losses" in part:
        return " + ".join(_shown(each) for each in part["losses"])
    arguments = ", ".join(f"{key}={value}" for key, value in part.items() if key not in ("type", "joint_parents"))
    return f"{part['type']}({arguments})" if arguments else part["type"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="rows whose text contains this")
    args = parser.parse_args()

    table = {described(head): head for head in rows() if args.only in described(head)}
    print("| head | codec | loss | learning rate | EPE, pixels |\n| --- | --- | --- | --- | --- |", flush=True)
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:

        def start(text: str, rates: Iterable[float], seeds: Iterable[int]) -> dict[tuple[float, int], Future]:
            tasks = [(rate, seed) for rate in rates for seed in seeds]
            return {(r, seed): pool.submit(train_one, table[text], r, seed, args.epochs) for r, seed in tasks}

        for text in table:
            tried = start(text, RATES, [0])
            best = min(RATES, key=lambda rate, tried=tried: tried[rate, 0].result())
            rest = start(text, [best], range(1, args.seeds))
            errors = [tried[best, 0].result(), *(job.result() for job in rest.values())]
            spread = statistics.stdev(errors) if len(errors) > 1 else 0.0
            print(f"| {text} | {best:g} | {statistics.mean(errors):.2f} ± {spread:.2f} |", flush=True)


if __name__ == "__main__":
    main()
